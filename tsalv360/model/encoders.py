"""Tensors of tokens, what encoders of images and text return, and small encoders that are trained from nothing."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import NamedTuple

import torch
from torch import Tensor, nn

from tsalv360.job.errors import InputError
from tsalv360.model.settings import ModelSettings
from tsalv360.model.tokens import END, LENGTH, PADDING, START, encode


def tokenize(prompts: Sequence[str], truncate: bool = False) -> Tensor:
    """Return the tokens [B, 77] of sentences, padded with 0.

    Raises InputError for a prompt without words, and for one of more than 77 tokens unless `truncate` cuts it there.
    """
    tokens = torch.full((len(prompts), LENGTH), PADDING)
    for row, prompt in zip(tokens, prompts, strict=True):
        encoded = [START, *encode(prompt), END]
        if len(encoded) > LENGTH and not truncate:
            where, found = f"prompt {prompt[:40]!r} …", f"{len(encoded)} tokens (start and end included)"
            advice = "Shorten it, or cut it explicitly with tokenize(prompts, truncate=True)."
            raise InputError(where, found, f"at most {LENGTH}", advice)
        encoded[LENGTH - 1 :] = encoded[LENGTH - 1 :] and [END]
        row[: len(encoded)] = torch.tensor(encoded)
    check_tokens(tokens)
    return tokens


def check_tokens(tokens: Tensor) -> None:
    """Raise InputError unless these are integer tokens [B, 77] with a word in each row."""
    if tokens.ndim != 2 or tokens.shape[1] != LENGTH or tokens.is_floating_point():
        raise InputError("tokens", f"{tokens.dtype} {list(tokens.shape)}", f"integers [B, {LENGTH}]", "Use tokenize.")
    if empty := (~word_mask(tokens).any(1)).nonzero().flatten().tolist():
        raise InputError(f"prompt {empty[0]}", "no word in it", "a sentence", "Say what to look for.")


def word_mask(tokens: Tensor) -> Tensor:
    """Return a mask of tokens [B, 77] that is True where a token is neither padding nor start nor end."""
    return (tokens != PADDING) & (tokens != START) & (tokens != END)


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
        mask = word_mask(tokens)[..., None]
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
