"""How settings are declared: a dataclass beside the code that uses it, each field with default, unit and meaning.

`tsalv360.config` puts the classes together; validation, `config/schema.yaml` and the table in `docs/settings.md`
all come from these declarations.
"""

from dataclasses import is_dataclass
from typing import Any

from pydantic import ConfigDict, Field

STRICT = ConfigDict(extra="forbid", str_strip_whitespace=True)
NO_BRACES = r"^[^{}<>]+$"  # of folders of outputs: Snakemake takes {x} for a wildcard, <x> for a part of its own


def setting(default: Any, meaning: str, *, unit: str = "", runtime: bool = False, **limits: Any) -> Any:
    """A field of a settings dataclass; `limits` are pydantic's (ge, le, gt, lt, multiple_of, pattern).

    `default` may be a function without arguments, such as `dict`, that makes a new default every time. `runtime` marks
    a setting that says how or on what a job runs, or where files lie: no result depends on it.
    """
    extra: dict[str, Any] = ({"unit": unit} if unit else {}) | ({"runtime": True} if runtime else {})
    kind = {"default_factory": default} if callable(default) else {"default": default}
    return Field(**kind, description=meaning, json_schema_extra=extra or None, **limits)


def tracked(settings: Any) -> dict[str, Any]:
    """The settings that results depend on, as plain values by name: all of a dataclass but its `runtime` ones."""
    return {
        name: tracked(value) if is_dataclass(value) else value
        for name, field in settings.__pydantic_fields__.items()
        if not (field.json_schema_extra or {}).get("runtime")
        for value in [getattr(settings, name)]
    }
