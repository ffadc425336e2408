# One target a habit. `make` alone says what there is.
PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
# What plays AWS has an environment of its own: it pins a release of botocore, and the product's is the newest.
EMULATOR := .venv-emulator
PICTURES := .venv-pictures
# What reads the change log has one too: it is large, and tests alone need it.
READERS := .venv-readers
TESTS ?=

.PHONY: help install install-dev demo demo-continuity local check test coverage soak bench smoke findings lint format lock pictures recording clean

# Where the environment keeps Python from writing bytecode, hundreds of processes would compile the same sources.
PYTEST := PYTHONDONTWRITEBYTECODE= $(BIN)/python -m pytest --dist loadfile --no-loadscope-reorder

help: ## say what there is
	@grep -hE '^[a-z-]+:.*## ' $(MAKEFILE_LIST) | sed -E 's/:.*## /\t/' | expand -t 18

define new-environment
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' \
		|| { echo "Error: Python 3.11 or newer is needed. Try: make PYTHON=python3.13 $(MAKECMDGOALS)" >&2; exit 2; }
	$(PYTHON) -m venv $(1)
endef
PIP_INSTALL := -m pip install --quiet --disable-pip-version-check --require-hashes

$(BIN)/python:
	$(call new-environment,$(VENV))

$(VENV)/.operating: requirements.txt | $(BIN)/python
	$(BIN)/python $(PIP_INSTALL) -r requirements.txt
	@touch $@

$(VENV)/.developing: requirements-dev.txt $(VENV)/.operating
	$(BIN)/python $(PIP_INSTALL) -r requirements-dev.txt
	@touch $@

# The same Python as ours: functions that are built for this machine run in it.
$(EMULATOR)/.installed: requirements-emulator.txt | $(BIN)/python
	$(BIN)/python -m venv $(EMULATOR)
	$(EMULATOR)/bin/python $(PIP_INSTALL) -r requirements-emulator.txt
	@touch $@

$(READERS)/.installed: requirements-readers.txt | $(BIN)/python
	$(BIN)/python -m venv $(READERS)
	$(READERS)/bin/python $(PIP_INSTALL) -r requirements-readers.txt
	@touch $@

