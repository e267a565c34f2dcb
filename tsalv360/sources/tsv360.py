"""What TSV360 is made of, as published: its videos, their data sets and rates, and its folds.

The lists and their origin are in `data/`. They disagree in one video: 282 is in the folds and in no list, 286 is in a
list and in no fold.
"""

import csv
import json
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
    """The videos of TSV360 that come from "VR-EyeTracking" (111) or "Sports-360" (50 with 282), sorted."""
    inferred = [video for video, name in BY_INFERENCE.items() if name == source]
    return sorted([*_read(_LISTS[source]), *inferred])


def source_of(video_id: str) -> str | None:
    """The data set that a video of TSV360 comes from; None for a video that is not in TSV360."""
    return next((source for source in _LISTS if video_id in ids(source)), None)


def folds() -> list[list[str]]:
    """The 32 test videos of each of the 5 folds; the other folds' are the fold's training videos."""
    return [sorted(fold["test_videos"]) for fold in _read("tsv360_folds.json")]


def remarks(present: list[str]) -> list[str]:
    """What must be known about those of `present` in which the published lists disagree."""
    in_folds = {video for fold in folds() for video in fold}
    inferred = [
        f"{video} is in the published folds and in no list of videos: taken as {source} by inference"
        for video, source in BY_INFERENCE.items()
        if video in present
    ]
    in_none = [
        f"{video} is in the published list of {source_of(video)} and in no fold: it enters the dataset in none"
        for video in sorted(present)
        if source_of(video) and video not in in_folds
    ]
    return inferred + in_none


def vr_eyetracking_fps(video_id: str) -> float | None:
    """Frame rate of a VR-EyeTracking video; None for an unknown one."""
    duration_s = _read("vreyetracking_frame_duration_s.json").get(video_id)
    return 1 / duration_s if duration_s else None


@cache
def map_counts() -> dict[str, tuple[int, int]]:
    """Frames and reproduced maps of the VR-EyeTracking videos; where maps are fewer, the last ones are missing."""
    lines = files(__package__).joinpath("data", "vreyetracking_map_counts.csv").read_text("utf-8").splitlines()
    return {row["video"]: (int(row["frames"]), int(row["maps"])) for row in csv.DictReader(lines)}


@cache
def _read(name: str) -> Any:
    return json.loads(files(__package__).joinpath("data", name).read_text("utf-8"))
