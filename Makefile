# One target a habit. `make` alone says what there is.
PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
TESTS ?= tests

.PHONY: help install demo demo-continuity local test soak bench smoke lint format clean

help: ## say what there is
	@grep -hE '^[a-z-]+:.*## ' $(MAKEFILE_LIST) | sed -E 's/:.*## /\t/' | expand -t 12

$(BIN)/.installed: requirements.txt requirements-dev.txt
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' \
		|| { echo "Error: Python 3.11 or newer is needed. Try: make PYTHON=python3.13 $(MAKECMDGOALS)" >&2; exit 2; }
	$(PYTHON) -m venv $(VENV)
	$(BIN)/python -m pip install --quiet --disable-pip-version-check -r requirements-dev.txt
	@touch $@

install: $(BIN)/.installed ## make .venv and install the pinned requirements

demo: install ## the whole pipeline on a local emulator of AWS, checked; COMPRESSION=forwarder for the other way
	@$(BIN)/python -m local.demo $(if $(COMPRESSION),--compression $(COMPRESSION))

demo-continuity: install ## a table survives the loss of its account: images, a replica in another account, a restore
	@$(BIN)/python -m local.continuity

local: install ## the same emulator with everything deployed, to play with, until Ctrl-C
	@$(BIN)/python -m local.playground

test: install ## all tests; TESTS=tests/unit for some of them
	$(BIN)/python -m pytest -n 5 --dist loadfile --no-loadscope-reorder $(TESTS)

soak: install ## write to a table under random faults for MINUTES=30, and compare its log with it all the time
	@$(BIN)/python -m tests.faults.soak --minutes $(or $(MINUTES),30) $(OPTIONS)

smoke: install ## try what is deployed in the AWS account of your settings; OPTIONS="--profile x"; asks first
	@$(BIN)/python -m tests.smoke.aws_account $(OPTIONS)

bench: install ## speed, memory, cost and cold start, in some minutes; OPTIONS="--only cost --output json"
	@$(BIN)/python -m benchmarks $(OPTIONS)

lint: install ## ruff and mypy on the code, cfn-lint on the templates
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy
	$(BIN)/cfn-lint templates/*.yaml

format: install ## let ruff format everything
	$(BIN)/ruff format .
	$(BIN)/ruff check --fix .

clean: ## remove everything that was made here
	rm -rf $(VENV) .local dist .pytest_cache .mypy_cache .ruff_cache .hypothesis
	find . -name __pycache__ -type d -prune -exec rm -rf {} +
