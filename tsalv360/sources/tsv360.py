"""TSV360 as published: its videos, their data sets and frame rates, and its folds.

`data/` has the lists and their origin. They disagree in one video: 282 is in the folds and in no list, 286 is in a list
and in no fold.
"""

import csv
import json
from collections.abc import Iterable
from functools import cache
from importlib.resources import files
from typing import Any, Literal

Subset = Literal["tsv360", "all"]

VR_EYETRACKING, SPORTS360 = "VR-EyeTracking", "Sports-360"
BY_INFERENCE = {"282": SPORTS360}  # no list names its data set; VR-EyeTracking ends at 215
PAGES = {
    VR_EYETRACKING: "https://github.com/xuyanyu-shh/VR-EyeTracking (reproduced maps: https://github.com/mtliba/ATSal)",
    SPORTS360: "https://github.com/xuyanyu-shh/Saliency-detection-in-360-video",
    "TSV360": "https://github.com/IDT-ITI/TSalV360",
}
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
