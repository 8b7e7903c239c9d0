// Command nakedgo reports go statements: a panic in a goroutine that nobody
// recovers ends the Python process, so all of them start through one package.
//
//	nakedgo -allow 'internal/guard$' ./...
//
// Test files are not looked at.
package main

import (
	"go/ast"
	"regexp"
	"strings"

	"golang.org/x/tools/go/analysis"
	"golang.org/x/tools/go/analysis/singlechecker"
)

var allow string

func main() {
	analyzer := &analysis.Analyzer{
		Name: "nakedgo",
		Doc:  "reports goroutines that are not started through the package that recovers their panics",
		Run:  run,
	}
	analyzer.Flags.StringVar(&allow, "allow", "^$", "regular expression of package paths that may start goroutines")
	singlechecker.Main(analyzer)
}

func run(pass *analysis.Pass) (any, error) {
	allowed, err := regexp.Compile(allow)
	if err != nil {
		return nil, err
	}
	if allowed.MatchString(pass.Pkg.Path()) {
		return nil, nil
	}
	for _, file := range pass.Files {
		if strings.HasSuffix(pass.Fset.File(file.Pos()).Name(), "_test.go") {
			continue
		}
		ast.Inspect(file, func(node ast.Node) bool {
			if statement, is := node.(*ast.GoStmt); is {
				pass.Reportf(statement.Pos(), "start goroutines with guard.Go, which turns a panic into an error")
			}
			return true
		})
	}
	return nil, nil
}
