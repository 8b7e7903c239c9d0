package backendtest

import (
	"bytes"
	"io"

	"github.com/s3dlio/s3dlio/gosrc/internal/backend"
	"github.com/s3dlio/s3dlio/gosrc/internal/errs"
)

func ranges(p *place) {
	const size = 20_001
	data := Content(1, size)
	info := p.put("object", data)
	for _, r := range []backend.Range{
		{Offset: 0, Length: -1}, {Offset: 0, Length: size}, {Offset: 0, Length: size + 1}, {Offset: 0, Length: 1 << 40},
		{Offset: 0, Length: 0}, {Offset: 0, Length: 1}, {Offset: 0, Length: 4096}, {Offset: 0, Length: 4097}, {Offset: 0, Length: 8192},
		{Offset: 1, Length: 1}, {Offset: 1, Length: 4095}, {Offset: 1, Length: -7}, {Offset: 511, Length: 2}, {Offset: 4095, Length: 4098},
		{Offset: 4096, Length: 4096}, {Offset: 4096, Length: -1}, {Offset: 5000, Length: 0}, {Offset: 8192, Length: 1 << 62},
		{Offset: size - 1, Length: 1}, {Offset: size - 1, Length: 2}, {Offset: size - 1, Length: -1},
		{Offset: size, Length: 0}, {Offset: size, Length: 1}, {Offset: size, Length: -1},
	} {
		for _, etag := range []string{"", info.ETag} {
			got, err := p.read(p.at("object"), r, etag)
			end := int64(size)
			if r.Length >= 0 && r.Length < size-r.Offset {
				end = r.Offset + r.Length
			}
			if err != nil || !bytes.Equal(got, data[r.Offset:end]) {
				p.Errorf("range %v: %d bytes, %v: want %d", r, len(got), err, end-r.Offset)
			}
		}
		body, err := p.store.Open(p.ctx, p.at("object"), r, "")
		p.ok(err)
		if i := body.Info(); i.Size != size || i.ETag != info.ETag {
			p.Errorf("range %v: the reader says %+v, put said %+v", r, i, info)
		}
		p.ok(body.Close())
	}
}

func rangesOutside(p *place) {
	info := p.put("object", make([]byte, 100))
	for _, length := range []int64{-1, 0, 1, 1000} {
		for _, etag := range []string{"", info.ETag} {
			for _, offset := range []int64{101, 5000, 1 << 50} {
				_, err := p.read(p.at("object"), backend.Range{Offset: offset, Length: length}, etag)
				p.fails(err, p.at("object"), errs.OutOfRange)
			}
		}
		_, err := p.read(p.at("object"), backend.Range{Offset: -1, Length: length}, "")
		p.fails(err, p.at("object"), errs.Invalid)
	}
}

// readInPieces reads with memory of all sizes and alignments, with and without spare capacity.
func readInPieces(p *place) {
	const size = 300_001
	data := Content(1, size)
	p.put("object", data)
	for _, r := range []backend.Range{backend.Whole, {Offset: 0, Length: 131_072}, {Offset: 4096, Length: 70_000}, {Offset: 777, Length: 123_456}} {
		want := data[r.Offset:]
		if r.Length >= 0 {
			want = want[:r.Length]
		}
		for _, m := range []struct{ n, spare, shift int }{
			{size, 0, 0}, {size, 8192, 0}, {size, 0, 1}, {size, 8192, 8},
			{4096, 0, 0}, {4096, 0, 512}, {65_536, 0, 0}, {1000, 0, 0}, {1000, 3096, 0}, {5000, 3192, 0}, {5000, 5000, 3}, {100_000, 50_000, 0},
		} {
			p.readWith(r, m.n, m.spare, m.shift, want)
		}
	}
}

func (p *place) readWith(r backend.Range, n, spare, shift int, want []byte) {
	p.Helper()
	body, err := p.store.Open(p.ctx, p.at("object"), r, "")
	p.ok(err)
	defer body.Close()
	if body.Len() != int64(len(want)) {
		p.Errorf("range %v: Len is %d, want %d", r, body.Len(), len(want))
	}
	memory, check := Memory(p, n, spare, shift)
	defer check()
	var got []byte
	for {
		n, err := body.Read(memory)
		got = append(got, memory[:n]...)
		if err == io.EOF {
			break
		}
		p.ok(err)
	}
	if !bytes.Equal(got, want) {
		p.Errorf("range %v, %d bytes at a time, %d spare, shifted by %d: %d bytes differ from the %d expected", r, n, spare, shift, len(got), len(want))
	}
}
