# `make demo` and `make test` need Python 3.11 or newer, make and a package registry; they install the rest.
PYTHON ?= python3
BIN := .venv/bin
# a worker a core, four at most: each takes up to two gigabytes
SIDE_BY_SIDE := --numprocesses logical --maxprocesses 4 --dist loadgroup --no-loadscope-reorder --instafail
INSTALLED := .venv/.installed
# some images set it: every process that a test starts would compile the code anew
export PYTHONDONTWRITEBYTECODE :=

.DEFAULT_GOAL := help
.PHONY: help install demo up test lint bench figures reference lock clean

help: ## list what can be made
	@sed -n 's/^\([a-z]*\):.*## /\1\t/p' $(MAKEFILE_LIST)

install: $(INSTALLED) ## create .venv from the lock; a second call does nothing

# the lock names everything, so that pip need not look: with hashes, its older versions trip over extras
$(INSTALLED): pyproject.toml constraints.txt
	test -x $(BIN)/python || $(PYTHON) -m venv .venv
	$(BIN)/pip install --quiet --no-compile --require-hashes --no-deps --requirement constraints.txt
	@# every core compiles, pip's one takes a minute; some packages hold files for other Pythons
	$(BIN)/python -m compileall -qq -j 0 .venv/lib > /dev/null || true
	$(BIN)/pip install --quiet --no-deps --editable .
	touch $@

demo: install ## a simulated platform, three retrainings, one that live traffic lets through
	$(BIN)/moderato demo

up: install ## everything that one machine needs, until Ctrl-C
	$(BIN)/moderato up

test: install ## every test, the slow ones too
	$(BIN)/pytest $(SIDE_BY_SIDE)

lint: install ## style, types and floors
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy
	$(BIN)/lint-imports

bench: install ## figures beside their aims, all or WHAT=serving,ingest; fails where one is missed
	$(BIN)/python -m tests.benchmarks "$(WHAT)"

figures: install ## the last figures of each bench into docs
	$(BIN)/python -m tests.benchmarks.page

reference: install ## the pages of docs/reference, from commands, gateway, presets and settings
	$(BIN)/python -m tests.support.reference

RESOLVED := $(BIN)/uv pip compile --quiet --python-version 3.11 --no-header --no-annotate --generate-hashes
IMAGE := infra/containers/requirements.txt

lock: ## resolve constraints.txt anew from pyproject.toml, with hashes, and of it what the image needs
	$(RESOLVED) --extra dev --output-file constraints.txt pyproject.toml
	$(RESOLVED) --extra languages --extra ocr --extra speech --extra weights --constraint constraints.txt --output-file $(IMAGE) pyproject.toml

clean: ## remove what make made; state under .moderato stays
	rm -rf .venv build *.egg-info .mypy_cache .ruff_cache .pytest_cache .hypothesis .import_linter_cache
