// Package s3 is Amazon S3 and what speaks like it.
//
// It signs and sends its requests itself, over package wire: a GET of 128 KiB
// then costs the client half of what it does through net/http and a third of
// what it does through minio-go, and every operation has one way to build a
// request and one way to read an error. From minio-go come the parts of the
// credential chain that talk to STS and single sign-on.
//
// Decisions:
//   - Buckets go into the path, except at AWS itself; force_path_style overrides.
//   - Payloads are not signed. TLS protects them; over plain HTTP they carry a
//     CRC32C that the server checks, for a SHA-256 would be most of the cost of
//     an upload.
//   - Nothing is tried again here, but for a request that an idle connection
//     swallowed and for credentials that have expired: package retry does that.
//   - The end of a range is found out by HEAD where the service refuses the range.
package s3
