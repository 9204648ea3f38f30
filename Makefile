# The commands of this project; `make help` lists them. They need Python 3.10 or newer and make,
# and install everything else into .venv.

# The interpreter that .venv is made with. Without one: that of .venv, or the first on PATH that is
# new enough.
PYTHON ?=
VENV := .venv
BIN := $(VENV)/bin
STAMP := $(VENV)/.ready
# Built from console/ by esbuild, with npm of the development environment.
CONSOLE := fc_async_local/console/static/console.js
# Tests run side by side on this many processes. Where their time went is a file of build/.
JOBS ?= auto
# Tests with COVERAGE=--cov show which lines they reach; every test then takes twice as long.
COVERAGE ?=
PYTEST = $(BIN)/python -m pytest --numprocesses=$(JOBS) --dist=worksteal $(COVERAGE)
# Tests start the command and functions by the hundred: each would compile all modules again.
unexport PYTHONDONTWRITEBYTECODE
SITE = $(BIN)/sphinx-build -W --keep-going -q -b html docs docs/_build/html
CHINESE_SITE = $(SITE)/zh-cn -D language=zh_CN

.DEFAULT_GOAL := help
.PHONY: help setup console screenshots pictures demo test test-slow test-all test-clocks fuzz world bench check check-release format docs translate dist stories check-dist schemastore lock clean

help: ## Show this list
	@grep -E '^[a-z-]+:.*## ' $(MAKEFILE_LIST) | sed -E 's/^([a-z-]+):.*## (.*)/  make \1\t\2/' | expand -t 16

setup: $(STAMP) $(CONSOLE) ## Make .venv with everything in it; the command is .venv/bin/fc-async

console: $(STAMP) $(CONSOLE) ## Build the console from console/

