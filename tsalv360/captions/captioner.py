"""What every captioner takes and gives: clips in, captions with scores out."""

import hashlib
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any, Protocol

import numpy as np
from numpy.typing import NDArray


@dataclass(frozen=True)
class Clip:
    """The pictures of one event that a captioner sees, decoded whenever they are asked for.

    `numbers` are those of the pictures in the viewport video `path`, increasing; `seconds_between` two of them.
    """

    event: str
    path: Path
    numbers: tuple[int, ...]
    seconds_between: float
    hfov_deg: float

    def pictures(self) -> NDArray[np.uint8]:
        """The pictures, uint8 RGB [T, H, W, 3]."""
        from tsalv360.video import read_pictures  # FFmpeg, which whoever checks captions does not need

        return read_pictures(self.path, list(self.numbers))

    @cached_property
    def digest(self) -> str:
        """SHA-256 of what is seen: the pictures, their size and their pace."""
        pictures = self.pictures()
        told = f"{pictures.shape} {self.seconds_between:.6f} {self.hfov_deg:.3f} "
        return hashlib.sha256(told.encode() + pictures.tobytes()).hexdigest()


@dataclass(frozen=True)
class Answer:
    """What a captioner says of a clip.

    `score` is the mean log-probability of its tokens, None where unknown; `cut_off` means that it was not finished;
    `failure` says why there is none.
    """

    text: str
    score: float | None = None
    cut_off: bool = False
    failure: str = ""


class Captioner(Protocol):
    """A backend. Making one loads no weights: a shard whose answers are all known needs none.

    `model` and `revision` are recorded with each caption. `decoding` is whatever else decides the answer.
    """

    model: str
    revision: str
    takes_prompt: bool
    decoding: dict[str, Any]

    def caption(self, clips: Sequence[Clip], prompt: str) -> Iterator[tuple[Clip, Answer]]:
        """Each clip with its answer, in any order, as soon as it is there.

        Raises InputError where going on makes no sense, such as a server that is down; what was given before holds.
        """
