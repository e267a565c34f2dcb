"""Batches of clips in memory: every frame of a batch once, for all clips that show it."""

from collections.abc import Sequence
from pathlib import Path
from typing import Any, NamedTuple

import cv2
import numpy as np
import pandas as pd
import torch
from torch import Tensor
from torch.utils.data import Dataset

from tsalv360.model import tokenize
from tsalv360.training.batches import Augmentation, Sample, mirrored_caption
from tsalv360.training.clips import ClipFiles
from tsalv360.training.features import CachedFrames, read_features


class Batch(NamedTuple):
    """B clips of F frames, N different frames in all."""

    rows: list[int]  # of the table of clips
    frames: Tensor | CachedFrames  # uint8 RGB [N, H, W, 3], or features of N frames
    ends: list[bool]  # [N], True for frames that some clip ends with
    windows: list[list[int]]  # [B, F], places in `frames`
    tokens: Tensor  # int64 [B, 77]
    targets: Tensor  # float32 [B, 1, h, w], 0 to 1


class ClipBatches(Dataset[Batch]):
    """The batches of a table of clips, indexed by lists of `Sample`s."""

    def __init__(
        self, clips: pd.DataFrame, files: ClipFiles, size: tuple[int, int], features: Path | None = None
    ) -> None:
        """Parameters: `clips` as from `read_clips`, with an index from 0; `size` of the targets, height and width.

        Batches hold the features cached in the folder `features`, or frames if there is none.
        """
        self.files, self.size, self.features = files, size, features
        self._clips: list[Any] = list(clips.itertuples())

    def __len__(self) -> int:
        return len(self._clips)

    def __getitem__(self, batch: Sequence[Sample]) -> Batch:
        places: dict[tuple[str, int, Augmentation], int] = {}
        windows, captions, targets = [], [], []
        for row, augmentation in batch:
            clip = self._clips[row]
            frames = [(clip.video, int(number), augmentation) for number in clip.frames]
            windows.append([places.setdefault(frame, len(places)) for frame in frames])
            captions.append(mirrored_caption(clip.caption) if augmentation.mirrored else clip.caption)
            target = augmentation(self.files.target(clip.video, clip.event_id, clip.target_frame))
            if target.shape != self.size:
                target = cv2.resize(target, self.size[::-1], interpolation=cv2.INTER_AREA)
            targets.append(torch.from_numpy(target))
        last = {window[-1] for window in windows}
        ends = [place in last for place in places.values()]
        rows, tokens = [sample.row for sample in batch], tokenize(captions)
        return Batch(rows, self._frames(list(places), ends), ends, windows, tokens, torch.stack(targets)[:, None])

    def _frames(self, frames: list[tuple[str, int, Augmentation]], ends: list[bool]) -> Tensor | CachedFrames:
        if self.features:
            return read_features(self.features, frames, ends)
        pictures = [augmentation(self.files.picture(video, number)) for video, number, augmentation in frames]
        return torch.from_numpy(np.stack(pictures))
