package main

import (
	"errors"
	"hash/crc32"
	"io"
	"os"
	"syscall"
	"unsafe"
)

const (
	block   = 4 << 20
	readers = 4
	page    = 4096
)

// made is some content to store. It need not be what bench/data.py makes: nobody reads it again.
func made(number, size int) []byte {
	content := make([]byte, size)
	state := uint64(number)*0x9E3779B97F4A7C15 + 1
	for at := range content {
		state ^= state << 13
		state ^= state >> 7
		state ^= state << 17
		content[at] = byte(state)
	}
	return content
}

// aligned is memory that O_DIRECT accepts.
func aligned(size int) []byte {
	memory := make([]byte, size+page)
	skip := page - int(uintptr(unsafe.Pointer(&memory[0]))%page)
	return memory[skip : skip+size]
}

func (t *task) open(number int) (*os.File, error) {
	flags := os.O_RDONLY
	if t.Direct {
		flags |= syscall.O_DIRECT
	}
	return os.OpenFile(t.Folder+"/"+t.key(number), flags, 0)
}

// file reads one file block after block into the same memory.
func file(t *task) func() (delivered, error) {
	memory := aligned(block)
	return func() (delivered, error) {
		found := delivered{Items: 1}
		source, err := t.open(0)
		if err != nil {
			return found, err
		}
		for {
			count, err := source.Read(memory)
			found.Bytes += count
			if t.Verify {
				found.Checksum = uint64(crc32.Update(uint32(found.Checksum), crc32.IEEETable, memory[:count]))
			}
			if errors.Is(err, io.EOF) {
				return found, source.Close()
			}
			if err != nil {
				return found, errors.Join(err, source.Close())
			}
		}
	}
}

// files reads each file into memory that its goroutine uses again and again.
func files(t *task) func() (delivered, error) {
	return func() (delivered, error) {
		memory := make([][]byte, readers)
		sum, err := each(t.Count, readers, func(worker, number int) (uint64, error) {
			if memory[worker] == nil {
				memory[worker] = aligned(t.Size)
			}
			source, err := t.open(number)
			if err != nil {
				return 0, err
			}
			_, err = io.ReadFull(source, memory[worker])
			return t.sum(memory[worker]), errors.Join(err, source.Close())
		})
		return delivered{t.Count, t.Count * t.Size, sum}, err
	}
}
