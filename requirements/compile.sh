#!/usr/bin/env bash
# Pins every requirement to its newest version that suits Python 3.10 and later. One resolution for all files:
# the smaller ones take their versions from dev.txt.
set -euo pipefail
cd "$(dirname "$0")"

compile() {
    uv pip compile --quiet --universal --python-version 3.10 --no-emit-index-url --no-header --no-annotate "$@"
}

compile --upgrade uv.in --output-file uv.txt
compile --upgrade dev.in --output-file dev.txt
compile --constraint dev.txt demo.in --output-file demo.txt
compile --constraint dev.txt build.in --output-file build.txt
