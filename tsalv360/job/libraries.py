"""Libraries of the optional extras.

Python's compiled files of what jobs import, written once: `python -m tsalv360.job.libraries` after an installation.

pip would compile all that it installs, one file after another, most of which no job imports. Left to Python, every job
would compile what it imports again where PYTHONDONTWRITEBYTECODE is set, as it is in many containers.
"""

import sys
from collections.abc import Sequence
from importlib import import_module
from importlib.util import find_spec
from pkgutil import walk_packages

import tsalv360
from tsalv360.job.errors import InputError


def require_extra(where: str, extra: str, modules: Sequence[str]) -> None:
    """InputError, with the line that installs the extra, where one of its modules is missing. Imports none."""
    if missing := [name for name in modules if find_spec(name) is None]:
        install = f"pip install --constraint constraints.txt --editable '.[{extra}]'"
        raise InputError(where, f"no {', '.join(missing)}", f"the extra {extra}", f"Install it:  {install}")


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
