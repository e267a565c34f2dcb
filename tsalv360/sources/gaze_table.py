"""Gaze in anyone's own table: CSV, TSV or Parquet with an observer, a time or frame, and a direction in every row."""

import csv
import io
import re
from collections.abc import Sequence
from decimal import Decimal
from pathlib import Path
from typing import Annotated, Any, Literal, Self

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq
from numpy.typing import NDArray
from pydantic import Field, model_validator
from pydantic.dataclasses import dataclass

from tsalv360.contracts.settings import STRICT, setting
from tsalv360.job.errors import InputError
from tsalv360.sources.recording import check_rows, directions_from_degrees, directions_from_fractions, fixations_table
from tsalv360.sphere.directions import Array

COLUMNS = ("observer", "video", "time_s", "frame", "duration_s", "yaw_deg", "pitch_deg", "x", "y")
_PER_SECOND = {"s": 1, "ms": 1e3, "us": 1e6, "ns": 1e9}
_LONGEST_S = 86_400
_NUMBER = re.compile(r"[-+]?([0-9]+\.?[0-9]*|\.[0-9]+)([eE][-+]?[0-9]+)?")
_ADVICE = "See docs/sources.md for the columns."
_Name = Annotated[str, Field(description=f"name in the table of one of {', '.join(COLUMNS)}, if it differs")]


@dataclass(frozen=True, config=STRICT)
class GazeTableSettings:
    """Names, units and origin of the columns of a gaze table, where they differ from those in `docs/sources.md`."""

    columns: dict[str, _Name] = setting(dict, "names of the columns")
    time_unit: Literal["s", "ms", "us", "ns"] = setting("s", "unit of time_s and duration_s")
    first_frame: int = setting(0, "number of the video's first frame in the column frame", ge=0, le=1)
    angle_unit: Literal["deg", "rad"] = setting("deg", "unit of yaw_deg and pitch_deg")
    pitch: Literal["up", "down"] = setting("up", "direction in which pitch_deg is positive")
    origin: Literal["bottom left", "top left"] | None = setting(None, "origin of x and y, which they require")
    width: int | None = setting(None, "width of the panorama, if x is in pixels and not a fraction", unit="px", ge=1)
    height: int | None = setting(None, "height of the panorama, if y is in pixels and not a fraction", unit="px", ge=1)

    @model_validator(mode="after")
    def _columns_are_known(self) -> Self:
        if unknown := sorted(set(self.columns) - set(COLUMNS)):
            raise ValueError(f"columns names {', '.join(unknown)}; known are {', '.join(COLUMNS)}")
        return self


_DEFAULTS = GazeTableSettings()


def read_gaze_table(
    path: str | Path,
    fps: float,
    video_id: str | None = None,
    settings: GazeTableSettings = _DEFAULTS,
    notes: list[str] | None = None,
) -> pd.DataFrame:
    """Return the gaze samples or fixations of a table as rows of the fixations table.

    Parameters
    ----------
    path : CSV, TSV or Parquet with the columns `observer`; `time_s` or `frame` (from 0); `yaw_deg` and `pitch_deg`, or
        `x` and `y` as fractions; optionally `duration_s` (rows are then fixations) and `video`.
    fps : frame rate of the video.
    video_id : selects the rows of this video if the table has a column `video`.
    settings : other names and units of these columns, and the origin of `x` and `y`.
    notes : remarks are appended to it.

    Raises InputError, which names the file, row (from 1) and column.
    """
    path, notes = Path(path), [] if notes is None else notes
    table = _choose_columns(path, _read(path, notes), settings, notes)
    if "video" in table and video_id is not None:
        table = table[_labels(table.video, _rows(path, table)) == video_id]
    where = _rows(path, table)
    observer = _labels(table.observer, where)
    values = {name: _numbers(table[name], where) for name in COLUMNS[2:] if name in table}

    def check(good: NDArray[np.bool_], column: str, expected: str) -> None:
        check_rows(good, where, lambda row: f"'{values[column][row]}' in column {column}", expected)

    if "frame" in values:
        number = values["frame"] - settings.first_frame
        check(number % 1 == 0, "frame", "a whole number")
        time_s, time = number / fps, "frame"
    else:
        time_s, time = values["time_s"] / _PER_SECOND[settings.time_unit], "time_s"
    check((time_s >= 0) & (time_s <= _LONGEST_S), time, f"0 to {_LONGEST_S} s from the start of the video")
    yaw, pitch = _directions(values, settings, where, notes)
    if "duration_s" in values:
        duration_s = values["duration_s"] / _PER_SECOND[settings.time_unit]
        check((duration_s > 0) & (duration_s <= _LONGEST_S), "duration_s", f"more than 0, up to {_LONGEST_S} s")
        fixation_id = pd.Series(observer).groupby(observer).cumcount().to_numpy()
    else:
        repeated = pd.DataFrame({"observer": observer, "time": time_s}).duplicated()
        check(~repeated.to_numpy(), time, "one sample per observer and time")
        step = pd.Series(time_s).groupby(observer).transform(lambda time: time.sort_values().diff().median())
        duration_s, fixation_id = step.fillna(1 / fps).to_numpy(), np.full(len(table), -1)
    frame = np.floor(time_s * fps + 1e-6).astype(int)
    return fixations_table(observer, time_s, duration_s, frame, yaw, pitch, fixation_id)


def _read(path: Path, notes: list[str]) -> pd.DataFrame:
    """Return the whole table unchanged, indexed by the number of the row."""
    try:
        return _read_parquet(path) if path.suffix == ".parquet" else _read_csv(path, notes)
    except InputError:
        raise
    except (OSError, ValueError, pa.ArrowException) as error:
        raise InputError(path, f"{error!s:.200}", "a CSV, TSV or Parquet table", _ADVICE) from error


