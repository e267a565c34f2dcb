"""Sources: where videos and gaze come from.

A source is a settings dataclass with `recordings()`, listed in `Source`, and a reader of its gaze format, listed in
`READERS`. `docs/sources.md` shows how to add one.
"""

from collections.abc import Callable
from typing import Annotated

import pandas as pd
from pydantic import Discriminator

from tsalv360.errors import InputError
from tsalv360.sources import gaze_table, maps, published, salient360, sports360, vr_eyetracking
from tsalv360.sources.demo import DemoSource
from tsalv360.sources.gaze_table import GazeTableSettings, read_gaze_table
from tsalv360.sources.maps import MapSettings, read_fixation_maps, read_saliency_maps
from tsalv360.sources.own import OwnVideo
from tsalv360.sources.published import PublishedSource
from tsalv360.sources.recording import Recording
from tsalv360.sources.salient360 import read_salient360
from tsalv360.sources.sports360 import Sports360Source, read_sports360
from tsalv360.sources.vr_eyetracking import VrEyeTrackingSource, read_vr_eyetracking
from tsalv360.tables import FIXATIONS, as_table

__all__ = [
    "READERS",
    "WITHOUT_OBSERVERS",
    "GazeTableSettings",
    "MapSettings",
    "OwnVideo",
    "Recording",
    "Source",
    "count_observers",
    "read_fixation_maps",
    "read_gaze",
    "read_gaze_table",
    "read_saliency_maps",
    "read_salient360",
    "read_sports360",
    "read_vr_eyetracking",
]

Source = Annotated[DemoSource | VrEyeTrackingSource | Sports360Source | PublishedSource, Discriminator("kind")]

Reader = Callable[[Recording, float], pd.DataFrame]

READERS: dict[str, Reader] = {
    vr_eyetracking.FORMAT: lambda recording, fps: vr_eyetracking.read_files(list(recording.gaze), fps),
    salient360.FORMAT: lambda recording, fps: read_salient360(recording.gaze[0], fps),
    gaze_table.FORMAT: lambda recording, fps: read_gaze_table(
        recording.gaze[0], fps, recording.gaze_id, GazeTableSettings(**recording.gaze_settings)
    ),
    sports360.FORMAT: lambda recording, fps: read_sports360(
        recording.gaze[0].parent, recording.gaze_id or recording.video_id, fps
    ),
    maps.FIXATION_MAPS: lambda recording, fps: read_fixation_maps(recording.gaze[0], fps),
    maps.SALIENCY_MAPS: lambda recording, fps: read_saliency_maps(
        recording.gaze[0], fps, MapSettings(**recording.gaze_settings)
    ),
}

# They do not tell who looked: points of a frame or shares of a map stand for observers.
WITHOUT_OBSERVERS = {published.FORMAT, sports360.FORMAT, maps.FIXATION_MAPS, maps.SALIENCY_MAPS}


def count_observers(recording: Recording, gaze: pd.DataFrame) -> int | None:
    """How many observers the gaze of a recording has; None where it does not tell who looked."""
    return None if recording.gaze_format in WITHOUT_OBSERVERS else int(gaze.observer.nunique())


def read_gaze(recording: Recording, fps: float) -> pd.DataFrame:
    """The gaze of a recording: a fixations table with at most one row per observer and time.

    InputError names the video and its gaze files where there is no gaze, or none that fits the contract of the table.
    """
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
