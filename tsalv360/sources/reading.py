"""The gaze of a recording, by the reader of its format. Each imports its module when it is called."""

from collections.abc import Callable
from typing import TYPE_CHECKING

from tsalv360.job.errors import InputError
from tsalv360.sources.recording import Recording

if TYPE_CHECKING:
    import pandas as pd

Reader = Callable[[Recording, float], "pd.DataFrame"]


def _vr_eyetracking(recording: Recording, fps: float) -> "pd.DataFrame":
    from tsalv360.sources.vr_eyetracking import read_files

    return read_files(list(recording.gaze), fps)


def _salient360(recording: Recording, fps: float) -> "pd.DataFrame":
    from tsalv360.sources.salient360 import read_salient360

    return read_salient360(recording.gaze[0], fps)


def _gaze_table(recording: Recording, fps: float) -> "pd.DataFrame":
    from tsalv360.sources.gaze_table import GazeTableSettings, read_gaze_table

    settings = GazeTableSettings(**recording.gaze_settings)
    return read_gaze_table(recording.gaze[0], fps, recording.gaze_id, settings)


def _sports360(recording: Recording, fps: float) -> "pd.DataFrame":
    from tsalv360.sources.sports360 import read_sports360

    return read_sports360(recording.gaze[0].parent, recording.gaze_id or recording.video_id, fps)


def _fixation_maps(recording: Recording, fps: float) -> "pd.DataFrame":
    from tsalv360.sources.maps import read_fixation_maps

    return read_fixation_maps(recording.gaze[0], fps)


def _saliency_maps(recording: Recording, fps: float) -> "pd.DataFrame":
    from tsalv360.sources.maps import MapSettings, read_saliency_maps

    return read_saliency_maps(recording.gaze[0], fps, MapSettings(**recording.gaze_settings))


READERS: dict[str, Reader] = {
    "vr_eyetracking": _vr_eyetracking,
    "salient360": _salient360,
    "gaze_table": _gaze_table,
    "sports360": _sports360,
    "fixation_maps": _fixation_maps,
    "saliency_maps": _saliency_maps,
}

# They do not tell who looked: points of a frame or shares of a map stand for observers.
WITHOUT_OBSERVERS = {"tsv360_published", "sports360", "fixation_maps", "saliency_maps"}


def count_observers(recording: Recording, gaze: "pd.DataFrame") -> int | None:
    """How many observers the gaze of a recording has; None where it does not tell who looked."""
    return None if recording.gaze_format in WITHOUT_OBSERVERS else int(gaze.observer.nunique())


def read_gaze(recording: Recording, fps: float) -> "pd.DataFrame":
    """The gaze of a recording: a fixations table with at most one row per observer and time.

    InputError names the video and its gaze files where there is no gaze, or none that fits the contract of the table.
    """
    from tsalv360.contracts.tables import FIXATIONS, as_table

    gaze = READERS[recording.gaze_format](recording, fps) if recording.gaze else None
    if gaze is None or gaze.empty:
        raise InputError(
            f"video {recording.video_id}",
            f"no gaze in {recording.gaze_names}" if recording.gaze else "no gaze file",
            f"gaze of '{recording.gaze_id or recording.video_id}' in the format {recording.gaze_format}",
            "Add the gaze, or correct where the config looks for it, or exclude the video.",
        )
    where = f"video {recording.video_id}, gaze {recording.gaze_names}"
    as_table(gaze, FIXATIONS, where)
    again = gaze[gaze.duplicated(["observer", "time_s"])]
    if len(again):
        observer, time_s = again.iloc[0][["observer", "time_s"]]
        raise InputError(
            where,
            f"two rows of observer {observer} at {time_s:g} s",
            "one row of an observer at a time",
            "Remove one, or correct their times.",
        )
    return gaze
