"""Python's compiled files of what jobs import, written once: `python -m tsalv360.compiled` after an installation.

pip would compile all that it installs, one file after another, most of which no job imports. Left to Python, every job
would compile what it imports again where PYTHONDONTWRITEBYTECODE is set, as it is in many containers.
"""

import sys
from importlib import import_module
from pkgutil import walk_packages

import tsalv360

# What is imported by functions, or by Snakemake before a job starts.
_OTHERS = ("pyarrow.pandas_compat", "sklearn.cluster", "snakemake.benchmark", "snakemake.cli", "tqdm")


def write_compiled() -> None:
    """Import every module of this package whose libraries are installed, and let Python write what it compiles."""
    sys.dont_write_bytecode = False
    for name in [*_OTHERS, *(module.name for module in walk_packages(tsalv360.__path__, "tsalv360."))]:
        if not name.endswith("__main__"):
            try:
                import_module(name)
            except ModuleNotFoundError:  # of an extra
                continue


if __name__ == "__main__":
    write_compiled()
