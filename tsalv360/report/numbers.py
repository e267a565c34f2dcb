"""Numbers as the page shows them."""

import math


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
