// Package hdfs reads and writes hdfs://namenode:port/path, hdfs://nameservice/path
// and, with the default of the Hadoop configuration, hdfs:///path.
//
// The client is github.com/colinmarc/hdfs/v2. What it leaves to its users is done here:
//
//   - It takes no context and has no timeouts, and its clients send one request
//     at a time. So each operation has a client of its own while it lasts, a
//     session (session.go), whose connections are closed when its context ends.
//     Sessions are pooled (cluster.go).
//   - Its failures are often plain text. The connections are ours (conn.go) and
//     remember the error that they had (errors.go).
//   - It delivers bytes whose checksum is wrong, and has no concat. Both are
//     reached from outside (inside.go).
//
// A file is written under a hidden name and renamed when it is whole. HDFS files
// only grow, so the parts of an upload are files of their own, which the
// namenode joins in the end without copying (upload.go).
//
// An ETag is made of inode, modification time and length. Every file written
// here is a new inode.
package hdfs
