# contractline: every task by one name. `make help` lists them.
# Works with the make 3.81 that macOS ships.

PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
RUNS := $(VENV)/.runs
READY := $(VENV)/.ready
REPO ?= .
FAST := tests/unit tests/cases tests/property tests/packaging tests/gate

.DEFAULT_GOAL := help
.PHONY: help setup demo webhook-demo test test-long parity chaos lint check format up down reset status register-schemas bench lock screenshots clean \
	compose-env compose-up compose-demo compose-test compose-down

help: ## list the tasks
	@awk 'BEGIN {FS = ":.*## "} /^[a-z-]+:.*## / {printf "  make %-18s %s\n", $$1, $$2}' $(MAKEFILE_LIST)

# Packages of a lock (1), and contractline itself from this checkout.
define INSTALL
	@$(BIN)/python src/contractline/stack/installing.py $(1) $(VENV)/$(1).log \
		|| { echo "error: the packages of $(1) could not be installed. Is the package index reachable (pip reads its own settings and HTTPS_PROXY)? What was fetched is kept: run the same command again." >&2; exit 2; }
	@$(BIN)/python -m pip install --disable-pip-version-check -q --no-deps --no-build-isolation -e .
	@touch $@
endef

# A stamp is newer than its lock when everything in it is installed: what the stack, the producer and
# the demo run on, and what tests and checks need besides.
$(RUNS): requirements-run.lock pyproject.toml
	@$(PYTHON) -c 'import sys; sys.version_info >= (3, 11) or sys.exit("contractline needs Python 3.11 or newer; this is " + sys.version.split()[0] + ". Name another one: make PYTHON=python3.12 ...")'
	@test -x $(BIN)/python || $(PYTHON) -m venv $(VENV) || { rm -rf $(VENV); echo "error: $(PYTHON) can't make a virtual environment; on Debian and Ubuntu: apt install python3-venv" >&2; exit 2; }
	@echo "Installing Python packages (about 355 MB the first time, from the cache of pip afterwards)"
	$(call INSTALL,requirements-run.lock)

$(READY): $(RUNS) requirements.lock
	@echo "Installing what tests and checks need (about 130 MB the first time)"
	$(call INSTALL,requirements.lock)

setup: $(RUNS) ## install what runs: Python packages, then the services' files
	@$(BIN)/contractline setup

demo: setup ## start all, apply the contracts, send real commits, print a report (REPO=path-or-URL)
	@$(BIN)/contractline demo --repository "$(REPO)"

webhook-demo: setup ## start all, then send GitHub's recorded push events to a receiver and show the rows
	@$(BIN)/contractline up
	@$(BIN)/contractline apply >/dev/null
	@$(BIN)/python -m producer.webhook.demo

test: setup $(READY) ## all tests: the fast ones, then those on the real stack
	$(BIN)/python -m pytest $(FAST) -n 2 -q
	$(BIN)/python -m pytest tests/integration tests/e2e -n 2 --dist loadfile --reruns 1 --rerun-show-tracebacks -q -rfER

test-long: setup $(READY) ## many more random values, and a table of a million rows (ten minutes)
	CONTRACTLINE_VALUES=3000 CONTRACTLINE_ROWS=1000000 $(BIN)/python -m pytest -q --timeout 7200 \
		tests/integration/targets/test_values.py tests/integration/targets/test_large.py

parity: setup $(READY) ## hold 100 random histories against the page, Metabase's cards and a plain count (HISTORIES=100)
	CONTRACTLINE_PARITY=$(or $(HISTORIES),100) $(BIN)/python -m pytest tests/integration/dashboard/test_parity.py -q

chaos: setup $(READY) ## random faults under load (SEED=1 ROUNDS=20): kills, stops, restarts, broken connections; nothing may be lost
	CONTRACTLINE_SEED=$(or $(SEED),1) CONTRACTLINE_ROUNDS=$(or $(ROUNDS),20) \
		$(BIN)/python -m pytest tests/integration/chaos -q -rP

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

down: $(RUNS) ## stop the local stack; its data stay
	@$(BIN)/contractline down

reset: $(RUNS) ## stop the local stack and remove its data (YES=1: without a question)
	@$(BIN)/contractline reset $(if $(YES),--yes)

status: $(RUNS) ## show each service, and whether each stream flows
	@$(BIN)/contractline status

register-schemas: $(RUNS) ## register the released schemas of the contracts
	@$(BIN)/contractline apply schemas

# With Docker. Only the tests need Python on the host. Run in compose/, since its .env names the files.
# What `contractline env` exports of another installation would outweigh the .env.
COMPOSE := cd compose && env -u POSTGRES_REPLICATION_USER -u POSTGRES_REPLICATION_PASSWORD \
	-u METABASE_USER -u METABASE_PASSWORD docker compose
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

bench: setup $(READY) ## measure on the real stack, beside the alternatives
	@$(BIN)/python -m pip install --disable-pip-version-check -q --no-deps --require-hashes -r benchmarks/requirements.lock
	$(BIN)/python -m benchmarks

lock: $(READY) ## renew requirements.lock, its part that runs, and the action's (-check, -engine), from pyproject.toml
	$(BIN)/uv pip compile --quiet --universal --python-version 3.11 --generate-hashes --no-emit-index-url \
		--no-annotate --no-header --extra stack --extra producer --extra dev pyproject.toml -o requirements.lock
	printf 'hatchling\neditables\n' | $(BIN)/uv pip compile --quiet --universal --python-version 3.11 --generate-hashes --no-emit-index-url \
		--no-annotate --no-header --constraint requirements.lock --extra stack --extra producer --extra demo pyproject.toml - -o requirements-run.lock
	echo hatchling | $(BIN)/uv pip compile --quiet --universal --python-version 3.11 --generate-hashes --no-emit-index-url \
		--no-annotate --no-header --constraint requirements.lock pyproject.toml - -o requirements-check.lock
	echo hatchling | $(BIN)/uv pip compile --quiet --universal --python-version 3.11 --generate-hashes --no-emit-index-url \
		--no-annotate --no-header --constraint requirements.lock --extra engine pyproject.toml - -o requirements-engine.lock

screenshots: $(READY) ## take the pictures of the live page for the docs (the stack runs; needs chromium)
	$(BIN)/python docs/screenshots.py

clean: ## remove the environment and caches; the stack's data stay (make reset removes those)
	rm -rf $(VENV) .mypy_cache .pytest_cache .ruff_cache .hypothesis dist
	find . -name __pycache__ -type d -prune -exec rm -rf {} +
