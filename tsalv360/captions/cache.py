"""Answers of captioners, kept so that none is asked for twice."""

import hashlib
import json
from dataclasses import dataclass
from pathlib import Path

from tsalv360.captions.captioner import Answer, Captioner, Clip
from tsalv360.files import read_json, write_json


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
