// Command rules checks what is particular to this project: which package may
// import which, where goroutines start, and that nobody reads the process
// environment. It runs inside go vet, which caches its results:
//
//	go vet -vettool=/path/to/rules ./gosrc/...
//
// Tests, and the packages that only tests use, are free.
package main

import (
	"regexp"
	"strings"

	"golang.org/x/tools/go/analysis"
	"golang.org/x/tools/go/analysis/unitchecker"
)

var testPackage = regexp.MustCompile(`/(testservers|backendtest)(/|\s|$)|\.test$`)

func main() {
	unitchecker.Main(libraryOnly(imports()), libraryOnly(cgo), libraryOnly(goroutines), libraryOnly(environment()))
}

// libraryOnly keeps test files and test packages away from an analyzer.
func libraryOnly(analyzer *analysis.Analyzer) *analysis.Analyzer {
	run := analyzer.Run
	analyzer.Run = func(pass *analysis.Pass) (any, error) {
		if testPackage.MatchString(pass.Pkg.Path()) {
			return nil, nil
		}
		library := *pass
		library.Files = nil
		for _, file := range pass.Files {
			if !strings.HasSuffix(pass.Fset.File(file.Pos()).Name(), "_test.go") {
				library.Files = append(library.Files, file)
			}
		}
		return run(&library)
	}
	return analyzer
}
