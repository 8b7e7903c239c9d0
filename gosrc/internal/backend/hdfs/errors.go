package hdfs

import (
	"context"
	"errors"
	"io"
	"net"
	"os"
	"strings"
	"syscall"

	"github.com/colinmarc/hdfs/v2"
	"google.golang.org/protobuf/proto"

	"github.com/s3dlio/s3dlio/gosrc/internal/errs"
	"github.com/s3dlio/s3dlio/gosrc/internal/uri"
)

// errFileAsDirectory is a path of which a part that must be a directory is a file.
var errFileAsDirectory = errors.New("a file is where a directory is needed")

type meaning struct {
	code      errs.Code
	msg, hint string
}

// exceptions says what the answers of a namenode mean to a user, by the last
// part of the name of their Java class.
var exceptions = map[string]meaning{
	"FileNotFoundException":                 {errs.NotFound, "not found", ""},
	"ParentNotDirectoryException":           {errs.NotDirectory, "a file is where a directory is needed", ""},
	"FileAlreadyExistsException":            {errs.AlreadyExists, "already exists", ""},
	"AlreadyBeingCreatedException":          {errs.AlreadyExists, "another program is writing it", ""},
	"AccessControlException":                {errs.Permission, "permission denied", "Check the permissions of the path, and the user (HADOOP_USER_NAME)"},
	"SnapshotAccessControlException":        {errs.Permission, "snapshots cannot be changed", ""},
	"AuthorizationException":                {errs.Permission, "the user may not use this cluster", "Check the user (HADOOP_USER_NAME)"},
	"AccessDeniedException":                 {errs.Permission, "permission denied", ""},
	"PathIsNotEmptyDirectoryException":      {errs.IsDirectory, "the directory is not empty", "Delete what it holds first"},
	"InvalidPathException":                  {errs.Invalid, "HDFS does not allow this path", "No part of it may contain ':' or be '.', '..' or empty"},
	"IllegalArgumentException":              {errs.Invalid, "the namenode refuses the request", "A part of the path may be reserved, as .snapshot is"},
	"HadoopIllegalArgumentException":        {errs.Invalid, "the namenode refuses the request", "A part of the path may be reserved, as .snapshot is"},
	"PathComponentTooLongException":         {errs.Invalid, "a part of the path is too long for this cluster", ""},
	"MaxDirectoryItemsExceededException":    {errs.NoSpace, "the directory has as many entries as the cluster allows", ""},
	"NSQuotaExceededException":              {errs.NoSpace, "the quota of names of a directory is used up", "Delete files there, or raise the quota"},
	"DSQuotaExceededException":              {errs.NoSpace, "the quota of space of a directory is used up", "Delete files there, or raise the quota"},
	"QuotaByStorageTypeExceededException":   {errs.NoSpace, "the quota of a storage type is used up", "Delete files there, or raise the quota"},
	"SafeModeException":                     {errs.Server, "the namenode is in safe mode: nothing can be written", "It leaves it when its datanodes have reported; hdfs dfsadmin -safemode get tells"},
	"StandbyException":                      {errs.Server, "this namenode is a standby", "Name the nameservice of the Hadoop configuration instead of one namenode"},
	"NotReplicatedYetException":             {errs.Server, "the datanodes have not stored the last block yet", ""},
	"RetriableException":                    {errs.Server, "the namenode is busy", ""},
	"ServerTooBusyException":                {errs.Throttled, "the namenode is busy", ""},
	"LeaseExpiredException":                 {errs.IO, "the file was removed or taken over while it was written", ""},
	"UnknownCryptoProtocolVersionException": {errs.Unsupported, "the directory is in an encryption zone, for which this library has no keys", "Choose a directory outside the zone"},
	"UnresolvedPathException":               {errs.Unsupported, "symbolic links are not followed", ""},
	"UnresolvedLinkException":               {errs.Unsupported, "symbolic links are not followed", ""},
	"VersionMismatch":                       {errs.Invalid, "this server speaks another version of the protocol", "Name the RPC port of a namenode"},
	"RpcNoSuchProtocolException":            {errs.Invalid, "this server is not a namenode", "Name the RPC port of a namenode"},
	"RpcNoSuchMethodException":              {errs.Unsupported, "the namenode is too old for this", ""},
}

// failure makes err the failure of an operation on u; nil stays nil.
func failure(op string, u uri.URI, err error) error {
	if err == nil {
		return nil
	}
	var known *errs.Error
	var cut *broken
	var answer hdfs.Error
	switch {
	case errors.As(err, &known):
		if known.Op == "" {
			known.Op = op
		}
		if known.URI == "" {
			known.URI = u.String()
		}
		return known
	case errors.Is(err, context.Canceled), errors.Is(err, context.DeadlineExceeded):
		return errs.From(err, op, u.String())
	case errors.As(err, &cut):
		return cut.failure(op, u)
	case errors.As(err, &answer):
		return answered(op, u, answer)
	case strings.Contains(err.Error(), "StandbyException"): // of the last namenode that was tried
		return told(op, u, exceptions["StandbyException"], errors.New("no namenode is active"))
	}
	for _, s := range sentinels {
		if errors.Is(err, s.err) {
			return told(op, u, exceptions[s.exception], nil)
		}
	}
	if errors.Is(err, proto.Error) {
		return errs.Wrap(err, errs.Unsupported, op, u.String(), "the answer of a datanode cannot be understood").
			WithHint("Where transfers are protected, the library needs the datanodes to have dfs.encrypt.data.transfer.cipher.suites=AES/CTR/NoPadding")
	}
	// What is left are the datanodes' complaints, and those of the library about them.
	return errs.Wrap(err, errs.Server, op, u.String(), "the transfer from or to a datanode failed")
}

