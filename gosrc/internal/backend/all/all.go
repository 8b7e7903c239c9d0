// Package all links every backend into the library: a scheme is known where
// its package is imported here.
package all

import (
	_ "github.com/s3dlio/s3dlio/gosrc/internal/backend/azure"
	_ "github.com/s3dlio/s3dlio/gosrc/internal/backend/direct"
	_ "github.com/s3dlio/s3dlio/gosrc/internal/backend/file"
	_ "github.com/s3dlio/s3dlio/gosrc/internal/backend/gcs"
	_ "github.com/s3dlio/s3dlio/gosrc/internal/backend/hdfs"
	_ "github.com/s3dlio/s3dlio/gosrc/internal/backend/mem"
	_ "github.com/s3dlio/s3dlio/gosrc/internal/backend/s3"
)
