"""Libraries: whether those of an extra are installed, and byte code of all that jobs import.

`python -m tsalv360.job.libraries` writes the byte code, once after an installation. pip would compile every installed
file, most of which no job imports; without byte code, each job compiles its imports again where PYTHONDONTWRITEBYTECODE
is set, as in many containers.
"""

import sys
from collections.abc import Sequence
from importlib import import_module
from importlib.util import find_spec
from pkgutil import walk_packages

import tsalv360
from tsalv360.job.errors import InputError
from tsalv360.job.installed import install_command

# imported inside functions, or by Snakemake before a job starts
_OTHERS = ("pyarrow.pandas_compat", "sklearn.cluster", "snakemake.benchmark", "snakemake.cli", "tqdm")


def require_extra(where: str, extra: str, modules: Sequence[str]) -> None:
    """Raise InputError with the command that installs `extra` if one of its modules is missing; import none."""
    if missing := [name for name in modules if find_spec(name) is None]:
        install = f"Install it:  {install_command(extra)}"
        raise InputError(where, f"no {', '.join(missing)}", f"the extra {extra}", install)


def write_compiled() -> None:
    """Import every module of this package whose libraries are installed, so that Python writes their byte code."""
    sys.dont_write_bytecode = False
    for name in [*_OTHERS, *(module.name for module in walk_packages(tsalv360.__path__, "tsalv360."))]:
        if not name.endswith("__main__"):
            try:
                import_module(name)
            except ModuleNotFoundError:  # of an extra that is not installed
                continue


if __name__ == "__main__":
    write_compiled()
