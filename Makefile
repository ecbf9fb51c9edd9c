# `make help` lists what there is. Everything is installed into .venv, exactly as locked.

PYTHON ?= python3
HOST ?= 127.0.0.1
PORT ?= 5000
BIN := .venv/bin
PIP := $(BIN)/pip --disable-pip-version-check install --quiet
COMPILE = $(BIN)/uv pip compile --quiet --universal --python-version 3.11 --no-annotate --no-emit-index-url \
	--custom-compile-command "make lock" $(if $(UPGRADE),--upgrade) pyproject.toml

# EXTRAS=a,b: what pyproject.toml calls so, on top of the server; each has its own lock file
comma := ,
extras := $(subst $(comma), ,$(EXTRAS))
unknown := $(filter-out $(basename $(notdir $(wildcard requirements/*.txt))),$(extras))
$(if $(unknown),$(error EXTRAS: there is no requirements/$(firstword $(unknown)).txt))

# NAME=…: a folder of examples/, whose example.env says what it needs
examples := $(patsubst examples/%/example.env,%,$(wildcard examples/*/example.env))
ifneq ($(filter example,$(MAKECMDGOALS)),)
$(if $(filter $(NAME),$(examples)),,$(error NAME: choose one of $(examples)))
endif

.DEFAULT_GOAL := help
.NOTPARALLEL: # one pip at a time
.PHONY: help serve stack example up down test quick bench faults lint image lock clean

help: ## list the targets
	@awk -F ':.*## ' '/^[a-z]+:.*## / { printf "  make %-7s %s\n", $$1, $$2 }' $(firstword $(MAKEFILE_LIST))

serve: .venv/server $(extras:%=.venv/%) ## sync mode on HOST (127.0.0.1) and PORT (5000), until Ctrl-C; EXTRAS=sklearn installs an extra
	@TRINITY_MODE=sync HOST=$(HOST) PORT=$(PORT) exec $(BIN)/gunicorn app:api

stack: .venv/dev ## async mode without Docker on HOST and PORT (5000): Valkey, web, two workers, Flower; BROKER=rabbit for RabbitMQ
	@HOST=$(HOST) PORT=$(PORT) BROKER=$(BROKER) exec $(BIN)/python -m app stack

example: .venv/dev ## an example, ready to use, as make stack runs: NAME=object_detection, and PORT, BROKER and so on as there
	@HOST=$(HOST) PORT=$(PORT) BROKER=$(BROKER) exec $(BIN)/python -m app stack --example $(NAME)

test: .venv/dev ## all tests; ARGS="-k ledger" runs some
ifdef ARGS
	@$(BIN)/python -m pytest $(ARGS)
else
	@$(BIN)/python -m pytest -n auto --ignore tests/faults
	@$(BIN)/python -m pytest tests/faults
endif

quick: .venv/dev ## the fast tests, to be run often: no slow test, and none over RabbitMQ
	@$(BIN)/python -m pytest -n 4 -m "not slow" -k "not rabbit" $(ARGS)

bench: .venv/dev ## speed, as ratios to a reference measured in the same run; ARGS="predict fit" runs some
	@$(BIN)/python -m tests.bench $(ARGS)

faults: .venv/dev ## the long set of faults, hours; writes docs/reliability.md; ARGS="--only poison" injects some
	@$(BIN)/python -m tests.faults --long $(if $(ARGS),,--report) $(ARGS)

lint: .venv/dev ## ruff (rules and format) and mypy
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy

up: ## async mode in containers on PORT (8080), waits until all are healthy; BROKER=rabbit for RabbitMQ
	@BROKER=$(BROKER) scripts/containers up

down: ## stop and remove the containers; models and jobs are kept
	@scripts/containers down

image: ## the container image, as trinity:latest; EXTRAS=sklearn,tracing builds it with extras
	docker build --tag trinity:latest --build-arg EXTRAS=$(EXTRAS) .

lock: .venv/made ## all of requirements/ from pyproject.toml; UPGRADE=1 takes the newest versions
	@$(PIP) uv
	$(COMPILE) --extra server --output-file requirements/server.txt
	$(COMPILE) --extra server --extra tracing --constraint requirements/server.txt --output-file requirements/tracing.txt
	$(COMPILE) --all-extras --constraint requirements/tracing.txt --output-file requirements/dev.txt
	for extra in sklearn onnx xgboost lightgbm vision sql documents; do \
		$(COMPILE) --extra server --extra $$extra --constraint requirements/dev.txt --output-file requirements/$$extra.txt || exit 1; \
	done

clean: ## remove the environment and the caches; fitted models (.trinity) stay
	rm -rf .venv build dist *.egg-info .pytest_cache .mypy_cache .ruff_cache .hypothesis
	find . -name __pycache__ -type d -prune -exec rm -rf {} +

.venv/made: .ci/make_venv.py
	@echo "making .venv with $$($(PYTHON) --version)"
	@$(PYTHON) .ci/make_venv.py .venv
	@touch $@

.venv/dev: .venv/server
.venv/%: requirements/%.txt .venv/made
	@echo "installing $<"
	@$(PIP) --requirement $<
	@touch $@
