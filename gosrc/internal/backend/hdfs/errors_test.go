package hdfs

import (
	"cmp"
	"errors"
	"io"
	"os"
	"syscall"
	"testing"

	"github.com/s3dlio/s3dlio/gosrc/internal/errs"
	"github.com/s3dlio/s3dlio/gosrc/internal/uri"
)

// answer is one of a namenode that the test server is not made to give.
type answer struct{ exception, message, desc string }

func (a answer) Error() string     { return a.exception }
func (a answer) Method() string    { return "create" }
func (a answer) Desc() string      { return cmp.Or(a.desc, "ERROR_APPLICATION") }
func (a answer) Exception() string { return a.exception }
func (a answer) Message() string   { return a.message }

func TestFailures(t *testing.T) {
	const ipc, protocol = "org.apache.hadoop.ipc.", "org.apache.hadoop.hdfs.protocol."
	const onlyOf = "File /a could only be written to 0 of the 1 minReplication nodes. "
	for _, each := range []struct {
		err       error
		code      errs.Code
		retryable bool
		answered  bool
	}{
		{answer{ipc + "StandbyException", "", ""}, errs.Server, true, true},
		{errors.New("no available namenodes: stat call failed (" + ipc + "StandbyException)"), errs.Server, true, true},
		{answer{ipc + "RetriableException", "", ""}, errs.Server, true, true},
		{answer{"java.io.IOException", onlyOf + "There are 0 datanode(s) running", ""}, errs.Server, true, true},
		{answer{"java.io.IOException", onlyOf + "There are 1 datanode(s) running and 1 node(s) are excluded", ""}, errs.NoSpace, false, true},
		{answer{protocol + "NSQuotaExceededException", "", ""}, errs.NoSpace, false, true},
		{answer{protocol + "FSLimitException$PathComponentTooLongException", "", ""}, errs.Invalid, false, true},
		{answer{"org.apache.hadoop.security.AccessControlException", "", ""}, errs.Permission, false, true},
		{answer{"org.apache.hadoop.security.AccessControlException", "SIMPLE authentication is not enabled", "FATAL_UNAUTHORIZED"}, errs.Credentials, false, true},
		{answer{"org.apache.hadoop.security.authorize.AuthorizationException", "", "FATAL_UNAUTHORIZED"}, errs.Permission, false, true},
		{answer{"org.apache.hadoop.hdfs.protocol.SnapshotAccessControlException", "", ""}, errs.Permission, false, true},
		{answer{"org.apache.hadoop.HadoopIllegalArgumentException", "", ""}, errs.Invalid, false, true},
		{answer{"org.apache.hadoop.hdfs.UnknownCryptoProtocolVersionException", "", ""}, errs.Unsupported, false, true},
		{handshakeFailed(errors.New("no available namenodes: SASL handshake: [Root cause: Networking_Error] ...")), errs.Connection, true, false},
		{answer{"java.lang.Unheard", "of\n\tat a.b(C.java)", ""}, errs.IO, false, true},
		{&os.PathError{Op: "open", Path: "/a", Err: os.ErrNotExist}, errs.NotFound, false, true},
		{&broken{address: "host:1", namenode: true, err: syscall.ECONNREFUSED}, errs.Connection, true, false},
		{&broken{address: "host:1", err: io.EOF}, errs.Connection, true, false},
		{&broken{address: "host:1", err: os.ErrDeadlineExceeded}, errs.Timeout, true, false},
		{&broken{address: "host:1", namenode: true, err: errNoNamenode}, errs.Invalid, false, false},
		{errors.New("read failed: ERROR"), errs.Server, true, false}, // of a datanode
	} {
		e := errs.From(failure("put", uri.URI{Scheme: scheme, Container: "host:1", Key: "a"}, each.err), "", "")
		if e.Code != each.code || e.Retryable() != each.retryable || e.Retry.Answered != each.answered || e.URI != "hdfs://host:1/a" {
			t.Errorf("%v became %+v", each.err, e)
		}
	}
}
