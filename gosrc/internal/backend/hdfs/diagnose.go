package hdfs

import (
	"context"

	"github.com/s3dlio/s3dlio/gosrc/internal/backend"
	"github.com/s3dlio/s3dlio/gosrc/internal/config"
	"github.com/s3dlio/s3dlio/gosrc/internal/uri"
)

func diagnose(ctx context.Context, cfg *config.Config, u uri.URI) []backend.Finding {
	return nil
}
