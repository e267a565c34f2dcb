"""TSV360 as published: its videos, their data sets and frame rates, its folds, and its maps and captions as a source.

`data/` has the lists and their origin. They disagree in one video: 282 is in the folds and in no list, 286 is in a list
and in no fold.

`TSV360_gt/<video>/<video>_<k>/` holds `description.txt` and one 8-bit gray map `NNNN.png` per frame; the frames have
the same numbers and lie in another folder, `<video>/`. Any dataset of this layout loads in the same way, and needs
frames and no construction.
"""

import csv
import json
import re
from collections.abc import Iterable
from functools import cache
from importlib.resources import files
from pathlib import Path
from typing import Any, Literal

from pydantic.dataclasses import dataclass

from tsalv360.contracts.settings import STRICT, setting
from tsalv360.job.errors import InputError
from tsalv360.sources.recording import Recording, existing

Subset = Literal["tsv360", "all"]

PUBLISHED = "tsv360_published"  # format of the gaze
VR_EYETRACKING, SPORTS360 = "VR-EyeTracking", "Sports-360"
BY_INFERENCE = {"282": SPORTS360}  # no list names its data set; VR-EyeTracking ends at 215
PAGES = {
    VR_EYETRACKING: "https://github.com/xuyanyu-shh/VR-EyeTracking (reproduced maps: https://github.com/mtliba/ATSal)",
    SPORTS360: "https://github.com/xuyanyu-shh/Saliency-detection-in-360-video",
    "TSV360": "https://github.com/IDT-ITI/TSalV360",
}
_ID = re.compile(r"[A-Za-z0-9-]+")
_LISTS = {VR_EYETRACKING: "tsv360_vreyetracking_ids.json", SPORTS360: "tsv360_sports360_ids.json"}


def ids(source: str) -> list[str]:
    """Return the videos of TSV360 from "VR-EyeTracking" (111) or "Sports-360" (50 with 282), sorted."""
    inferred = [video for video, name in BY_INFERENCE.items() if name == source]
    return sorted([*_read(_LISTS[source]), *inferred])


def selected(subset: Subset, source: str, present: Iterable[str]) -> list[str]:
    """Return the ids that a subset of a data set stands for, sorted: those of TSV360, or all that are present."""
    return ids(source) if subset == "tsv360" else sorted(present)


def source_of(video_id: str) -> str | None:
    """Return the data set of a video of TSV360; None for a video that is not in TSV360."""
    return next((source for source in _LISTS if video_id in ids(source)), None)


def folds() -> list[list[str]]:
    """Return the 32 test videos of each of the 5 folds; a fold trains on the test videos of the others."""
    return [sorted(fold["test_videos"]) for fold in _read("tsv360_folds.json")]


def remarks(present: list[str]) -> list[str]:
    """Return remarks on those of `present` in which the published lists disagree."""
    in_folds = {video for fold in folds() for video in fold}
    found = []
    for video in sorted(present):
        if source := BY_INFERENCE.get(video):
            found.append(f"{video} is in the published folds and in no list of videos: taken as {source} by inference")
        elif (source := source_of(video)) and video not in in_folds:
            found.append(f"{video} is in the published list of {source} and in no fold: it enters the dataset in none")
    return found


def vr_eyetracking_fps(video_id: str) -> float | None:
    """Return the frame rate of a VR-EyeTracking video; None for an unknown one."""
    duration_s = _read("vreyetracking_frame_duration_s.json").get(video_id)
    return 1 / duration_s if duration_s else None


def map_counts() -> dict[str, tuple[int, int]]:
    """Return frames and reproduced maps of the VR-EyeTracking videos; where maps are fewer, the last are missing."""
    rows = _read("vreyetracking_map_counts.csv")
    return {row["video"]: (int(row["frames"]), int(row["maps"])) for row in rows}


@cache
def _read(name: str) -> Any:
    text = files(__package__).joinpath("data", name).read_text("utf-8")
    return json.loads(text) if name.endswith(".json") else list(csv.DictReader(text.splitlines()))


@dataclass(frozen=True, config=STRICT)
class PublishedSource:
    """The two folders of a published dataset."""

    kind: Literal["tsv360_published"] = setting("tsv360_published", "kind of source")
    ground_truth: str = setting(
        ..., "folder TSV360_gt, with <video>/<video>_<k>/NNNN.png and description.txt", runtime=True
    )
    frames: str = setting(..., "folder with <video>/NNNN.png or .jpg", runtime=True)
    fps: float = setting(30.0, "rate of the videos that are not in VR-EyeTracking", unit="frames/s", gt=0, le=1000)

    def recordings(self) -> list[Recording]:
        """Return the videos of the ground truth whose frames exist, in the order of their ids."""
        frames = existing(self.frames, "sources.frames")
        licence = "TSV360 (Kontostathis, Apostolidis & Mezaris, CBMI 2025): see its page; videos: not stated"
        found = []
        for folder in self._events():
            video_id, video = folder.name, frames / folder.name
            source, fps = source_of(video_id) or "TSV360", vr_eyetracking_fps(video_id) or self.fps
            if video.is_dir():
                found.append(Recording(video_id, source, video, (folder,), PUBLISHED, licence, skip_first=20, fps=fps))
        if not found:
            raise InputError(frames, "frames of no video of the ground truth", "<video>/NNNN.png", "Correct its path.")
        return found

    def missing(self) -> dict[str, str]:
        """Return the videos of the ground truth without frames, and those of the published folds without events."""
        present = {recording.video_id for recording in self.recordings()}
        truth = {folder.name for folder in self._events()}
        known = truth.union(*folds())
        return {video: "no frames" if video in truth else "no events" for video in sorted(known - present)}

    def _events(self) -> list[Path]:
        """Return the folders of the ground truth, one per video."""
        truth = existing(self.ground_truth, "sources.ground_truth")
        return sorted(path for path in truth.iterdir() if path.is_dir() and _ID.fullmatch(path.name))
