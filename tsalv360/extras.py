"""Libraries of the optional extras."""

from collections.abc import Sequence
from importlib.util import find_spec

from tsalv360.errors import InputError


def require_extra(where: str, extra: str, modules: Sequence[str]) -> None:
    """InputError, with the line that installs the extra, where one of its modules is missing. Imports none."""
    if missing := [name for name in modules if find_spec(name) is None]:
        install = f"pip install --constraint constraints.txt --editable '.[{extra}]'"
        raise InputError(where, f"no {', '.join(missing)}", f"the extra {extra}", f"Install it:  {install}")
