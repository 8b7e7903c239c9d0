// Package compress makes compressed streams: zstd, gzip and lz4, in the formats
// that the tools of these names read. All work is done by the goroutine that
// writes; none is started.
package compress

import (
	"io"

	"github.com/klauspost/compress/gzip"
	"github.com/klauspost/compress/zstd"
	"github.com/pierrec/lz4/v4"

	"github.com/s3dlio/s3dlio/gosrc/internal/errs"
)

// algorithm is a way to compress; usual is the level of its tool.
type algorithm struct {
	least, usual, most int
	open               func(to io.Writer, level int) (io.WriteCloser, error)
}

var algorithms = map[string]algorithm{
	"zstd": {1, 3, 22, func(to io.Writer, level int) (io.WriteCloser, error) {
		// more than one at a time would start goroutines
		return zstd.NewWriter(to, zstd.WithEncoderLevel(zstd.EncoderLevelFromZstd(level)), zstd.WithEncoderConcurrency(1))
	}},
	"gzip": {1, 6, 9, func(to io.Writer, level int) (io.WriteCloser, error) {
		return gzip.NewWriterLevel(to, level)
	}},
	"lz4": {0, 0, 9, func(to io.Writer, level int) (io.WriteCloser, error) {
		w := lz4.NewWriter(to)
		return w, w.Apply(lz4.CompressionLevelOption(lz4Levels[level]), lz4.ConcurrencyOption(1))
	}},
}

var lz4Levels = []lz4.CompressionLevel{
	lz4.Fast, lz4.Level1, lz4.Level2, lz4.Level3, lz4.Level4, lz4.Level5, lz4.Level6, lz4.Level7, lz4.Level8, lz4.Level9,
}

// Usual stands for the level that the algorithm's own tool uses.
const Usual = -1

// New makes a stream whose compressed bytes go to `to`; Close writes the last of them.
func New(name string, level int, to io.Writer) (io.WriteCloser, error) {
	a, ok := algorithms[name]
	if !ok {
		return nil, errs.New(errs.Invalid, "", "", "compression %q is not known", name).WithHint("Use zstd, gzip or lz4")
	}
	if level == Usual {
		level = a.usual
	}
	if level < a.least || level > a.most {
		return nil, errs.New(errs.Invalid, "", "", "compression_level %d is not one of %s", level, name).
			WithHint("Its levels are %d to %d", a.least, a.most)
	}
	return a.open(to, level)
}
