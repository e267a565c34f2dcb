"""A dataset in which every score is known: events lie far apart and all observers look at the same point."""

from collections.abc import Sequence
from pathlib import Path

import cv2
import numpy as np
import pandas as pd
from numpy.typing import NDArray
from shards import write_maps

from tsalv360.contracts.entries import CaptionEntry
from tsalv360.contracts.layout import clip_row
from tsalv360.contracts.tables import CLIPS, PART_ANNOTATIONS, POINTS, write_rows, write_table
from tsalv360.dataset.assemble import annotation_row
from tsalv360.evaluation import EvaluateSettings
from tsalv360.evaluation.truth import Truth
from tsalv360.job.files import write_json
from tsalv360.media.pictures import write_picture
from tsalv360.saliency import saliency_map, to_8bit
from tsalv360.training.clips import ClipFiles

SIZE = (40, 80)
SIGMA = 10.0
SETTINGS = EvaluateSettings(bootstrap=200, rows=1)
# event: yaw, pitch, first and last frame, caption. 001_1's first clip shows no other event; the events of 002 are one.
EVENTS = {
    "001_1": (-90.0, 10.0, 0, 15, "a dog runs"),
    "001_2": (90.0, -10.0, 12, 23, "a man juggles"),
    "002_1": (0.0, 40.0, 0, 7, "a kite"),
    "002_2": (60.0, 40.0, 0, 7, "A kite."),
    "003_1": (30.0, 0.0, 0, 7, "a boat"),
    "004_1": (-30.0, 20.0, 0, 7, "a bird"),
}
TEST, TRAIN = ["001", "002"], ["003", "004"]


def target(event: str) -> NDArray[np.float32]:
    yaw, pitch, *_ = EVENTS[event]
    return to_8bit(saliency_map(yaw, pitch, sigma=SIGMA, size=SIZE)) / np.float32(255)


def make_scene(folder: Path, n_observers: int = 4) -> Truth:
    """Write the dataset, with the gaze of `n_observers`, and frames of noise; return the ground truth of fold 0."""
    dataset, frames = folder / "dataset", folder / "frames"
    annotations, clips = [], []
    maps: dict[str, dict[str | None, dict[int, NDArray[np.uint8]]]] = {}
    for event, (*_, start, end, caption) in EVENTS.items():
        video = event[:3]
        maps.setdefault(video, {})[event] = dict.fromkeys(range(start, end + 1), to_8bit(target(event)))
        for k, first in enumerate(range(start, end - 6, 8)):
            clips.append(clip_row(event, video, k, list(range(first, first + 8))))
        text = CaptionEntry(caption)
        origin = "machine" if video == "001" else "accepted"
        annotations.append(annotation_row(video, event, (start, end), text, origin))
    for video, shown in maps.items():
        write_maps(dataset / "maps" / f"{video}.parquet", shown)
    write_rows(dataset / "annotations.parquet", annotations, PART_ANNOTATIONS)
    write_rows(dataset / "clips.parquet", clips, CLIPS)
    write_json(dataset / "splits.json", {"folds": [{"train": TRAIN, "validation": [], "test": TEST}]})
    for video in (*TEST, *TRAIN):
        (frames / video).mkdir(parents=True)
        noise = np.random.default_rng(int(video)).integers(0, 255, (64, 128, 3), dtype=np.uint8)
        for number in range(24):
            write_picture(frames / video / f"{number:04d}.jpg", cv2.add(noise, number))
        if n_observers:
            write_table(dataset / "points" / f"{video}.parquet", _points(video, n_observers), POINTS)
    return Truth(ClipFiles(dataset, frames), 0)


def knows_all(video: str, frames: Sequence[int], prompts: Sequence[str]) -> NDArray[np.float32]:
    """Predict the prompted event exactly, and a uniform map for any other prompt."""
    captions = {values[4]: event for event, values in EVENTS.items() if event.startswith(video)}
    maps = [target(captions[text]) if text in captions else np.ones(SIZE, np.float32) for text in prompts]
    return np.stack(maps)


def ignores_text(video: str, frames: Sequence[int], prompts: Sequence[str]) -> NDArray[np.float32]:
    """Predict the first event of the video, whatever the prompt is."""
    return np.stack([target(f"{video}_1")] * len(prompts))


def one(table: pd.DataFrame, predictor: str, clip: str) -> pd.Series:
    return table[(table.predictor == predictor) & (table.clip_id == clip)].iloc[0]


def _points(video: str, n: int) -> pd.DataFrame:
    rows = [
        {"event_id": event, "frame": frame, "observer": f"p{k}", "yaw_deg": yaw, "pitch_deg": pitch, "weight": 1.0}
        for event, (yaw, pitch, start, end, _) in EVENTS.items()
        if event.startswith(video)
        for frame in range(start, end + 1)
        for k in range(n)
    ]
    return pd.DataFrame(rows)
