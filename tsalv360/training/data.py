"""Batches of clips in memory: every frame of a batch once, for all clips that show it."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import pandas as pd
import torch
from numpy.typing import NDArray
from torch import Tensor
from torch.utils.data import Dataset

from tsalv360.model import tokenize
from tsalv360.training.batches import Group, Turn, mirrored_caption
from tsalv360.training.clips import ClipFiles
from tsalv360.training.features import CachedFrames, read_features


@dataclass(frozen=True)
class Batch:
    """B clips of F frames, N different frames in all."""

    rows: list[int]  # of the table of clips
    frames: Tensor | CachedFrames  # uint8 RGB [N, H, W, 3], or features of N frames
    windows: Tensor  # int64 [B, F], places in `frames`
    tokens: Tensor  # int64 [B, 77]
    targets: Tensor  # float32 [B, 1, h, w], 0 to 1

    @property
    def ends(self) -> list[bool]:
        """Which frames some clip ends with [N]."""
        return _ends(self.windows.tolist())


class ClipBatches(Dataset[Batch]):
    """Batches of a table of clips. An index is a batch: groups of rows with their turns."""

    def __init__(
        self, clips: pd.DataFrame, files: ClipFiles, size: tuple[int, int], features: Path | None = None
    ) -> None:
        """`clips` as `read_clips` gives them, from index 0 on; `size` of the targets, height and width.

        Batches hold the features cached in the folder `features`, or else frames.
        """
        self.files, self.size, self.features = files, size, features
        self._clips: list[Any] = list(clips.itertuples())

    def __len__(self) -> int:
        return len(self._clips)

    def __getitem__(self, batch: Sequence[Group]) -> Batch:
        places: dict[tuple[str, int, Turn], int] = {}
        rows, windows, captions, targets = [], [], [], []
        for group in batch:
            for row in group.rows:
                clip = self._clips[row]
                shown = [(clip.video, int(number), group.turn) for number in clip.frames]
                windows.append([places.setdefault(frame, len(places)) for frame in shown])
                target = self.files.target(clip.video, clip.event_id, clip.target_frame)
                targets.append(_shrunk(group.turn(target), self.size))
                captions.append(mirrored_caption(clip.caption) if group.turn.mirrored else clip.caption)
                rows.append(row)
        return Batch(
            rows,
            self._frames(list(places), _ends(windows)),
            torch.tensor(windows),
            tokenize(captions),
            torch.from_numpy(np.stack(targets))[:, None],
        )

    def _frames(self, frames: list[tuple[str, int, Turn]], ends: list[bool]) -> Tensor | CachedFrames:
        if self.features:
            return read_features(self.features, frames, ends)
        return torch.from_numpy(np.stack([turn(self.files.picture(video, number)) for video, number, turn in frames]))


def _ends(windows: list[list[int]]) -> list[bool]:
    last = {window[-1] for window in windows}
    return [place in last for place in range(max(map(max, windows)) + 1)]


def _shrunk(saliency: NDArray[Any], size: tuple[int, int]) -> NDArray[Any]:
    """A map in the size that the model predicts."""
    if saliency.shape == size:
        return np.ascontiguousarray(saliency)
    return cv2.resize(np.ascontiguousarray(saliency), size[::-1], interpolation=cv2.INTER_AREA)
