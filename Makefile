# make demo: edit a real photograph into out/.  make test: all tests.  make lint: ruff and mypy.
# make site: the documentation, into build/site (.venv/bin/pip install -e '.[docs]' first).
# make audit: known vulnerabilities of the locked packages (.venv/bin/pip install -e '.[audit]').
PYTHON ?= python3
VENV   := .venv
BIN    := $(VENV)/bin
SITE   := $(VENV)/lib/python3*/site-packages
PIP    := $(BIN)/python -m pip --disable-pip-version-check
READY  := $(VENV)/.installed-from-lock

# Where it is set, every process would compile all that it imports anew
export PYTHONDONTWRITEBYTECODE :=

.PHONY: demo test quick lint site audit tables readme figures checksums clean

demo: $(READY)
	$(BIN)/python -m tools.demo --out out

test: $(READY)
	OMP_NUM_THREADS=1 $(BIN)/python -m pytest -q -n auto --dist loadfile

quick: $(READY)
	OMP_NUM_THREADS=1 $(BIN)/python -m pytest -q -n auto --dist loadfile -m "not slow"

lint: $(READY)
	$(BIN)/ruff check src tests tools studies
	$(BIN)/ruff format --check src tests tools studies
	$(BIN)/mypy

site: $(READY)
	$(BIN)/python -m mkdocs build --strict

# --strict: an index that knows of no vulnerabilities fails, and does not pass for a clean one.
audit: $(READY)
	$(BIN)/pip-audit --strict --no-deps --disable-pip -r requirements.lock

# The tables of these pages, from results/*.json.
PAGES := README.md docs/results.md docs/results/reliability.md docs/studies/processes.md \
	docs/studies/runtimes.md docs/studies/triplets.md \
	src/istrc/weights/celeba128/README.md
tables: $(READY)
	for page in $(PAGES); do $(BIN)/python -m tools.tables $$page results || exit 1; done

# README's picture, its run times and its tables, all made anew.
readme: $(READY)
	$(BIN)/python -m tools.demo --out out --json results/demo.json
	cp out/walks.jpg docs/walks.jpg
	$(MAKE) tables

# The figures of docs/method.md, drawn anew: four of the paper's, as `istrc figures` makes them.
figures: $(READY)
	$(BIN)/python -m istrc figures out/figures --only 3,4,5,8 --force
	$(BIN)/python -c 'from pathlib import Path; from PIL import Image; \
	  [Image.open(one).convert("RGB").save(f"docs/figures/{one.stem[10:]}.webp", quality=85) \
	  for one in Path("out/figures").glob("figure-*.png")]'

# What `istrc doctor` holds the shipped weights against: anew after they are trained or exported.
checksums:
	cd src/istrc/weights && find . -type f ! -name README.md ! -name SHA256SUMS | sed 's|^\./||' \
	  | LC_ALL=C sort | xargs sha256sum > SHA256SUMS

clean:
	rm -rf $(VENV) out build

# The stamp makes the installation happen once, and again when the lock or the package changes.
# --no-compile, and the modules that are used compiled by using them: .venv stays under 1.5 GB and
# the first command is not slow (it would be, always, where PYTHONDONTWRITEBYTECODE is set).
# --no-build-isolation: the build backend is in the lock, so nothing unpinned is fetched.
# Some builds of torch carry their own C++ tests, and all of them C++ headers: 180 MB that nothing
# here runs or compiles.
$(READY): requirements.lock pyproject.toml
	@$(PYTHON) -c 'import sys; sys.exit(None if sys.version_info >= (3, 10) else \
	  "istrc needs Python 3.10 or newer, and $(PYTHON) is %d.%d: make PYTHON=/path/to/python3.11" \
	  % sys.version_info[:2])'
	test -x $(BIN)/python || $(PYTHON) -m venv $(VENV)
	$(PIP) install --no-compile -r requirements.lock
	$(PIP) install --quiet --no-deps --no-build-isolation -e .
	rm -rf $(SITE)/torch/test $(SITE)/torch/bin/test_* $(SITE)/torch/include
	$(BIN)/python -c 'import istrc.cli, skimage.data, pytest, \
	  dlib, istrc.photo.inputs, istrc.photo.plugins as plugins, istrc.onnx_runtime.parts; \
	  plugins.decoders()'
	touch $@
