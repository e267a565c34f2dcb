"""The interface of captioners: clips in, answers out; the captioner of each backend; and the cache of all answers."""

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

    `numbers` are their increasing numbers in the viewport video `path`, `seconds_between` the time between two of them.
    """

    event: str
    path: Path
    numbers: tuple[int, ...]
    seconds_between: float
    hfov_deg: float

    def pictures(self) -> NDArray[np.uint8]:
        """Return the pictures, uint8 RGB [T, H, W, 3]."""
        from tsalv360.media.video import read_pictures  # FFmpeg, which a run with all answers in the cache starts late

        return read_pictures(self.path, list(self.numbers))

    @cached_property
    def digest(self) -> str:
        """SHA-256 of what is seen: the pictures, their size and their pace."""
        pictures = self.pictures()
        header = f"{pictures.shape} {self.seconds_between:.6f} {self.hfov_deg:.3f} "
        return hashlib.sha256(header.encode() + pictures.tobytes()).hexdigest()


@dataclass(frozen=True)
class Answer:
    """A captioner's answer on a clip.

    `score` is the mean log-probability of its tokens, None where unknown. `cut_off` means that it is unfinished.
    `failure` says why there is no text.
    """

    text: str
    score: float | None = None
    cut_off: bool = False
    failure: str = ""


class Captioner(Protocol):
    """A backend. Making one loads no weights: a shard whose answers are all in the cache needs none.

    `model` and `revision` are recorded with each caption. `decoding` is whatever else decides the answer.
    """

    model: str
    revision: str
    takes_prompt: bool
    decoding: dict[str, Any]

    def caption(self, clips: Sequence[Clip], prompt: str) -> Iterator[tuple[Clip, Answer]]:
        """Yield each clip with its answer, in any order, as soon as it is there.

        Raises InputError where no clip can be answered any more, as when a server is down; earlier answers stay valid.
        """


@dataclass(frozen=True)
class Cache:
    """A folder with one JSON file per answer, which appears whole or not at all."""

    folder: Path

    def get(self, captioner: Captioner, clip: Clip, prompt: str) -> Answer | None:
        """Return the answer, if it is there."""
        path, _ = self._find(captioner, clip, prompt)
        if not path.exists():
            return None
        known = read_json(path)
        return Answer(known["text"], known["score"], known["cut_off"])

    def put(self, captioner: Captioner, clip: Clip, prompt: str, answer: Answer) -> None:
        """Keep an answer together with its question."""
        path, question = self._find(captioner, clip, prompt)
        content = {"text": answer.text, "score": answer.score, "cut_off": answer.cut_off, "event": clip.event}
        write_json(path, content | question)

    def _find(self, captioner: Captioner, clip: Clip, prompt: str) -> tuple[Path, dict[str, Any]]:
        """Return the file of an answer, and everything that decides the answer."""
        question = {
            "clip": clip.digest,
            "prompt": prompt,
            "model": captioner.model,
            "revision": captioner.revision,
            "decoding": captioner.decoding,
        }
        key = hashlib.sha256(json.dumps(question, sort_keys=True).encode()).hexdigest()
        return self.folder / key[:2] / f"{key}.json", question
