"""Which clips an optimiser step takes, and how they are augmented: rolled about the vertical axis and mirrored.

Nothing but the seed and the epoch decides it. The caption of a mirrored clip says what the mirror shows.
"""

import re
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any, NamedTuple

import cv2
import numpy as np
import pandas as pd
from numpy.typing import NDArray

from tsalv360.training.settings import TrainSettings

_SIDE = r"\b(?P<side>left|right)(?P<ending>wards?|most|-hand(?:ed)?)?(?![\w-])"
_ROTATION = r"\b(?P<counter>counter-?|anti-?)?(?P<clock>clockwise)\b"
_WORDS = re.compile(f"{_SIDE}|{_ROTATION}", re.IGNORECASE)


@dataclass(frozen=True)
class Augmentation:
    """Mirroring, then a yaw rotation to the right by `roll` of `n_rolls` equal angles.

    The widths of frames and maps are multiples of `n_rolls`, so both are rolled by the same angle, in whole pixels.
    """

    roll: int = 0
    n_rolls: int = 1
    mirrored: bool = False

    def __call__(self, picture: NDArray[Any]) -> NDArray[Any]:
        """Return the augmented panorama of [H, W, ...]."""
        if self.mirrored:
            picture = cv2.flip(picture, 1).reshape(picture.shape)  # a mirrored view takes four times as long to copy
        shift = self.roll * picture.shape[1] // self.n_rolls
        return np.roll(picture, shift, axis=1) if shift else picture


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


def says_side(caption: str) -> bool:
    """Return whether a caption would be wrong in a mirror."""
    return _WORDS.search(caption) is not None


def mirrored_caption(caption: str) -> str:
    """Return the caption of the mirrored picture: left and right, clockwise and counterclockwise exchanged."""
    return _WORDS.sub(_exchanged, caption)


def _exchanged(match: re.Match[str]) -> str:
    found = match[0]
    if match["clock"]:
        other = match["clock"] if match["counter"] else f"counter{found.lower()}"
    else:
        other = ("right" if match["side"].lower() == "left" else "left") + (match["ending"] or "")
    if found.isupper():
        return other.upper()
    return other.capitalize() if found[0].isupper() else other


def _rows_by_video(clips: pd.DataFrame) -> Iterator[NDArray[np.int64]]:
    """Yield the index of each video's clips, in the order of time."""
    for _, of_video in clips.groupby("video", sort=True):
        yield of_video.sort_values(["target_frame", "event_id"]).index.to_numpy()
