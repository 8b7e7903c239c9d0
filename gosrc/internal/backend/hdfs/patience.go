package hdfs

import (
	"context"
	"errors"
	"reflect"
	"strings"
	"time"
	"unsafe"

	"github.com/colinmarc/hdfs/v2"
	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/reflect/protoreflect"
)

// The namenode hears of a block from the datanodes, a moment after they have it.
// Until then it gives out no block but the next one, and completes no file. It
// wants to be asked again for the same; the library has forgotten by then what
// it has asked for.

// blockWriterOf is the part of a writer that has the block it is at.
func blockWriterOf(f *hdfs.FileWriter) reflect.Value {
	field := reflect.ValueOf(f).Elem().FieldByName("blockWriter")
	return reflect.NewAt(field.Type(), unsafe.Pointer(field.UnsafeAddr())).Elem()
}

// patientWriter asks for a new block as often as it takes.
type patientWriter struct {
	ctx  context.Context
	file *hdfs.FileWriter
}

func (w patientWriter) Write(p []byte) (done int, err error) {
	slot := blockWriterOf(w.file)
	full := reflect.ValueOf(slot.Interface()) // the block that p may fill
	var wait backoff
	for {
		n, err := w.file.Write(p[done:])
		done += n
		answer := hdfs.Error(nil)
		if !errors.As(err, &answer) || !strings.HasSuffix(answer.Exception(), ".NotReplicatedYetException") {
			return done, err
		}
		if err := wait.sleep(w.ctx, err); err != nil {
			return done, err
		}
		slot.Set(full) // which the library has forgotten
	}
}

// finish completes a file, and asks as often as it takes.
func (ses *session) finish(ctx context.Context, name string, f *hdfs.FileWriter) error {
	request := map[protoreflect.Name]any{"src": name, "clientName": ses.client.Name()}
	if slot := blockWriterOf(f); !slot.IsNil() {
		located := slot.Elem().FieldByName("Block").Interface().(proto.Message).ProtoReflect()
		request["last"] = located.Get(located.Descriptor().Fields().ByName("b")).Message()
	}
	if id := reflect.ValueOf(f).Elem().FieldByName("fileId"); !id.IsNil() {
		request["fileId"] = id.Elem().Uint()
	}
	err := f.Close()
	var wait backoff
	for hdfs.IsErrReplicating(err) {
		if err := wait.sleep(ctx, err); err != nil {
			return err
		}
		answer, again := ses.call("complete", "Complete", request)
		if again != nil || answer.Get(answer.Descriptor().Fields().ByName("result")).Bool() {
			return again
		}
	}
	return err
}

// backoff is the wait for a namenode to hear from the datanodes of a block.
type backoff struct{ next, all time.Duration }

// sleep waits, longer each time, or returns err when it has waited enough.
func (b *backoff) sleep(ctx context.Context, err error) error {
	const first, longest, enough = 5 * time.Millisecond, 400 * time.Millisecond, time.Minute
	if b.all > enough {
		return err
	}
	b.next = min(max(2*b.next, first), longest)
	b.all += b.next
	select {
	case <-ctx.Done():
		return ctx.Err()
	case <-time.After(b.next):
		return nil
	}
}
