"""Text from outside as it may stand in messages, on terminals and on pages, and the templates of these pages."""

import re
from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from jinja2 import Template

_UNPRINTABLE = re.compile("[\x00-\x1f\x7f-\x9f\u202a-\u202e\u2066-\u2069\ud800-\udfff]")


def plain(text: str) -> str:
    """Return `text` on one line, without control characters, bidirectional overrides and lone surrogates."""
    return " ".join(_UNPRINTABLE.sub(" ", text).split())


def shorten(text: str, length: int = 80) -> str:
    """Return `text` as by `plain`, cut to `length` characters with an ellipsis where it is longer."""
    text = plain(text)
    return text if len(text) <= length else f"{text[: length - 1]}…"


def page_template(package: str, name: str, filters: Mapping[str, Callable[..., Any]] | None = None) -> "Template":
    """Return the Jinja template of an HTML page, a file of `package`; it escapes values and refuses missing ones."""
    from jinja2 import Environment, PackageLoader, StrictUndefined  # slow to import

    environment = Environment(
        loader=PackageLoader(package, "."),
        undefined=StrictUndefined,
        autoescape=True,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    environment.filters |= filters or {}
    return environment.get_template(name)
