"""Augmentation: a panorama turned about the vertical axis or mirrored, and a caption that still says what it shows."""

import re
from dataclasses import dataclass
from typing import Any

import cv2
import numpy as np
from numpy.typing import NDArray

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