def _read_csv(path: Path, notes: list[str]) -> pd.DataFrame:
    """Return all cells as text, so that ids keep their zeros; raise InputError for the first row of another form."""

    def refusal(row: int, found: str, expected: str, advice: str = "Correct or remove the row.") -> InputError:
        return InputError(f"{path}, row {row}" if row else path, found, expected, advice)

    data = path.read_bytes()
    try:
        text = data.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        found = f"{data[error.start : error.end]!r}, which is not UTF-8"
        row = data.count(b"\n", 0, error.start)
        raise refusal(row, found, "a table in UTF-8", "Save it as UTF-8, or correct it.") from None
    if not text.endswith(("\n", "\r")):
        notes.append("no line end after the last row: it may have been cut off")
    delimiter = "\t" if path.suffix == ".tsv" else ","
    rows: dict[int, list[str]] = {}  # by line from 0: the header comes first
    for number, line in enumerate(io.StringIO(text, newline=None)):
        try:
            cells = [cell.strip() for cell in next(csv.reader([line], delimiter=delimiter, strict=True))]
        except csv.Error as error:
            raise refusal(number, f"{line[:80]!r} ({error})", "a row on one line") from None
        if cells and rows and len(cells) != (n := len(next(iter(rows.values())))):
            raise refusal(number, f"{len(cells)} fields", f"{n}, as in the header")
        if cells:
            rows[number] = cells
    header, *body = rows.values() or [[]]
    return pd.DataFrame(body, list(rows)[1:], pd.Index(header), dtype="str")


def _read_parquet(path: Path) -> pd.DataFrame:
    with pq.ParquetFile(path, page_checksum_verification=True) as file:
        content = file.read(use_threads=False)  # as in `tables.read_table`
        groups = [file.metadata.row_group(n) for n in range(file.num_row_groups)]
    content.validate(full=True)
    columns = [(group.column(n), group.num_rows) for group in groups for n in range(group.num_columns)]
    if any(column.num_values != n_rows for column, n_rows in columns if "." not in column.path_in_schema):
        raise ValueError("columns with more values than rows, or fewer")  # damage that would hide rows
    table: pd.DataFrame = content.to_pandas(ignore_metadata=True)  # a stored index would hide a column
    return table.set_axis(range(1, len(table) + 1))


def _choose_columns(path: Path, table: pd.DataFrame, settings: GazeTableSettings, notes: list[str]) -> pd.DataFrame:
    """Return the columns that are used, under our names.

    Times are preferred to frames, and angles to positions, unless the settings name only the latter.
    """
    names = {name: settings.columns.get(name, name) for name in COLUMNS}

    def preferred(name: str, other: str) -> bool:
        return names[name] in table and (name in settings.columns or other not in settings.columns)

    used = ["observer", "time_s" if preferred("time_s", "frame") else "frame"]
    used += ["yaw_deg", "pitch_deg"] if preferred("yaw_deg", "x") else ["x", "y"]
    used += [name for name in ("video", "duration_s") if name in settings.columns or name in table]
    if missing := [names[name] for name in used if names[name] not in table]:
        raise InputError(path, f"columns {list(table)}", f"also {missing}", _ADVICE)
    if repeated := [names[name] for name in used if list(table).count(names[name]) > 1]:
        raise InputError(path, f"columns {list(table)}", f"{repeated} once", "Remove or rename the others.")
    if "x" in used and settings.origin is None:
        found, expected = "columns x and y without their origin", "bottom left or top left"
        raise InputError(path, found, expected, "Set `origin` in the video's `table`.")
    if unused := [name for name in table if name not in {names[name] for name in used}]:
        notes.append(f"columns not used: {', '.join(map(str, unused))}")
    return pd.DataFrame({name: table[names[name]] for name in used})


def _rows(path: Path, table: pd.DataFrame) -> list[str]:
    return [f"{path}, row {number}" for number in table.index]


def _labels(column: "pd.Series[Any]", where: Sequence[str]) -> NDArray[np.object_]:
    """Return the names of observers or videos as text."""
    labels = [str(cell).strip() if isinstance(cell, str | int | float) and cell == cell else "" for cell in column]
    good = np.array([label.isprintable() and label != "" for label in labels], dtype=bool)
    check_rows(good, where, lambda _: f"no {column.name}", f"a name or number of the {column.name}")
    return np.array(labels, dtype=object)


def _numbers(column: "pd.Series[Any]", where: Sequence[str]) -> Array:
    """Return the cells as finite numbers."""
    numbers = np.array([_number(cell) for cell in column], dtype=float)
    check_rows(np.isfinite(numbers), where, lambda row: f"'{column.iloc[row]}' in column {column.name}", "a number")
    return numbers


def _number(cell: object) -> float:
    """Return the number in a cell, NaN if there is none."""
    if isinstance(cell, str):
        return float(cell) if _NUMBER.fullmatch(cell) else np.nan
    return float(cell) if isinstance(cell, int | float | Decimal) and not isinstance(cell, bool) else np.nan


def _directions(
    values: dict[str, Array], settings: GazeTableSettings, where: Sequence[str], notes: list[str]
) -> tuple[Array, Array]:
    if "x" in values:
        x, y = values["x"] / (settings.width or 1), values["y"] / (settings.height or 1)
        return directions_from_fractions(x, y, str(settings.origin), where, notes)
    yaw, pitch = values["yaw_deg"], values["pitch_deg"]
    if settings.angle_unit == "rad":
        yaw, pitch = np.degrees(yaw), np.degrees(pitch)
    yaw, pitch = directions_from_degrees(yaw, pitch, where, notes)
    return yaw, pitch if settings.pitch == "up" else -pitch
