# Thin calls only: what a target does lives in the program it calls.
.DEFAULT_GOAL := help
SHELL := /bin/bash
.SHELLFLAGS := -eu -o pipefail -c
PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin

$(VENV)/.ready: requirements/bootstrap.txt requirements/dev.txt
	@echo "Setting up $(VENV) ..."
	@test -x $(BIN)/python || $(PYTHON) -m venv $(VENV)
	@$(BIN)/python -m pip -q install --require-hashes -r requirements/bootstrap.txt
	@$(BIN)/uv -q pip sync --require-hashes requirements/bootstrap.txt requirements/dev.txt
	@touch $@

.PHONY: help
help: ## Show this list
	@grep -hE '^[a-z-]+:.*## ' $(MAKEFILE_LIST) | awk -F ':.*## ' '{printf "  %-12s %s\n", $$1, $$2}'

.PHONY: lock
lock: $(VENV)/.ready ## Resolve the requirements again, with hashes and without addresses
	@for name in bootstrap lambda emulator dev; do \
	  $(BIN)/uv -q pip compile --universal --python-version 3.11 --generate-hashes --no-header --no-annotate \
	    requirements/$$name.in -o requirements/$$name.txt; done