# Only tests need it.
$(EMULATOR)/.second-engine: local/dynoxide/package-lock.json $(EMULATOR)/.installed
	mkdir -p $(EMULATOR)/dynoxide && cp local/dynoxide/*.json $(EMULATOR)/dynoxide/
	cd $(EMULATOR)/dynoxide && ../bin/npm ci --ignore-scripts --no-audit --no-fund --loglevel=error > npm.log \
		|| { cat npm.log >&2; exit 1; }
	@touch $@

$(PICTURES)/.installed: requirements-pictures.txt
	$(call new-environment,$(PICTURES))
	$(PICTURES)/bin/python $(PIP_INSTALL) -r requirements-pictures.txt
	@touch $@

install: $(VENV)/.operating ## make .venv with what deploying and operating needs, and no more

install-dev: $(VENV)/.developing $(EMULATOR)/.installed $(EMULATOR)/.second-engine $(READERS)/.installed ## add what developing needs, .venv-emulator and .venv-readers; the targets below do it by themselves

demo: $(VENV)/.developing $(EMULATOR)/.installed ## the whole pipeline on a local emulator of AWS, checked; COMPRESSION=forwarder for the other way
	@$(BIN)/python -m local.demo $(if $(COMPRESSION),--compression $(COMPRESSION))

demo-continuity: $(VENV)/.developing $(EMULATOR)/.installed ## a table survives the loss of its account: images, a replica in another account, a restore
	@$(BIN)/python -m local.continuity

local: $(VENV)/.developing $(EMULATOR)/.installed ## the same emulator with everything deployed, to play with, until Ctrl-C
	@$(BIN)/python -m local.playground

check: install-dev lint ## lint, types, unit tests and properties: for every commit
	$(PYTEST) -n 2 tests/unit tests/properties

test: install-dev ## all tests; TESTS=tests/unit for some of them
ifdef TESTS
	$(PYTEST) -n 5 $(TESTS)
else
	@$(BIN)/python -m tests.run
endif

coverage: install-dev ## all tests, and which lines and branches of src they reach; TESTS=tests/unit for some of them
	$(BIN)/python -m coverage erase
	PYTHONDONTWRITEBYTECODE= $(BIN)/python -m coverage run $(if $(TESTS),-m pytest -n 5 --dist loadfile $(TESTS),-m tests.run)
	$(BIN)/python -m coverage combine --quiet
	$(BIN)/python -m coverage report --include="src/*" --skip-covered

soak: $(VENV)/.developing $(EMULATOR)/.installed ## write to a table under random faults for MINUTES=30, and compare its log with it all the time
	@$(BIN)/python -m tests.faults.soak --minutes $(or $(MINUTES),30) $(OPTIONS)

smoke: install ## try what is deployed in the AWS account of your settings; OPTIONS="--profile x"; asks first
	@$(BIN)/python -m tests.smoke.aws_account $(OPTIONS)

bench: $(VENV)/.developing $(EMULATOR)/.installed ## speed, memory, cost and cold start, in some minutes; OPTIONS="--only cost --output json"
	@$(BIN)/python -m benchmarks $(OPTIONS)

findings: ## show each surprise of findings/ again, in some ten minutes; NAME=one-of-them
	@for each in $(or $(NAME:%=findings/%.sh),$(wildcard findings/*.sh)); do \
		echo "--- $$each"; bash "$$each" || failed="$$failed $$each"; \
	done; [ -z "$$failed" ] || { echo "Not as noted:$$failed" >&2; exit 1; }

lint: $(VENV)/.developing ## ruff and mypy on the code, cfn-lint on the templates
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy
	$(BIN)/cfn-lint templates/*.yaml

format: $(VENV)/.developing ## let ruff format everything
	$(BIN)/ruff format .
	$(BIN)/ruff check --fix .

# Hashes of every file of a release, so that the zips for other machines than this one are locked too.
UV_LOCK := $(BIN)/uv pip compile --quiet --universal --python-version 3.11 --generate-hashes --custom-compile-command "make lock"
lock: install-dev ## write the locks anew for what pyproject.toml asks for; OPTIONS=--upgrade for the newest of all
	$(UV_LOCK) $(OPTIONS) pyproject.toml -o requirements.txt
	$(UV_LOCK) $(OPTIONS) pyproject.toml --group dev -c requirements.txt -o requirements-dev.txt
	$(UV_LOCK) $(OPTIONS) --group emulator -o requirements-emulator.txt
	$(UV_LOCK) $(OPTIONS) --group pictures -o requirements-pictures.txt
	$(UV_LOCK) $(OPTIONS) --group readers -o requirements-readers.txt
	cd local/dynoxide && $(CURDIR)/$(EMULATOR)/bin/npm install --package-lock-only --omit-lockfile-registry-resolved --no-audit --no-fund

pictures: $(PICTURES)/.installed ## draw docs/pictures anew from their sources
	$(PICTURES)/bin/python docs/pictures.py

recording: $(PICTURES)/.installed $(VENV)/.developing $(EMULATOR)/.installed ## record make demo for the README; in a terminal
	$(PICTURES)/bin/termtosvg record docs/pictures/demo.cast -g 110x34 -c "$(MAKE) --no-print-directory demo"
	$(PICTURES)/bin/termtosvg render docs/pictures/demo.cast docs/pictures/demo.svg -M 1500 -D 8000 -t gjm8

clean: ## remove everything that was made here
	rm -rf $(VENV) $(EMULATOR) $(PICTURES) $(READERS) .local dist .pytest_cache .mypy_cache .ruff_cache .hypothesis .coverage*
	find . -name __pycache__ -type d -prune -exec rm -rf {} +
