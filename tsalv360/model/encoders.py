"""What encoders of images and text return, and small encoders that are trained from nothing."""

from dataclasses import dataclass, replace
from typing import NamedTuple

import torch
from torch import Tensor, nn

from tsalv360.model.clip_tokens import LENGTH
from tsalv360.model.settings import ModelSettings
from tsalv360.model.tokens import clip_words


class Shape(NamedTuple):
    """What encoders read and return; levels are sorted with the deepest first."""

    embedding: int  # dimensions of vectors of images, texts and words
    channels: tuple[int, int, int]  # of the maps of each level
    sizes: tuple[int, int, int]  # sides of the maps of each level
    picture: int  # side of a tangent image, pixels


class ImageFeatures(NamedTuple):
    """Encoded images."""

    maps: tuple[Tensor, Tensor, Tensor]  # [N, C, h, w], the deepest level first
    vectors: Tensor  # [N, E]


@dataclass(frozen=True)
class FrameFeatures:
    """The encoded tangent images of a frame. Prompts play no part in them, so they are computed once per frame."""

    vectors: Tensor  # [K, E]
    pooled: tuple[Tensor, ...]  # mean of each level's maps, [K, C], the deepest first
    maps: tuple[Tensor, ...] | None  # [K, C, h, w]; only the last frame of a clip needs them

    def without_maps(self) -> "FrameFeatures":
        """Return the features without the maps, in a hundredth of the memory."""
        return replace(self, maps=None)


class TextFeatures(NamedTuple):
    """Encoded prompts."""

    vectors: Tensor  # [B, E]
    words: Tensor  # [B, T, E]
    mask: Tensor  # bool [B, T], True for words


class SmallEncoders(nn.Module):
    """Convolutions for images; for text a vector per word, and their mean."""

    def __init__(self, settings: ModelSettings) -> None:
        super().__init__()
        self.visual = SmallImages(settings)
        self.token_embedding = nn.Embedding(settings.vocabulary, settings.text_width)
        self.positional_embedding = nn.Parameter(torch.zeros(LENGTH, settings.text_width))
        self.project = nn.Linear(settings.text_width, settings.embedding)

    def encode_text(self, tokens: Tensor) -> tuple[Tensor, Tensor]:
        """Return the vectors [B, E] of prompts and of all their tokens [B, T, E] from tokens [B, T]."""
        x = self.token_embedding(tokens % self.token_embedding.num_embeddings)
        words = self.project(x + self.positional_embedding)
        mask = clip_words(LENGTH).word_mask(tokens)[..., None]
        return (words * mask).sum(1) / mask.sum(1), words


class SmallImages(nn.Module):
    """Four convolutions: the first divides the size of an image by four, each other one by two."""

    def __init__(self, settings: ModelSettings) -> None:
        super().__init__()
        high, middle, low = settings.channels
        self.stem = _convolution(3, low, 8, 4, 2)
        self.stages = nn.ModuleList([_convolution(low, low), _convolution(low, middle), _convolution(middle, high)])
        self.project = nn.Linear(high, settings.embedding)

    def forward(self, images: Tensor) -> ImageFeatures:
        """Encode images [N, 3, P, P]."""
        maps = [self.stem(images)]
        for stage in self.stages:
            maps.append(stage(maps[-1]))
        _, low, middle, high = maps
        return ImageFeatures((high, middle, low), self.project(high.mean((2, 3))))


def _convolution(before: int, after: int, kernel: int = 3, stride: int = 2, padding: int = 1) -> nn.Module:
    return nn.Sequential(nn.Conv2d(before, after, kernel, stride, padding), nn.GroupNorm(1, after), nn.ReLU())
