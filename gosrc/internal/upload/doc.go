// Package upload writes one object from a stream of bytes whose length is not
// known beforehand, in parts, with bounded memory.
//
//	Write, Lend, Reserve+Commit -> [compress] -> the current part -> parts under way -> the store
//
// Bytes gather in the current part. A full one is sent by a goroutine of its
// own, MaxInFlight at a time; whoever writes waits while all are busy. An object
// that fits into one part goes as a single Put. Nothing is visible before Finish
// has committed all, and what failed or was given up is aborted, so that no part
// of it stays in the store.
//
// writer.go has what callers see, fill.go the bytes' way into parts, parts.go
// the parts under way, and end.go how it all ends.
package upload
