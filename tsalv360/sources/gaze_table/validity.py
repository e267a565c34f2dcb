"""Which rows of a gaze table are left out, and why."""

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from tsalv360.sources.gaze_table.cells import numbers
from tsalv360.sources.gaze_table.settings import Cell, GazeTableSettings

_LISTED = 8  # values in a message, at most


class NoRowError(ValueError):
    """No row is kept; the message says what there is instead."""


def matches(cells: "pd.Series", wanted: Cell | list[Cell]) -> NDArray[np.bool_]:
    """Return whether cells [n] have one of the wanted values: numbers by value, text by its letters.

    True and 1 are one value, and so are False and 0. Raises NoRowError, which lists the values, if none has.
    """
    text = cells.astype("str").str.strip().fillna("")
    words = text.str.lower().map({"true": 1.0, "false": 0.0})
    number = words.fillna(pd.to_numeric(text, errors="coerce")).to_numpy(dtype=float)
    found = np.zeros(len(cells), dtype=bool)
    for value in wanted if isinstance(wanted, list) else [wanted]:
        found |= (text == value).to_numpy(dtype=bool) if isinstance(value, str) else number == float(value)
    if len(cells) and not found.any():
        values = text.unique()
        more = f" and {len(values) - _LISTED} more" if len(values) > _LISTED else ""
        raise NoRowError(f"the values {', '.join(map(repr, values[:_LISTED]))}{more} in column {cells.name}")
    return found


def valid_rows(table: pd.DataFrame, settings: GazeTableSettings) -> dict[str, NDArray[np.bool_]]:
    """Return for each reason whether rows [n] are kept. Raises NoRowError where a reason leaves out all of them."""
    kept: dict[str, NDArray[np.bool_]] = {}
    if "valid" in table:
        column, keep = settings.validity.column, settings.validity.keep
        cells = table.valid.rename(column)
        text = cells.astype("str").str.strip().str.lower()
        present = (cells.notna() & ~text.isin(["", "nan", "na", "n/a", "null", "none"])).to_numpy(dtype=bool)
        kept[f"not valid by {column}"] = present if keep is None else matches(cells, keep)
    if "confidence" in table:
        least, level = settings.confidence.at_least, numbers(table.confidence, settings.decimal)
        kept[f"confidence below {least:g}"] = level >= least
        if len(level) and not (level >= least).any():
            highest = np.nanmax(level) if np.isfinite(level).any() else np.nan
            raise NoRowError(f"no confidence above {highest:g} in column {settings.confidence.column}")
    return kept
