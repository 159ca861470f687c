# Targets only call programs; their logic is in those.
.DEFAULT_GOAL := help
SHELL := /bin/bash
.SHELLFLAGS := -eu -o pipefail -c
MAKEFLAGS += --no-print-directory

# Lambda's Python version, if it is installed; pyenv's shims need PYENV_VERSION.
PYTHON ?= $(shell PYENV_VERSION=3.13 python3.13 -c 'import sys; print(sys.executable)' 2>/dev/null || echo python3)
BIN := .venv/bin
RUN := $(BIN)/python -m
STAGE ?= local
# `pulumi` uses Pulumi's own engine; its CLI is built if it is not installed.
ENGINE ?= embedded
# Without the Pulumi CLI a preview compares with this commit and needs no AWS; in CI it always uses AWS.
AGAINST ?= $(if $(CI)$(shell command -v pulumi),,$(shell git merge-base HEAD origin/main 2>/dev/null || echo HEAD))
# A machine without Node gets one from the Python package index.
OWN_NODE := $(if $(shell command -v node),,.cache/node/.ready)
export PATH := $(PATH):$(CURDIR)/.cache/node/bin
# If it is set, each process compiles every module that it imports; that takes seconds for the AWS provider.
export PYTHONDONTWRITEBYTECODE :=
PAGE_SOURCES := $(shell find frontend/src frontend/public -type f) \
  $(addprefix frontend/,index.html package-lock.json tsconfig.json vite.config.ts)

.PHONY: help
help: ## Show this list
	@grep -hE '^[a-z0-9-]+:.*## ' $(MAKEFILE_LIST) | awk -F ':.*## ' '{sub(/:.*/, "", $$1); printf "  %-12s %s\n", $$1, $$2}'

# --- what a fresh machine needs ---

define need_python
command -v $(PYTHON) >/dev/null || { echo "There is no Python here (looked for $(PYTHON)). Install 3.11 or newer: 'apt install python3 python3-venv', 'brew install python', or https://www.python.org/downloads."; exit 1; }; \
$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' || { echo "$$($(PYTHON) --version) is too old: install 3.11 or newer, and name it: make PYTHON=/path/to/python3."; exit 1; }; \
$(PYTHON) -c 'import ensurepip, venv' 2>/dev/null || { echo "$(PYTHON) has no module venv: 'apt install python3-venv' brings it on Debian and Ubuntu."; exit 1; }
endef

.venv/.ready: requirements/bootstrap.txt requirements/dev.txt
	@echo "Setting up .venv ..."
	@test -x $(BIN)/python || { $(call need_python); $(PYTHON) -m venv .venv; }
	@$(BIN)/python -m pip -q --disable-pip-version-check install --require-hashes -r requirements/bootstrap.txt
	@$(BIN)/uv -q pip sync --require-hashes requirements/bootstrap.txt requirements/dev.txt
	@touch $@

.cache/node/.ready: requirements/node.txt .venv/.ready
	@echo "Setting up Node ..."
	@$(BIN)/uv -q venv --allow-existing .cache/node
	@$(BIN)/uv -q pip sync --python .cache/node/bin/python --require-hashes requirements/node.txt
	@touch $@

# Not `npm ci`: it wants every platform's build of Biome in the lock, and a mirror may lack some. Hashes are checked alike.
frontend/node_modules/.ready tests/e2e/node_modules/.ready: %/node_modules/.ready: %/package-lock.json $(OWN_NODE)
	@echo "Setting up $* ..."
	@npm --prefix $* install --no-save --silent --no-audit --no-fund
	@touch $@

frontend/dist/index.html: $(PAGE_SOURCES) frontend/node_modules/.ready
	@npm --prefix frontend run --silent build

.PHONY: doctor
doctor: .venv/.ready ## Say what is missing on this machine, and how to get it
	@$(RUN) ops doctor --stage $(STAGE)

.PHONY: setup
setup: .venv/.ready frontend/node_modules/.ready tests/e2e/node_modules/.ready ## Install everything that work on it needs

