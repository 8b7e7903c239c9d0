// Package fetch is the engine: everything the library reads, writes, lists or
// deletes goes through a Stream of it.
//
// A Stream takes requests from a source, turns each into a job, runs the steps
// of the jobs on a bounded number of workers within a budget of bytes, and hands
// out finished items in batches.
//
//	source -> job (one request, or several coalesced) -> steps -> items
//
// stream.go holds the state, which one mutex guards; schedule.go decides which
// step runs next and deliver.go what the consumer gets; get.go, put.go, list.go
// and simple.go say what the steps of a job do.
package fetch
