package upload

import (
	"hash/crc32"
	"time"

	"github.com/s3dlio/s3dlio/gosrc/internal/buffers"
	"github.com/s3dlio/s3dlio/gosrc/internal/errs"
)

// All of this file needs the turn.

var castagnoli = crc32.MakeTable(crc32.Castagnoli)

// Checksum is the CRC32C of what sum is that of, followed by p.
func Checksum(sum uint32, p []byte) uint32 { return crc32.Update(sum, castagnoli, p) }

// pieceToPack bounds what is compressed at a time, and so what waits for parts.
const pieceToPack = 256 << 10

// accept takes some bytes of p, at least one; none where there was no room in time.
func (w *Writer) accept(p []byte, lend bool, until time.Time) (n int, err error) {
	if w.encoder == nil {
		n, err = w.put(p, lend, until)
	} else if ready, err := w.unpack(until); !ready {
		return 0, err
	} else if n, err = w.encoder.Write(p[:min(len(p), pieceToPack)]); err != nil {
		return 0, w.named(err)
	}
	w.count(n)
	return n, err
}

func (w *Writer) count(n int) {
	w.mu.Lock()
	w.taken += int64(n)
	w.mu.Unlock()
}

// unpack moves what the encoder made into parts; true when all of it is there.
func (w *Writer) unpack(until time.Time) (bool, error) {
	for w.packed.Len() > 0 {
		n, err := w.put(w.packed.Bytes(), false, until)
		if n == 0 {
			return false, err
		}
		w.packed.Next(n)
	}
	return true, nil
}

// put moves some bytes of p into parts.
func (w *Writer) put(p []byte, lend bool, until time.Time) (int, error) {
	if lend && (w.fill == 0 || w.isFull()) && int64(len(p)) > w.wanted() {
		if ready, err := w.beginUpload(until); !ready {
			return 0, err
		}
		if sent, err := w.sendIfFull(until); !sent {
			return 0, err
		}
		if w.fill == 0 && int64(len(p)) >= w.wanted() {
			return w.sendLent(p[:w.wanted():w.wanted()], until)
		}
	}
	if ready, err := w.room(until); !ready {
		return 0, err
	}
	n := copy(w.current.Bytes()[w.fill:], p)
	w.filled(n)
	if w.begun() { // without waiting: the next call does, where it must
		_, err := w.sendIfFull(time.Now())
		return n, err
	}
	return n, nil
}

// filled counts the next n bytes of the current part as written.
func (w *Writer) filled(n int) {
	w.summed(w.current.Bytes()[w.fill : w.fill+n])
	w.fill += n
}

func (w *Writer) summed(p []byte) {
	w.sum = Checksum(w.sum, p)
	w.mu.Lock()
	w.stored += int64(len(p))
	w.mu.Unlock()
}

func (w *Writer) isFull() bool { return w.current != nil && w.fill == len(w.current.Bytes()) }

// wanted is the size of the parts, as far as it is known.
func (w *Writer) wanted() int64 {
	w.mu.Lock()
	defer w.mu.Unlock()
	return max(w.partSize, w.opts.PartSize)
}

// room sees to it that the current part has room for at least one byte.
func (w *Writer) room(until time.Time) (bool, error) {
	if w.isFull() {
		if ready, err := w.beginUpload(until); !ready {
			return false, err
		}
		if sent, err := w.sendIfFull(until); !sent {
			return false, err
		}
	}
	if w.current != nil {
		return true, nil
	}
	var err error
	w.current, err = w.newPart()
	return err == nil, err
}

func (w *Writer) newPart() (*buffers.Buffer, error) {
	b, err := buffers.Default.Get(w.wanted())
	if err != nil {
		return nil, errs.Wrap(err, errs.NoSpace, "put", w.uri.String(), "no memory for a part").WithHint("Lower the option part_size")
	}
	return b, nil
}

// sendIfFull sends the current part if nothing more fits into it; false where
// that was not possible in time. An upload that was begun with a part of the
// size wanted may turn out to need larger ones: then the part grows.
func (w *Writer) sendIfFull(until time.Time) (bool, error) {
	if !w.isFull() || !w.begun() {
		return true, nil
	}
	if int64(w.fill) < w.wanted() {
		grown, err := w.newPart()
		if err != nil {
			return false, err
		}
		copy(grown.Bytes(), w.current.Bytes())
		w.current.Release()
		w.current = grown
		return true, nil
	}
	return w.sendCurrent(until)
}

func (w *Writer) sendCurrent(until time.Time) (bool, error) {
	if free, err := w.slot(until); !free {
		return false, err
	}
	part := w.current
	w.send(part.Bytes()[:w.fill:w.fill], part, -1)
	w.current, w.fill = nil, 0
	return true, nil
}

// sendLent sends a part from where the caller has it.
func (w *Writer) sendLent(p []byte, until time.Time) (int, error) {
	if free, err := w.slot(until); !free {
		return 0, err
	}
	w.mu.Lock()
	from := w.taken
	w.mu.Unlock()
	w.summed(p)
	w.send(p, nil, from)
	return len(p), nil
}
