// Package gcs is Google Cloud Storage.
//
// It speaks the JSON API itself, over package wire; credentials come from
// Google's own cloud.google.com/go/auth. The storage package of the same family
// was measured and left out. Even with its build tag disable_grpc_modules it adds
// 17 MB to the library and 18 MB to the memory of each process that loads it,
// whatever scheme that uses, workers of data loaders included. A GET of 128 KiB
// takes about twice the CPU time through it. Its writer is one stream that
// repeats by itself: it cannot be asked to write a part again.
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
