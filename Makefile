# Sets up what each target needs by itself in .venv, the benchmarks' in .venv-benchmarks; a second run starts at once.
PYTHON ?= python3
BIN := .venv/bin
# It asks for a NumPy that the labelling client's OpenCV forbids, and uses it in a report only, which is off.
SLURM = snakemake-executor-plugin-slurm snakemake-executor-plugin-slurm-jobstep
# Two workers share the cores: with threads of its own each waits for the other's, and models take many times as long.
PYTEST = OMP_NUM_THREADS=1 $(BIN)/pytest -n 2 --dist loadfile --no-loadscope-reorder
# pip would compile all files one after another, which takes longer than installing them.
INSTALL = $(@D)/bin/python -m pip install --quiet --no-compile --disable-pip-version-check --constraint constraints.txt

.PHONY: demo test test-fast soak lint label-studio reference benchmarks clean

demo: .venv/base
	$(BIN)/snakemake --configfile config/config.yaml --quiet host reason
	@echo
	@echo "The demo dataset is in results/demo/dataset; look at it in a browser: $(CURDIR)/results/demo/report.html"

test:
	$(MAKE) --jobs 2 lint label-studio
	$(PYTEST) -m "not soak"

test-fast: lint
	$(PYTEST) -m "not slow and not soak"

soak: .venv/dev
	$(BIN)/pytest -m soak

lint: .venv/dev
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy
	$(BIN)/snakefmt --check Snakefile rules
	$(BIN)/snakemake --lint --configfile config/config.yaml

# The tests, like whoever curates first, would make it otherwise.
label-studio: .venv/base
	$(BIN)/python -m tsalv360.curation.server

reference: .venv/dev
	$(BIN)/python -m tsalv360.workflow.reference

# One table of this package and others at the same jobs; ARGS="--repeats 1" and such are passed on.
benchmarks: .venv-benchmarks/base
	@.venv-benchmarks/bin/python benchmarks $(ARGS)

# People's work in curation/ and other data stay.
clean:
	rm -rf results data/demo data/tiny .snakemake

.venv/base: WHAT = tsalv360 and its libraries
.venv/base: SIZE = 1 GB
.venv-benchmarks/base: EXTRA = [benchmarks]
.venv-benchmarks/base: WHAT = tsalv360 and the packages it is compared with, PyTorch among them,
.venv-benchmarks/base: SIZE = 7 GB

.venv/base .venv-benchmarks/base: pyproject.toml constraints.txt
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11) and "tsalv360 needs Python 3.11 or newer; found " + sys.version.split()[0] + ". Name one: make PYTHON=python3.12")'
	$(PYTHON) -m venv $(@D)
	@echo "Installing $(WHAT) into $(@D) (about $(SIZE)) ..."
	$(INSTALL) --editable ".$(EXTRA)"
	$(@D)/bin/python -m tsalv360.job.libraries
	touch $@

.venv/dev: .venv/base
	@echo "Installing the tools and the libraries of the models (about 6 GB) ..."
	$(INSTALL) --editable ".[dev,captions,curation,train]"
	$(INSTALL) --no-deps $(SLURM)
	$(@D)/bin/python -m compileall -qq -j 0 $(@D)/lib || true # some packages hold files for other Pythons
	touch $@
