"""What the encoders give to the rest of the model."""

from dataclasses import dataclass, replace
from typing import NamedTuple

from torch import Tensor


class Seen(NamedTuple):
    """What an encoder finds in N pictures: maps [N, C, h, w], the deepest level first, and vectors [N, E]."""

    maps: tuple[Tensor, Tensor, Tensor]
    vectors: Tensor


@dataclass(frozen=True)
class FrameFeatures:
    """A frame's tangent images, encoded; whatever is asked of it, this is computed once."""

    vectors: Tensor  # [K, E]
    pooled: tuple[Tensor, ...]  # [K, C] for each level, the deepest first
    maps: tuple[Tensor, ...] | None  # [K, C, h, w]; only the last frame of a clip needs them

    def without_maps(self) -> "FrameFeatures":
        """What a frame is to clips that do not end with it: a hundredth of the memory."""
        return replace(self, maps=None)


class TextFeatures(NamedTuple):
    """Prompts, encoded."""

    vectors: Tensor  # [B, E]
    words: Tensor  # [B, T, E]
    mask: Tensor  # bool [B, T], True for words
