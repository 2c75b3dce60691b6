# contractline: every task by one name. `make help` lists them.
# Works with the make 3.81 that macOS ships.

PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
READY := $(VENV)/.ready
REPO ?= .
FAST := tests/unit tests/cases tests/property tests/packaging tests/gate

.DEFAULT_GOAL := help
.PHONY: help setup demo test lint check format up down reset status register-schemas bench lock clean \
	compose-env compose-up compose-demo compose-test compose-down

help: ## list the tasks
	@awk 'BEGIN {FS = ":.*## "} /^[a-z-]+:.*## / {printf "  make %-18s %s\n", $$1, $$2}' $(MAKEFILE_LIST)

# The stamp is newer than the lock when everything in it is installed.
$(READY): requirements.lock pyproject.toml
	@$(PYTHON) -c 'import sys; sys.version_info >= (3, 11) or sys.exit("contractline needs Python 3.11 or newer; this is " + sys.version.split()[0] + ". Name another one: make PYTHON=python3.12 ...")'
	@test -x $(BIN)/python || $(PYTHON) -m venv $(VENV) || { rm -rf $(VENV); echo "error: $(PYTHON) can't make a virtual environment; on Debian and Ubuntu: apt install python3-venv" >&2; exit 2; }
	@echo "Installing Python packages (about 550 MB the first time, from the cache of pip afterwards)"
	@$(BIN)/python -m pip install --disable-pip-version-check --no-deps --require-hashes -r requirements.lock \
		|| { echo "error: the packages of requirements.lock could not be installed. Is the package index reachable (pip reads its own settings and HTTPS_PROXY)? What was fetched is kept: run the same command again." >&2; exit 2; }
	@$(BIN)/python -m pip install --disable-pip-version-check -q --no-deps --no-build-isolation -e .
	@touch $@

setup: $(READY) ## install everything: Python packages, then the services' files
	@$(BIN)/contractline setup

demo: setup ## start all, apply the contracts, send real commits, print a report (REPO=path-or-URL)
	@$(BIN)/contractline demo --repository "$(REPO)"

test: setup ## all tests: the fast ones, then those on the real stack
	$(BIN)/python -m pytest $(FAST) -n 2 -q
	$(BIN)/python -m pytest tests/integration tests/e2e -q

lint: $(READY) ## format, lint, types, layers, contracts and generated files
	$(BIN)/ruff format --check .
	$(BIN)/ruff check .
	$(BIN)/mypy
	$(BIN)/lint-imports --no-cache
	$(BIN)/contractline check contracts
	$(BIN)/contractline generate --check

check: lint ## what a pull request must pass without services: lint and the fast tests
	$(BIN)/python -m pytest $(FAST) -n 2 -q

format: $(READY) ## format the code and mend what ruff can mend
	$(BIN)/ruff check --fix .
	$(BIN)/ruff format .

up: setup ## start the local stack
	@$(BIN)/contractline up

down: $(READY) ## stop the local stack; its data stay
	@$(BIN)/contractline down

reset: $(READY) ## stop the local stack and remove its data
	@$(BIN)/contractline reset

status: $(READY) ## show each service
	@$(BIN)/contractline status

register-schemas: $(READY) ## register the released schemas of the contracts
	@$(BIN)/contractline apply schemas

# With Docker. Only the tests need Python on the host. Run in compose/, since its .env names the files.
# What `contractline env` exports of another installation would outweigh the .env.
COMPOSE := cd compose && env -u POSTGRES_REPLICATION_USER -u POSTGRES_REPLICATION_PASSWORD docker compose
REGISTRY ?=

compose/.env:
	@compose/make-env.sh "$(REGISTRY)"

compose-env: ## write compose/.env with generated passwords (REGISTRY=apicurio for that registry)
	@compose/make-env.sh "$(REGISTRY)"

compose-up: compose/.env ## start the pipeline in containers and apply the contracts
	@$(COMPOSE) up --build --detach

compose-demo: compose-up ## send commits through the containers, print the report, go on (REPO=path)
	@$(COMPOSE) run --rm --volume "$(abspath $(REPO)):/repository:ro" demo
	@$(COMPOSE) --profile demo up --detach producer

compose-test: $(READY) ## the whole-flow tests, on containers of their own
	REGISTRY="$(REGISTRY)" $(BIN)/python -m pytest tests/compose -q -rs

compose-down: ## stop the containers; their data stay
	@$(COMPOSE) --profile "*" down

bench: setup ## measure on the real stack, beside the alternatives
	@$(BIN)/python -m pip install --disable-pip-version-check -q --no-deps --require-hashes -r benchmarks/requirements.lock
	$(BIN)/python -m benchmarks

lock: $(READY) ## renew requirements.lock and the action's, requirements-check.lock and -engine.lock, from pyproject.toml
	$(BIN)/uv pip compile --quiet --universal --python-version 3.11 --generate-hashes --no-emit-index-url \
		--no-annotate --no-header --extra stack --extra producer --extra dev pyproject.toml -o requirements.lock
	echo hatchling | $(BIN)/uv pip compile --quiet --universal --python-version 3.11 --generate-hashes --no-emit-index-url \
		--no-annotate --no-header --constraint requirements.lock pyproject.toml - -o requirements-check.lock
	echo hatchling | $(BIN)/uv pip compile --quiet --universal --python-version 3.11 --generate-hashes --no-emit-index-url \
		--no-annotate --no-header --constraint requirements.lock --extra engine pyproject.toml - -o requirements-engine.lock

clean: ## remove the environment and caches; the stack's data stay (make reset removes those)
	rm -rf $(VENV) .mypy_cache .pytest_cache .ruff_cache .hypothesis dist
	find . -name __pycache__ -type d -prune -exec rm -rf {} +
