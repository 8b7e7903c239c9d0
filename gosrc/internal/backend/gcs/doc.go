// Package gcs is Google Cloud Storage.
//
// It speaks the JSON API itself, over package wire; credentials come from
// Google's own cloud.google.com/go/auth. The storage package of the same family
// was measured and left out: with every build tag it has, it adds 15 MB to the
// library and 15 MB to the memory of each process that loads it, whatever scheme
// that uses, a worker of a data loader included. Its writer copies what it sends
// into a buffer of its own and repeats by itself, and neither can be turned into
// parts that a caller may write again.
//
// Decisions:
//   - An ETag is the generation of the object, in decimal. Reads pinned to one
//     ask for that very generation.
//   - Objects come as they are stored: what has the Content-Encoding gzip is not
//     unpacked on the way, which would make sizes and ranges mean nothing.
//   - An upload in parts is a resumable session: one stream of bytes. Parts wait
//     for their turn, see upload.go.
//   - Nothing is tried again here, but for a request that an idle connection
//     swallowed and a token that is no longer taken: package retry does that.
package gcs
