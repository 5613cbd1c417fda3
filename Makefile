# What to do here: `make help`.
SHELL := /bin/bash
.SHELLFLAGS := -euo pipefail -c
.DEFAULT_GOAL := help
.DELETE_ON_ERROR:

# Where the cluster comes from: lab (a node made here), kind (where Docker runs) or existing (the kubeconfig's).
CLUSTER ?= lab
export CLUSTER

PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
LAB := $(BIN)/python -m lab
IN_CLUSTER := $(LAB) run --
export PYTHONPATH := operator:.

CODE := operator model_builder model_monitor lab benchmarks examples images tests

##@ Begin here

.PHONY: help
help: ## Show this help.
	@awk 'BEGIN {FS = ":.*## "} \
	  /^##@/ {printf "\n%s\n", substr($$0, 5)} \
	  /^[a-z-]+:.*## / {printf "  %-14s %s\n", $$1, $$2}' $(MAKEFILE_LIST)

.PHONY: demo
demo: $(VENV)/ready ## From nothing to a served model and predictions; DATA=my.csv TARGET=column takes your own file.
	$(LAB) demo

.PHONY: venv
venv: $(VENV)/ready ## Make the Python environment in .venv.

$(VENV)/ready: pyproject.toml constraints.txt
	@echo "Python environment in $(VENV): about 1 minute the first time"
	test -x $(BIN)/python || $(PYTHON) -m venv $(VENV)
	$(BIN)/pip install --quiet --constraint constraints.txt --editable '.[dev]'
	touch $@

.PHONY: constraints
constraints: $(VENV)/ready ## Renew the versions that are tested together.
	$(BIN)/pip install --quiet --upgrade --upgrade-strategy eager --editable '.[dev]'
	{ echo "# The versions that are tested together; images and the development environment are built with them."; \
	  echo "# Renew: make constraints"; $(BIN)/pip freeze --exclude-editable; } > constraints.txt

##@ The cluster

.PHONY: lab-up
lab-up: $(VENV)/ready ## Boot the cluster, or check and repair a running one.
	$(LAB) up

.PHONY: lab-down
lab-down: $(VENV)/ready ## Remove the cluster and all that it left.
	$(LAB) down

.PHONY: lab-status
lab-status: $(VENV)/ready ## Show what runs.
	$(LAB) status

.PHONY: images
images: $(VENV)/ready ## Build the images that changed and give them to the cluster.
	$(LAB) images

##@ Code

