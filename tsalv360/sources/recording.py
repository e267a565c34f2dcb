"""What every source provides: recordings, and their gaze as rows of the fixations table."""

import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np
from numpy.typing import ArrayLike, NDArray

from tsalv360 import sources  # the package imports a reader only when it is used
from tsalv360.contracts.grid import FPS
from tsalv360.job.errors import InputError
from tsalv360.sphere.directions import Array, wrap_yaw

if TYPE_CHECKING:
    import pandas as pd

    from tsalv360.media.panorama import Pose, Projection, View

_ID = re.compile(r"[A-Za-z0-9]+(-[A-Za-z0-9]+)*")
_ROUNDING = 0.002  # fraction of the panorama; VR-EyeTracking has values from −0.00098 to 1.0009
_ROUNDING_DEG = 0.5


class Origin(NamedTuple):
    """Data set and licence of a video and its gaze, as the config names them, and what of the observers was recorded.

    `gaze` is "eye", or "head" where only the direction of the head is known.
    """

    source: str
    licence: str
    gaze: str = "eye"


@dataclass(frozen=True)
class Recording:
    """One video and the files of its gaze. A stage receives only the fields that it uses; the others stay empty.

    `video` is a video file, or a folder of ready frames named by native number, whose rate is `fps`. `gaze_format` is
    a key of `tsalv360.sources.READERS`, `gaze_id` the video's id within the gaze, `gaze_settings` the settings of its
    reader. `skip_first` is the last frame number that is left out (0: none), `view` the part of the picture that is
    the panorama, `rate` that of the kept frames. `picture_times_s` are the presentation times of the pictures of a
    video of variable rate, empty at a constant one. `projection` is that of the pictures (None: as the header says),
    and `pose` says what happens if the header turns the sphere: the gaze of data sets is that of the pictures.
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
    rate: float = FPS
    picture_times_s: Sequence[float] = ()
    projection: "Projection | None" = None
    pose: "Pose" = "ignore"

    @property
    def origin(self) -> Origin:
        """Data set and licence, and whether eyes or only heads were recorded."""
        return Origin(self.source, self.licence, "head" if self.head_only else "eye")

    @property
    def head_only(self) -> bool:
        """Whether only the direction of the head was recorded, by the format or by the settings of its reader."""
        return self.gaze_format in HEAD_ONLY or bool(self.gaze_settings.get("head_only"))

    @property
    def gaze_names(self) -> str:
        """The gaze files for an error message: the first three, and the number of the others."""
        more = len(self.gaze) - 3
        return ", ".join(map(str, self.gaze[:3])) + (f" and {more} more" if more > 0 else "")


def check_id(video_id: str, where: object) -> str:
    """Return the id; raise InputError, which names `where`, unless it is letters, digits and single hyphens."""
    if not _ID.fullmatch(video_id):
        found, expected = f"the id '{video_id}'", "letters, digits and hyphens, like ocean-2"
        raise InputError(where, found, expected, "Rename the video, or exclude it.")
    return video_id


def existing(path: str, key: str) -> Path:
    """Return the path that a config key names, `~` expanded; raise InputError if it does not exist or has {}<>."""
    found = _allowed(Path(path).expanduser(), key)
    if not found.exists():
        raise InputError(key, f"'{path}', which does not exist", "a file or folder", "Correct the path in the config.")
    return found


def existing_files(pattern: str, key: str, in_folder: Callable[[Path], bool]) -> tuple[Path, ...]:
    """Return the files that a config key names, sorted: by a path, a pattern such as gaze/*.csv, or their folder.

    `in_folder` tells which files of a folder count. Raises InputError as `existing`, and if there are none.
    """
    path = Path(pattern).expanduser()
    if path.exists() or not re.search(r"[*?\[]", pattern):
        path = existing(pattern, key)
        files = sorted(file for file in path.iterdir() if in_folder(file)) if path.is_dir() else [path]
    else:
        files = sorted(file for file in Path(path.anchor).glob(str(path.relative_to(path.anchor))) if file.is_file())
    if not files:
        found = f"'{pattern}', which matches no file"
        raise InputError(key, found, "a file, a pattern of files or their folder", "Correct it in the config.")
    return tuple(_allowed(file, key) for file in files)


def _allowed(path: Path, key: str) -> Path:
    if re.search("[{}<>]", str(path)):
        raise InputError(key, f"'{path}'", "a path without {}<>, which Snakemake would replace", "Rename it.")
    return path


def fixations_table(
    observer: ArrayLike,
    time_s: ArrayLike,
    duration_s: ArrayLike,
    frame: ArrayLike,
    yaw_deg: ArrayLike,
    pitch_deg: ArrayLike,
    fixation_id: ArrayLike = -1,
    weight: ArrayLike = 1.0,
) -> "pd.DataFrame":
    """Return a data frame with the columns and types of the fixations table; one value stands for all rows."""
    import pandas as pd

    from tsalv360.contracts.tables import FIXATIONS

    columns = observer, fixation_id, time_s, duration_s, frame, yaw_deg, pitch_deg, weight
    series = [pd.Series(np.broadcast_to(values, np.shape(time_s))) for values in columns]
    types = {name: column.type.to_pandas_dtype() for name, column in FIXATIONS.items()} | {"observer": "str"}
    return pd.DataFrame(dict(zip(FIXATIONS, series, strict=True))).astype(types)


def check_rows(
    good: NDArray[np.bool_],
    where: Sequence[str],
    found: Callable[[int], str],
    expected: str,
    advice: str = "Correct or remove the row.",
) -> None:
    """Raise InputError for the first row [n] that is not `good`; `where` [n] is its file and line."""
    if not good.all():
        row = int(good.argmin())
        raise InputError(where[row], found(row), expected, advice)


def directions_from_fractions(
    x: ArrayLike, y: ArrayLike, origin: str, where: Sequence[str], notes: list[str]
) -> tuple[Array, Array]:
    """Return yaw and pitch of positions given as fractions of the panorama.

    Parameters
    ----------
    x, y : [n] in 0..1; up to 0.002 outside is a rounding error, which is wrapped (x) or clipped (y) and noted.
    origin : "bottom left" (y counts up) or "top left" (y counts down).
    where : [n] file and line of each row, for the error.
    notes : remarks are appended to it.
    """
    points = np.array([x, y], dtype=float)
    good = np.abs(points - 0.5).max(axis=0) <= 0.5 + _ROUNDING
    check_rows(good, where, lambda row: "the position ({:g}, {:g})".format(*points[:, row]), "fractions from 0 to 1")
    if outside := np.count_nonzero(((points < 0) | (points > 1)).any(axis=0)):
        notes.append(f"{outside} positions outside 0 to 1 by a rounding error, wrapped or clipped")
    angle = 180 * np.clip(points[1], 0, 1)
    return wrap_yaw(360 * points[0] - 180), angle - 90 if origin == "bottom left" else 90 - angle


def directions_from_degrees(
    yaw_deg: ArrayLike, pitch_deg: ArrayLike, where: Sequence[str], notes: list[str]
) -> tuple[Array, Array]:
    """Return yaw in −180..180 and pitch of directions given in degrees, right and up positive.

    Parameters
    ----------
    yaw_deg : [n] in −180..180 or 0..360.
    pitch_deg : [n] in −90..90; up to 0.5 beyond a pole is a rounding error, which is clipped and noted.
    where, notes : as in `directions_from_fractions`.
    """
    yaw, pitch = np.asarray(yaw_deg, dtype=float), np.asarray(pitch_deg, dtype=float)
    good = (yaw >= -180 - _ROUNDING_DEG) & (yaw <= 360 + _ROUNDING_DEG)
    check_rows(good, where, lambda row: f"the yaw {yaw[row]:g}", "degrees from −180 to 180, or 0 to 360")
    good = np.abs(pitch) <= 90 + _ROUNDING_DEG
    check_rows(good, where, lambda row: f"the pitch {pitch[row]:g}", "degrees from −90 to 90")
    if beyond := np.count_nonzero(np.abs(pitch) > 90):
        notes.append(f"{beyond} pitches beyond a pole by a rounding error, clipped")
    return wrap_yaw(yaw), np.clip(pitch, -90, 90)


Reader = Callable[[Recording, float, list[str]], "pd.DataFrame"]  # of a recording and its frame rate; appends notes

READERS: dict[str, Reader] = {
    "vr_eyetracking": lambda recording, fps, notes: sources.read_gaze_files(recording.gaze, fps, notes),
    "salient360": lambda recording, fps, notes: sources.read_salient360(recording.gaze[0], fps, notes),
    "gaze_table": lambda recording, fps, notes: sources.read_gaze_table(
        recording.gaze,
        fps,
        recording.gaze_id,
        sources.GazeTableSettings(**recording.gaze_settings),
        notes,
        recording.picture_times_s,
    ),
    "sports360": lambda recording, fps, notes: sources.read_sports360(
        recording.gaze[0].parent, recording.gaze_id or recording.video_id, fps, notes
    ),
    "fixation_maps": lambda recording, fps, notes: sources.read_fixation_maps(
        recording.gaze[0], fps, notes, recording.rate
    ),
    "saliency_maps": lambda recording, fps, notes: sources.read_saliency_maps(
        recording.gaze[0], fps, sources.MapSettings(**recording.gaze_settings), notes, recording.rate
    ),
    "salient360_raw": lambda recording, fps, notes: sources.read_salient360_raw(
        recording.gaze, fps, sources.Salient360RawSettings(**recording.gaze_settings), notes
    ),
    "avtrack360": lambda recording, fps, notes: sources.read_avtrack360(
        recording.gaze, recording.gaze_id or recording.video_id, fps, notes
    ),
    "vidstr88": lambda recording, fps, notes: sources.read_vidstr88(recording.gaze[0], fps, notes),
    "dsav360": lambda recording, fps, notes: sources.read_dsav360(
        recording.gaze, recording.gaze_id or recording.video_id, fps, notes
    ),
    "em360": lambda recording, fps, notes: sources.read_em360(recording.gaze, fps, notes),
}
# Formats that do not identify observers: the points of a frame, or parts of a map, stand for them.
WITHOUT_OBSERVERS = {"sports360", "fixation_maps", "saliency_maps"}
# Formats that have the direction of the head only, without the eyes in it.
HEAD_ONLY = {"avtrack360", "vidstr88"}


@dataclass(frozen=True)
class Gaze:
    """The gaze of a recording: rows of the fixations table, and what its reader notes.

    `samples` are gaze samples (`fixation_id` −1) or recorded fixations. `n_observers` is None where the format does not
    identify observers.
    """

    samples: "pd.DataFrame"
    notes: list[str]
    n_observers: int | None


def read_gaze(recording: Recording, fps: float) -> Gaze:
    """Return the gaze of a recording, at most one row per observer and time.

    Raises InputError, which names the video and its gaze files, for no gaze or gaze outside the contract of the table.
    """
    from tsalv360.contracts.tables import FIXATIONS, as_table

    notes: list[str] = []
    samples = READERS[recording.gaze_format](recording, fps, notes) if recording.gaze else None
    if samples is None or samples.empty:
        raise InputError(
            f"video {recording.video_id}",
            f"no gaze in {recording.gaze_names}" if recording.gaze else "no gaze file",
            f"gaze of '{recording.gaze_id or recording.video_id}' in the format {recording.gaze_format}",
            "Add the gaze, or correct its path in the config, or exclude the video.",
        )
    where = f"video {recording.video_id}, gaze {recording.gaze_names}"
    as_table(samples, FIXATIONS, where)
    repeated = samples[samples.duplicated(["observer", "time_s"])]
    if len(repeated):
        observer, time_s = repeated.iloc[0][["observer", "time_s"]]
        found = f"two rows of observer {observer} at {time_s:g} s"
        raise InputError(where, found, "one row per observer and time", "Remove one, or correct their times.")
    known = recording.gaze_format not in WITHOUT_OBSERVERS
    return Gaze(samples, notes, samples.observer.nunique() if known else None)
