//go:build faults

package main

import _ "github.com/s3dlio/s3dlio/gosrc/internal/backend/faults"
