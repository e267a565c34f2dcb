"""Augmentation: a panorama turned about the vertical axis or mirrored, and a caption that still says what it shows.

Batches: which clips an optimiser's step sees, and how each is turned. Nothing but seed and epoch decides.
"""

import re
from dataclasses import dataclass
from typing import Any

import cv2
import numpy as np
import pandas as pd
from numpy.typing import NDArray

from tsalv360.training.settings import TrainSettings

_SIDE = r"\b(?P<side>left|right)(?P<ending>wards?|most|-hand(?:ed)?)?(?![\w-])"
_TURNING = r"\b(?P<counter>counter-?|anti-?)?(?P<clock>clockwise)\b"
_WORDS = re.compile(f"{_SIDE}|{_TURNING}", re.IGNORECASE)
_OTHER = {"left": "right", "right": "left"}


@dataclass(frozen=True)
class Turn:
    """Mirrored or not, then turned to the right by `steps` of `n_steps` of a full turn.

    Widths of frames and maps are multiples of `n_steps`: all are turned by the same angle, by whole pixels.
    """

    steps: int = 0
    n_steps: int = 1
    mirrored: bool = False

    def __call__(self, picture: NDArray[Any]) -> NDArray[Any]:
        """A panorama [H, W, ...] of any number of channels."""
        if self.mirrored:
            picture = cv2.flip(picture, 1).reshape(picture.shape)  # a mirrored view takes four times as long to copy
        width = picture.shape[1]
        return np.roll(picture, self.steps * width // self.n_steps, axis=1) if self.steps else picture


def says_side(caption: str) -> bool:
    """Whether a caption would be wrong in a mirror."""
    return _WORDS.search(caption) is not None


def mirrored_caption(caption: str) -> str:
    """The caption of the mirrored picture: left and right, clockwise and counterclockwise exchanged."""
    return _WORDS.sub(_exchanged, caption)


def _exchanged(match: re.Match[str]) -> str:
    found = match[0]
    if match["clock"]:
        other = match["clock"] if match["counter"] else f"counter{found.lower()}"
    else:
        other = _OTHER[match["side"].lower()] + (match["ending"] or "")
    if found.isupper():
        return other.upper()
    return other.capitalize() if found[0].isupper() else other


AS_IS = Turn()


@dataclass(frozen=True)
class Group:
    """Clips of one video, by their rows in the table of clips, that are turned alike and so share frames."""

    rows: tuple[int, ...]
    turn: Turn = AS_IS


def count(batch: list[Group]) -> int:
    """Clips of a batch."""
    return sum(len(group.rows) for group in batch)


def epoch_batches(clips: pd.DataFrame, settings: TrainSettings, epoch: int, n_steps: int) -> list[list[Group]]:
    """The batches of an epoch: every clip once, in groups of neighbours in time, with turns drawn anew.

    Parameters: `clips` to train with, any index from 0; `n_steps` of a full turn, as `Turn`.
    """
    rng = np.random.default_rng([settings.seed, epoch])
    groups: list[Group] = []
    for _, of_video in clips.groupby("video", sort=True):
        rows = of_video.sort_values(["target_frame", "event_id"]).index.to_numpy()
        first = int(rng.integers(min(settings.group, len(rows))))  # other neighbours in every epoch
        for part in np.split(rows, range(first, len(rows), settings.group)):
            if len(part):
                captions = clips.caption[part]
                groups.append(Group(tuple(part.tolist()), _draw(rng, settings, n_steps, any(map(says_side, captions)))))
    order = [groups[i] for i in rng.permutation(len(groups))]
    return _filled(order, settings.batch_size)


def _draw(rng: np.random.Generator, settings: TrainSettings, n_steps: int, has_side: bool) -> Turn:
    steps, mirrored = int(rng.integers(n_steps)), bool(rng.integers(2))
    may_mirror = settings.flip == "exchange" or (settings.flip == "skip" and not has_side)
    return Turn(steps if settings.roll else 0, n_steps, mirrored and may_mirror)


def _filled(groups: list[Group], size: int) -> list[list[Group]]:
    """Batches of `size` clips, but the last; a group that does not fit goes on in the next batch."""
    batches: list[list[Group]] = [[]]
    for group in groups:
        rows = group.rows
        while rows:
            room = size - count(batches[-1])
            if not room:
                batches.append([])
                continue
            batches[-1].append(Group(rows[:room], group.turn))
            rows = rows[room:]
    return batches


def plain_batches(clips: pd.DataFrame, size: int) -> list[list[Group]]:
    """All clips as they are, neighbours of a video together in batches of at most `size`."""
    batches = []
    for _, of_video in clips.groupby("video", sort=True):
        rows = of_video.sort_values(["target_frame", "event_id"]).index.to_numpy()
        batches += [[Group(tuple(part.tolist()))] for part in np.split(rows, range(size, len(rows), size))]
    return batches


def part_of(batch: list[Group], part: int, parts: int) -> list[Group]:
    """The part of a batch that one of several processes, or passes, computes: neighbours stay together."""
    n = count(batch)
    start, end = n * part // parts, n * (part + 1) // parts
    found, seen = [], 0
    for group in batch:
        rows = group.rows[max(0, start - seen) : max(0, end - seen)]
        if rows:
            found.append(Group(rows, group.turn))
        seen += len(group.rows)
    return found
