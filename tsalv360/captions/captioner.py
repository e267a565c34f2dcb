"""What every captioner takes and gives: clips in, captions with scores out.

Answers of captioners, kept so that none is asked for twice.
"""

import hashlib
import json
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any, Protocol

import numpy as np
from numpy.typing import NDArray

from tsalv360.job.files import read_json, write_json


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
        from tsalv360.media.video import read_pictures  # FFmpeg, which whoever checks captions does not need

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


@dataclass(frozen=True)
class Cache:
    """A folder with one JSON file per answer, which appears whole or not at all."""

    folder: Path

    def get(self, captioner: Captioner, clip: Clip, prompt: str) -> Answer | None:
        """The answer, if it is known."""
        path = self._path(captioner, clip, prompt)
        if not path.exists():
            return None
        known = read_json(path)
        return Answer(known["text"], known["score"], known["cut_off"])

    def put(self, captioner: Captioner, clip: Clip, prompt: str, answer: Answer) -> None:
        """Keep an answer, beside what was asked."""
        content = {"text": answer.text, "score": answer.score, "cut_off": answer.cut_off, "event": clip.event}
        write_json(self._path(captioner, clip, prompt), content | _question(captioner, clip, prompt))

    def _path(self, captioner: Captioner, clip: Clip, prompt: str) -> Path:
        question = json.dumps(_question(captioner, clip, prompt), sort_keys=True)
        key = hashlib.sha256(question.encode()).hexdigest()
        return self.folder / key[:2] / f"{key}.json"


def _question(captioner: Captioner, clip: Clip, prompt: str) -> dict[str, object]:
    """All that decides an answer."""
    return {
        "clip": clip.digest,
        "prompt": prompt,
        "model": captioner.model,
        "revision": captioner.revision,
        "decoding": captioner.decoding,
    }
