#!/usr/bin/env bash
# Pins every requirement; with --upgrade to its newest version. One resolution for all files, for Python 3.10 and
# later: the smaller files take their versions from dev.txt.
set -euo pipefail
cd "$(dirname "$0")"

compile() {
    uv pip compile --quiet --universal --no-emit-index-url --no-header --no-annotate "$@"
}

compile --python-version 3.10 "$@" uv.in --output-file uv.txt
compile --python-version 3.10 "$@" dev.in --output-file dev.txt
compile --python-version 3.10 --constraint dev.txt demo.in --output-file demo.txt
compile --python-version 3.10 --constraint dev.txt build.in --output-file build.txt
compile --python-version 3.11 "$@" connector.in --output-file connector.txt

# What is measured beside this library: an environment each, torch is lent to them, and one of them asks for Python 3.11.
for name in azure-storage-blob boto3 google-cloud-storage obstore s3dlio; do
    compile --python-version 3.11 "$@" "../bench/requirements/$name.in" --output-file "../bench/requirements/$name.txt"
done
compile --python-version 3.11 --no-deps "$@" ../bench/requirements/s3torchconnector.in --output-file ../bench/requirements/s3torchconnector.txt
