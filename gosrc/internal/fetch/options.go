package fetch

import (
	"github.com/bmatcuk/doublestar/v4"

	"github.com/s3dlio/s3dlio/gosrc/internal/errs"
)

// Op is what a stream does with its requests; the values are those of s3d_op.
type Op int

// The operations.
const (
	Get Op = 1 + iota
	Stat
	Put
	Delete
	List
	ListContainers
	CreateContainer
	DeleteContainer
	Mkdir
	GetListed
	Copy
	Diagnose
)

var opNames = map[Op]string{
	Get: "get", Stat: "stat", Put: "put", Delete: "delete", List: "list", ListContainers: "list_containers",
	CreateContainer: "create_bucket", DeleteContainer: "delete_bucket", Mkdir: "mkdir", GetListed: "get", Copy: "copy", Diagnose: "diagnose",
}

func (o Op) String() string { return opNames[o] }

// Options of a stream; see s3d_stream_options for their meaning.
type Options struct {
	Ordered          bool
	Recursive        bool
	MaxConcurrent    int
	MaxObjects       int
	MaxInflightParts int
	PartSize         int64
	MemoryBudget     int64
	Prefetch         int64
	Pattern          string
	ShardIndex       int64
	ShardCount       int64
	Group            int64
	TellETags        bool
	FreshMemory      bool // the memory of the requests was never touched
}

func (o *Options) validate(op Op) error {
	bad := func(format string, args ...any) error {
		return errs.New(errs.Invalid, op.String(), "", format, args...)
	}
	switch {
	case opNames[op] == "":
		return bad("operation %d is not known", int(op))
	case o.MaxConcurrent <= 0:
		return bad("max_concurrent must be greater than 0, not %d", o.MaxConcurrent)
	case o.MemoryBudget <= 0:
		return bad("memory_budget must be greater than 0, not %d", o.MemoryBudget)
	case o.MaxObjects < 0 || o.MaxInflightParts < 0 || o.PartSize < 0 || o.Prefetch < 0 || o.Group < 0:
		return bad("max_objects, max_inflight_parts, part_size, prefetch and group must not be negative")
	case o.TellETags && op != Get:
		return bad("only reads of named objects tell ETags")
	case o.ShardCount > 1 && (o.ShardIndex < 0 || o.ShardIndex >= o.ShardCount):
		return bad("shard %d of %d does not exist", o.ShardIndex, o.ShardCount)
	case o.Pattern != "" && !doublestar.ValidatePattern(o.Pattern):
		return bad("pattern %q is malformed", o.Pattern).(*errs.Error).WithHint("Write a glob such as *.npy or **/train/*.jpg")
	}
	if o.MaxObjects == 0 {
		o.MaxObjects = o.MaxConcurrent
	}
	if o.MaxInflightParts == 0 {
		o.MaxInflightParts = o.MaxConcurrent
	}
	return nil
}
