"""Salient360! videos (David et al., MMSys 2018): recorded fixations of all observers in one CSV file.

Positions are fractions with the origin at the top left, times are milliseconds, frames count from 1, and a new
observer is marked only by the index starting again at 0.
"""

import re
from pathlib import Path

import numpy as np
import pandas as pd

from tsalv360.job.errors import InputError
from tsalv360.sources.recording import directions_from_fractions, fixations_table

FORMAT = "salient360"
_HEADER = ["Idx", "longitude", "latitude", "start timestamp", "duration", "start frame", "end frame"]
_NUMBERS = re.compile("[-+.0-9eE, ]*")
_MOST = 1e6  # ms or frames: far beyond these videos of 20 s
_ADVICE = "Use the file as published."


def read_salient360(csv: str | Path, fps: float) -> pd.DataFrame:
    """Fixations of all observers in a Salient360! CSV file.

    Parameters: the file, the frame rate of its video. Returns the columns of the fixations table. The observers of
    different files (left and right eye) are different people. Raises InputError naming the line.
    """
    path = Path(csv)
    lines = path.read_text(encoding="utf-8-sig", errors="replace").removesuffix("\n").split("\n")
    if [name.strip() for name in lines[0].lstrip("# ").split(",")] != _HEADER:
        raise InputError(f"{path}, line 1", f"'{lines[0][:80]}'", f"# {', '.join(_HEADER)}", _ADVICE)
    rows = [_fields(f"{path}, line {number}", line) for number, line in enumerate(lines[1:], start=2)]
    values = np.array(rows, dtype=float).reshape(-1, len(_HEADER))
    index, x, y, start_ms, duration_ms, start_frame, _ = values.T
    notes: list[str] = []
    where = [f"{path}, line {number}" for number in range(2, len(lines) + 1)]
    before = np.concatenate([[-1], index[:-1]])
    if (wrong := np.flatnonzero((index != 0) & (index != before + 1))).size:
        found, expected = (
            f"index {index[wrong[0]]:g} after {before[wrong[0]]:g}",
            "the next one, or 0 for a new observer",
        )
        raise InputError(where[wrong[0]], found, expected, _ADVICE)
    if (wrong := np.flatnonzero((index != 0) & (np.diff(start_ms, prepend=0) < 0))).size:
        found, expected = f"a start at {start_ms[wrong[0]]:g} ms", "one after the fixation before"
        raise InputError(where[wrong[0]], found, expected, _ADVICE)
    yaw, pitch = directions_from_fractions(x, y, "top left", where, notes)
    person = np.cumsum(index == 0)
    observer = [f"{path.stem}-{n:02d}" for n in person]
    frame = np.maximum(start_frame.astype(int) - 1, 0)
    return fixations_table(
        observer, start_ms / 1000, duration_ms / 1000, frame, yaw, pitch, index.astype(int), notes=notes
    )


def _fields(where: str, line: str) -> list[float]:
    try:
        fields = [float(field) for field in line.split(",")]
    except ValueError:
        fields = []
    readable = _NUMBERS.fullmatch(line) and len(fields) == len(_HEADER) and bool(np.isfinite(fields).all())
    if not readable or min(fields[0], *fields[3:]) < 0 or max(fields[3:]) > _MOST or fields[4] == 0 or fields[5] % 1:
        expected = f"{len(_HEADER)} numbers, none negative or above {_MOST:g}, a duration and a whole start frame"
        raise InputError(where, f"'{line[:80]}'", expected, "Correct or remove the line.")
    return fields
