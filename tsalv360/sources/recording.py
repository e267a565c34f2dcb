"""What every source gives: recordings, and gaze in the columns of the fixations table."""

import re
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np
from numpy.typing import ArrayLike

from tsalv360.job.errors import InputError
from tsalv360.sphere.directions import Array, wrap_yaw

if TYPE_CHECKING:
    import pandas as pd

    from tsalv360.media.video import View

_ID = re.compile(r"[A-Za-z0-9]+(-[A-Za-z0-9]+)*")
_ROUNDING = 0.002  # of the panorama; VR-EyeTracking has values from −0.00098 to 1.0009
_ROUNDING_DEG = 0.5


class Origin(NamedTuple):
    """Where a video and its gaze come from: the data set's name and the licence, as the config tells them."""

    source: str
    licence: str


@dataclass(frozen=True)
class Recording:
    """One video and where its gaze lies; a stage is told what it needs of that, and the rest stays empty.

    `video` is a video file, or a folder of ready frames named by native number, whose rate is `fps`. `gaze_format` is
    a key of `tsalv360.sources.READERS`, `gaze_id` the video's id within the gaze, `gaze_settings` what its reader
    needs to know besides. `skip_first` is the last frame number that is left out (0: none), `view` the part of the
    picture that is the panorama.
    """

    video_id: str
    source: str = ""
    video: Path = Path()
    gaze: tuple[Path, ...] = ()
    gaze_format: str = ""
    licence: str = ""
    skip_first: int = 0
    gaze_id: str | None = None
    gaze_settings: dict[str, Any] = field(default_factory=dict)
    fps: float | None = None
    view: "View" = "whole"

    @property
    def origin(self) -> Origin:
        """Where it comes from."""
        return Origin(self.source, self.licence)

    @property
    def gaze_names(self) -> str:
        """The gaze files as an error names them: the first three, and how many more there are."""
        more = len(self.gaze) - 3
        return ", ".join(map(str, self.gaze[:3])) + (f" and {more} more" if more > 0 else "")


def check_id(video_id: str, where: object) -> str:
    """The id itself; InputError, which names `where`, unless it is letters, digits and single hyphens."""
    if not _ID.fullmatch(video_id):
        found, expected = f"the id '{video_id}'", "letters, digits and hyphens, like ocean-2"
        raise InputError(where, found, expected, "Rename the video, or exclude it.")
    return video_id


def existing(path: str, key: str) -> Path:
    """The path that a key of the config names, `~` expanded; InputError when there is nothing, or {}<> in it."""
    found = Path(path).expanduser()
    if re.search("[{}<>]", str(found)):
        raise InputError(key, f"'{path}'", "a path without {}<>, in which Snakemake puts something else", "Rename it.")
    if not found.exists():
        raise InputError(key, f"'{path}', which does not exist", "a file or folder", "Correct the path in the config.")
    return found


def fixations_table(
    observer: ArrayLike,
    time_s: ArrayLike,
    duration_s: ArrayLike,
    frame: ArrayLike,
    yaw_deg: ArrayLike,
    pitch_deg: ArrayLike,
    fixation_id: ArrayLike = -1,
    weight: ArrayLike = 1.0,
    notes: list[str] | None = None,
) -> "pd.DataFrame":
    """A data frame with the columns and types of the fixations table; `notes` go to its `attrs`."""
    import pandas as pd

    from tsalv360.contracts.tables import FIXATIONS

    columns = dict(
        zip(FIXATIONS, (observer, fixation_id, time_s, duration_s, frame, yaw_deg, pitch_deg, weight), strict=True)
    )
    table = pd.DataFrame(
        {name: pd.Series(np.broadcast_to(values, np.shape(time_s))) for name, values in columns.items()}
    )
    types = {
        name: {"string": "str", "int64": "int64", "double": "float64"}[str(column.type)]
        for name, column in FIXATIONS.items()
    }
    table = table.astype(types)
    table.attrs["notes"] = notes or []
    return table


def directions_from_fractions(
    x: ArrayLike, y: ArrayLike, origin: str, where: list[str], notes: list[str]
) -> tuple[Array, Array]:
    """Yaw and pitch of positions given as fractions of the panorama.

    Parameters
    ----------
    x, y : [n] in 0..1; up to 0.002 outside is a rounding error, wrapped (x) or clipped (y) and told in `notes`.
    origin : "bottom left" (y counts up) or "top left" (y counts down).
    where : [n] file and line of each row, for the error.
    """
    x, y = np.asarray(x, dtype=float), np.asarray(y, dtype=float)
    outside = (x < 0) | (x > 1) | (y < 0) | (y > 1)
    bad = ~((np.abs(x - 0.5) <= 0.5 + _ROUNDING) & (np.abs(y - 0.5) <= 0.5 + _ROUNDING))
    if bad.any():
        row = int(np.flatnonzero(bad)[0])
        raise InputError(
            where[row], f"the position ({x[row]:g}, {y[row]:g})", "fractions from 0 to 1", "Correct or remove the row."
        )
    if outside.any():
        notes.append(f"{int(outside.sum())} positions outside 0 to 1 by a rounding error, wrapped or clipped")
    y = np.clip(y, 0, 1)
    return wrap_yaw(360 * x - 180), 180 * y - 90 if origin == "bottom left" else 90 - 180 * y


def directions_from_degrees(
    yaw_deg: ArrayLike, pitch_deg: ArrayLike, where: list[str], notes: list[str]
) -> tuple[Array, Array]:
    """Yaw and pitch of directions given in degrees, right and up positive.

    Parameters
    ----------
    yaw_deg : [n] in −180..180 or 0..360, wrapped.
    pitch_deg : [n] in −90..90; up to 0.5 beyond a pole is a rounding error, clipped and told in `notes`.
    where : [n] file and line of each row, for the error.
    """
    yaw, pitch = np.asarray(yaw_deg, dtype=float), np.asarray(pitch_deg, dtype=float)
    for name, angle, low, high, expected in [
        ("yaw", yaw, -180, 360, "degrees from −180 to 180, or 0 to 360"),
        ("pitch", pitch, -90, 90, "degrees from −90 to 90"),
    ]:
        bad = ~((angle >= low - _ROUNDING_DEG) & (angle <= high + _ROUNDING_DEG))
        if bad.any():
            row = int(np.flatnonzero(bad)[0])
            raise InputError(where[row], f"the {name} {angle[row]:g}", expected, "Correct or remove the row.")
    if beyond := int((np.abs(pitch) > 90).sum()):
        notes.append(f"{beyond} pitches beyond a pole by a rounding error, clipped")
    return wrap_yaw(yaw), np.clip(pitch, -90, 90)
