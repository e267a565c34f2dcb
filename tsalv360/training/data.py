"""Batches of clips in memory: every frame of a batch once, for all clips that show it."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import cv2
import numpy as np
import pandas as pd
import torch
from numpy.typing import NDArray
from torch import Tensor
from torch.utils.data import Dataset

from tsalv360.model import tokenize
from tsalv360.projection import Picture
from tsalv360.training.augment import mirrored_caption
from tsalv360.training.batches import Group
from tsalv360.training.clips import ClipFiles


@dataclass(frozen=True)
class Batch:
    """B clips of F frames, N different frames in all."""

    rows: list[int]  # of the table of clips
    frames: Tensor  # uint8 RGB [N, H, W, 3]
    windows: Tensor  # int64 [B, F], places in `frames`
    tokens: Tensor  # int64 [B, 77]
    targets: Tensor  # float32 [B, 1, h, w], 0 to 1

    @property
    def ends(self) -> list[bool]:
        """Which frames some clip ends with [N]."""
        last = set(self.windows[:, -1].tolist())
        return [place in last for place in range(len(self.frames))]


class ClipBatches(Dataset[Batch]):
    """Batches of a table of clips. An index is a batch: groups of rows with their turns."""

    def __init__(self, clips: pd.DataFrame, files: ClipFiles, size: tuple[int, int]) -> None:
        """`clips` as `read_clips` gives them, from index 0 on; `size` of the targets, height and width."""
        self.files, self.size = files, size
        self._clips: list[Any] = list(clips.itertuples())

    def __len__(self) -> int:
        return len(self._clips)

    def __getitem__(self, batch: Sequence[Group]) -> Batch:
        places: dict[tuple[Any, ...], int] = {}
        frames: list[Picture] = []
        rows, windows, captions, targets = [], [], [], []
        for group in batch:
            for row in group.rows:
                clip, window = self._clips[row], []
                for number in clip.frames:
                    key = clip.video, int(number), group.turn
                    if key not in places:
                        places[key] = len(frames)
                        frames.append(group.turn(self.files.picture(clip.video, int(number))))
                    window.append(places[key])
                target = self.files.target(clip.video, clip.event_id, clip.target_frame)
                targets.append(_shrunk(group.turn(target), self.size))
                captions.append(mirrored_caption(clip.caption) if group.turn.mirrored else clip.caption)
                rows.append(row)
                windows.append(window)
        return Batch(
            rows,
            torch.from_numpy(np.stack(frames)),
            torch.tensor(windows),
            tokenize(captions),
            torch.from_numpy(np.stack(targets))[:, None],
        )


def _shrunk(saliency: NDArray[Any], size: tuple[int, int]) -> NDArray[Any]:
    """A map in the size that the model predicts."""
    if saliency.shape == size:
        return np.ascontiguousarray(saliency)
    return cv2.resize(np.ascontiguousarray(saliency), size[::-1], interpolation=cv2.INTER_AREA)
