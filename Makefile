# Targets that people type. `make` lists them.
.DEFAULT_GOAL := help
SHELL := /bin/bash
.SHELLFLAGS := -euo pipefail -c

# The Go backend's matrix products are 4-6 times faster with AVX instructions.
ifeq ($(shell go env GOARCH),amd64)
export GOEXPERIMENT := simd
endif

# As internal/backend.CacheDir has it on Linux, the only system with a plugin to fetch.
CACHE := $(or $(EOMT_CACHE),$(or $(XDG_CACHE_HOME),$(HOME)/.cache)/eomt)
STATICCHECK := $(CACHE)/bin/staticcheck-v0.8.2
PJRT ?= cpu

.PHONY: help
help: ## list the targets
	@grep -hE '^[a-z-]+:.*##' $(MAKEFILE_LIST) | sed -E 's/:[^#]*## /\t/' | expand -t 16

.PHONY: setup
setup: ## fetch the PJRT plugin to the cache (PJRT=cpu, cuda13, cuda12 or tpu)
	@scripts/setup.sh $(PJRT) "$(CACHE)"

.PHONY: quickstart
quickstart: setup ## train on generated shapes, evaluate, show where the pictures are
	@go run ./cmd/train -config configs/quickstart.yaml -out runs/quickstart

.PHONY: test
test: setup $(STATICCHECK) ## vet, static checks and all tests
	@test -z "$$(gofmt -l .)" || { echo "not formatted by gofmt:"; gofmt -l .; exit 1; }
	go vet ./...
	$(STATICCHECK) ./...
	CGO_ENABLED=0 go build -o /dev/null ./cmd/train
	go test -timeout 20m ./...

$(STATICCHECK):
	@mkdir -p $(@D)
	@GOEXPERIMENT= GOBIN=$(@D) go install honnef.co/go/tools/cmd/staticcheck@v0.8.2 && mv $(@D)/staticcheck $@
