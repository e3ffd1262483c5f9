# Two commands on a fresh machine: `make demo` and `make test`. Both install what they need into .venv.
PYTHON ?= python3
BIN := .venv/bin
DEMO_SIZE ?= demo
# The pretend company has a home of its own, whatever the environment says: invented people never meet real ones.
DEMO_HOME := QOH_HOME=demo/data QOH_KEYS=demo/keys QOH_CONNECTIONS=connections.example.toml
SANDBOX := $(DEMO_HOME) $(BIN)/python -m ingestion.sandbox exec --size $(DEMO_SIZE) --state demo/sandbox --rate raised

# The stack is told to stay silent before it is imported.
export DO_NOT_TRACK=1
export RUNTIME__DLTHUB_TELEMETRY=false
export DBT_SEND_ANONYMOUS_USAGE_STATS=false
export DBT_VERSION_CHECK=false
export GX_ANALYTICS_ENABLED=false

.PHONY: help install demo advance dev test check format bench lock clean-demo
.DEFAULT_GOAL := help

help: ## show this list
	@grep -hE '^[a-z-]+:.*## ' $(MAKEFILE_LIST) | awk -F ':.*## ' '{printf "  make %-12s %s\n", $$1, $$2}'

install: .venv/installed ## create .venv from requirements.lock (hashes checked)

# uv is taken from the same lock file with pip, then installs the rest. Where uv does not run (no build of it for this
# machine), pip alone is the slower way to the same place; a failure of uv itself is shown and ends the installation.
.venv/installed: requirements.lock pyproject.toml
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11) and f"Python 3.11 or newer is needed, this is {sys.version.split()[0]}: make PYTHON=python3.12 …")'
	@echo "Installing the locked environment into .venv …"
	@test -x $(BIN)/python || $(PYTHON) -m venv .venv
	@awk '/^uv==/{keep=1} keep && /^[a-z]/ && !/^uv==/{exit} keep' requirements.lock > .venv/uv.lock
	@$(BIN)/python -m pip install --quiet --disable-pip-version-check --require-hashes -r .venv/uv.lock \
		|| echo "uv cannot be installed here; pip installs the rest, slower."
	@if $(BIN)/uv --version >/dev/null 2>&1; then \
		$(BIN)/uv pip sync --quiet --require-hashes --python $(BIN)/python requirements.lock && \
		$(BIN)/uv pip install --quiet --python $(BIN)/python --no-deps --no-build-isolation --editable .; \
	else \
		$(BIN)/python -m pip install --quiet --disable-pip-version-check --require-hashes -r requirements.lock && \
		$(BIN)/python -m pip install --quiet --disable-pip-version-check --no-deps --no-build-isolation --editable .; \
	fi
	@touch $@

# dbt's manifest is parsed once here; Dagster only reads it.
MANIFEST := dbt_project/target/manifest.json
$(MANIFEST): .venv/installed $(shell find dbt_project -name target -prune -o -name logs -prune -o -type f -print 2>/dev/null)
	@$(DEMO_HOME) $(BIN)/qoh manifest

demo: $(MANIFEST) ## sync a pretend company over HTTP, build, check, estimate, publish and report
	@echo "Sandbox with raised rate limits (real ones are in the tests and benchmarks)."
	@$(SANDBOX) -- $(BIN)/qoh run
	@echo "To use qoh with this company: export $(DEMO_HOME)"

advance: .venv/installed ## let 30 days pass in the pretend company; the next `make demo` syncs what changed
	@$(BIN)/python -m ingestion.sandbox advance --state demo/sandbox --days 30

dev: $(MANIFEST) ## sandbox and Dagster UI on 127.0.0.1, ready to click
	@$(SANDBOX) -- $(BIN)/qoh dev

test: $(MANIFEST) ## every test and doctest, offline
	@$(BIN)/python -m pytest -n 2 --dist loadfile --doctest-modules tests validity reporting

check: $(MANIFEST) ## format, lint, types, SQL lint
	@$(BIN)/ruff format --check .
	@$(BIN)/ruff check .
	@$(BIN)/mypy
	@$(BIN)/sqlfluff lint --processes 2 --disable-progress-bar dbt_project

format: .venv/installed ## write the format that `make check` asks for
	@$(BIN)/ruff format .
	@$(BIN)/ruff check --fix .

bench: $(MANIFEST) ## measure sync, load, dbt, checks and estimates; rewrite docs/performance.md
	@$(BIN)/python -m benchmarks

lock: ## resolve requirements.lock again from pyproject.toml
	@$(BIN)/uv pip compile --quiet --generate-hashes --extra dev --python-version 3.11 --universal --no-header pyproject.toml -o requirements.lock

clean-demo: ## show what the pretend company left in demo/; CONFIRM=yes deletes it
	@if [ ! -d demo ]; then echo "There is no demo/."; \
	elif [ "$(CONFIRM)" = yes ]; then rm -rf demo && echo "demo/ deleted."; \
	else echo "Would delete:"; du -sh demo; echo "Run: make clean-demo CONFIRM=yes"; fi
