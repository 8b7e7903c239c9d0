package main

import (
	"path/filepath"
	"strings"

	"golang.org/x/tools/go/analysis"
)

// cgo reports packages other than capi that import "C". What an analyzer sees
// of such a package is what the cgo tool made of it, and that has this file.
var cgo = &analysis.Analyzer{
	Name: "cgo",
	Doc:  "reports cgo outside of gosrc/capi",
	Run: func(pass *analysis.Pass) (any, error) {
		if strings.HasSuffix(pass.Pkg.Path(), "/gosrc/capi") {
			return nil, nil
		}
		for _, file := range pass.Files {
			if filepath.Base(pass.Fset.File(file.Pos()).Name()) == "_cgo_gotypes.go" {
				pass.Reportf(file.Package, "package %s imports C: cgo stays in gosrc/capi", pass.Pkg.Path())
			}
		}
		return nil, nil
	},
}
