"""Salient360! videos (David et al., MMSys 2018): recorded fixations of all observers in one CSV file.

Positions are fractions with the origin at the top left, times are milliseconds, frames count from 1, and a new
observer starts where the index starts again at 0.
"""

import re
from pathlib import Path

import numpy as np
import pandas as pd

from tsalv360.job.errors import InputError
from tsalv360.sources.recording import check_rows, directions_from_fractions, fixations_table

_HEADER = ["Idx", "longitude", "latitude", "start timestamp", "duration", "start frame", "end frame"]
_NUMBERS = re.compile("[-+.0-9eE, ]*")
_MOST = 1e6  # ms or frames: far beyond these videos of 20 s
_ADVICE = "Use the file as published."


def read_salient360(csv: str | Path, fps: float, notes: list[str] | None = None) -> pd.DataFrame:
    """Return the fixations of all observers in a Salient360! CSV file as rows of the fixations table.

    Parameters: the file; the frame rate of its video; a list to which remarks are appended. Different files (left and
    right eye) have different observers. Raises InputError, which names the line.
    """
    path, notes = Path(csv), [] if notes is None else notes
    lines = path.read_text(encoding="utf-8-sig", errors="replace").removesuffix("\n").split("\n")
    if [name.strip() for name in lines[0].lstrip("# ").split(",")] != _HEADER:
        raise InputError(f"{path}, line 1", f"'{lines[0][:80]}'", f"# {', '.join(_HEADER)}", _ADVICE)
    where = [f"{path}, line {number}" for number in range(2, len(lines) + 1)]
    rows = [_fields(*line) for line in zip(where, lines[1:], strict=True)]
    index, x, y, start_ms, duration_ms, start_frame, _ = np.array(rows, dtype=float).reshape(-1, len(_HEADER)).T
    before = np.concatenate([[-1], index[:-1]])
    expected = "the next one, or 0 for a new observer"
    good = (index == 0) | (index == before + 1)
    check_rows(good, where, lambda row: f"index {index[row]:g} after {before[row]:g}", expected, _ADVICE)
    good = (index == 0) | (np.diff(start_ms, prepend=0) >= 0)
    expected = "one after the start of the previous fixation"
    check_rows(good, where, lambda row: f"a start at {start_ms[row]:g} ms", expected, _ADVICE)
    yaw, pitch = directions_from_fractions(x, y, "top left", where, notes)
    observer = [f"{path.stem}-{number:02d}" for number in np.cumsum(index == 0)]
    frame = np.maximum(start_frame - 1, 0)
    return fixations_table(observer, start_ms / 1000, duration_ms / 1000, frame, yaw, pitch, index)


def _fields(where: str, line: str) -> list[float]:
    """Return the numbers in a line."""
    try:
        fields = [float(field) for field in line.split(",")]
    except ValueError:
        fields = []
    readable = _NUMBERS.fullmatch(line) and len(fields) == len(_HEADER) and bool(np.isfinite(fields).all())
    if not readable or min(fields[0], *fields[3:]) < 0 or max(fields[3:]) > _MOST or fields[4] == 0 or fields[5] % 1:
        expected = f"{len(_HEADER)} numbers, none negative or above {_MOST:g}, a duration and a whole start frame"
        raise InputError(where, f"'{line[:80]}'", expected, "Correct or remove the line.")
    return fields
