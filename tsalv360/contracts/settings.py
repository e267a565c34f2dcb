"""How settings are declared: a dataclass beside the code that uses it, each field with default, unit and meaning.

`tsalv360.config` joins the classes; validation, `config/schema.yaml` and `docs/settings.md` follow from them.
"""

from dataclasses import is_dataclass
from typing import Any

from pydantic import ConfigDict, Field

STRICT = ConfigDict(extra="forbid", str_strip_whitespace=True)
NO_BRACES = r"^[^{}<>]+$"  # pattern of output folders: Snakemake reads {x} as a wildcard, <x> as its own syntax


def setting(default: Any, meaning: str, *, unit: str = "", runtime: bool = False, **limits: Any) -> Any:
    """Return a field of a settings dataclass; `limits` are pydantic's (ge, le, gt, lt, multiple_of, pattern).

    `default` may be a factory, such as `dict`. `runtime` marks a setting that no result depends on: how or on what
    hardware a job runs, or where files lie.
    """
    extra: dict[str, Any] = ({"unit": unit} if unit else {}) | ({"runtime": True} if runtime else {})
    kind = {"default_factory": default} if callable(default) else {"default": default}
    return Field(**kind, description=meaning, json_schema_extra=extra or None, **limits)


def tracked(settings: Any) -> dict[str, Any]:
    """Return the settings that results depend on, all but the `runtime` ones, as plain values by name."""
    return {
        name: tracked(value) if is_dataclass(value) else value
        for name, field in settings.__pydantic_fields__.items()
        if not (field.json_schema_extra or {}).get("runtime")
        for value in [getattr(settings, name)]
    }
