# Sets up what each target needs in .venv by itself; a second run starts at once.
PYTHON ?= python3
BIN := .venv/bin
INSTALL := $(BIN)/python -m pip install --quiet --disable-pip-version-check --constraint constraints.txt

.PHONY: demo test test-fast soak lint reference clean

demo: .venv/base
	$(BIN)/snakemake --configfile config/config.yaml --quiet host reason
	@echo
	@echo "The demo dataset is in results/demo/dataset; look at it in a browser: $(CURDIR)/results/demo/report.html"

test: lint
	$(BIN)/pytest -n 2 -m "not soak"

test-fast: lint
	$(BIN)/pytest -n 2 -m "not slow and not soak"

soak: .venv/dev
	$(BIN)/pytest -m soak

lint: .venv/dev
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy
	$(BIN)/snakefmt --check Snakefile rules
	$(BIN)/snakemake --lint --configfile config/config.yaml

reference: .venv/dev
	$(BIN)/python -m tsalv360.reference

# People's work in curation/ and other data stay.
clean:
	rm -rf results data/demo data/tiny .snakemake

.venv/base: pyproject.toml constraints.txt
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11) and "tsalv360 needs Python 3.11 or newer; found " + sys.version.split()[0] + ". Name one: make PYTHON=python3.12")'
	$(PYTHON) -m venv .venv
	@echo "Installing tsalv360 and its libraries into .venv (about 1 GB) ..."
	$(INSTALL) --editable .
	touch $@

.venv/dev: .venv/base
	@echo "Installing the tools and the libraries of the models (about 6 GB) ..."
	$(INSTALL) --editable ".[dev,captions,train]"
	touch $@
