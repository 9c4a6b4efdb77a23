# Two commands do everything: `make demo` and `make test`. `make help` lists the rest.
PYTHON ?= python3
VENV := .venv
PY := $(VENV)/bin/python
PIP := $(PY) -m pip --disable-pip-version-check
JS := replaykit/widgets/js
JS_SOURCES := $(shell find $(JS) -path '*/node_modules' -prune -o -type f \( -name '*.ts' -o -name '*.css' -o -name '*.mjs' -o -name 'package*.json' \) -print 2>/dev/null)
NPM := $(CURDIR)/$(PY) $(CURDIR)/$(JS)/npm.py
TOUR := notebooks/01_tour.ipynb
# The tests in browsers beside all others (tests/conftest.py).
SIDE_BY_SIDE := -n auto --maxprocesses 2 --dist loadgroup

.DEFAULT_GOAL := help
.PHONY: help demo lab test test-long test-faults spec-mutation options check lint types js bench demo-record notebooks chromium clean

help: ## List the commands
	@grep -hE '^[a-z-]+:.*## ' $(MAKEFILE_LIST) | awk -F ':.*## ' '{printf "  make %-14s %s\n", $$1, $$2}'

demo: $(VENV)/.lab ## Set up, run the tour, write build/tour.html
	$(PY) -m replaykit.demoshop.tour $(TOUR) build/tour.html

lab: $(VENV)/.lab ## Open the tour in JupyterLab
	$(VENV)/bin/jupyter lab $(TOUR)

test: check chromium ## Set up, then lint, types, unit, law, browser and notebook tests
	$(PY) -m pytest $(SIDE_BY_SIDE) -m "not long and not faults"

test-long: check chromium ## The long forms of the tests
	REPLAYKIT_MOMENTS=20 REPLAYKIT_EXAMPLES=40 $(PY) -m pytest -m "long or not faults"

spec-mutation: $(VENV)/.test ## Change every cell of every answer block: its test must fail
	$(PY) -m pytest -q -p tests.spec.mutation -m "" tests

test-faults: $(VENV)/.test chromium ## Kills, full disks and fuzzing
	$(PY) -m pytest -m faults

check: lint types js ## Formatting, lint, types, and the front end's own tests

lint: $(VENV)/.test ## ruff
	$(VENV)/bin/ruff format --check .
	$(VENV)/bin/ruff check .

types: $(VENV)/.test ## mypy, strict
	$(VENV)/bin/mypy

js: $(VENV)/.test ## tsc, biome, vitest
	cd $(JS) && $(NPM) run --silent check

bench: $(VENV)/.bench ## Run one benchmark: make bench NAME=funnel
	@test -n "$(NAME)" || { echo "Which one? make bench NAME=..., one of:"; ls benchmarks/*.py | xargs -n1 basename -s .py; exit 2; }
	$(PY) benchmarks/$(NAME).py

demo-record: $(VENV)/.test chromium ## Record the packaged sample again, from its source
	$(PY) -m replaykit.demoshop.record

options: $(VENV)/.test ## Write docs/options.md, the table of all option words
	$(PY) docs/options.py

notebooks: $(VENV)/.lab ## Execute the notebooks in place
	$(PY) -m replaykit.demoshop.tour --in-place notebooks/*.ipynb

chromium: ## Find a Chromium for the browser tests, or install Debian's when root
	@command -v chromium >/dev/null || command -v chromium-browser >/dev/null || command -v google-chrome >/dev/null || { \
	  if [ "$$(id -u)" = 0 ] && command -v apt-get >/dev/null; then \
	    apt-get update -qq && DEBIAN_FRONTEND=noninteractive apt-get install -y -qq --no-install-recommends chromium fonts-dejavu-core; \
	  else \
	    echo "The browser tests need Chromium. Install it (Debian: sudo apt-get install chromium) and run make test again."; exit 1; \
	  fi; }

clean: ## Remove what was built here
	rm -rf $(VENV) build dist $(JS)/node_modules replaykit/widgets/static

$(VENV)/bin/python:
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' || { echo "replaykit needs Python 3.11 or newer; $(PYTHON) is $$($(PYTHON) --version). Try: make demo PYTHON=python3.12"; exit 1; }
	$(PYTHON) -m venv $(VENV)

$(VENV)/.lab: $(VENV)/bin/python pyproject.toml requirements.lock hatch_build.py $(JS_SOURCES)
	$(PIP) install -q -c requirements.lock -e '.[lab]'
	@touch $@

$(VENV)/.test: $(VENV)/bin/python pyproject.toml requirements.lock hatch_build.py $(JS_SOURCES)
	$(PIP) install -q -c requirements.lock -e '.[lab,test]'
	@touch $@ $(VENV)/.lab

$(VENV)/.bench: $(VENV)/.test
	$(PIP) install -q -c requirements.lock -e '.[bench]'
	@touch $@