# --- the platform on this machine ---

# `REFRESH=1 make up` reads every resource and creates deleted ones again.
.PHONY: up
up: .venv/.ready frontend/dist/index.html ## Bring the whole platform up on this machine, with a small community
	@$(RUN) infra.lambda_zips --target host
	@$(RUN) localcloud up --engine $(ENGINE) $(if $(REFRESH),--refresh)
	@$(RUN) ops publish --stage local
	@$(RUN) ops seed --stage local

.PHONY: stages
stages: .venv/.ready frontend/dist/index.html ## Bring up the bootstrap stack, dev, staging and prod on this machine
	@$(RUN) infra.lambda_zips --target host
	@$(RUN) localcloud up --stage bootstrap
	@eval "$$($(RUN) localcloud env)"; for stage in dev staging prod; do \
	  $(RUN) ops deploy --stage $$stage --page frontend/dist --canary 0 --over-newer --yes --reason "make stages"; done

.PHONY: down reset logs
down: .venv/.ready ## Stop it; the data stays
	@$(RUN) localcloud down
reset: .venv/.ready ## Stop it and delete its data
	@$(RUN) localcloud reset
logs: .venv/.ready ## Follow what the Lambdas and the emulator say
	@$(RUN) localcloud logs

# --- checks and tests ---

# The platform tests run alone: two suites at once would distort each other's timings.
.PHONY: test
test: ## Run every check and every test
	@$(MAKE) -j2 -O check page-test
	@$(MAKE) unit simulation platform e2e coverage

.PHONY: check
check: .venv/.ready frontend/node_modules/.ready tests/e2e/node_modules/.ready workflows secrets ## Lint, types, import contracts, generated files, workflows, secrets
	@$(BIN)/ruff check .
	@$(BIN)/ruff format --check -q .
	@$(BIN)/mypy
	@$(BIN)/lint-imports | tail -1
	@! git grep -n ConditionExpression -- '*.py' ':!services/core/stores' ':!localcloud' ':!tests' ':!bench' \
	  || { echo "Conditions belong to services/core/stores, which turn their failures into domain errors."; exit 1; }
	@$(RUN) services.api.openapi --check
	@$(RUN) infra.observability docs --check
	@$(RUN) infra.workflows --check
	@npm --prefix frontend run --silent gen -- --check
	@npm --prefix frontend run --silent lint
	@npm --prefix frontend run --silent typecheck

# Detectors that misfire on hashes, test passwords and the word "Password" are disabled, and for speed those of IBM's cloud.
# The disabled filters would skip keys in the arguments of a call, in lock files and in images; verification would skip keys
# that AWS has already revoked.
SCAN := $(BIN)/detect-secrets-hook --no-verify \
  $(addprefix --disable-plugin ,Base64HighEntropyString HexHighEntropyString KeywordDetector IPPublicDetector) \
  $(addprefix --disable-plugin ,CloudantDetector IbmCloudIamDetector IbmCosHmacDetector SoftlayerDetector) \
  $(addprefix --disable-filter detect_secrets.filters.heuristic.,is_indirect_reference is_lock_file is_non_text_file)

.PHONY: secrets
secrets: .venv/.ready ## Look for keys and tokens in what is or may be committed, or in FILES
	@$(if $(FILES),printf '%s\0' $(FILES),git ls-files -z --cached --others --exclude-standard) | xargs -0 -n 60 -P 4 $(SCAN)

# The same draws in the same shuffled order each time, so that a commit is red for what it changed. By hand, and in the
# nightly simulation, they are new ones.
SEED_OF_TESTS ?= 1
PYTEST = $(BIN)/pytest --hypothesis-seed=$(SEED_OF_TESTS) --randomly-seed=$(SEED_OF_TESTS)

.PHONY: unit
unit: .venv/.ready ## Unit, plan and contract tests
	@$(PYTEST) tests/unit tests/contract -q -n 2 --cov --cov-report= --cov-fail-under=0

