"""Gaze samples or fixations from a gaze table, in the form of the fixations table."""

import re
from collections import Counter
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import overload

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from tsalv360.job.errors import InputError
from tsalv360.sources.gaze_table.cells import labels, numbers
from tsalv360.sources.gaze_table.columns import choose_columns
from tsalv360.sources.gaze_table.directions import directions
from tsalv360.sources.gaze_table.file import read_cells, shortened
from tsalv360.sources.gaze_table.settings import NUMBERS, TIME_ZEROS, GazeTableSettings, without_suffix
from tsalv360.sources.gaze_table.times import PER_SECOND, recorded_at, spread_in_frames, video_starts
from tsalv360.sources.gaze_table.validity import NoRowError, valid_rows
from tsalv360.sources.recording import check_rows, fixations_table

_LONGEST_S = 86_400
_WITHIN = f"0 to {_LONGEST_S} s from the start of the video"
_ZERO = " If the clock started at another time, set table.time_zero; if it has another unit, table.time_unit."
_BLINKS = " If such rows are blinks, set table.validity or table.confidence."
_BEFORE = "before the start of the video"
_NAMED = 5  # observers in a note
_DEFAULTS = GazeTableSettings()


class Places(Sequence[str]):
    """File and line of each row of a table (Parquet: its row), put into words when one is asked for."""

    def __init__(self, paths: Sequence[Path], file: NDArray[np.int64], row: NDArray[np.int64]) -> None:
        self._paths, self._file, self._row = paths, file, row

    def __len__(self) -> int:
        return len(self._row)

    @overload
    def __getitem__(self, index: int) -> str: ...
    @overload
    def __getitem__(self, index: slice) -> Sequence[str]: ...
    def __getitem__(self, index: int | slice) -> str | Sequence[str]:
        if isinstance(index, slice):
            return Places(self._paths, self._file[index], self._row[index])
        path = self._paths[self._file[index]]
        return f"{path}, {'row' if path.suffix == '.parquet' else 'line'} {self._row[index]}"

    def of(self, chosen: NDArray[np.bool_]) -> "Places":
        """Return the places of the chosen rows."""
        return Places(self._paths, self._file[chosen], self._row[chosen])


def read_gaze_table(
    paths: str | Path | Sequence[str | Path],
    fps: float,
    video_id: str | None = None,
    settings: GazeTableSettings = _DEFAULTS,
    notes: list[str] | None = None,
    picture_times_s: Sequence[float] = (),
) -> pd.DataFrame:
    """Return the gaze samples or fixations of a table as rows of the fixations table.

    Parameters
    ----------
    paths : the table, or the files that it is spread over. Columns: `observer` (or one file for each); `time_s` or
        `frame`; a direction; optionally `duration_s` (rows are then fixations) and `video`.
    fps : frame rate of the video.
    video_id : selects the rows of this video if the table has a column `video`.
    settings : other names, units and conventions of these columns.
    notes : remarks are appended to it, such as how many rows are left out and why.
    picture_times_s : presentation times of the pictures of a video of variable rate, which `frame` then counts.

    Raises InputError, which names the file, the line as an editor counts it (Parquet: the row, from 1), and the column.

    >>> from tsalv360.sources import GazeTableSettings
    >>> table = pd.DataFrame({"user": "s01", "ms": [0, 20, 40], "yaw_deg": [12.4, 12.6, 12.5], "pitch_deg": -3.1})
    >>> table.to_csv("harbour.csv", index=False)
    >>> settings = GazeTableSettings(columns={"observer": "user", "time_s": "ms"}, time_unit="ms")
    >>> read_gaze_table("harbour.csv", fps=30, settings=settings)[["observer", "time_s", "frame", "yaw_deg"]]
      observer  time_s  frame  yaw_deg
    0      s01    0.00      0     12.4
    1      s01    0.02      0     12.6
    2      s01    0.04      1     12.5
    """
    files = [Path(paths)] if isinstance(paths, str | Path) else list(map(Path, paths))
    notes = [] if notes is None else notes
    table, where = _read_files(files, settings, notes)
    if "video" in table and video_id is not None:
        chosen = labels(table.video, where) == video_id
        table, where = table[chosen], where.of(chosen)
    table = table.assign(observer=labels(table.observer, where))
    clock_s = recorded_at(table, settings, fps, picture_times_s)
    try:
        time_s = clock_s - video_starts(table, clock_s, settings)
        kept = valid_rows(table, settings)
    except NoRowError as error:
        raise InputError(
            shortened(", ".join(map(str, files))), str(error), "gaze", "Correct the video's `table`."
        ) from None
    if "marker" in table or settings.time_zero not in TIME_ZEROS:
        kept[_BEFORE] = ~(time_s < 0)
    chosen = _remaining(table, kept, settings, notes)
    table, where, time_s = table[chosen], where.of(chosen), time_s[chosen]
    values = {name: numbers(table[name], settings.decimal) for name in NUMBERS if name in table and name != "time_s"}

    def check(good: NDArray[np.bool_], column: str, expected: str, advice: str = "") -> None:
        def found(row: int) -> str:
            return f"'{table[column].iloc[row]}' in column {column}"

        check_rows(good, where, found, expected, f"Correct or remove the row.{advice}")

    clock = "frame" if "frame" in table else "time_s"
    number = "a time (ISO 8601)" if settings.time_unit == "iso" and clock == "time_s" else "a number"
    check(np.isfinite(time_s), clock, number)
    for name, own in values.items():
        check(np.isfinite(own), name, "a number", _BLINKS)
    check((time_s >= 0) & (time_s <= _LONGEST_S), clock, _WITHIN, _ZERO if clock == "time_s" else "")
    if "frame" in values:
        check(values["frame"] % 1 == 0, "frame", "a whole number")
        time_s = spread_in_frames(time_s, table.observer.to_numpy(), 1 / fps, notes)
    yaw, pitch = directions(values, settings, where, notes)
    observer = table.observer.to_numpy()
    if "duration_s" in values:
        duration_s = values["duration_s"] / PER_SECOND.get(settings.time_unit, 1)
        check((duration_s > 0) & (duration_s <= _LONGEST_S), "duration_s", f"more than 0, up to {_LONGEST_S} s")
        fixation_id = pd.Series(observer).groupby(observer).cumcount().to_numpy()
    else:
        repeated = pd.DataFrame({"observer": observer, "time": time_s}).duplicated()
        check(~repeated.to_numpy(), clock, "one sample per observer and time")
        step = pd.Series(time_s).groupby(observer).transform(lambda time: time.sort_values().diff().median())
        duration_s, fixation_id = step.fillna(1 / fps).to_numpy(), np.full(len(table), -1)
    frame = np.floor(time_s * fps + 1e-6).astype(int)
    return fixations_table(observer, time_s, duration_s, frame, yaw, pitch, fixation_id)


