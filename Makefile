# The commands of this project; "make" alone lists them.
SHELL := bash
.SHELLFLAGS := -euo pipefail -c
.DEFAULT_GOAL := help
.DELETE_ON_ERROR:
MAKEFLAGS += --no-builtin-rules

VENV ?= .venv
BIN := $(VENV)/bin
STAMP := $(VENV)/.setup-done
DOCS_STAMP := $(VENV)/.docs-setup-done
OUT := out
ARTIFACTS := artifacts
# Python for the environment; empty = the first of these that is 3.11, 3.12 or 3.13 and can make environments.
PYTHON ?=
PYTHONS := python3 python3.13 python3.12 python3.11 python
FITS := import sys, venv, ensurepip; sys.exit(not (3, 11) <= sys.version_info[:2] <= (3, 13))
# As many tests at a time as there are cores; a file stays in one process, for its fixtures are costly.
PYTEST = OMP_NUM_THREADS=1 $(BIN)/python -m pytest --numprocesses=auto --dist=loadfile --no-loadscope-reorder --cov
# With a choice of tests in PYTEST_ARGS one of the two runs may have none (5).
NONE_IS_FINE = $(if $(PYTEST_ARGS),|| [ $$? = 5 ])
PIP := $(BIN)/python -m pip install --disable-pip-version-check --quiet --constraint constraints.txt

.PHONY: help
help: ## List these targets
	@awk -F ':.*## ' '/^[a-z-]+:.*## / { printf "  make %-9s %s\n", $$1, $$2 }' $(MAKEFILE_LIST)

.PHONY: setup
setup: $(STAMP) ## Make the environment in .venv (once; about 5 GB with torch)

$(STAMP): pyproject.toml constraints.txt
	@python=""; \
	for candidate in $(or $(PYTHON),$(PYTHONS)); do \
	  if "$$candidate" -c '$(FITS)' 2>/dev/null; then python=$$candidate; break; fi; \
	done; \
	if [ -z "$$python" ]; then \
	  echo "make: LayerLore needs Python 3.11, 3.12 or 3.13 with its venv module;" \
	    "$(if $(PYTHON),$(PYTHON) is none,none of $(PYTHONS) is one). Install one and name it: make setup PYTHON=/path/to/python3.13" >&2; \
	  exit 1; \
	fi; \
	echo "Making the environment in $(VENV) with $$("$$python" -V); torch is large, this takes minutes"; \
	"$$python" -m venv $(VENV)
	@# One call, so that pip chooses a torch and a torchvision that fit together.
	$(PIP) $$(grep -E '^(torch|torchvision)==' constraints.txt)
	$(PIP) --editable '.[dev]'
	@touch $@

.PHONY: demo
demo: $(STAMP) ## Explain a sample photo and print the path of the page
	@$(BIN)/layerlore demo --no-open --overwrite --out $(OUT)/demo.html

.PHONY: test
test: $(STAMP) browser postgres check ## Lint, types and imports, then all tests with coverage
	@mkdir -p $(ARTIFACTS)
	@# One thread each: small networks gain nothing from more, and waiting threads starve busy ones.
	@# Browsers apart from the rest: Playwright keeps an event loop in its process, beside which Django refuses its database.
	$(PYTEST) -m "not browser" --cov-fail-under=0 --cov-report= --junitxml=$(ARTIFACTS)/tests.xml $(PYTEST_ARGS) $(NONE_IS_FINE)
	$(PYTEST) -m browser --cov-append --cov-report=term --cov-report=xml:$(ARTIFACTS)/coverage.xml \
	  --junitxml=$(ARTIFACTS)/tests-browser.xml $(PYTEST_ARGS) $(NONE_IS_FINE)

.PHONY: check
check: $(STAMP) ## Lint, format, types and the direction of imports
	$(BIN)/ruff check
	$(BIN)/ruff format --check
	$(BIN)/mypy
	$(BIN)/lint-imports

.PHONY: browser
browser: ## Install Chromium for the page's tests, if it is missing and apt can
	@for name in chromium chromium-browser google-chrome; do \
	  if command -v "$$name" >/dev/null; then exit 0; fi; \
	done; \
	if [ "$$(id -u)" = 0 ] && command -v apt-get >/dev/null; then \
	  echo "Installing Chromium for the page's tests"; \
	  { apt-get update -qq && DEBIAN_FRONTEND=noninteractive \
	    apt-get install -y -qq --no-install-recommends chromium fonts-dejavu-core >/dev/null; } \
	    || echo "make: Chromium could not be installed; the page's tests will be skipped" >&2; \
	else \
	  echo "make: no Chromium; the page's tests will be skipped (Debian: sudo apt-get install chromium)" >&2; \
	fi

.PHONY: postgres
postgres: ## Install PostgreSQL for the game's tests, if it is missing and apt can
	@if command -v initdb >/dev/null || ls /usr/lib/postgresql/*/bin/initdb >/dev/null 2>&1; then exit 0; fi; \
	if [ "$$(id -u)" = 0 ] && command -v apt-get >/dev/null; then \
	  echo "Installing PostgreSQL for the game's tests"; \
	  { apt-get update -qq && DEBIAN_FRONTEND=noninteractive \
	    apt-get install -y -qq --no-install-recommends postgresql >/dev/null; } \
	    || echo "make: PostgreSQL could not be installed; the game's tests with it will be skipped" >&2; \
	else \
	  echo "make: no PostgreSQL; the game's tests with it will be skipped (Debian: sudo apt-get install postgresql)" >&2; \
	fi

.PHONY: bench
bench: $(STAMP) ## Run every benchmark; the results are in bench/results
	@for script in $$(grep -l __main__ bench/*.py); do echo "$$script"; $(BIN)/python "$$script"; done

.PHONY: docs
docs: $(DOCS_STAMP) ## Build the documentation into out/docs; a warning is an error
	$(BIN)/python -m sphinx --fail-on-warning --keep-going --quiet -b html docs $(OUT)/docs
	@echo "$(OUT)/docs/index.html"

$(DOCS_STAMP): $(STAMP)
	$(PIP) --editable '.[docs]'
	@touch $@

.PHONY: clean
clean: ## Remove everything that was made, except .venv
	rm -rf $(OUT) $(ARTIFACTS) build dist .coverage .coverage.* htmlcov .hypothesis .pytest_cache .mypy_cache .ruff_cache .import_linter_cache
	find src tests bench docs examples -name __pycache__ -type d -prune -exec rm -rf {} +