$(CONSOLE): $(shell find console -path console/node_modules -prune -o -type f -print) $(wildcard fc_async_sdk/admin/models/*.py docs/locale/zh_CN/LC_MESSAGES/console.po) | $(STAMP)
	@$(BIN)/python .ci/console.py build

# Another Python than that of .venv: .venv is made anew.
ifneq ($(PYTHON),)
VERSION := import sys; print(sys.version_info[:2])
ifneq ($(shell $(PYTHON) -c '$(VERSION)' 2>&1),$(shell $(BIN)/python -c '$(VERSION)' 2>&1))
.PHONY: $(STAMP)
endif
endif

$(STAMP): pyproject.toml constraints.txt fc_async_sdk/_version.py
	@MAKECMDGOALS="$(MAKECMDGOALS)" sh .ci/venv $(VENV) $(PYTHON)
	$(BIN)/python -m pip install --quiet --disable-pip-version-check --upgrade 'pip>=25.1'
	$(BIN)/python -m pip install --quiet --disable-pip-version-check \
	  --constraint constraints.txt --editable '.[all]' --group dev
	@touch $@

demo: $(STAMP) $(CONSOLE) ## Run the main job from end to end on this machine
	$(BIN)/fc-async demo

test: $(STAMP) $(CONSOLE) ## Run the tests of what a change can break
	$(PYTEST) -m 'not slow and not lint' --durations-file=build/durations.txt

# They wait for processes half of their time: three of them run on two cores.
test-slow: JOBS := $(JOBS:auto=$(shell echo $$(($$(getconf _NPROCESSORS_ONLN) * 3 / 2))))
test-slow: $(STAMP) $(CONSOLE) ## Run the campaigns: kills, browsers, whole matrices, templates, stories
	$(PYTEST) -m slow --durations-file=build/durations-slow.txt

test-all: ## Run all tests on each Python from 3.10 to 3.13 that is found
	@bash .ci/test-all 3.10 3.11 3.12 3.13

test-clocks: $(STAMP) $(CONSOLE) ## Run what shows times under other clocks; CLOCK=23:58 ZONE=UTC JOBS=2 TESTS=tests for one
	@CLOCK="$(CLOCK)" ZONE="$(ZONE)" JOBS="$(JOBS:auto=2)" bash .ci/clocks $(TESTS)

fuzz: $(STAMP) ## Send 100,000 mutated requests to all services; FC_ASYNC_FUZZ_SEED=n for others
	FC_ASYNC_FUZZ_REQUESTS=$(or $(FC_ASYNC_FUZZ_REQUESTS),100000) $(BIN)/python -m pytest -q --timeout=0 \
	  tests/integration/api/test_hostile_requests.py -k 'fault_of_the_server and sqlite'

world: $(STAMP) $(CONSOLE) ## Try fc-async dev on each project below PROJECTS=DIR; DEV='--install' for options
	@$(BIN)/python .ci/world.py $(PROJECTS) $(DEV)

bench: $(STAMP) ## Run all benchmarks (under 15 minutes) and write benchmarks/results/
	$(BIN)/python -m pip install --quiet --disable-pip-version-check --group bench
	$(BIN)/python benchmarks/run.py $(BENCH)

check: $(STAMP) $(CONSOLE) ## Format, lint, types, import contracts, translations, documentation
	$(BIN)/ruff format --check .
	$(BIN)/ruff check .
	$(BIN)/mypy
	$(BIN)/mypy tests/typing
	$(BIN)/pyright --pythonpath $(BIN)/python
	$(BIN)/lint-imports --no-cache
	$(BIN)/python .ci/unasync.py check
	$(BIN)/python .ci/console.py check
	$(BIN)/python -m pytest -q -m lint tests/unit/docs tests/unit/test_*.py
	$(SITE)
	$(CHINESE_SITE)

format: $(STAMP) ## Put the code into the house form, and write the synchronous modules anew
	$(BIN)/ruff format .
	$(BIN)/ruff check --fix .
	$(BIN)/python .ci/unasync.py
	$(BIN)/python .ci/console.py format

# -a: the search lacks the words of the index of pages that Sphinx does not write.
docs: $(STAMP) ## Build the documentation into docs/_build/html, in Chinese into zh-cn in it
	$(SITE) -a
	$(CHINESE_SITE) -a

check-release: $(STAMP) ## Find what a release waits for: missing or outdated translations
	$(BIN)/python docs/translations.py check

translate: $(STAMP) ## Bring the messages to translate in docs/locale up to date with the pages
	$(BIN)/python docs/translations.py

screenshots: $(STAMP) $(CONSOLE) ## Take the pictures of the console into docs/_static/console/
	$(BIN)/python docs/screenshots.py

pictures: $(STAMP) ## Draw the pictures of the documentation into docs/_static/pictures/
	$(BIN)/python -m pip install --quiet --disable-pip-version-check --group pictures
	$(BIN)/python docs/pictures.py

dist: $(STAMP) $(CONSOLE) ## Build the source distribution and the wheel into dist/
	$(BIN)/python -m pip install --quiet --disable-pip-version-check \
	  --require-hashes --requirement .ci/locks/release.txt
	rm -rf dist
	$(BIN)/python -m build --no-isolation --outdir dist . >/dev/null
	$(BIN)/twine check --strict dist/*

stories: dist ## Do what the tutorials say, each on a clean machine with the wheel
	$(BIN)/python tests/stories/stories.py dist/*.whl

check-dist: dist ## Install the wheel with each extra on each Python found from 3.10 to 3.13 and use it
	$(BIN)/python .ci/check_dist.py dist $(foreach v,3.10 3.11 3.12 3.13,$(shell sh .ci/python $(v)))

schemastore: $(STAMP) ## Write what a pull request to SchemaStore needs into build/schemastore/
	@$(BIN)/python .ci/schemastore.py build/schemastore

LOCK = $(BIN)/uv pip compile --quiet --upgrade --universal --python-version 3.10 --no-annotate \
  --no-header --no-emit-index-url --no-emit-find-links
HASHED = $(LOCK) --generate-hashes --constraint constraints.txt

lock: $(STAMP) ## Write constraints.txt and .ci/locks anew from the ranges in pyproject.toml, for all Pythons
	$(BIN)/python -m pip install --quiet --disable-pip-version-check uv
	mkdir -p build
	$(LOCK) --extra all --group dev --output-file build/constraints.txt pyproject.toml
	{ sed -n '/^#/p' constraints.txt; cat build/constraints.txt; } > build/lock.txt
	mv build/lock.txt constraints.txt
	$(HASHED) --extra cli --group build --output-file .ci/locks/action.txt pyproject.toml
	$(HASHED) --group release --output-file .ci/locks/release.txt

clean: ## Remove what was built
	rm -rf $(VENV) build dist docs/_build .coverage* .pytest_cache .mypy_cache .ruff_cache .hypothesis
