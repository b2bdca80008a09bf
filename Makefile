# Four words. Each first makes sure that .venv holds what the lock file says.
#   make up      run everything here; PORT=, WORKERS=, SERVER=daphne, DATABASE_URL=, REDIS_URL= as you like
#   make test    all tests, on a throw-away PostgreSQL and Redis of their own
#   make check   everything that can be said about the code without running it
#   make bench   what a call costs, measured, and the long kill test; PUBLISH=1 writes docs/performance.md
.PHONY: up test check bench lock environment
PYTHON := .venv/bin/python
# Tests bring their own servers, whatever the caller's environment says.
ALONE := env -u DATABASE_URL -u REDIS_URL -u DATABASE_URL_FILE -u REDIS_URL_FILE

up: environment
	@exec $(PYTHON) manage.py up --tied

test: environment
	@$(ALONE) $(PYTHON) -m pytest -n logical $(TESTS)

check: environment
	@.venv/bin/ruff check .
	@.venv/bin/ruff format --check .
	@$(PYTHON) -m deploy.lock
	@.venv/bin/lint-imports --no-cache
	@$(ALONE) DJANGO_SETTINGS_MODULE=tests.settings $(PYTHON) manage.py check --fail-level WARNING
	@$(ALONE) DJANGO_SETTINGS_MODULE=tests.settings $(PYTHON) -W ignore manage.py makemigrations --check --dry-run
	@.venv/bin/mypy

bench: environment
	@$(PYTHON) -m bench $(if $(PUBLISH),--publish $(PUBLISH)) $(BENCH)

# Only after a change of the dependencies in pyproject.toml.
lock: environment
	@.venv/bin/uv pip compile pyproject.toml --extra dev --python-version 3.11 --generate-hashes --no-emit-index-url --no-header --quiet --output-file deploy/requirements.lock

environment:
	@deploy/environment.sh
