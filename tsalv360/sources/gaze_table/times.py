"""When the rows of a gaze table were recorded, in seconds from the start of the video."""

from collections.abc import Sequence

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from tsalv360.sources.gaze_table.cells import numbers
from tsalv360.sources.gaze_table.settings import GazeTableSettings
from tsalv360.sources.gaze_table.validity import NoRowError, matches
from tsalv360.sphere.directions import Array

PER_SECOND = {"s": 1.0, "ms": 1e3, "us": 1e6, "ns": 1e9, "ticks": 1e7}
_TIME_OF_DAY = r"[0-9]+:[0-9]{2}(:[0-9]{2}([.,][0-9]+)?)?"


def recorded_at(
    table: pd.DataFrame, settings: GazeTableSettings, fps: float, picture_times_s: Sequence[float]
) -> Array:
    """Return the times [n] in seconds by the table's own clock, NaN where a cell is no time.

    `picture_times_s` are the presentation times of a video of variable rate, whose pictures the column `frame` counts;
    empty for a constant rate.
    """
    if "frame" in table:
        return _picture_times(numbers(table.frame, settings.decimal) - settings.first_frame, fps, picture_times_s)
    return _seconds(table.time_s, settings)


def video_starts(table: pd.DataFrame, time_s: Array, settings: GazeTableSettings) -> Array:
    """Return when the video of each row [n] begins, in seconds by the table's own clock; NoRowError if never."""
    zero, observer = settings.time_zero, table.observer.to_numpy()
    if "marker" in table and len(table):
        assert settings.start_marker.equals is not None  # `GazeTableSettings` refuses a marker without it
        cells = table.marker.rename(settings.start_marker.column)
        at = pd.Series(np.where(matches(cells, settings.start_marker.equals), time_s, np.nan))
        start = at.groupby(observer).transform("min")
        if start.isna().any():
            without = sorted(set(observer[start.isna()]))
            raise NoRowError(f"no start marker of {', '.join(without)} in column {cells.name}")
        return start.to_numpy()
    if zero == "video" or not len(table):
        return np.zeros(len(table))
    if zero == "first sample":
        return np.full(len(table), np.min(time_s[np.isfinite(time_s)], initial=np.inf))
    if zero == "first of each observer":
        return pd.Series(time_s).groupby(observer).transform("min").to_numpy()
    return np.full(len(table), _seconds(pd.Series([zero]), settings)[0])


def spread_in_frames(time_s: Array, observer: NDArray[np.object_], step_s: float, notes: list[str]) -> Array:
    """Return times that differ where an observer has several rows in one frame, and append a note on it.

    Recorders that are faster than the video write one frame number several times, in rows that follow each other: these
    are spread evenly over the frame, `step_s` long. Rows of one frame that stand apart stay as they are.
    """
    key = pd.DataFrame({"observer": observer, "time_s": time_s}).groupby(["observer", "time_s"], sort=False).ngroup()
    run = (key != key.shift()).cumsum()
    size, place = key.groupby(run).transform("size"), key.groupby(run).cumcount()
    together = (size > 1) & (size == key.groupby(key).transform("size"))
    if not together.any():
        return time_s
    notes.append(f"up to {size[together].max()} rows of an observer in one frame, spread evenly over it")
    return np.where(together, time_s + place / size * step_s, time_s)


def _seconds(cells: "pd.Series", settings: GazeTableSettings) -> Array:
    if settings.time_unit != "iso":
        return numbers(cells, settings.decimal) / PER_SECOND[settings.time_unit]
    if not pd.api.types.is_datetime64_any_dtype(cells):
        text = cells.astype("str").str.strip().str.replace(",", ".", regex=False)
        if text.str.fullmatch(_TIME_OF_DAY).any():
            full = text.where(text.str.count(":") == 2, text + ":00").where(text.str.fullmatch(_TIME_OF_DAY))
            return np.asarray(pd.to_timedelta(full, errors="coerce").dt.total_seconds(), dtype=float)
        cells = pd.to_datetime(text, format="ISO8601", utc=True, errors="coerce")
    elif cells.dt.tz is None:
        cells = cells.dt.tz_localize("UTC")
    return np.asarray((cells - pd.Timestamp(0, tz="UTC")).dt.total_seconds(), dtype=float)


def _picture_times(number: Array, fps: float, times_s: Sequence[float]) -> Array:
    """Return when pictures [n] are shown; after the last one of `times_s` they follow at `fps`."""
    if not len(times_s):
        return number / fps
    last = len(times_s) - 1
    known = np.clip(np.nan_to_num(number), 0, last).astype(int)
    return np.asarray(times_s, dtype=float)[known] + (number - known) / fps
