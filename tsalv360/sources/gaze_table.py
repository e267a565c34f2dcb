"""Anyone's own gaze: a CSV, TSV or Parquet table with observer, time or frame, and direction."""

import csv
import io
import re
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
from tsalv360.sources.recording import directions_from_degrees, directions_from_fractions, fixations_table
from tsalv360.sphere.directions import Array

FORMAT = "gaze_table"
COLUMNS = ("observer", "video", "time_s", "frame", "duration_s", "yaw_deg", "pitch_deg", "x", "y")
_PER_SECOND = {"s": 1, "ms": 1e3, "us": 1e6, "ns": 1e9}
_LONGEST_S = 86_400
_NUMBER = re.compile(r"[-+]?([0-9]+\.?[0-9]*|\.[0-9]+)([eE][-+]?[0-9]+)?")
_ADVICE = "See docs/sources.md for the columns."
_Name = Annotated[str, Field(description=f"its name for one of {', '.join(COLUMNS)}, where that is another")]


@dataclass(frozen=True, config=STRICT)
class GazeTableSettings:
    """How a gaze table is written, where it is not as `docs/sources.md` says."""

    columns: dict[str, _Name] = setting(dict, "names of its columns")
    time_unit: Literal["s", "ms", "us", "ns"] = setting("s", "unit of time_s and duration_s")
    first_frame: int = setting(0, "number of the video's first frame in the column frame", ge=0, le=1)
    angle_unit: Literal["deg", "rad"] = setting("deg", "unit of yaw_deg and pitch_deg")
    pitch: Literal["up", "down"] = setting("up", "where pitch_deg is positive")
    origin: Literal["bottom left", "top left"] | None = setting(None, "origin of x and y")
    width: int | None = setting(None, "of the panorama, where x is in pixels and not a fraction", unit="px", ge=1)
    height: int | None = setting(None, "of the panorama, where y is in pixels and not a fraction", unit="px", ge=1)

    @model_validator(mode="after")
    def _columns_are_known(self) -> Self:
        if unknown := sorted(set(self.columns) - set(COLUMNS)):
            raise ValueError(f"columns names {', '.join(unknown)}; known are {', '.join(COLUMNS)}")
        return self


_DEFAULTS = GazeTableSettings()


def read_gaze_table(
    path: str | Path, fps: float, video_id: str | None = None, settings: GazeTableSettings = _DEFAULTS
) -> pd.DataFrame:
    """Gaze samples or fixations of a table.

    Parameters
    ----------
    path : CSV, TSV or Parquet with the columns `observer`; `time_s` or `frame` (from 0); `yaw_deg` and `pitch_deg`, or
        `x` and `y` as fractions; optionally `duration_s` (then rows are fixations) and `video`.
    fps : frame rate of the video.
    video_id : rows of this video, where the table has a column `video`.
    settings : other names and units of these columns, and the origin of `x` and `y`.

    Returns the columns of the fixations table. Raises InputError naming the file, row (from 1) and column.
    """
    path = Path(path)
    notes: list[str] = []
    table = _columns(path, _read(path, notes), settings, notes)
    if "video" in table and video_id is not None:
        table = table[_labels(path, table.video) == video_id]
    where = [f"{path}, row {number}" for number in table.index]
    observer = _labels(path, table.observer)
    values = {name: _numbers(table[name], where) for name in COLUMNS[2:] if name in table}
    if "frame" in values:
        number = values["frame"] - settings.first_frame
        _refuse(number % 1 != 0, values["frame"], where, "frame", "a whole number")
        time_s, time = number / fps, "frame"
    else:
        time_s, time = values["time_s"] / _PER_SECOND[settings.time_unit], "time_s"
    beyond = (time_s < 0) | (time_s > _LONGEST_S)
    _refuse(beyond, values[time], where, time, f"0 to {_LONGEST_S} s from the start of the video")
    directions = _angles if "yaw_deg" in values else _positions
    yaw, pitch = directions(values, settings, where, notes)
    if "duration_s" in values:
        duration_s = values["duration_s"] / _PER_SECOND[settings.time_unit]
        bad = (duration_s <= 0) | (duration_s > _LONGEST_S)
        _refuse(bad, values["duration_s"], where, "duration_s", f"more than 0, up to {_LONGEST_S} s")
        fixation_id = pd.Series(observer).groupby(observer).cumcount().to_numpy()
    else:
        again = pd.DataFrame({"observer": observer, "time": time_s}).duplicated()
        _refuse(again.to_numpy(), values[time], where, time, "one sample of an observer at a time")
        step = pd.Series(time_s).groupby(observer).transform(lambda time: time.sort_values().diff().median())
        duration_s, fixation_id = step.fillna(1 / fps).to_numpy(), np.full(len(table), -1)
    frame = np.floor(time_s * fps + 1e-6).astype(int)
    return fixations_table(observer, time_s, duration_s, frame, yaw, pitch, fixation_id, notes=notes)


def _read(path: Path, notes: list[str]) -> pd.DataFrame:
    """The whole table as it is, its index the number of the row."""
    try:
        return _read_parquet(path) if path.suffix == ".parquet" else _read_csv(path, notes)
    except InputError:
        raise
    except (OSError, ValueError, pa.ArrowException) as error:
        raise InputError(path, f"{error!s:.200}", "a CSV, TSV or Parquet table", _ADVICE) from error


