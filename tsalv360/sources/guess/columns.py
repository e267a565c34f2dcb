"""The columns of an unknown table: words in their names and their values as numbers; and what is guessed of them."""

import re
from collections.abc import Set
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import pandas as pd

from tsalv360.sphere.directions import Array

HEAD = {"head", "hmd", "cam", "camera", "headset", "h"}  # words in names of the columns of a head


@dataclass
class Guess:
    """The settings of `table`, the columns that hold a direction, and what is uncertain about them."""

    table: dict[str, Any] = field(default_factory=dict)
    columns: dict[str, str] = field(default_factory=dict)
    doubts: list[str] = field(default_factory=list)

    def settings(self) -> dict[str, Any]:
        """Return the settings of `table`, without names that a table has by default."""
        renamed = {name: column for name, column in self.columns.items() if name != column}
        return ({"columns": renamed} if renamed else {}) | self.table


class Columns:
    """The columns of a table: words in their names, and their values as numbers."""

    def __init__(self, cells: pd.DataFrame, decimal_comma: bool) -> None:
        self.text = text = cells
        self.values: dict[str, Array] = {}
        for name in text:
            column = text[name].str.replace(",", ".", regex=False) if decimal_comma else text[name]
            values = pd.to_numeric(column, errors="coerce").to_numpy(dtype=float)
            self.values[str(name)] = np.where(np.isfinite(values), values, np.nan)
        self.words = {str(name): words_of(str(name)) for name in text}
        self.used: set[str] = set()

    def numeric(self, name: str) -> bool:
        """Return whether at least half of the cells that are not empty are numbers, and some are."""
        filled = (self.text[name] != "").sum()
        return bool(np.isfinite(self.values[name]).sum() > max(filled / 2, 0))

    def find(self, wanted: list[str], numeric: bool = True, without: Set[str] = frozenset()) -> str | None:
        """Return the unused column of the earliest wanted word, the one with fewest words; None if there is none."""
        best: tuple[int, int, str] | None = None
        for name, words in self.words.items():
            if name in self.used or (numeric and not self.numeric(name)) or without & set(words):
                continue
            ranks = [wanted.index(word) for word in words if word in wanted]
            if ranks and (best is None or (min(ranks), len(words)) < best[:2]):
                best = min(ranks), len(words), name
        return best[2] if best else None

    def take(self, name: str | None) -> str | None:
        """Return a column, which no other role can have any more."""
        if name is not None:
            self.used.add(name)
        return name


def words_of(name: str) -> list[str]:
    """Return the words of a column's name in lower case: of camelCase, of snake_case, and what units it has."""
    parts = re.split(r"[^0-9A-Za-zµμ]+", re.sub(r"(?<=[a-z0-9])(?=[A-Z])|(?<=[A-Z])(?=[A-Z][a-z])", "_", name))
    words = [part.lower() for part in parts if part]
    known = re.fullmatch(r"(q|eye|gaze|head|cam|rot|pos|dir)?([xyzw])", words[-1]) if words else None
    if known and known[1]:
        words[-1:] = [known[1], known[2]]
    return words
