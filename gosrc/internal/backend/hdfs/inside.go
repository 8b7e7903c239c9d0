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
