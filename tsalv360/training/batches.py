"""Which clips an optimiser step takes, and its batch in memory: every frame once, for all clips that show it.

Nothing but the seed and the epoch decides which clips a batch has and how they are augmented.
"""

from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any, NamedTuple

import cv2
import numpy as np
import pandas as pd
import torch
from numpy.typing import NDArray
from torch import Tensor
from torch.utils.data import Dataset

from tsalv360.model import tokenize
from tsalv360.training.clips import Augmentation, ClipFiles, mirrored_caption, says_side
from tsalv360.training.features import CachedFrames, read_features
from tsalv360.training.settings import TrainSettings


class Sample(NamedTuple):
    """A clip, by its row in the table of clips, and its augmentation."""

    row: int
    augmentation: Augmentation = Augmentation()


def epoch_batches(clips: pd.DataFrame, settings: TrainSettings, epoch: int, n_rolls: int) -> list[list[Sample]]:
    """Return the batches of an epoch: every clip once, consecutive clips of a video in groups augmented alike.

    Parameters: `clips` to train with, with any index from 0; `n_rolls` as in `Augmentation`.
    """
    rng = np.random.default_rng([settings.seed, epoch])
    groups = []
    for rows in _rows_by_video(clips):
        first = int(rng.integers(min(settings.group, len(rows))))  # other groups in every epoch
        for group in np.split(rows, range(first, len(rows), settings.group)):
            if len(group):
                roll, mirrored = int(rng.integers(n_rolls)), bool(rng.integers(2))
                mirrored &= settings.flip == "exchange" or (
                    settings.flip == "skip" and not any(map(says_side, clips.caption[group]))
                )
                augmentation = Augmentation(roll if settings.roll else 0, n_rolls, mirrored)
                groups.append([Sample(row, augmentation) for row in group.tolist()])
    samples = [sample for i in rng.permutation(len(groups)) for sample in groups[i]]
    return [samples[start : start + settings.batch_size] for start in range(0, len(samples), settings.batch_size)]


def plain_batches(clips: pd.DataFrame, size: int) -> list[list[Sample]]:
    """Return all clips without augmentation, consecutive clips of a video in batches of at most `size`."""
    parts = (part for rows in _rows_by_video(clips) for part in np.split(rows, range(size, len(rows), size)))
    return [[Sample(row) for row in part.tolist()] for part in parts]


def split_batch(batch: list[Sample], n_parts: int) -> list[list[Sample]]:
    """Return a batch in parts of equal size, give or take one; neighbours stay together."""
    edges = [len(batch) * part // n_parts for part in range(n_parts + 1)]
    return [batch[start:end] for start, end in zip(edges, edges[1:], strict=False)]


def _rows_by_video(clips: pd.DataFrame) -> Iterator[NDArray[np.int64]]:
    """Yield the index of each video's clips, in the order of time."""
    for _, of_video in clips.groupby("video", sort=True):
        yield of_video.sort_values(["target_frame", "event_id"]).index.to_numpy()


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
        self,
        clips: pd.DataFrame,
        files: ClipFiles,
        size: tuple[int, int],
        features: Path | None = None,
        encoder: str = "clip",
    ) -> None:
        """Parameters: `clips` as from `read_clips`, with an index from 0; `size` of the targets, height and width.

        Batches hold the features cached in the folder `features`, or frames if there is none, and the tokens that the
        text encoder of `encoder` reads.
        """
        self.files, self.size, self.features, self._encoder = files, size, features, encoder
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
        rows, tokens = [sample.row for sample in batch], tokenize(captions, encoder=self._encoder)
        return Batch(rows, self._frames(list(places), ends), ends, windows, tokens, torch.stack(targets)[:, None])

    def _frames(self, frames: list[tuple[str, int, Augmentation]], ends: list[bool]) -> Tensor | CachedFrames:
        if self.features:
            return read_features(self.features, frames, ends)
        pictures = [augmentation(self.files.picture(video, number)) for video, number, augmentation in frames]
        return torch.from_numpy(np.stack(pictures))
