package hdfs

import (
	"errors"
	"fmt"
	"os"
	"reflect"
	"unsafe"

	"github.com/colinmarc/hdfs/v2"
	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/reflect/protoreflect"
	"google.golang.org/protobuf/reflect/protoregistry"
)

// What the library keeps to itself, and cannot be done without. It is pinned;
// the tests of this file tell when another version looks different inside.

// namenode is the connection of a client, which carries any request.
type namenode interface {
	Execute(method string, request, response proto.Message) error
}

func namenodeOf(client *hdfs.Client) namenode {
	field := reflect.ValueOf(client).Elem().FieldByName("namenode")
	return reflect.NewAt(field.Type(), unsafe.Pointer(field.UnsafeAddr())).Elem().Interface().(namenode)
}

// call sends a request of which the library has the messages, but no method.
func (ses *session) call(method string, name protoreflect.Name, fields map[protoreflect.Name]any) (protoreflect.Message, error) {
	in, out := message(name+"RequestProto").New(), message(name+"ResponseProto").New()
	for name, value := range fields {
		field := in.Descriptor().Fields().ByName(name)
		if texts, ok := value.([]string); ok {
			list := in.Mutable(field).List()
			for _, text := range texts {
				list.Append(protoreflect.ValueOfString(text))
			}
			continue
		}
		in.Set(field, protoreflect.ValueOf(value))
	}
	err := namenodeOf(ses.client).Execute(method, in.Interface(), out.Interface())
	if answer := hdfs.Error(nil); errors.As(err, &answer) && answer.Exception() == "java.io.FileNotFoundException" {
		return nil, os.ErrNotExist // as the library has it
	}
	return out, err
}

func message(name protoreflect.Name) protoreflect.MessageType {
	t, err := protoregistry.GlobalTypes.FindMessageByName(protoreflect.FullName("hadoop.hdfs." + name))
	if err != nil { // the library registers all of the protocol
		panic(fmt.Sprintf("%s: %v", name, err))
	}
	return t
}

// newFile is how a file is made.
type newFile struct {
	replicas  int
	blockSize int64
	mode      os.FileMode
}

// createFile begins a file. The library's method would make an erasure-coded one
// where the directory asks for that, and then write blocks that are none of it.
func (ses *session) createFile(name string, n newFile) (*hdfs.FileWriter, error) {
	const create, shouldReplicate = uint32(0x01), uint32(0x80) // the latter means nothing to Hadoop 2
	mode := message("FsPermissionProto").New()
	mode.Set(mode.Descriptor().Fields().ByName("perm"), protoreflect.ValueOf(uint32(n.mode)))
	out, err := ses.call("create", "Create", map[protoreflect.Name]any{
		"src": name, "masked": mode, "clientName": ses.client.Name(), "createFlag": create | shouldReplicate,
		"createParent": false, "replication": uint32(n.replicas), "blockSize": uint64(n.blockSize),
	})
	if err != nil {
		return nil, err
	}
	f := new(hdfs.FileWriter)
	set := func(field string, value any) {
		slot := reflect.ValueOf(f).Elem().FieldByName(field)
		reflect.NewAt(slot.Type(), unsafe.Pointer(slot.UnsafeAddr())).Elem().Set(reflect.ValueOf(value))
	}
	set("client", ses.client)
	set("name", name)
	set("replication", n.replicas)
	set("blockSize", n.blockSize)
	if status, ok := out.Get(out.Descriptor().Fields().ByName("fs")).Message().Interface().(*hdfs.FileStatus); ok {
		set("fileId", status.FileId)
	}
	return f, nil
}

// abandon ends what the library leaves running of a closed writer that has
// failed: a goroutine that goes on waiting for packets.
func abandon(f *hdfs.FileWriter) {
	block := blockWriterOf(f)
	if block.IsNil() || block.Elem().FieldByName("stream").IsNil() {
		return
	}
	slot := block.Elem().FieldByName("stream").Elem().FieldByName("packets")
	packets := reflect.NewAt(slot.Type(), unsafe.Pointer(slot.UnsafeAddr())).Elem().Interface().(chan int)
	select {
	case _, open := <-packets:
		if !open { // the block was finished
			return
		}
	default:
	}
	close(packets)
}

// concat adds the blocks of other files of the same directory to a file, and
// removes these. Nothing is copied.
func (ses *session) concat(path string, others []string) error {
	_, err := ses.call("concat", "Concat", map[protoreflect.Name]any{"trg": path, "srcs": others})
	return err
}

// rename gives a file the name of another, which it replaces.
func (ses *session) rename(from, to string) error {
	_, err := ses.call("rename2", "Rename2", map[protoreflect.Name]any{"src": from, "dst": to, "overwriteDest": true})
	return err
}

// verified says whether the bytes of the last Read passed their checksums. The
// library returns those that did not, without an error: it only drops the
// stream that they came from and goes on with another datanode.
func verified(f *hdfs.FileReader) bool {
	block := reflect.ValueOf(f).Elem().FieldByName("blockReader")
	return !block.IsNil() && !block.Elem().FieldByName("stream").IsNil()
}
