package main

import (
	"strings"

	"golang.org/x/tools/go/analysis"
)

// cgo reports files outside of capi that import "C". What an analyzer sees of
// such a file is what the cgo tool made of it, under this name.
var cgo = &analysis.Analyzer{
	Name: "cgo",
	Doc:  "reports cgo outside of gosrc/capi",
	Run: func(pass *analysis.Pass) (any, error) {
		if strings.HasSuffix(pass.Pkg.Path(), "/gosrc/capi") {
			return nil, nil
		}
		for _, file := range pass.Files {
			if strings.HasSuffix(pass.Fset.File(file.Pos()).Name(), ".cgo1.go") {
				pass.Reportf(file.Package, "cgo stays in gosrc/capi")
			}
		}
		return nil, nil
	},
}
