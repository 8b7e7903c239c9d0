// Package fetch is the engine: everything the library reads, writes, lists or
// deletes goes through a Stream of it.
//
// A Stream takes requests from a source, turns each into a job, runs the steps
// of the jobs on a bounded number of workers within a budget of bytes, and hands
// out finished items in batches.
//
//	source -> job (one request, or several coalesced) -> steps -> items
//
// schedule.go holds the state and is the only file that locks; get.go, put.go,
// list.go and simple.go say what the steps of a job do.
package fetch
