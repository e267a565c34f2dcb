"""The cells of a column as numbers or names."""

from collections.abc import Sequence
from decimal import Decimal

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from tsalv360.sources.recording import check_rows
from tsalv360.sources.text import NUMBER
from tsalv360.sphere.directions import Array


def numbers(column: "pd.Series", decimal: str = ".") -> Array:
    """Return the cells [n] as numbers, NaN where there is none; text that only Python takes for a number is none."""
    if pd.api.types.is_numeric_dtype(column) and not pd.api.types.is_bool_dtype(column):
        return column.to_numpy(dtype=float, na_value=np.nan)
    if not isinstance(column.dtype, pd.StringDtype):
        return np.array([_number(cell) for cell in column], dtype=float)
    if decimal == ",":
        column = column.mask(column.str.contains(".", regex=False), "").str.replace(",", ".", regex=False)
    written = column.str.fullmatch(NUMBER.pattern).to_numpy(dtype=bool, na_value=False)
    found = np.full(len(column), np.nan)
    found[written] = column[written].astype(float)
    return found


def labels(column: "pd.Series", where: Sequence[str]) -> NDArray[np.object_]:
    """Return the names of observers or videos as text; raise InputError for a cell without one."""
    codes, cells = pd.factorize(column, use_na_sentinel=False)
    names = [str(cell).strip() if isinstance(cell, str | int | float) and cell == cell else "" for cell in cells]
    good = np.array([name.isprintable() and name != "" for name in names], dtype=bool)
    check_rows(good[codes], where, lambda _: f"no {column.name}", f"a name or number of the {column.name}")
    return np.array(names, dtype=object)[codes]


def _number(cell: object) -> float:
    return float(cell) if isinstance(cell, int | float | Decimal) and not isinstance(cell, bool) else np.nan
