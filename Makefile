# The commands of this project. Each does its own set-up; nothing outside this folder is changed except for the
# caches below ~/.cache. Needed on the machine: python3 >= 3.10 with venv, gcc, make. Go comes from PyPI.

SHELL := /bin/bash
.SHELLFLAGS := -euo pipefail -c
.NOTPARALLEL:
.DELETE_ON_ERROR:

PYTHON ?= python3
VENV := .venv
UV := $(VENV)/bin/uv

# The pinned tools come first, Go among them: the same versions on every machine.
export PATH := $(CURDIR)/$(VENV)/bin:$(CURDIR)/.cache/tools:$(PATH)
export GOTOOLCHAIN := local
export GOFLAGS := -buildvcs=false
unexport VIRTUAL_ENV

LIBRARY := s3dlio/_native/libs3dlio.so
# the same files that the loader compares with the library, see docs/dev/building.md
LIBRARY_SOURCES := go.mod go.sum $(shell find gosrc -name '*.h' -o -name '*.go' ! -name '*_test.go')

.PHONY: help
help: ## show this list
	@grep -hE '^[a-z-]+:.*## ' $(MAKEFILE_LIST) | sed -E 's/^([a-z-]+):.*## /\1\t/' | expand -t 16

.PHONY: demo
demo: $(VENV)/demo.stamp $(LIBRARY) ## load a real dataset in every way there is; URI=s3://bucket/prefix uses your bucket
	python examples/demo.py $(if $(URI),--uri '$(URI)') $(ARGS)

.PHONY: test
test: lint test-go test-python ## everything that has to pass: lint, Go tests with the race detector, Python tests

.PHONY: test-go
test-go: $(VENV)/dev.stamp servers ## Go tests with the race detector
	go test -race ./gosrc/...

.PHONY: test-python
test-python: $(VENV)/dev.stamp $(LIBRARY) servers ## Python tests; make test-python ARGS='-k name' runs some
	python -m pytest $(ARGS)

.PHONY: lint
lint: lint-go lint-python ## formatting, static checks, types and import rules

.PHONY: lint-go
lint-go: go-format go-vet go-rules

.PHONY: go-format
go-format: $(VENV)/build.stamp
	@changes=$$("$$(go env GOROOT)/bin/gofmt" -l gosrc tools bench); \
	if [ -n "$$changes" ]; then printf 'gofmt would change (make format does it):\n%s\n' "$$changes"; exit 1; fi
	go mod tidy -diff

.PHONY: go-vet
go-vet: $(VENV)/build.stamp .cache/tools/stamp
	go vet ./gosrc/... ./bench/...
	staticcheck ./gosrc/... ./bench/...

# What is particular to this project: who imports whom, cgo, goroutines, the environment (tools/rules).
.PHONY: go-rules
go-rules: $(VENV)/build.stamp .cache/tools/stamp
	go vet -vettool=$(CURDIR)/.cache/tools/rules ./gosrc/...

.PHONY: lint-python
lint-python: python-style python-imports

.PHONY: python-style
python-style: $(VENV)/dev.stamp
	ruff check
	ruff format --check
	mypy

# Which module may import which is in pyproject.toml.
.PHONY: python-imports
python-imports: $(VENV)/dev.stamp
	lint-imports --no-logo

.PHONY: format
format: $(VENV)/dev.stamp ## format all sources
	"$$(go env GOROOT)/bin/gofmt" -w gosrc tools bench
	ruff check --fix-only --quiet
	ruff format

.PHONY: bench
bench: $(VENV)/dev.stamp $(LIBRARY) servers ## measure this library beside others (over an hour); ARGS=--quick for a look
	python -m bench $(ARGS)

# Needs a clone of github.com/awslabs/s3-connector-for-pytorch at v1.5.0; see docs/dev/s3torchconnector.md.
.PHONY: compat-suite
compat-suite: .cache/connector/stamp $(LIBRARY) servers ## s3torchconnector's own tests against the drop-in; CONNECTOR=clone
	.cache/connector/bin/python -m tests.connector $(CONNECTOR) $(ARGS)

.PHONY: servers
servers: $(VENV)/build.stamp ## build the test servers into .cache/bin, once
	@tests/servers/build.sh

.PHONY: build
build: $(VENV)/build.stamp ## build sdist and wheel into dist/
	uv build --quiet --out-dir dist

.PHONY: requirements
requirements: $(VENV)/build.stamp ## pin the newest versions of all requirements
	requirements/compile.sh --upgrade

.PHONY: clean
clean: ## remove all that these commands have made in this folder
	rm -rf $(VENV) dist build .cache demo-output .pytest_cache .mypy_cache .ruff_cache .import_linter_cache
	rm -f $(LIBRARY)

# One environment for all: each stamp adds what its name says. The pins agree, so nothing is installed twice.
# Bytecode is compiled at once: spawned workers start quickly even where Python may not write any.
$(VENV)/uv.stamp: requirements/uv.txt
	$(PYTHON) -c 'import sys; sys.version_info >= (3, 10) or sys.exit("Python 3.10 or newer is needed: make PYTHON=...")'
	$(PYTHON) -m venv $(VENV)
	$(VENV)/bin/pip install --quiet --disable-pip-version-check --requirement $<
	touch $@

$(VENV)/%.stamp: requirements/%.txt | $(VENV)/uv.stamp
	$(UV) pip install --quiet --compile-bytecode --python $(VENV) --requirement $<
	touch $@

.cache/connector/stamp: requirements/connector.txt | $(VENV)/uv.stamp
	$(UV) venv --quiet --clear .cache/connector
	$(UV) pip install --quiet --compile-bytecode --python .cache/connector --requirement $<
	touch $@

.cache/tools/stamp: tools/go.mod tools/go.sum $(wildcard tools/rules/*) | $(VENV)/build.stamp
	go build -C tools -o ../.cache/tools/ honnef.co/go/tools/cmd/staticcheck ./rules
	touch $@

$(LIBRARY): $(LIBRARY_SOURCES) build.py pyproject.toml | $(VENV)/build.stamp
	$(UV) pip install --quiet --python $(VENV) --no-deps --no-build-isolation --reinstall-package s3dlio --editable .
