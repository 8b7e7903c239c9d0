// Package azure is Azure Blob Storage: az://container/key.
//
// Requests go through azblob, over package wire, and tokens come from azidentity.
// The exceptions are GET and listings, which are built, signed and read here:
// what azblob does around a GET costs 20 us of CPU time and 134 allocations,
// this 3 us and 14; its reader of listings takes more than ten times as long
// (see bench_test.go).
//
// Decisions:
//   - The account goes into the host, as at Azure, or into the path, as emulators
//     have it (settings.go says which).
//   - Nothing is tried again here, but for a request that an idle connection
//     swallowed and for a token that has expired: package retry does that.
//   - SAS and tokens are added at the end of the pipeline (auth.go), so that no
//     URL that azblob knows, and could put into an error, holds one.
//   - Blocks carry the name of their upload, so that two uploads to one key
//     cannot get at each other's.
//   - What azidentity would read from the process environment is handed to it
//     from the snapshot (identity.go).
package azure
