package main

import (
	"bytes"
	_ "embed"

	"github.com/OpenPeeDeeP/depguard/v2"
	"go.yaml.in/yaml/v3"
	"golang.org/x/tools/go/analysis"
)

//go:embed imports.yaml
var importRules []byte

// imports is depguard with the lists of imports.yaml.
func imports() *analysis.Analyzer {
	var settings depguard.LinterSettings
	decoder := yaml.NewDecoder(bytes.NewReader(importRules))
	decoder.KnownFields(true)
	if err := decoder.Decode(&settings); err != nil {
		panic(err)
	}
	analyzer, err := depguard.NewAnalyzer(&settings)
	if err != nil {
		panic(err)
	}
	return analyzer
}
