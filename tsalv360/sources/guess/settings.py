"""The settings that read an unknown gaze table, guessed from the names of its columns and their values.

A name alone is believed only where the values fit it. What the values cannot tell, such as the direction in which yaw
is positive, is taken as most recorders write it and named as a doubt, with the alternative.
"""

import re
from typing import Any

import numpy as np
import pandas as pd

from tsalv360.sources.guess.columns import Columns, Guess
from tsalv360.sources.guess.directions import SPHERE, guess_direction
from tsalv360.sources.guess.times import guess_time

_OBSERVER = [
    "observer",
    "participant",
    "subject",
    "user",
    "viewer",
    "person",
    "respondent",
    "recording",
    "session",
    "pid",
    "sub",
    "id",
    "name",
]
_NOBODY = {"video", "stimulus", "frame", "fixation", "time", "timestamp", "ts", "ms", "s", "index", "eye", "date"}
_VIDEO = ["video", "stimulus", "clip", "movie", "film", "media", "filename", "stim"]
_VALID = ["valid", "validity", "val", "status", "ok"]
_CONFIDENCE = ["confidence", "conf", "quality"]
_KEPT_WORDS = ("valid", "true", "1", "ok", "yes", "good", "tracked")
_CONFIDENT = 0.6  # the limit that Pupil Labs recommend for their confidence


def guess_settings(
    cells: pd.DataFrame, decimal_comma: bool = False, size: tuple[int, int] | None = None, seconds: float | None = None
) -> Guess:
    """Return the settings that probably read a table.

    Parameters
    ----------
    cells : all cells as text, under the names of the columns.
    decimal_comma : whether numbers have a decimal comma.
    size : width and height of the video, where it is known.
    seconds : length of the video, where it is known.
    """
    cells = cells.loc[:, ~cells.columns.duplicated()]
    guess, columns = Guess(), Columns(cells, decimal_comma)
    observer = columns.take(columns.find(_OBSERVER, numeric=False, without=_NOBODY))
    if observer and cells[observer].nunique() > len(cells) / 3:  # numbers of rows
        observer = None
    if observer:
        guess.columns["observer"] = observer
    if video := columns.take(columns.find(_VIDEO, numeric=False, without={"frame", "time"})):
        guess.columns["video"] = video
    _guess_validity(columns, guess)
    good = _valid_rows(columns, guess)
    guess_time(columns, guess, cells[observer] if observer else None, seconds)
    if sphere := columns.take(columns.find(SPHERE)):
        guess.columns["sphere_yaw_deg"] = sphere
    guess_direction(columns, guess, good, cells[observer] if observer else None, size)
    return guess


def _guess_validity(columns: Columns, guess: Guess) -> None:
    if name := columns.take(columns.find(_CONFIDENCE)):
        values = columns.values[name]
        low, high = np.nanmin(values), np.nanmax(values)
        at_least = _CONFIDENT if high <= 1 else float(np.round(low + _CONFIDENT * (high - low), 3))
        guess.table["confidence"] = {"column": name, "at_least": at_least}
        share = float(np.mean(~(values >= at_least)))
        guess.doubts.append(f"confidence below {at_least:g} is dropped, {share:.0%} of the rows: choose `at_least`")
    for name in [name for name, words in columns.words.items() if set(words) & set(_VALID)]:
        cells = columns.text[name]
        kinds = cells[cells != ""].value_counts()
        if name in columns.used or not 1 <= len(kinds) <= 10 or "validity" in guess.table:
            continue
        word = next((str(kind) for kind in kinds.index if str(kind).lower().removesuffix(".0") in _KEPT_WORDS), None)
        keep = word if word is not None else str(kinds.index[0])
        columns.take(name)
        guess.table["validity"] = {"column": name, "keep": _plain(keep)}
        others = ", ".join(f"{kind} ({count})" for kind, count in kinds.items() if str(kind) != keep)
        if others:
            guess.doubts.append(f"{name}: rows with {keep} are kept ({kinds[keep]}), others dropped: {others}")


def _plain(text: str) -> int | str:
    return int(text) if re.fullmatch(r"-?\d+", text) else text


def _valid_rows(columns: Columns, guess: Guess) -> "np.ndarray[Any, np.dtype[np.bool_]]":
    good = np.ones(len(columns.text), dtype=bool)
    if confidence := guess.table.get("confidence"):
        good &= columns.values[confidence["column"]] >= confidence["at_least"]
    if validity := guess.table.get("validity"):
        good &= (columns.text[validity["column"]] == str(validity["keep"])).to_numpy()
    return good
