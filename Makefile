# make demo: edit a real photograph into out/.  make test: all tests.  make lint: ruff.
PYTHON ?= python3
VENV   := .venv
BIN    := $(VENV)/bin
READY  := $(VENV)/.installed-from-lock

.PHONY: demo test lint tables clean

demo: $(READY)
	$(BIN)/python -m istrc.app.demo --out out

test: $(READY)
	$(BIN)/python -m pytest -q

lint: $(READY)
	$(BIN)/ruff check src tests
	$(BIN)/ruff format --check src tests

# The README's tables, from results/*.json.
tables: $(READY)
	$(BIN)/python -m istrc.app.tables README.md results

clean:
	rm -rf $(VENV) out build

# The stamp makes the installation happen once, and again when the lock or the package changes.
# --no-compile: byte code is written when a module is first used, which keeps .venv under 1.5 GB.
# --no-build-isolation: the build backend is in the lock, so nothing unpinned is fetched.
$(READY): requirements.lock pyproject.toml
	$(PYTHON) -c 'import sys; sys.exit(None if sys.version_info >= (3, 10) else \
	  "istrc needs Python 3.10 or newer, and $(PYTHON) is %d.%d: make PYTHON=/path/to/python3.11" \
	  % sys.version_info[:2])'
	test -x $(BIN)/python || $(PYTHON) -m venv $(VENV)
	$(BIN)/python -m pip install --no-compile --disable-pip-version-check -r requirements.lock
	$(BIN)/python -m pip install --quiet --no-deps --no-build-isolation \
	  --disable-pip-version-check -e .
	touch $@
