// Package logging directs slog to standard error at a level that can change at any time.
package logging

import (
	"log/slog"
	"os"
)

var level = new(slog.LevelVar)

// Setup makes the library's handler the default of slog.
func Setup() {
	level.Set(slog.LevelWarn)
	slog.SetDefault(slog.New(slog.NewTextHandler(os.Stderr, &slog.HandlerOptions{Level: level})))
}

// SetLevel takes the levels of s3d_set_log_level: 0 error to 3 debug.
func SetLevel(n int) {
	levels := []slog.Level{slog.LevelError, slog.LevelWarn, slog.LevelInfo, slog.LevelDebug}
	level.Set(levels[min(max(n, 0), len(levels)-1)])
}
