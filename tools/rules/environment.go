package main

import (
	"github.com/ashanbrown/forbidigo/v2/pkg/analyzer"
	"golang.org/x/tools/go/analysis"
)

// A library sees the environment of process start only, not what Python set
// later: settings come from config.Config, which carries Python's snapshot.
var readsEnvironment = []string{
	`{p: '^(os|syscall)\.(Getenv|LookupEnv|Environ|ExpandEnv|UserHomeDir|UserConfigDir)$', msg: settings come from config.Config}`,
	`{p: '^http\.(ProxyFromEnvironment|DefaultTransport|DefaultClient|Get|Head|Post|PostForm)$', msg: it reads the process environment}`,
	`{p: '^credentials\.New(EnvAWS|EnvMinio|FileAWSCredentials|FileMinioClient|IAM)$', msg: it reads the process environment}`,
}

// environment is forbidigo with these patterns, whatever name a package is imported by.
func environment() *analysis.Analyzer {
	forbid := analyzer.NewAnalyzer()
	for _, pattern := range readsEnvironment {
		set(forbid, "p", pattern)
	}
	set(forbid, "analyze_types", "true")
	return forbid
}

func set(analyzer *analysis.Analyzer, flag, value string) {
	if err := analyzer.Flags.Set(flag, value); err != nil {
		panic(err)
	}
}
