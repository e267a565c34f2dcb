"""The settings that describe a gaze table: names, units, signs and frames of reference of its columns."""

import codecs
import re
from pathlib import Path
from typing import Annotated, Literal, Self

from pydantic import Field, model_validator
from pydantic.dataclasses import dataclass

from tsalv360.contracts.settings import STRICT, setting

ANGLES = ("yaw_deg", "pitch_deg")
VECTOR = ("gaze_x", "gaze_y", "gaze_z")
POSITION = ("x", "y")
QUATERNION = ("head_qx", "head_qy", "head_qz", "head_qw")
HEAD_ANGLES = ("head_yaw_deg", "head_pitch_deg", "head_roll_deg")
SPHERE_YAW = "sphere_yaw_deg"
NUMBERS = ("time_s", "frame", "duration_s", *ANGLES, *POSITION, *VECTOR, *QUATERNION, *HEAD_ANGLES, SPHERE_YAW)
COLUMNS = ("observer", "video", *NUMBERS)
TIME_ZEROS = ("video", "first sample", "first of each observer")

_SUFFIX = re.compile(r"\.(csv|tsv|txt|parquet)(\.gz)?$", re.IGNORECASE)

Cell = bool | int | float | str
_Name = Annotated[str, Field(description=f"name in the table of one of {', '.join(COLUMNS)}, if it differs")]
_Order = Literal[
    "yaw pitch roll", "yaw roll pitch", "pitch yaw roll", "pitch roll yaw", "roll yaw pitch", "roll pitch yaw"
]


@dataclass(frozen=True, config=STRICT)
class Validity:
    """The column that says which rows are valid."""

    column: str | None = setting(None, "name in the table of the column that says which rows are valid")
    keep: Cell | list[Cell] | None = setting(
        None, "value, or list of values, of a valid row; without it every row whose cell is not empty is valid"
    )


@dataclass(frozen=True, config=STRICT)
class Confidence:
    """The column with the tracker's confidence."""

    column: str | None = setting(None, "name in the table of the column with the confidence of the eye tracker")
    at_least: float = setting(0.6, "rows of a lower confidence, or of none, are left out")


@dataclass(frozen=True, config=STRICT)
class StartMarker:
    """The row with which an observer's video begins."""

    column: str | None = setting(None, "name in the table of the column that marks the start of the video")
    equals: Cell | None = setting(None, "each observer's video begins with the first row that has this value there")


@dataclass(frozen=True, config=STRICT)
class GazeTableSettings:
    """How a gaze table is written, where it differs from the form in `docs/gaze-tables.md`."""

    columns: dict[str, _Name] = setting(dict, "names of the columns")
    observer_from: str | None = setting(
        None,
        "regular expression with one group, which finds the observer in the path of a file, for tables without a "
        "column observer; else the observer is the name of the file",
    )
    separator: Literal[",", ";", "tab", "space", "|"] | None = setting(
        None, "what separates cells; by default a tab in .tsv files and a comma in others"
    )
    decimal: Literal[".", ","] = setting(".", "decimal mark")
    encoding: str = setting("utf-8", "encoding of the text; a byte order mark takes precedence")
    time_unit: Literal["s", "ms", "us", "ns", "ticks", "iso"] = setting(
        "s",
        "unit of time_s and duration_s; ticks are 100 ns; iso is a date and time or a time of day (ISO 8601), "
        "durations are then in s",
    )
    time_zero: float | str = setting(
        "video",
        "when the video begins by the clock of time_s: 'video' (at 0), at the 'first sample' of the table, at the "
        "'first of each observer', or a time as it stands in the table",
    )
    start_marker: StartMarker = setting(StartMarker, "the row with which each observer's video begins")
    first_frame: int = setting(0, "number of the video's first frame in the column frame", ge=0, le=1)
    validity: Validity = setting(Validity, "which rows are valid; the others are left out and counted")
    confidence: Confidence = setting(Confidence, "which rows are certain; the others are left out and counted")
    min_valid: float = setting(0.5, "observers with a smaller share of such rows are named in a remark", ge=0, le=1)
    angle_unit: Literal["deg", "rad"] = setting("deg", "unit of all angles of the table")
    yaw: Literal["right", "left"] = setting("right", "direction in which yaw_deg and sphere_yaw_deg are positive")
    pitch: Literal["up", "down"] = setting("up", "direction in which pitch_deg is positive")
    head_yaw: Literal["right", "left"] = setting("right", "direction in which head_yaw_deg is positive")
    head_pitch: Literal["up", "down"] = setting("up", "direction in which head_pitch_deg is positive")
    head_roll: Literal["right", "left"] = setting("right", "side to which the head leans if head_roll_deg is positive")
    head_order: _Order = setting(
        "yaw pitch roll",
        "order in which the angles turn the head, each about an axis that the earlier ones have turned",
    )
    head_only: bool = setting(False, "the directions are those of the head alone, without the eyes")
    axes: Literal["unity", "openxr"] | list[str] | None = setting(
        None,
        "frame of vectors and quaternions, which they require: unity (x right, y up, z forward), openxr (x right, "
        "y up, -z forward), or the list of the axes that point right, up and forward, such as [x, y, -z]",
    )
    sphere_yaw: float = setting(
        0.0, "yaw in the recorder's world of the panorama's centre, if the sphere was turned; see sphere_yaw_deg"
    )
    origin: Literal["bottom left", "top left"] | None = setting(None, "origin of x and y, which they require")
    width: int | None = setting(None, "width of the panorama, if x is in pixels and not a fraction", unit="px", ge=1)
    height: int | None = setting(None, "height of the panorama, if y is in pixels and not a fraction", unit="px", ge=1)

    @model_validator(mode="after")
    def _is_consistent(self) -> Self:
        if unknown := sorted(set(self.columns) - set(COLUMNS)):
            raise ValueError(f"columns names {', '.join(unknown)}; known are {', '.join(COLUMNS)}")
        try:
            codecs.lookup(self.encoding)
            groups = re.compile(self.observer_from).groups if self.observer_from is not None else 1
        except LookupError:
            raise ValueError(f"encoding is '{self.encoding}', which is unknown; write utf-8, latin-1, …") from None
        except re.error as error:
            raise ValueError(f"observer_from is no regular expression: {error}") from None
        if groups != 1:
            raise ValueError(f"observer_from has {groups} groups in round brackets; it needs one, the observer")
        if isinstance(self.time_zero, str) and self.time_zero not in TIME_ZEROS and self.time_unit != "iso":
            raise ValueError(f"time_zero is '{self.time_zero}'; write {', '.join(TIME_ZEROS)}, or a number")
        if (self.start_marker.column is None) != (self.start_marker.equals is None):
            raise ValueError("start_marker needs both column and equals")
        if isinstance(self.axes, list) and sorted(axis.lstrip("-") for axis in self.axes) != ["x", "y", "z"]:
            raise ValueError(f"axes is {self.axes}; it names x, y and z once each, as in [x, y, -z]")
        return self

    def named(self, *columns: str) -> bool:
        """Return whether the settings name one of these columns."""
        return not self.columns.keys().isdisjoint(columns)


def is_table(path: Path) -> bool:
    """Return whether a file has the ending of a table."""
    return bool(_SUFFIX.search(path.name))


def without_suffix(path: Path) -> str:
    """Return the name of a file without the ending of a table."""
    return _SUFFIX.sub("", path.name)
