"""The clips of a published dataset for PyTorch, read from its shards."""

from collections.abc import Sequence
from functools import lru_cache
from pathlib import Path
from typing import Any, TypedDict

import cv2
import numpy as np
import pandas as pd
import torch
from numpy.typing import NDArray
from torch import Tensor
from torch.utils.data import Dataset, default_collate

from tsalv360.contracts.layout import FIXATION_POINTS, MAPS
from tsalv360.contracts.shards import Shard, open_shard
from tsalv360.contracts.tables import ANNOTATIONS, CLIPS, FRAMES, POINTS, empty, read_table
from tsalv360.job.errors import InputError
from tsalv360.media.maps import Maps
from tsalv360.media.pictures import decode_content
from tsalv360.sources.published_folder import PublishedFolder

_VIDEOS_IN_MEMORY = 16  # whose fixation points are kept
_NO_LOOKS = np.zeros((0, 2), dtype=np.float32)


class Clip(TypedDict):
    """A clip of 8 frames and its target, the saliency of an event in the last frame.

    `frames` is uint8 RGB [8, H, W, 3], `saliency` float32 [h, w] from 0 to 1, and `fixations` float32 [n, 2] the yaw
    and pitch in degrees of the looks that the target is made of; there are none where the source has no gaze.
    """

    clip_id: str
    event_id: str
    video: str
    caption: str
    frames: Tensor
    saliency: Tensor
    fixations: Tensor


class PublishedClips(Dataset[Clip]):
    """The clips of a part of a fold, in the order of video and time. They can be read by several workers."""

    def __init__(self, folder: PublishedFolder, fold: int, split: str) -> None:
        """InputError if the fold or part does not exist or is empty, or a file or the frames of a video are missing."""
        if not 0 <= fold < len(folder.folds) or split not in folder.folds[fold]:
            found, n = f"fold {fold}, split '{split}'", len(folder.folds)
            raise InputError(folder.path, found, f"fold 0 to {n - 1}, split train, validation or test", "Correct it.")
        videos = set(folder.folds[fold][split])  # type: ignore[literal-required]
        clips = read_table(folder.listed("data/clips.parquet"), CLIPS)
        clips = clips[clips.video.isin(videos & set(folder.videos.video))].sort_values(
            ["video", "target_frame", "event_id"], ignore_index=True
        )
        if clips.empty:
            raise InputError(folder.path, f"no clip in fold {fold}, split {split}", "at least one", "Choose another.")
        events = read_table(folder.listed("data/events.parquet"), ANNOTATIONS).set_index("event_id")
        self.table: pd.DataFrame = clips.assign(caption=events.caption[clips.event_id].to_numpy())
        self._rows: list[Any] = list(self.table.itertuples())
        frames = {str(video): folder.frames(str(video)) for video in clips.video.unique()}
        if without := [video for video, shard in frames.items() if shard is None]:
            found = f"no frames of {len(without)} of {len(frames)} videos, such as {without[0]}"
            raise InputError(folder.path, found, "frames of every clip", folder.how_to_attach)
        self._frames = {video: shard for video, shard in frames.items() if shard}
        self._maps = {video: folder.listed(f"data/{MAPS}/{video}.parquet") for video in frames}
        self._points = {video: folder.path / "data" / FIXATION_POINTS / f"{video}.parquet" for video in frames}

    def __len__(self) -> int:
        return len(self.table)

    def __getitem__(self, place: int) -> Clip:
        row = self._rows[place]
        saliency = Maps(self._maps[row.video]).read(row.event_id, row.target_frame)
        looks = _looks(self._points[row.video]).get((row.event_id, row.target_frame), _NO_LOOKS)
        return {
            "clip_id": row.clip_id,
            "event_id": row.event_id,
            "video": row.video,
            "caption": row.caption,
            "frames": torch.from_numpy(_pictures(self._frames[row.video], row.frames)),
            "saliency": torch.from_numpy(saliency.astype(np.float32) / np.float32(255)),
            "fixations": torch.from_numpy(looks.copy()),
        }

    @staticmethod
    def collate(clips: Sequence[Clip]) -> dict[str, Any]:
        """Return a batch for `DataLoader(collate_fn=…)`; `fixations` stays a list, as clips differ in their number."""
        others = [{name: value for name, value in clip.items() if name != "fixations"} for clip in clips]
        return {**default_collate(others), "fixations": [clip["fixations"] for clip in clips]}


def _pictures(shard: Path, numbers: Sequence[int]) -> Any:
    opened = open_shard(shard, FRAMES)
    rows = _places(opened)
    if missing := [number for number in numbers if number not in rows]:
        raise InputError(shard, f"no frame {missing[0]}", "every frame of a clip", "Download or attach it again.")
    return np.stack(
        [
            decode_content(opened.content(rows[number]), f"{shard}, frame {number}", cv2.IMREAD_COLOR_RGB)
            for number in numbers
        ]
    )


@lru_cache(maxsize=256)
def _places(shard: Shard) -> dict[int, int]:
    """Return the row of each frame."""
    return {frame: row for row, frame in enumerate(shard.rows.frame.tolist())}


@lru_cache(maxsize=_VIDEOS_IN_MEMORY)
def _looks(path: Path) -> dict[tuple[str, int], NDArray[np.float32]]:
    """Return yaw and pitch [n, 2] of a video's looks by event and frame."""
    points = read_table(path, POINTS) if path.exists() else empty(POINTS)
    directions = points[["yaw_deg", "pitch_deg"]].to_numpy(np.float32)
    places: Any = points.groupby(["event_id", "frame"]).indices
    return {(str(event), int(frame)): directions[rows] for (event, frame), rows in places.items()}