// sentinels are what the library makes of some exceptions.
var sentinels = []struct {
	err       error
	exception string
}{
	{os.ErrNotExist, "FileNotFoundException"},
	{os.ErrPermission, "AccessControlException"},
	{syscall.ENOTEMPTY, "PathIsNotEmptyDirectoryException"},
	{os.ErrExist, "FileAlreadyExistsException"},
	{os.ErrInvalid, "IllegalArgumentException"},
	{errFileAsDirectory, "ParentNotDirectoryException"},
}

// isAnswer says whether the namenode itself has said so.
func isAnswer(err error) bool {
	var answer hdfs.Error
	if errors.As(err, &answer) {
		return true
	}
	for _, s := range sentinels {
		if errors.Is(err, s.err) {
			return true
		}
	}
	return false
}

const unauthorized = "FATAL_UNAUTHORIZED" // what a namenode says instead of taking the connection

var noCredentials = meaning{errs.Credentials, "the namenode refuses the credentials", "Run kinit, or check hadoop.security.authentication in the Hadoop configuration"}

func answered(op string, u uri.URI, answer hdfs.Error) error {
	class := answer.Exception()
	class = class[strings.LastIndexAny(class, ".$")+1:]
	text, _, _ := strings.Cut(answer.Message(), "\n") // a Java stack follows
	m, ok := exceptions[class]
	switch {
	case class == "AccessControlException" && answer.Desc() == unauthorized: // it does not let in who has no ticket
		m = noCredentials
	case ok:
	case strings.Contains(text, "There are 0 datanode(s) running"):
		m = meaning{errs.Server, "no datanode is running", ""}
	case strings.Contains(text, "could only be written to 0 of"):
		m = meaning{errs.NoSpace, "no datanode has room for the file, or none can be reached", "Free some space; hdfs dfsadmin -report tells of the datanodes"}
	case answer.Desc() == unauthorized:
		m = noCredentials
	case strings.HasPrefix(answer.Desc(), "FATAL_"):
		m = meaning{errs.Invalid, "the server refuses the protocol", "Name the RPC port of a namenode"}
	default:
		m = meaning{errs.IO, "the namenode reports a failure", ""}
	}
	return told(op, u, m, errors.New(class+": "+text))
}

// told is the error of an answer. That a part of the path is a file means that
// there is nothing at it, unless it is to be a directory.
func told(op string, u uri.URI, m meaning, cause error) error {
	reads := op == "get" || op == "stat" || op == "delete"
	if m.code == errs.NotDirectory && reads && !u.IsDir() {
		m = meaning{errs.NotFound, "not found: a part of the path is a file", ""}
	}
	e := errs.New(m.code, op, u.String(), "%s", m.msg).WithHint("%s", m.hint)
	e.Cause = cause
	e.Retry.Answered = true
	return e
}

// failure says what became of a connection.
func (b *broken) failure(op string, u uri.URI) error {
	peer, hint := "datanode", "Check that it runs; where its address is one of another network, set dfs.client.use.datanode.hostname in the Hadoop configuration"
	if b.namenode {
		peer, hint = "namenode", "Check that it runs, and that the port is that of its RPC, which is 8020 unless configured otherwise"
	}
	var unknown *net.DNSError
	var e *errs.Error
	switch {
	case errors.Is(b.err, errNoNamenode):
		e = errs.Wrap(b.err, errs.Invalid, op, u.String(), "%s is not a namenode", b.address).WithHint("Name the RPC port of a namenode, not that of HTTP")
	case errors.As(b.err, &unknown):
		e = errs.Wrap(b.err, errs.Connection, op, u.String(), "the host of the %s is not known", peer).
			WithHint("Check the name; a nameservice needs HADOOP_CONF_DIR, the folder with its hdfs-site.xml")
	case errors.Is(b.err, syscall.ECONNREFUSED):
		e = errs.Wrap(b.err, errs.Connection, op, u.String(), "the %s refuses the connection", peer).WithHint("%s", hint)
	case isTimeout(b.err):
		e = errs.Wrap(b.err, errs.Timeout, op, u.String(), "the %s does not answer", peer).WithHint("%s", hint)
	case errors.Is(b.err, io.EOF), errors.Is(b.err, io.ErrUnexpectedEOF):
		e = errs.Wrap(b.err, errs.Connection, op, u.String(), "the %s closed the connection", peer).WithHint("%s", hint)
	default:
		e = errs.Wrap(b.err, errs.Connection, op, u.String(), "the connection to the %s broke", peer)
	}
	e.Endpoint = b.address
	e.Retry.Never, e.Retry.Answered = b.hopeless, b.answered
	return e
}

func isTimeout(err error) bool {
	var t net.Error
	return errors.As(err, &t) && t.Timeout()
}

// isNotEmpty is the answer to the removal of a directory that holds something.
func isNotEmpty(err error) bool { return errors.Is(err, syscall.ENOTEMPTY) }
