# Each target first installs what it needs, in .venv or (benchmarks) in .venv-benchmarks; later runs start immediately.
PYTHON ?= python3
BIN := .venv/bin
WEB := tsalv360/explorer/web
# Requires a NumPy version that the OpenCV of Label Studio's client excludes, but only for a report that is switched off.
SLURM = snakemake-executor-plugin-slurm snakemake-executor-plugin-slurm-jobstep
# Two workers share the cores. Threads within each worker would compete, and models would take many times as long.
PYTEST = OMP_NUM_THREADS=1 $(BIN)/pytest -n 2 --dist loadfile --no-loadscope-reorder
# Without --no-compile, pip compiles all files one after another, which takes longer than installing them.
INSTALL = $(@D)/bin/python -m pip install --quiet --no-compile --disable-pip-version-check --constraint constraints.txt

.PHONY: demo test test-fast soak lint bundle label-studio reference docs benchmarks dist clean

demo: .venv/base
	$(BIN)/snakemake --configfile config/config.yaml --quiet host reason
	@echo
	@echo "The demo dataset is in results/demo/dataset. Look around in it: open this page in a browser: $(CURDIR)/results/demo/explorer/index.html"

test:
	$(MAKE) --jobs 2 lint label-studio
	$(MAKE) docs
	$(PYTEST) -m "not soak"

test-fast: lint
	$(MAKE) docs
	$(PYTEST) -m "not slow and not soak"

soak: .venv/dev
	$(BIN)/pytest -m soak

lint: .venv/dev
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy
	$(BIN)/snakefmt --check Snakefile rules
	$(BIN)/snakemake --lint --configfile config/config.yaml

# Otherwise the tests, or the first `tsalv360 curation start`, would install it.
label-studio: .venv/base
	$(BIN)/python -m tsalv360.curation.server

# Builds the explorer's script and style from their sources. The copy keeps node's packages out of the package.
bundle: .venv/dev
	mkdir -p build/web
	rm -rf build/web/src
	cp -R $(addprefix $(WEB)/,package.json package-lock.json tsconfig.json src) build/web
	cd build/web && PATH="$(CURDIR)/$(BIN):$$PATH" && npm ci && npm run check && npm run build
	cp build/web/explorer.js build/web/explorer.css $(WEB)

reference: .venv/dev
	$(BIN)/python -m tsalv360.workflow.reference

# Builds the documentation as a site; whatever is wrong in it is an error, on every run, so nothing is taken from the last one.
docs: .venv/docs
	rm -rf site
	$(BIN)/sphinx-build --quiet --fresh-env --fail-on-warning --keep-going --doctree-dir build/doctrees --conf-dir docs/site . site
	@echo "The documentation is in site. Open this page in a browser: $(CURDIR)/site/index.html"

# Prints a table that compares this package with others; options go in ARGS, such as ARGS="--repeats 1".
benchmarks: .venv-benchmarks/base
	@.venv-benchmarks/bin/python benchmarks $(ARGS)

# Writes the source archive and the wheel that it gives.
dist: .venv/dev
	rm -rf dist
	$(BIN)/python -m build --no-isolation

# Keeps the curators' work in curation/, and all other data.
clean:
	rm -rf results data/demo data/tiny .snakemake

.venv/base: WHAT = tsalv360 and its libraries
.venv/base: SIZE = 1 GB
.venv-benchmarks/base: EXTRA = [benchmarks]
.venv-benchmarks/base: WHAT = tsalv360 and the packages it is compared with, including PyTorch,
.venv-benchmarks/base: SIZE = 7 GB

.venv/base .venv-benchmarks/base: pyproject.toml constraints.txt
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11) and "tsalv360 needs Python 3.11 or newer; found " + sys.version.split()[0] + ". Choose one: make PYTHON=python3.12")'
	$(PYTHON) -m venv $(@D)
	@echo "Installing $(WHAT) into $(@D) (about $(SIZE)) ..."
	$(INSTALL) --editable ".$(EXTRA)"
	$(@D)/bin/python -m tsalv360.job.libraries
	touch $@

.venv/docs: .venv/base
	@echo "Installing what builds the documentation (50 MB) ..."
	$(INSTALL) --editable ".[docs]"
	touch $@

.venv/dev: .venv/docs
	@echo "Installing the development tools and the libraries of the models (about 6 GB) ..."
	$(INSTALL) --editable ".[dev,captions,curation,publish,train]"
	$(INSTALL) --no-deps $(SLURM)
	$(@D)/bin/python -m compileall -qq -j 0 $(@D)/lib || true # some packages contain files for other Python versions
	touch $@
