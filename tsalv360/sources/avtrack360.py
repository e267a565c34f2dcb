"""AVTrack360 (Fremerey et al., MMSys 2018): head rotations of one observer in all videos, one JSON file per observer.

`{"data": [{"filename": "6.mp4", "pitch_yaw_roll_data_hmd": [{"sec", "pitch", "yaw", "roll"}, …]}, …]}` at 10 Hz, in
degrees. Pitch up and yaw left are negative. The eyes were not recorded: a row is the direction that the head faces.
"""

import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any, Literal

import numpy as np
import pandas as pd
from pydantic.dataclasses import dataclass

from tsalv360.contracts.settings import STRICT, setting
from tsalv360.job.errors import InputError
from tsalv360.sources.recording import Recording, directions_from_degrees, existing, fixations_table

FORMAT = "avtrack360"
_KEYS = ("sec", "pitch", "yaw", "roll")
_ADVICE = "Use the file as published."


@dataclass(frozen=True, config=STRICT)
class AvTrack360Source:
    """The folders of the AVTrack360 data set."""

    kind: Literal["avtrack360"] = setting("avtrack360", "kind of source")
    videos: str = setting(..., "folder with <n>.mp4", runtime=True)
    gaze: str = setting(..., "folder with a JSON file per observer", runtime=True)

    def recordings(self) -> list[Recording]:
        """Return the videos, in the order of their names, each with the files of all observers."""
        videos, gaze = existing(self.videos, "sources.videos"), existing(self.gaze, "sources.gaze")
        files, licence = tuple(sorted(gaze.glob("*.json"))), "GPL-3 (head rotations); the videos keep their own"
        clips = sorted(videos.glob("*.mp4"))
        return [Recording(clip.stem, "AVTrack360", clip, files, FORMAT, licence) for clip in clips]


def read_avtrack360(
    paths: Sequence[str | Path], video_id: str, fps: float, notes: list[str] | None = None
) -> pd.DataFrame:
    """Return the head directions of all observers of a video as rows of the fixations table, `fixation_id` −1.

    Parameters: one file per observer, who is named by it; the name of the video without its suffix; its frame rate; a
    list to which remarks are appended. Raises InputError, which names the file and sample, or all videos of the first
    file if no file has this one.
    """
    notes, tables = [] if notes is None else notes, []
    contents = {Path(path): _content(Path(path)) for path in paths}
    for path, videos in contents.items():
        own = [samples for name, samples in videos if Path(name).stem == video_id]
        if len(own) > 1:
            raise InputError(path, f"video {video_id} {len(own)} times", "each video once", "Remove the others.")
        if own:
            tables.append(_table(path, video_id, own[0], fps, notes))
        else:
            notes.append(f"{path.stem} has no gaze of video {video_id}")
    if not tables:
        path, videos = next(iter(contents.items()))
        found = f"videos {', '.join(Path(name).stem for name, _ in videos)[:200]}"
        raise InputError(path, found, f"also '{video_id}'", "Set the video's `gaze_id` to its name in the file.")
    return pd.concat(tables, ignore_index=True)


def _content(path: Path) -> list[tuple[str, list[dict[str, Any]]]]:
    """Return the name of each video in a file, and its samples."""
    try:
        content = json.loads(path.read_bytes())
        return [(str(entry["filename"]), entry["pitch_yaw_roll_data_hmd"]) for entry in content["data"]]
    except (ValueError, LookupError, TypeError, AttributeError, RecursionError) as error:
        expected = '{"data": [{"filename": …, "pitch_yaw_roll_data_hmd": […]}, …]}'
        raise InputError(path, f"{type(error).__name__} {error!s:.100}", expected, _ADVICE) from None


def _table(path: Path, video_id: str, samples: Any, fps: float, notes: list[str]) -> pd.DataFrame:
    """Return the head directions of one observer."""
    samples = samples if isinstance(samples, list) else []
    where = [f"{path}, video {video_id}, sample {number}" for number in range(1, len(samples) + 1)]
    if not samples:
        raise InputError(f"{path}, video {video_id}", "no samples", "a list of samples", _ADVICE)
    for place, sample in zip(where, samples, strict=True):
        if not isinstance(sample, dict) or not all(_is_number(sample.get(key)) for key in _KEYS):
            raise InputError(place, f"'{sample!s:.80}'", f"numbers {', '.join(_KEYS)}", _ADVICE)
    values = np.array([[sample[key] for key in _KEYS] for sample in samples], dtype=float)
    time_s, pitch, yaw, _ = values.T
    yaw, pitch = directions_from_degrees(yaw, -pitch, where, notes)
    for place, step in zip(where, np.diff(time_s, prepend=0), strict=True):
        if step < 0:
            raise InputError(place, "a time before that of the previous sample", "times from 0 in order", _ADVICE)
    repeated = np.diff(time_s, prepend=-1) == 0
    if repeated.any():
        notes.append(f"{path.stem}: of {len(time_s)} samples dropped: {repeated.sum()} at the time of the one before")
    kept = ~repeated
    time_s = time_s[kept]
    step_s = np.median(np.diff(time_s)) if len(time_s) > 1 else 0.1
    frame = np.floor(time_s * fps + 1e-6)
    return fixations_table([path.stem] * len(time_s), time_s, step_s, frame, yaw[kept], pitch[kept])


def _is_number(value: object) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool) and bool(abs(value) < 1e5)
