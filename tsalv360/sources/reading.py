"""Read the gaze of a recording with the reader of its format."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING

from tsalv360 import sources  # the package imports a reader only when it is used
from tsalv360.job.errors import InputError
from tsalv360.sources.recording import Recording

if TYPE_CHECKING:
    import pandas as pd

Reader = Callable[[Recording, float, list[str]], "pd.DataFrame"]  # of a recording and its frame rate; appends notes

READERS: dict[str, Reader] = {
    "vr_eyetracking": lambda recording, fps, notes: sources.read_gaze_files(recording.gaze, fps, notes),
    "salient360": lambda recording, fps, notes: sources.read_salient360(recording.gaze[0], fps, notes),
    "gaze_table": lambda recording, fps, notes: sources.read_gaze_table(
        recording.gaze[0], fps, recording.gaze_id, sources.GazeTableSettings(**recording.gaze_settings), notes
    ),
    "sports360": lambda recording, fps, notes: sources.read_sports360(
        recording.gaze[0].parent, recording.gaze_id or recording.video_id, fps, notes
    ),
    "fixation_maps": lambda recording, fps, notes: sources.read_fixation_maps(recording.gaze[0], fps, notes),
    "saliency_maps": lambda recording, fps, notes: sources.read_saliency_maps(
        recording.gaze[0], fps, sources.MapSettings(**recording.gaze_settings), notes
    ),
}
# Formats that do not identify observers: the points of a frame, or parts of a map, stand for them.
WITHOUT_OBSERVERS = {"sports360", "fixation_maps", "saliency_maps"}


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