.PHONY: simulation simulation-long history
simulation: .venv/.ready ## 500 seeded histories, every key fault, sown bugs, on a simulated AWS
	@$(PYTEST) tests/simulation -q -n 2 -p no:schemathesis -m "not thorough"
simulation-long: export FIRST ?= $(shell date +%y%j0000)
simulation-long: SEED_OF_TESTS = $(FIRST)
simulation-long: .venv/.ready ## 10,000 histories from seed FIRST (new ones each day), every fault, pairs, all sown bugs
	@HISTORIES=10000 REPAIRS=2000 $(PYTEST) tests/simulation -q -n 4
history: .venv/.ready ## Play the history of SEED and tell all that happened in it
	@$(RUN) tests.simulation $(SEED)

.PHONY: page-test
page-test: frontend/node_modules/.ready frontend/dist/index.html ## The app's unit tests and its size
	@npm --prefix frontend run --silent test

# Kills, waits and alarms race on a busy machine: docs/decisions/0031-one-retry.md.
PLATFORM = $(PYTEST) tests/platform -q -n 2 -p no:schemathesis --dist loadfile --cov --cov-append --cov-report= --cov-fail-under=0
.PHONY: platform
platform: .venv/.ready frontend/node_modules/.ready ## The platform on emulators of its own, through HTTP
	@$(PLATFORM) || { [ $$? = 1 ] || exit 1; echo "AGAIN: what failed above, once, by itself." >&2; \
	  $(PLATFORM) --last-failed --last-failed-no-failures=none; }

PARTS ?= tests/engine
.PHONY: engine
engine: .venv/.ready ## The life of every stage by Pulumi's own engine, whose CLI is built if there is none
	@$(RUN) localcloud.pulumi_engine.command >/dev/null
	@$(BIN)/pytest $(PARTS) -q -n 2 --dist loadfile --no-loadscope-reorder -p no:randomly -o faulthandler_timeout=900 --durations=0 --durations-min=1

.PHONY: engine-answers
engine-answers: .venv/.ready ## Record anew what Pulumi's own engine does, for `make test` to compare with
	@$(RUN) localcloud.pulumi_engine.command >/dev/null
	@$(RUN) tests.platform.differential
	@RECORD=1 $(BIN)/pytest tests/engine/test_changes.py -q -p no:unraisableexception

.PHONY: drill
drill: .venv/.ready ## Set off every alarm on a local stage of its own; writes docs/drills.md
	@DRILL_REPORT=docs/drills.md $(BIN)/pytest tests/platform/test_drills.py -q

.PHONY: e2e
e2e: .venv/.ready frontend/dist/index.html tests/e2e/node_modules/.ready ## The journeys, in a browser
	@$(RUN) tests.e2e

.PHONY: coverage
coverage: .venv/.ready ## Say which lines no test reached; fails under 90 %
	@$(BIN)/coverage combine -q --append 2>/dev/null || true
	@$(BIN)/coverage report

.PHONY: bench
bench: .venv/.ready frontend/dist/index.html ## Measure against the original's stack and the floor
	@$(RUN) bench

BASE ?= main
.PHONY: instructions
instructions: .venv/.ready ## Count the instructions of the api here and at the commit BASE; more than 3 % more fails
	@rm -rf .cache/base && git worktree prune && git worktree add -q --detach .cache/base $(BASE)
	@$(MAKE) -C .cache/base .venv/.ready >/dev/null
	@cd .cache/base && .venv/bin/python -m bench.regression counts ../before.json
	@$(RUN) bench.regression counts .cache/after.json
	@$(RUN) bench.regression compare .cache/before.json .cache/after.json

.PHONY: lighthouse
lighthouse: tests/e2e/node_modules/.ready ## Score board and quest of ADDRESS, else of what `make up` started, on a phone; fails below 98
	@node tests/e2e/lighthouse.mjs $(ADDRESS)

SIZES ?=
.PHONY: board-sizes
board-sizes: .venv/.ready tests/e2e/node_modules/.ready ## Hold the app's lists on boards of SIZES quests, on what `make up` started, to a full scan
	@$(RUN) tests.e2e.board_sizes $(SIZES)

