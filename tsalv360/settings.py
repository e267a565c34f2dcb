"""How settings are declared: a dataclass beside the code that uses it, each field with default, unit and meaning.

`tsalv360.config` puts the classes together; validation, `config/schema.yaml` and the table in `docs/settings.md`
all come from these declarations.
"""

from typing import Any

from pydantic import ConfigDict, Field

STRICT = ConfigDict(extra="forbid", str_strip_whitespace=True)
NO_BRACES = r"^[^{}<>]+$"  # of folders of outputs: Snakemake takes {x} for a wildcard, <x> for a part of its own


def setting(default: Any, meaning: str, *, unit: str = "", **limits: Any) -> Any:
    """A field of a settings dataclass; `limits` are pydantic's (ge, le, gt, lt, multiple_of, pattern).

    `default` may be a function without arguments, such as `dict`, that makes a new default every time.
    """
    if callable(default):
        return Field(default_factory=default, description=meaning, **limits)
    return Field(default, description=meaning, json_schema_extra={"unit": unit} if unit else None, **limits)
