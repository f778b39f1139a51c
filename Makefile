# Everything lives in .venv in this checkout; nothing is installed elsewhere. Needs Python 3.11 to 3.13 with pip.

PYTHON ?= python3
VENV   := .venv
BIN    := $(VENV)/bin
PIP    := $(BIN)/python -m pip --disable-pip-version-check --quiet

.DEFAULT_GOAL := help
.PHONY: help demo test test-kafka test-clients test-wheel drills drills-embedded drills-kafka real-servers soak fuzz sbom lint bench schemas lock lock-clients

help: ## say what each target does
	@grep -hE '^[a-z-]+:.*## ' $(MAKEFILE_LIST) | sed 's/:.*## /|/' | awk -F'|' '{printf "  make %-15s %s\n", $$1, $$2}'

demo: $(VENV)/installed ## a broker, a store, a worker, serve and made-up traffic, live in this terminal (2 minutes)
	@$(BIN)/tidegate demo

test: lint ## lint, types and tests, on an embedded broker and store (under 10 minutes)
	@$(BIN)/python -m pytest -q -n 4 --dist worksteal -m 'not drill and not client'

test-kafka: $(VENV)/installed-dev ## the integration tests on Apache Kafka and Redis: Java 17, Maven, redis-server (under 10 minutes)
	@$(BIN)/python -m pytest -q -n 2 --dist worksteal -m 'integration and not drill' --servers real

test-clients: $(VENV)/installed-dev ## other people's clients against `tidegate serve`: network, Node 20; a gigabyte under build/ (5 minutes)
	@$(BIN)/python -m tests.clients

test-wheel: $(VENV)/installed-dev ## sdist, wheel, an empty environment, a stranger's folder: what is installed works there (2 minutes)
	@$(BIN)/python -m tests.wheel

drills: real-servers drills-embedded drills-kafka ## workers, brokers and Redis killed, frozen, cut and emptied; an account at the end (half an hour)

drills-embedded: $(VENV)/installed-dev ## those on the embedded stack, and on a Redis Cluster of redis-server (under 10 minutes)
	@$(BIN)/python -m pytest -q -n 4 --dist worksteal -m 'drill and not fault' --must-run

# Half an hour of drills begins by looking for what the second half needs.
real-servers: $(VENV)/installed-dev
	@$(BIN)/python -m tests.real.needed

# FAULTS names some of them: make drills-kafka FAULTS="worker_killed or leader_killed"
drills-kafka: $(VENV)/installed-dev ## every fault drill, on three brokers of Apache Kafka and Redis; FAULTS="name or name"
	@$(BIN)/python -m pytest -q -n 2 --dist worksteal -m fault --servers real $(if $(FAULTS),-k '$(FAULTS)')

soak: $(VENV)/installed-dev ## 20 minutes on Apache Kafka and Redis at 70% load, something broken every minute
	@$(BIN)/python -m tests.drills.soak

fuzz: $(VENV)/installed-dev ## what `make test` tries for seconds, with forty times the examples
	@HYPOTHESIS_PROFILE=long $(BIN)/python -m pytest -q --timeout 0 --must-run tests/fuzz

sbom: $(VENV)/installed-dev ## what a worker is made of, with licences: build/sbom.cdx.json (CycloneDX), docs/dependencies.md
	@$(BIN)/python -m tests.support.sbom

lint: $(VENV)/installed-dev ## ruff and mypy
	@$(BIN)/ruff check --quiet .
	@$(BIN)/ruff format --check --quiet .
	@$(BIN)/mypy

bench: $(VENV)/installed-dev ## what an event costs, against a bare loop (some minutes; appends to bench/results.csv)
	@$(BIN)/python -m bench

schemas: $(VENV)/installed ## write the JSON Schemas and the AsyncAPI document to schemas/
	@$(BIN)/tidegate schemas

# Versions stay as they are; `make lock UPGRADE=--upgrade` takes the newest. One run for all of Python 3.11 to 3.13.
LOCK := $(BIN)/uv pip compile --quiet --universal --python-version 3.11 --generate-hashes --no-emit-index-url \
        --no-emit-find-links --no-annotate --custom-compile-command "make lock" $(UPGRADE) pyproject.toml
CLIENTS_LOCK = $(subst "make lock","make lock-clients",$(filter-out pyproject.toml,$(LOCK)))

lock: ## write requirements.lock and requirements-dev.lock from pyproject.toml
	@test -x $(BIN)/uv || { [ -x $(BIN)/python ] || $(PYTHON) -m venv $(VENV); $(PIP) install uv; }
	@$(LOCK) --extra embedded --output-file requirements.lock
	@$(LOCK) --extra dev --constraints requirements.lock --output-file requirements-dev.lock
	@echo "wrote requirements.lock and requirements-dev.lock"

# The clients of `make test-clients`, one environment a file; UPGRADE as above.
lock-clients: $(VENV)/installed-dev ## write tests/clients/locks/*.lock and tests/clients/npm/package-lock.json
	@for file in tests/clients/locks/*.in; do \
	  $(CLIENTS_LOCK) $$file --output-file $${file%.in}.lock || exit 1; done
	@cd tests/clients/npm && npm install --package-lock-only --ignore-scripts --no-audit --no-fund --silent

$(VENV)/installed: $(BIN)/python requirements.lock pyproject.toml
	@echo "Installing into $(VENV): the first time takes one to three minutes."
	@$(PIP) install --require-hashes -r requirements.lock
	@$(PIP) install --no-deps --editable .
	@touch $@

$(VENV)/installed-dev: $(VENV)/installed requirements-dev.lock
	@echo "Installing the tools for tests into $(VENV): up to a minute more."
	@$(PIP) install --require-hashes -r requirements-dev.lock
	@touch $@

# Made once; made again where the Python it was made with is gone.
$(BIN)/python:
	@$(PYTHON) -c 'import sys; sys.exit(not (3, 11) <= sys.version_info[:2] <= (3, 13))' 2>/dev/null || { \
	  echo "$(PYTHON) is $$($(PYTHON) --version 2>&1 | tail -n 1); expected Python 3.11, 3.12 or 3.13:" \
	       "make $(or $(MAKECMDGOALS),demo) PYTHON=/path/to/python3.12" >&2; exit 1; }
	@$(PYTHON) -c 'import venv, ensurepip' 2>/dev/null || { \
	  echo "$(PYTHON) cannot make a virtual environment; on Debian and Ubuntu: apt install python3-venv" >&2; exit 1; }
	@$(PYTHON) -m venv --clear $(VENV)