# --- delivery: what the workflows call ---

.PHONY: page zips
page: frontend/dist/index.html ## Build the app
zips: .venv/.ready ## Build the Lambdas' zips for AWS
	@$(RUN) infra.lambda_zips --target aws

.PHONY: preview drift deploy rollout
preview: $(if $(AGAINST),.venv/.ready,zips) ## Say what `up` would change on STAGE, or, AGAINST a commit, what this tree does
	@$(RUN) infra.preview $(STAGE) $(if $(AGAINST),--against $(AGAINST))
drift: $(if $(filter local,$(STAGE)),.venv/.ready,zips) ## Say what on STAGE is not as the program says
	@$(RUN) $(if $(filter local,$(STAGE)),ops drift --stage local,infra.preview --drift $(STAGE))
deploy: .venv/.ready ## Deploy STAGE for a REASON; PAGE is the folder of a built app
	@$(RUN) ops deploy --stage $(STAGE) --yes --reason "$$REASON" $(if $(PAGE),--page $(PAGE))
rollout: .venv/.ready ## Take the steps of STAGE's rollouts that are due, for a REASON; fails where one fell back
	@$(RUN) ops rollout advance --stage $(STAGE) --yes --reason "$$REASON"

.PHONY: audit workflows sbom artifacts
audit: .venv/.ready $(OWN_NODE) ## Look every locked package up in the advisory databases; fails where that is not possible
	@$(RUN) infra.audit
workflows: .venv/.ready ## Lint the workflows
	@$(BIN)/check-jsonschema -q --builtin-schema vendor.github-workflows .github/workflows/*.yml
	@$(BIN)/check-jsonschema -q --builtin-schema vendor.github-actions .github/actions/*/action.yml
	@$(BIN)/check-jsonschema -q --builtin-schema vendor.dependabot .github/dependabot.yml
	@$(BIN)/zizmor -q --offline .github
sbom: .venv/.ready frontend/node_modules/.ready ## Write the bills of materials (CycloneDX)
	@mkdir -p dist/release
	@$(BIN)/cyclonedx-py requirements requirements/lambda.txt --output-reproducible -o dist/release/lambda.cdx.json
	@npm --prefix frontend sbom --omit dev --sbom-format cyclonedx --sbom-type application > dist/release/page.cdx.json
artifacts: page zips sbom ## Everything that a GitHub release holds
	@cp dist/aws/*.zip dist/release/
	@tar --sort=name --mtime=@0 --owner=0 --group=0 --numeric-owner -C frontend/dist -cf - . | gzip -n > dist/release/page.tar.gz

# --- files that are made ---

.PHONY: generate
generate: .venv/.ready frontend/node_modules/.ready ## Write the generated files: openapi.json, the app's types, docs, workflows, indexes
	@$(RUN) services.api.openapi
	@$(RUN) infra.indexes
	@$(RUN) infra.observability docs
	@$(RUN) infra.workflows
	@npm --prefix frontend run --silent gen
	@$(BIN)/ruff format -q .

.PHONY: changelog tag-check
changelog: .venv/.ready ## Write CHANGELOG.md from the commits; VERSION names what is not tagged yet
	@$(BIN)/git-cliff --config pyproject.toml $(if $(VERSION),--tag v$(VERSION)) -o CHANGELOG.md
tag-check: .venv/.ready ## Fail unless the tag that CI runs for is the version of pyproject.toml
	@$(BIN)/python -c 'import os, sys, tomllib; tag, version = os.environ["GITHUB_REF_NAME"], tomllib.load(open("pyproject.toml", "rb"))["project"]["version"]; sys.exit(tag != f"v{version}" and f"the tag is {tag}, pyproject.toml says {version}")'

.PHONY: lock
lock: .venv/.ready ## Resolve the requirements again, with hashes and without addresses
	@for file in requirements/*.in; do \
	  $(BIN)/uv -q pip compile --universal --python-version 3.11 --generate-hashes --no-header --no-annotate \
	    $$file -o $${file%.in}.txt; done
