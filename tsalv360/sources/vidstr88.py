"""3,791 viewings of 88 videos (360VidStr, "A large dataset of 360 video user behaviour"): head directions, 10 Hz.

Six data sets in one form: a text file per video, `<n>.txt`. Line 1 has the times in seconds; then each viewing has two
lines, pitch and yaw in radians. Viewings may be shorter than the times. Observers have no names: they are numbered.
The data set states neither signs nor where its yaw 0 is in each panorama; up and right are taken as positive.
"""

from pathlib import Path
from typing import Literal

import numpy as np
import pandas as pd
from pydantic.dataclasses import dataclass

from tsalv360.contracts.settings import STRICT, setting
from tsalv360.job.errors import InputError
from tsalv360.sources.recording import Recording, directions_from_degrees, existing, fixations_table
from tsalv360.sources.text import number, read_lines
from tsalv360.sphere.directions import Array

FORMAT = "vidstr88"
_ADVICE = "Use the file as published."
_ROUNDING_RAD = 0.01  # values have two decimals where they were not interpolated: −3.15 is a turn of −180°


@dataclass(frozen=True, config=STRICT)
class VidStr88Source:
    """The folders of the 88 videos and their viewings."""

    kind: Literal["vidstr88"] = setting("vidstr88", "kind of source")
    videos: str = setting(..., "folder with <n>.mp4", runtime=True)
    gaze: str = setting(..., "folder AggregatedDataset with <n>.txt", runtime=True)

    def recordings(self) -> list[Recording]:
        """Return the videos, in the order of their names."""
        videos, gaze = existing(self.videos, "sources.videos"), existing(self.gaze, "sources.gaze")
        clips = sorted(videos.glob("*.mp4"))
        return [Recording(clip.stem, "360VidStr", clip, tuple(gaze.glob(f"{clip.stem}.txt")), FORMAT) for clip in clips]


def read_vidstr88(path: str | Path, fps: float, notes: list[str] | None = None) -> pd.DataFrame:
    """Return the head directions of all viewings of a video as rows of the fixations table, `fixation_id` −1.

    Parameters: the video's file; its frame rate; a list to which remarks are appended. Raises InputError, which names
    the file and line.
    """
    path, notes = Path(path), [] if notes is None else notes
    lines = [_numbers(f"{path}, line {n}", line) for n, line in enumerate(read_lines(path, notes), start=1)]
    times, angles = lines[0], lines[1:]
    step = np.diff(times)
    if times[0] != 0 or not len(step) or not (np.abs(step - np.median(step)) < 0.5 * np.median(step)).all():
        raise InputError(f"{path}, line 1", "other times", "0 0.1 0.2 …: times in equal steps", _ADVICE)
    if not angles or len(angles) % 2:
        found = f"{len(angles)} lines after that of the times"
        raise InputError(f"{path}, line {len(lines)}", found, "two for each viewing: pitch, yaw", _ADVICE)
    tables = []
    for viewing, (pitch, yaw) in enumerate(zip(angles[::2], angles[1::2], strict=True), start=1):
        place = f"{path}, line {2 * viewing + 1}"
        if len(pitch) != len(yaw) or len(yaw) > len(times):
            found = f"{len(yaw)} yaws, {len(pitch)} pitches, {len(times)} times"
            raise InputError(place, found, "as many yaws as pitches, and no more than times", _ADVICE)
        if len(yaw) < len(times):
            notes.append(f"viewing {viewing} is shorter: {len(yaw)} of {len(times)} samples")
        beyond = np.abs(yaw) > np.pi + _ROUNDING_RAD
        if beyond.any():
            raise InputError(place, f"the yaw {yaw[beyond][0]:g}", "radians from −π to π", _ADVICE)
        where = [f"{path}, line {2 * viewing}"] * len(yaw)
        yaw_deg, pitch_deg = directions_from_degrees(
            np.clip(np.degrees(yaw), -180, 180), np.degrees(pitch), where, notes
        )
        time_s = times[: len(yaw)]
        observer, frame = [f"{path.stem}-{viewing:02d}"] * len(yaw), np.floor(time_s * fps + 1e-6)
        tables.append(fixations_table(observer, time_s, np.median(step), frame, yaw_deg, pitch_deg))
    return pd.concat(tables, ignore_index=True)


def _numbers(where: str, line: str) -> Array:
    numbers = np.array([number(text) for text in line.split(" ")])
    if not np.isfinite(numbers).all():
        raise InputError(where, f"'{line[:80]}'", "numbers with spaces between them", _ADVICE)
    return numbers
