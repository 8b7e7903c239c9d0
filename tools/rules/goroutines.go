package main

import (
	"go/ast"
	"strings"

	"golang.org/x/tools/go/analysis"
)

// goroutines reports go statements: a panic in a goroutine that nobody recovers
// ends the Python process, so all of them start in one package.
var goroutines = &analysis.Analyzer{
	Name: "goroutines",
	Doc:  "reports goroutines that are not started by package guard, which recovers their panics",
	Run: func(pass *analysis.Pass) (any, error) {
		if strings.HasSuffix(pass.Pkg.Path(), "/internal/guard") {
			return nil, nil
		}
		for _, file := range pass.Files {
			ast.Inspect(file, func(node ast.Node) bool {
				if statement, is := node.(*ast.GoStmt); is {
					pass.Reportf(statement.Pos(), "start goroutines with guard.Go, which turns a panic into an error")
				}
				return true
			})
		}
		return nil, nil
	},
}
