module github.com/s3dlio/s3dlio

go 1.26.6

require golang.org/x/sys v0.49.0

require github.com/bmatcuk/doublestar/v4 v4.10.4 // indirect