def _read_files(files: Sequence[Path], settings: GazeTableSettings, notes: list[str]) -> tuple[pd.DataFrame, Places]:
    """Return the used columns of all files, one after another, and where each row stands."""
    observers = _observers(files, settings)
    parts: list[pd.DataFrame] = []
    said: dict[str, list[str]] = {}
    for path, observer in zip(files, observers, strict=True):
        own: list[str] = []
        parts.append(choose_columns(path, read_cells(path, settings, own), settings, observer, own))
        for note in own:
            said.setdefault(note, []).append(path.name)
    notes += [
        note if len(names) == len(files) else f"{shortened(', '.join(names))}: {note}" for note, names in said.items()
    ]
    file = np.repeat(np.arange(len(parts)), [len(part) for part in parts])
    row = np.concatenate([part.index.to_numpy(dtype=np.int64) for part in parts])
    return pd.concat(parts, ignore_index=True), Places(files, file, row)


def _observers(files: Sequence[Path], settings: GazeTableSettings) -> list[str | None]:
    """Return the observer of each file for tables without such a column: by `observer_from`, or the name of the file.

    One file alone has none, unless `observer_from` finds it. Raises InputError for a path in which it finds nothing.
    """
    if settings.observer_from is None:
        return [without_suffix(path) if len(files) > 1 else None for path in files]
    found = [re.search(settings.observer_from, path.as_posix()) for path in files]
    for path, match in zip(files, found, strict=True):
        if not (match and match[1]):
            expected = f"an observer, by table.observer_from: {settings.observer_from}"
            raise InputError(path, "this path", expected, "Correct table.observer_from, or the pattern of the files.")
    return [match[1] if match else None for match in found]


def _remaining(
    table: pd.DataFrame, kept: Mapping[str, NDArray[np.bool_]], settings: GazeTableSettings, notes: list[str]
) -> NDArray[np.bool_]:
    """Return which rows [n] remain; append to `notes` how many are left out, why, and whose they are.

    `kept` has for each reason whether rows [n] remain. A row is counted once, for the first reason. Exact copies of an
    earlier row are left out before all others.
    """
    observer = table.observer.to_numpy()
    objects = [name for name in table if table[name].dtype == object]  # a Parquet cell may be a list
    remain = ~table.astype(dict.fromkeys(objects, "str")).duplicated().to_numpy()
    single = remain.copy()
    _note(observer[~remain], "exact copies of others", notes)
    for reason, own in kept.items():
        _note(observer[remain & ~own], reason, notes)
        remain &= own
    valid = np.logical_and.reduce([single, *(own for reason, own in kept.items() if reason != _BEFORE)])
    weak = pd.Series(valid[single]).groupby(observer[single]).mean()
    if len(weak := weak[weak < settings.min_valid].sort_values()):
        shares = ", ".join(f"{name} {share:.0%}" for name, share in weak.items())
        notes.append(f"observers with less than {settings.min_valid:.0%} valid samples: {shares}")
    return remain


def _note(observers: NDArray[np.object_], reason: str, notes: list[str]) -> None:
    """Append how many rows are left out for a reason, with the observers who have the most of them."""
    if counts := Counter(observers.tolist()):
        named = ", ".join(f"{observer} {count}" for observer, count in counts.most_common(_NAMED))
        more = f" and those of {len(counts) - _NAMED} more" if len(counts) > _NAMED else ""
        notes.append(f"{counts.total()} rows left out, {reason}: {named}{more}")
