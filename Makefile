# `make help` lists the targets. They need only git, make and Python 3.11 or newer. Each target first updates .tools/
# and .venv/ to the lock file (scripts/bootstrap.py), which takes a few milliseconds if nothing has changed.

PYTHON ?= $(shell command -v python3 || command -v python)
SERAI  := .venv/bin/serai
ARGS   ?=
# Four workers, because most tests wait, for example for leases to expire and for processes to restart. With -n0 the
# tests run one after another.
PYTEST := .venv/bin/pytest -n 4 --no-loadscope-reorder
# Plugins that only the tests of the whole shop use. Otherwise every pytest process would load them.
UNUSED := -p no:schemathesis -p no:faker
IMAGE  ?= serai
CONTAINERS ?= $(shell command -v podman || echo docker)

.DEFAULT_GOAL := help
.PHONY: help up status seed migrate tools dev test fast mutants check format openapi bench bench-compare bench-edge rolling overload screenshots web web-dev web-check web-sizes lighthouse image clean

help: ## Show what every target does
	@awk 'BEGIN {FS = ":.*## "} /^[a-z-]+:.*## / {printf "  make %-13s %s\n", $$1, $$2}' $(MAKEFILE_LIST)
	@echo
	@echo "  ARGS=\"...\" is passed to the command of a target: make test ARGS=\"-k cart\", make up ARGS=\"--replicas order=2,gateway=2\""

up: tools web ## Start the whole shop on this machine and print its addresses; Ctrl-C stops it (SERAI_PORT=8080)
	@exec $(SERAI) up $(ARGS)

status: tools ## Show the processes, their addresses and their health
	@exec $(SERAI) status $(ARGS)

migrate: tools ## Migrate every service's database, without starting the shop
	@exec $(SERAI) migrate $(ARGS)

seed: tools ## Add the demo catalogue and the demo accounts (`make up` runs it once)
	@exec $(SERAI) seed $(ARGS)

test: dev web ## Run every test, including complete purchases and the fault tests
	@exec $(PYTEST) $(ARGS)

fast: dev web ## Run the tests that take no seconds and start neither the shop nor their own gateway or browser
	@exec $(PYTEST) $(UNUSED) -m "not system and not slow" --ignore=tests/journeys --ignore=tests/faults --ignore=tests/tools/rolling $(ARGS)

mutants: dev ## List changes to the code for money, stock and events that no fast test detects (ARGS="pricing feed")
	@exec .venv/bin/python -m tools.mutants $(ARGS)

check: dev ## Check format, lint, types, import rules, OpenAPI drift and migrations up and down
	.venv/bin/ruff format --check .
	.venv/bin/ruff check .
	@$(MAKE) --no-print-directory -j2 check-types check-rest

# Both run in parallel. The type check uses one core and prints nothing until it ends.
.PHONY: check-types check-rest
check-types:
	.venv/bin/mypy
check-rest:
	.venv/bin/lint-imports
	$(SERAI) openapi --check
	$(SERAI) migrate --check

format: dev ## Format the code and apply automatic fixes
	.venv/bin/ruff format .
	.venv/bin/ruff check --fix .

openapi: dev ## Write openapi/*.json, docs/routes.md and the client's table of currencies from the code
	@exec $(SERAI) openapi $(ARGS)

bench: dev web ## Measure the shop's performance and compare it with the machine's limits (docs/benchmarks.md)
	@exec .venv/bin/python -m tools.bench $(ARGS)

bench-compare: dev web ## Compare a git revision with the working tree: make bench-compare BASE=main
	@exec .venv/bin/python -m tools.bench --base "$(or $(BASE),HEAD)" $(ARGS)

rolling: dev web ## Restart every process one after another under load, and count failed requests
	@exec .venv/bin/python -m tools.rolling $(ARGS)

bench-edge: dev web ## Measure the gateway's latency and maximum rate, compared with a bare Envoy
	@exec .venv/bin/python -m tools.bench.edge

overload: dev web ## Load the shop with up to three times its capacity, and show the responses
	@exec .venv/bin/python -m tools.bench.overload $(ARGS)

screenshots: dev web ## Take screenshots of every page in two widths and both themes into docs/screenshots/
	@exec .venv/bin/python -m tools.screenshots $(ARGS)

tools: ## Install the shop's dependencies into .tools/ and .venv/
	@$(PYTHON) scripts/bootstrap.py

dev: ## Install the dependencies of the tests and checks as well
	@$(PYTHON) scripts/bootstrap.py --dev

web: tools ## Build the client application into web/dist (`up` and `test` run it)
	@.venv/bin/python scripts/web.py build

web-dev: tools ## Serve the client application with hot reload at :5173, in front of a shop started by `make up`
	@exec .venv/bin/python scripts/web.py dev

web-check: tools ## Check the client application's types against openapi/ and run its component tests
	@.venv/bin/python scripts/web.py check
	@.venv/bin/python scripts/web.py test

image: ## Build the container image `serai` (CONTAINERS=docker, BASE=..., IMAGE=...)
	$(CONTAINERS) build $(if $(BASE),--build-arg BASE=$(BASE)) --file deploy/Dockerfile --tag $(IMAGE) $(ARGS) .

web-sizes: dev web ## Print the compressed size of the scripts that each page of the client application loads
	@exec .venv/bin/python -m tools.first_load

lighthouse: dev web ## Run Lighthouse on every page, as guest, customer and admin, with a separate shop (reports in .lighthouse/)
	@exec .venv/bin/python scripts/web.py lighthouse $(ARGS)

clean: ## Remove .venv/, .tools/ and caches; the shop's data in .serai/ stays
	rm -rf web/node_modules web/lighthouse/node_modules web/dist web/src/api/generated .lighthouse
	rm -rf .venv .tools .mypy_cache .ruff_cache .pytest_cache .hypothesis .import_linter_cache
