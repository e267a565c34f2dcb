"""Numbers and texts as the pages show them, and data as JSON that a page can hold."""

import json
import math
import re
from collections.abc import Mapping
from typing import Any

from markupsafe import Markup, escape

# Within a script element these would end it, or a line of it.
_ESCAPES = {ord(letter): f"\\u{ord(letter):04x}" for letter in "<\u2028\u2029"}


def number(value: float, digits: int = 1, unit: str = "") -> str:
    """Return a number with fixed digits, thousands separated, and its unit; a dash for NaN."""
    if math.isnan(value):
        return "–"
    return f"{value:,.{digits}f}".replace(",", "\u202f") + unit


def signed(value: float, digits: int = 1, unit: str = "") -> str:
    """Return a number with its sign."""
    text = number(abs(value), digits, unit)
    return text if math.isnan(value) or text == number(0.0, digits, unit) else ("+" if value > 0 else "−") + text


def percent(value: float) -> str:
    """Return a fraction of 0 to 1 in percent."""
    return number(100 * value, 0, "\u202f%")


def with_code(text: str) -> Markup:
    """Return text as HTML in which what stands between backticks is code."""
    return Markup(re.sub(r"`([^`]*)`", r"<code>\1</code>", str(escape(text))))


def page_json(content: Any) -> Markup:
    """Return content as JSON for a script element of a page; NaN becomes null."""
    text = json.dumps(_without_nan(content), ensure_ascii=False, separators=(",", ":"), allow_nan=False)
    return Markup(text.translate(_ESCAPES))


def _without_nan(content: Any) -> Any:
    if isinstance(content, Mapping):
        return {key: _without_nan(value) for key, value in content.items()}
    if isinstance(content, (list, tuple)):
        return [_without_nan(value) for value in content]
    return None if isinstance(content, float) and math.isnan(content) else content
