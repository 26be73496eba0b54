# Node 24 comes from the npm package `node`, so a machine with an older Node and npm can start here.
export PATH := $(CURDIR)/node_modules/.bin:$(PATH)
SHELL := /bin/bash
.SHELLFLAGS := -eu -o pipefail -c

.DEFAULT_GOAL := help
.PHONY: help install quickstart test test-unit test-cluster chaos fuzz sequences break-rules check-mutants check-operators bench check format cluster-up cluster-down cluster-status operator-kro postgres-down clean

help: ## list the targets
	@grep -hE '^[a-z-]+:.*## ' $(MAKEFILE_LIST) | awk -F':.*## ' '{printf "  make %-16s %s\n", $$1, $$2}'

node_modules/.installed: package.json package-lock.json .npmrc
	@echo "==> installing the npm packages, Node 24 among them (about a minute when the npm cache is cold)"
	@npm install --no-save --loglevel=error
	@touch $@

install: node_modules/.installed ## install the npm packages

quickstart: install ## a local Kubernetes, Postgres, Chandler, a database and an app (ARGS="--kubeconfig PATH" for another cluster)
	@bin/chandler quickstart $(ARGS)

test: check cluster-up ## everything CI runs: checks, unit, store, contract and OSB tests, one journey on real pods
	@echo "==> unit, store, contract, OSB and property tests; then the journey on real pods, and two minutes of chaos"
	@vitest run --project fast --project journey
	@vitest run --project chaos-short

test-unit: install ## the tests that need no cluster
	@echo "==> unit, store, contract, OSB and property tests"
	@vitest run --project fast

test-cluster: cluster-up ## all tests on the cluster: kills, two Chandlers, request counts, what leaks
	@echo "==> the journey on real pods, then kills, two Chandlers, request counts and leaks"
	@vitest run --project journey --project cluster

chaos: cluster-up ## the matrix of every failpoint, kills, standstills, outages and wrong clocks under load (CHANDLER_CHAOS_COUNT=200)
	@echo "==> the short part, then 200 lives under kills, standstills, outages, clocks"
	@vitest run --project chaos-short --project chaos

fuzz: install ## 20,000 hostile requests over all routes (CHANDLER_FUZZ_REQUESTS for another number)
	@CHANDLER_FUZZ_REQUESTS=$${CHANDLER_FUZZ_REQUESTS:-20000} vitest run --project fast test/osbapi/fuzz.test.ts

sequences: install ## 2,000 random sequences of requests against a model (CHANDLER_SEQUENCES for another number)
	@CHANDLER_SEQUENCES=$${CHANDLER_SEQUENCES:-2000} vitest run --project fast test/osbapi/sequences/sequences.test.ts

break-rules: install ## break each rule of docs/osbapi.md and see its tests fail (about 15 minutes)
	@node test/osbapi/break-rules.ts $(ITEMS)

check-mutants: install ## break each rule of a broker and see chandler check notice, and blame nothing else (about 3 minutes)
	@CHANDLER_MUTANTS=whole vitest run --project fast test/conformance/mutants.test.ts

check-operators: cluster-up ## try examples/operators against the definitions in CRDS=folder on the cluster (docs/operators.md)
	@node test/operators/check-examples.ts $(CRDS)

bench: install ## what claiming costs when one tenant has 5,000 due operations (ARGS="50000 200": so many, and so many other tenants)
	@node bench/claim.ts $(ARGS)

check: install ## types, format, lint, arrows between rooms, nothing unused
	@echo "==> tsc";        tsc
	@echo "==> biome";      biome check .
	@echo "==> eslint";     eslint .
	@echo "==> depcruise";  depcruise --config .dependency-cruiser.cjs src cluster test migrations bench
	@echo "==> knip";       knip

format: install ## write the format that check wants
	@biome check --write .

cluster-up: install ## bring up the local Kubernetes (the first time it is built: about 10 minutes)
	@node cluster/main.ts up

cluster-down: install ## remove the local Kubernetes and all its data; the built programs stay cached
	@node cluster/main.ts down

cluster-status: install ## what the local Kubernetes is doing
	@node cluster/main.ts status

operator-kro: cluster-up ## put kro, an operator, on the local Kubernetes (the first time it is built: about 3 minutes)
	@node cluster/main.ts operator kro $(ARGS)

postgres-down: install ## stop the Postgres of quickstart and tests; its data stays
	@node src/start/stop-dev-postgres.ts

clean: ## remove what was installed into this checkout
	rm -rf node_modules .chandler
