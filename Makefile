# Node 24 comes from the npm package `node`, so any Node with npm can start this.
export PATH := $(CURDIR)/node_modules/.bin:$(PATH)
SHELL := /bin/bash

.DEFAULT_GOAL := help

help: ## list the targets
	@grep -hE '^[a-z-]+:.*## ' $(MAKEFILE_LIST) | awk -F':.*## ' '{printf "  %-16s %s\n", $$1, $$2}'

node_modules/.installed: package.json package-lock.json .npmrc
	@echo "==> npm packages (about a minute when the npm cache is cold)"
	@npm install --loglevel=error
	@touch $@

install: node_modules/.installed ## install the npm packages, Node 24 among them

check: install ## types, format, lint, arrows between rooms
	tsc
	biome check .
	eslint .
	depcruise --config .dependency-cruiser.cjs src cluster test migrations
