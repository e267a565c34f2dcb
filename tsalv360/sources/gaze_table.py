"""Anyone's own gaze: a CSV or Parquet table with observer, time or frame, and direction."""

import csv
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pyarrow as pa
from numpy.typing import NDArray

from tsalv360.errors import InputError
from tsalv360.geometry import Array, wrap_yaw
from tsalv360.sources.recording import directions_from_fractions, fixations_table

FORMAT = "gaze_table"
_ORIGINS = ("bottom left", "top left")


def read_gaze_table(
    path: str | Path, fps: float, video_id: str | None = None, origin: str | None = None
) -> pd.DataFrame:
    """Gaze samples or fixations of a table.

    Parameters
    ----------
    path : CSV or Parquet with the columns `observer`; `time_s` or `frame` (from 0); `yaw_deg` and `pitch_deg`, or
        `x` and `y` as fractions; optionally `duration_s` (then rows are fixations) and `video`.
    fps : frame rate of the video.
    video_id : rows of this video, where the table has a column `video`.
    origin : of `x` and `y`: "bottom left" or "top left".

    Returns the columns of the fixations table. Raises InputError naming the file, row (from 1) and column.
    """
    path = Path(path)
    table = _read(path)
    if "video" in table and video_id is not None:
        table = table[table["video"].astype(str) == video_id]
    times = "time_s" if "time_s" in table else "frame"
    angles = ["yaw_deg", "pitch_deg"] if "yaw_deg" in table else ["x", "y"]
    needed = ["observer", times, *angles]
    if missing := [name for name in needed if name not in table]:
        raise InputError(path, f"columns {list(table)}", f"also {missing}", "See docs/sources.md for the columns.")
    optional = [name for name in ("duration_s",) if name in table]
    where = [f"{path}, row {number + 1}" for number in table.index]
    for name in [times, *angles, *optional]:
        table[name] = _numbers(table[name], where)
    if bad := [i for i, name in enumerate(table.observer) if pd.isna(name) or name == ""]:
        raise InputError(where[bad[0]], "no observer", "a name or number of the observer", "Correct the row.")
    notes: list[str] = []
    time_s = table[times].to_numpy() if times == "time_s" else table[times].to_numpy() / fps
    _refuse(time_s < 0, time_s, where, "time or frame", "0 or more")
    if angles == ["x", "y"]:
        if origin not in _ORIGINS:
            raise InputError(
                path, f"columns x and y with origin {origin}", f"one of {_ORIGINS}", "Set the video's gaze_origin."
            )
        yaw, pitch = directions_from_fractions(table.x, table.y, origin, where, notes)
    else:
        yaw, pitch = _angles(table, where, notes)
    if optional:
        duration = table.duration_s.to_numpy()
        _refuse(duration <= 0, duration, where, "duration_s", "more than 0")
        fixation_id = table.groupby("observer").cumcount().to_numpy()
    else:
        step = table.assign(time=time_s).groupby("observer").time.transform(lambda t: t.sort_values().diff().median())
        duration, fixation_id = step.fillna(1 / fps).to_numpy(), np.full(len(table), -1)
    frame = np.floor(time_s * fps + 1e-6).astype(int)
    return fixations_table(table.observer.astype(str), time_s, duration, frame, yaw, pitch, fixation_id, notes=notes)


def _read(path: Path) -> pd.DataFrame:
    try:
        return pd.read_parquet(path) if path.suffix == ".parquet" else _read_csv(path)
    except InputError:
        raise
    except (OSError, ValueError, csv.Error, pa.ArrowInvalid) as error:
        raise InputError(path, str(error), "a CSV or Parquet table", "See docs/sources.md for the columns.") from error


def _read_csv(path: Path) -> pd.DataFrame:
    """All cells as text: ids keep their zeros, and a row of another length is named."""
    with path.open(newline="", encoding="utf-8-sig") as file:
        header, *rows = [row for row in csv.reader(file) if row] or [[]]
    for number, row in enumerate(rows, start=1):
        if len(row) != len(header):
            found, expected = f"{len(row)} fields", f"{len(header)}, as in the header"
            raise InputError(f"{path}, row {number}", found, expected, "Correct or remove the row.")
    return pd.DataFrame(rows, columns=pd.Index([name.strip() for name in header]), dtype="str")


def _numbers(column: "pd.Series[float]", where: list[str]) -> "pd.Series[float]":
    numbers = pd.to_numeric(column, errors="coerce").astype(float)
    bad = ~np.isfinite(numbers.to_numpy())
    _refuse(bad, column.to_numpy(), where, str(column.name), "a number")
    return numbers


def _angles(table: pd.DataFrame, where: list[str], notes: list[str]) -> tuple[Array, Array]:
    yaw, pitch = table.yaw_deg.to_numpy(), table.pitch_deg.to_numpy()
    _refuse((yaw < -180.5) | (yaw > 360.5), yaw, where, "yaw_deg", "degrees from −180 to 180, or 0 to 360")
    _refuse(np.abs(pitch) > 90.5, pitch, where, "pitch_deg", "degrees from −90 to 90")
    if (np.abs(pitch) > 90).any():
        notes.append(f"{int((np.abs(pitch) > 90).sum())} pitches beyond a pole by a rounding error, clipped")
    return wrap_yaw(yaw), np.clip(pitch, -90, 90)


def _refuse(bad: NDArray[np.bool_], values: NDArray[Any], where: list[str], column: str, expected: str) -> None:
    if bad.any():
        row = int(np.flatnonzero(bad)[0])
        raise InputError(where[row], f"'{values[row]}' in column {column}", expected, "Correct or remove the row.")