def _read_csv(path: Path, notes: list[str]) -> pd.DataFrame:
    """All cells as text: ids keep their zeros, and a row that cannot be read is named."""
    data = path.read_bytes()
    try:
        text = data.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        row = data.count(b"\n", 0, error.start)
        found = f"{data[error.start : error.end]!r}, which is not UTF-8"
        raise InputError(_place(path, row), found, "a table in UTF-8", "Save it as UTF-8, or correct it.") from None
    if not text.endswith(("\n", "\r")):
        notes.append("no line end after the last row: it may have been cut off")
    delimiter = "\t" if path.suffix == ".tsv" else ","
    header: list[str] = []
    rows: dict[int, list[str]] = {}
    for number, line in enumerate(io.StringIO(text, newline=None)):
        try:
            cells = [cell.strip() for cell in next(csv.reader([line], delimiter=delimiter, strict=True))]
        except csv.Error as error:
            found = f"{line[:80]!r} ({error})"
            raise InputError(_place(path, number), found, "a row on one line", "Correct the row.") from None
        if not header:
            header = cells
        elif cells and len(cells) != len(header):
            found, expected = f"{len(cells)} fields", f"{len(header)}, as in the header"
            raise InputError(_place(path, number), found, expected, "Correct or remove the row.")
        elif cells:
            rows[number] = cells
    return pd.DataFrame(list(rows.values()), list(rows), pd.Index(header), dtype="str")


def _place(path: Path, row: int) -> str:
    return f"{path}, row {row}" if row else str(path)


def _read_parquet(path: Path) -> pd.DataFrame:
    with pq.ParquetFile(path, page_checksum_verification=True) as file:
        content = file.read(use_threads=False)  # as in `tables.read_table`
        groups = [file.metadata.row_group(n) for n in range(file.num_row_groups)]
    content.validate(full=True)
    columns = [(group.column(n), group.num_rows) for group in groups for n in range(group.num_columns)]
    if any(column.num_values != n_rows for column, n_rows in columns if "." not in column.path_in_schema):
        raise ValueError("columns with more values than rows, or fewer")  # damage that would hide rows
    table: pd.DataFrame = content.to_pandas(ignore_metadata=True)  # another's index would hide a column
    return table.set_axis(range(1, len(table) + 1))


def _columns(path: Path, table: pd.DataFrame, settings: GazeTableSettings, notes: list[str]) -> pd.DataFrame:
    """The columns that count, under our names.

    Where there are both, times count and not frames, angles and not positions, unless the settings name only these.
    """
    names = {name: settings.columns.get(name, name) for name in COLUMNS}

    def counts(name: str, other: str) -> bool:
        return names[name] in table and (name in settings.columns or other not in settings.columns)

    wanted = ["observer", "time_s" if counts("time_s", "frame") else "frame"]
    wanted += ["yaw_deg", "pitch_deg"] if counts("yaw_deg", "x") else ["x", "y"]
    wanted += [name for name in ("video", "duration_s") if name in settings.columns or name in table]
    if missing := [names[name] for name in wanted if names[name] not in table]:
        raise InputError(path, f"columns {list(table)}", f"also {missing}", _ADVICE)
    if twice := [names[name] for name in wanted if list(table).count(names[name]) > 1]:
        raise InputError(path, f"columns {list(table)}", f"{twice} once", "Remove or rename the others.")
    if "x" in wanted and settings.origin is None:
        found, expected = "columns x and y without their origin", "bottom left or top left"
        raise InputError(path, found, expected, "Set `origin` in the video's `table`.")
    if unused := [name for name in table if name not in {names[name] for name in wanted}]:
        notes.append(f"columns not used: {', '.join(map(str, unused))}")
    return pd.DataFrame({name: table[names[name]] for name in wanted})


def _labels(path: Path, column: "pd.Series[Any]") -> NDArray[np.object_]:
    """Names of observers or videos as text."""
    labels = [str(cell).strip() if isinstance(cell, str | int | float) and cell == cell else "" for cell in column]
    if bad := [
        number for number, label in zip(column.index, labels, strict=True) if not label.isprintable() or not label
    ]:
        found, expected = f"no {column.name}", f"a name or number of the {column.name}"
        raise InputError(f"{path}, row {bad[0]}", found, expected, "Correct the row.")
    return np.array(labels, dtype=object)


def _numbers(column: "pd.Series[Any]", where: list[str]) -> Array:
    numbers = np.array([_number(cell) for cell in column], dtype=float)
    _refuse(~np.isfinite(numbers), column.to_numpy(), where, str(column.name), "a number")
    return numbers


def _number(cell: object) -> float:
    """The number in a cell; NaN where there is none."""
    if isinstance(cell, str):
        return float(cell) if _NUMBER.fullmatch(cell) else np.nan
    return float(cell) if isinstance(cell, int | float | Decimal) and not isinstance(cell, bool) else np.nan


def _positions(
    values: dict[str, Array], settings: GazeTableSettings, where: list[str], notes: list[str]
) -> tuple[Array, Array]:
    x, y = values["x"] / (settings.width or 1), values["y"] / (settings.height or 1)
    return directions_from_fractions(x, y, str(settings.origin), where, notes)


def _angles(
    values: dict[str, Array], settings: GazeTableSettings, where: list[str], notes: list[str]
) -> tuple[Array, Array]:
    yaw, pitch = values["yaw_deg"], values["pitch_deg"]
    if settings.angle_unit == "rad":
        yaw, pitch = np.degrees(yaw), np.degrees(pitch)
    yaw, pitch = directions_from_degrees(yaw, pitch, where, notes)
    return yaw, pitch if settings.pitch == "up" else -pitch


def _refuse(bad: NDArray[np.bool_], values: NDArray[Any], where: list[str], column: str, expected: str) -> None:
    if bad.any():
        row = int(np.flatnonzero(bad)[0])
        raise InputError(where[row], f"'{values[row]}' in column {column}", expected, "Correct or remove the row.")