.PHONY: generate
generate: $(VENV)/ready ## Write what is generated from the code: CRDs, the reference of their fields, JSON schemas of reports.
	$(BIN)/python -m andon.api.crds crds
	cp crds/*.yaml charts/andon/files/crds/
	$(BIN)/python -m andon.api.reference crds docs/reference.md
	PYTHONPATH=operator $(BIN)/python -m dashboards .
	$(BIN)/python -m model_builder.schemas docs/schemas

.PHONY: format
format: $(VENV)/ready ## Format the code.
	$(BIN)/ruff check --fix $(CODE)
	$(BIN)/ruff format $(CODE)

.PHONY: lint
lint: $(VENV)/ready ## Style, types, layers, and whether generated files are fresh.
	$(BIN)/ruff check $(CODE)
	$(BIN)/ruff format --check $(CODE)
	$(BIN)/mypy $(CODE)
	$(BIN)/lint-imports
	@fresh=$$(mktemp -d); trap 'rm -rf "$$fresh" "$$fresh.md"' EXIT; \
	$(BIN)/python -m andon.api.crds "$$fresh"; \
	$(BIN)/python -m andon.api.reference "$$fresh" "$$fresh/reference.md"; \
	mv "$$fresh/reference.md" "$$fresh.md"; \
	{ diff -ur crds "$$fresh" && diff -ur charts/andon/files/crds "$$fresh" && diff -u docs/reference.md "$$fresh.md"; } \
	|| { echo "Generated files are stale: run make generate"; exit 1; }

##@ Tests

.PHONY: test
test: $(VENV)/ready ## All that CI runs: lint, unit, contract and end-to-end tests; KEEP_LAB=1 leaves the cluster up.
	@trap '[ -n "$(KEEP_LAB)" ] || $(LAB) down' EXIT; $(MAKE) lint test-unit lab-up test-chart images test-cluster

.PHONY: test-unit
test-unit: $(VENV)/ready ## Unit, reconcile and golden tests: no cluster needed.
	$(BIN)/pytest --numprocesses=auto --dist=loadfile tests/unit tests/reconcile tests/golden --ignore=tests/unit/chart

.PHONY: test-chart
test-chart: $(VENV)/ready ## The chart, by helm of the lab.
	$(BIN)/pytest tests/unit/chart

.PHONY: test-cluster
test-cluster: $(VENV)/ready ## Contract and end-to-end tests, on a cluster that is up and has the images.
	$(IN_CLUSTER) $(BIN)/pytest --timeout=600 -m 'not soak and not gateway and not fault and not prometheus_operator' tests/contract tests/e2e

.PHONY: test-gateway
test-gateway: $(VENV)/ready ## Routes under a real Gateway: Traefik, beside the lab's cluster.
	$(LAB) up --traefik
	$(IN_CLUSTER) $(BIN)/pytest --timeout=600 -m gateway tests/e2e

.PHONY: test-prometheus-operator
test-prometheus-operator: $(VENV)/ready ## What is written for the Prometheus Operator, taken by the real one; on a cluster that has the images.
	$(IN_CLUSTER) $(BIN)/pytest --timeout=600 -m prometheus_operator tests/e2e

.PHONY: test-faults
test-faults: $(VENV)/ready ## Faults of rollouts: killed at every write and worse, in memory; some on a cluster that is up and has the images.
	$(BIN)/pytest -m fault tests/reconcile
	$(IN_CLUSTER) $(BIN)/pytest -m fault --timeout=600 tests/e2e

.PHONY: soak
soak: $(VENV)/ready ## A canary under 100,000 requests, none of which may fail; ten minutes at rest, nothing written but the lease.
	$(IN_CLUSTER) $(BIN)/pytest --timeout=3600 -m soak tests/e2e
	ANDON_REST_SECONDS=600 $(IN_CLUSTER) $(BIN)/pytest --timeout=1800 tests/e2e/test_operator.py -k at_rest

##@ Benchmarks

.PHONY: bench-serving
bench-serving: $(VENV)/ready ## Requests/s, latency and memory of our Triton image beside MLServer.
	$(BIN)/python -m benchmarks.serving

.PHONY: bench-build
bench-build: $(VENV)/ready ## Time and memory of whole builds: AI4I, and a million generated rows.
	$(BIN)/python -m benchmarks.build

.PHONY: bench-drift
bench-drift: $(VENV)/ready ## Power, delay and false alarms of the drift tests on rows of AI4I; some ten minutes.
	$(BIN)/python -m benchmarks.drift

.PHONY: bench-exports
bench-exports: $(VENV)/ready ## Bytes and parity of ONNX, TensorFlow Lite, C and emlearn for the same model.
	$(BIN)/python -m benchmarks.exports

.PHONY: bench-monitor
bench-monitor: $(VENV)/ready ## Requests/s that the monitor sustains, its memory, and what its copies cost a client.
	$(BIN)/python -m benchmarks.monitor

.PHONY: bench-router
bench-router: $(VENV)/ready ## What a hop costs: Triton direct, through Envoy as a FaultModel has it, through Traefik.
	$(BIN)/python -m benchmarks.router

.PHONY: bench-rollout
bench-rollout: $(VENV)/ready ## How rollouts end, and after how many requests and labels, over thousands of simulated ones.
	$(BIN)/python -m benchmarks.rollout
