#!/usr/bin/env bash
# Pins every requirement; with --upgrade to its newest version. One resolution for all files, for Python 3.10 and
# later: the smaller files take their versions from dev.txt.
set -euo pipefail
cd "$(dirname "$0")"

compile() {
    uv pip compile --quiet --universal --python-version 3.10 --no-emit-index-url --no-header --no-annotate "$@"
}

compile "$@" uv.in --output-file uv.txt
compile "$@" dev.in --output-file dev.txt
compile --constraint dev.txt demo.in --output-file demo.txt
compile --constraint dev.txt build.in --output-file build.txt
