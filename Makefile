# Run `make` to list the targets.
.DEFAULT_GOAL := help
SHELL := /bin/bash
comma := ,
.SHELLFLAGS := -euo pipefail -c

# The Go backend's matrix products are 4-6 times faster with AVX instructions. After
# them, math.Exp with fused multiply-add is up to 60 times slower (docs/performance.md).
ifeq ($(shell go env GOARCH),amd64)
export GOEXPERIMENT := simd
export GODEBUG := $(if $(GODEBUG),$(GODEBUG)$(comma))cpu.fma=off
endif

# Same as internal/backend.CacheDir on Linux, the only system with a plugin to fetch.
CACHE := $(or $(EOMT_CACHE),$(or $(XDG_CACHE_HOME),$(HOME)/.cache)/eomt)
STATICCHECK := $(CACHE)/bin/staticcheck-v0.8.2
PJRT ?= cpu

.PHONY: help
help: ## list the targets
	@grep -hE '^[a-z-]+:.*##' $(MAKEFILE_LIST) | sed -E 's/:[^#]*## /\t/' | expand -t 16

.PHONY: setup
setup: ## fetch the PJRT plugin into the cache (PJRT=cpu, cuda13, cuda12 or tpu), and ONNX Runtime (ORT=cpu or openvino)
	@scripts/setup.sh $(PJRT) "$(CACHE)"
	@$(if $(ORT),scripts/setup.sh ort-$(ORT) "$(CACHE)")

.PHONY: quickstart
quickstart: setup ## train on generated shapes, evaluate, draw, report; minutes on 2 cores
	@rm -rf runs/quickstart
	@go run ./cmd/train -config configs/quickstart.yaml -out runs/quickstart
	@go run ./cmd/predict -weights runs/quickstart -out runs/quickstart/pictures data-cache/shapes/val2017
	@go run ./cmd/report runs/quickstart
	@echo "pictures of predictions: runs/quickstart/pictures/overlays"
	@echo "report:                  runs/quickstart/report/report.html"

REALDATA ?= ../shared/realdata
OVERFIT := data-cache/overfit-real.json

.PHONY: overfit-real
overfit-real: setup ## overfit eight real COCO images of REALDATA; 20 minutes
	@mkdir -p $(dir $(OVERFIT))
	@rm -rf runs/overfit-real
	@go run ./scripts/overfit -from $(REALDATA)/coco_instance/annotations/instances_train2017.json -out $(OVERFIT)
	@go run ./cmd/train -config configs/coco/instance/overfit-real.yaml -out runs/overfit-real -set data.root=$(REALDATA)/coco_instance \
		-set data.train.annotations=$(CURDIR)/$(OVERFIT) -set data.val.annotations=$(CURDIR)/$(OVERFIT)

.PHONY: test
test: setup $(STATICCHECK) ## vet, static checks and all tests
	@test -z "$$(gofmt -l .)" || { echo "not formatted by gofmt:"; gofmt -l .; exit 1; }
	go vet ./...
	$(STATICCHECK) ./...
	CGO_ENABLED=0 go build ./...
	EOMT_REQUIRE_XLA=$$(test ! -f "$(CACHE)/pjrt/pjrt_c_api_cpu_plugin.so" || echo 1) go test -timeout 40m ./...

KILLS ?= 30

.PHONY: chaos
chaos: ## kill a run at KILLS random moments, and hold what it ends with against one never stopped
	EOMT_CHAOS_KILLS=$(KILLS) go test -count=1 -timeout 60m -v -run TestKilledRunEndsAsOneNeverStopped ./cmd/train

.PHONY: masking-ablation
masking-ablation: setup ## masked attention always, never and annealed away, and three widths, in small; writes docs/masking.md
	go run ./scripts/masking
	python3 scripts/insert.py docs/masking.md masking runs/masking/masking.md
	python3 scripts/insert.py docs/masking.md widths runs/masking/widths.md
	python3 scripts/insert.py README.md masking runs/masking/masking.md

STEPS ?= 2000

.PHONY: soak
soak: ## train STEPS steps with saves and validations: memory and goroutines must not grow
	EOMT_SOAK_STEPS=$(STEPS) go test -count=1 -timeout 60m -v -run TestSoak ./experiment

.PHONY: devices-test
devices-test: setup ## the network with batch normalisation on one, two and four devices of the processor: equal; minutes
	EOMT_DEVICES_TEST=1 go test -count=1 -timeout 30m -v -run TestDevicesShareBatchStatistics ./train

.PHONY: cluster-test
cluster-test: setup ## two MPI ranks with two devices each on this machine, and their failures
	@command -v mpirun >/dev/null && command -v mpicc >/dev/null || \
		{ echo "cluster-test: no MPI here: install Open MPI or MPICH (Debian: apt-get install libopenmpi-dev openmpi-bin)"; exit 1; }
	CC=mpicc go vet -tags mpi ./internal/mpi ./cmd/train
	CC=mpicc go test -tags mpi -timeout 30m -run 'Rank|MPI' -v ./internal/mpi ./cmd/train

.PHONY: parity
parity: setup ## compare with the reference implementations in a virtual environment
	@scripts/parity/run.sh "$(CACHE)"

.PHONY: serve-check
serve-check: setup ## use cmd/serve with an unmodified tritonclient in a virtual environment, over HTTP and gRPC
	@scripts/tritonclient/run.sh "$(CACHE)"

.PHONY: precision
precision: setup ## train the quickstart model with three seeds in f32 and in bf16; PQ of both
	@scripts/precision.sh

.PHONY: bench
bench: setup ## this project's benchmarks
	go test -run '^$$' -bench . -benchmem ./...

.PHONY: bench-devices
bench-devices: setup ## a step of four images on one, two and four devices of the processor: what sharing out costs
	go run ./cmd/bench -work step -growth devices -size S -image 224 -batch 4 -backend xla:cpu

.PHONY: bench-peers
bench-peers: setup ## time the same work here and in the Python references, alternating within one run
	@scripts/peers/run.sh "$(CACHE)" $(REALDATA)

.PHONY: ladder
ladder: setup ## train the networks that EoMT is compared with in small on generated shapes, one seed; compare them
	@scripts/ladder/train.sh runs/ladder 1 200

.PHONY: ladder-quality
ladder-quality: setup ## the same with three seeds and more steps; hours
	@scripts/ladder/train.sh runs/ladder-quality 3 1000

.PHONY: ladder-speed
ladder-speed: setup ## time these networks and PyTorch's, S and L at 640 px, alternating; writes the table to README.md
	@mkdir -p "$(CACHE)"
	@python3 scripts/ladder/speed.py > "$(CACHE)/ladder-speed.md"
	@python3 scripts/insert.py README.md ladder-speed "$(CACHE)/ladder-speed.md"

.PHONY: bench-gpu
bench-gpu: ## inference and training step of S, B, L, g on xla:cuda, beside PyTorch where it is; does nothing without a GPU
	@scripts/peers/gpu.sh "$(CACHE)"

$(STATICCHECK):
	@mkdir -p $(@D)
	@GOEXPERIMENT= GOBIN=$(@D) go install honnef.co/go/tools/cmd/staticcheck@v0.8.2 && mv $(@D)/staticcheck $@
