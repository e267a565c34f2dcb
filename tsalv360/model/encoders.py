"""CLIP's tokenizer, what encoders of images and text return, and small encoders that are trained from nothing."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from functools import cache
from importlib.util import find_spec, module_from_spec, spec_from_file_location
from pathlib import Path
from typing import Any, NamedTuple

import torch
from torch import Tensor, nn

from tsalv360.job.errors import InputError
from tsalv360.model.architectures import PREFIX
from tsalv360.model.settings import ModelSettings

LENGTH = 77  # tokens that CLIP reads, those of start and end included
PADDING, START, END = 0, 49406, 49407


@dataclass(frozen=True)
class Tokenizer:
    """What turns sentences into the tokens of an encoder, and tells which of these are words."""

    length: int  # tokens that the encoder reads, those of start and end included
    special: tuple[int, ...]  # tokens that are no words, such as padding, start and end
    count: Callable[[str], int]  # tokens of a sentence, special ones included
    tokens: Callable[[list[str], int], Tensor]  # [B, length] of sentences, padded or cut

    def __call__(self, prompts: Sequence[str], truncate: bool = False) -> Tensor:
        """Return the tokens [B, length] of sentences; raises as `tokenize`."""
        for prompt in () if truncate else prompts:
            if (n_tokens := self.count(prompt)) > self.length:
                where, found = f"prompt {prompt[:40]!r} …", f"{n_tokens} tokens (start and end included)"
                advice = "Shorten it, or cut it explicitly with tokenize(prompts, truncate=True)."
                raise InputError(where, found, f"at most {self.length}", advice)
        tokens = self.tokens(list(prompts), self.length)
        self.check(tokens)
        return tokens

    def check(self, tokens: Tensor) -> None:
        """Raise InputError unless these are integer tokens [B, length] with a word in each row."""
        if tokens.ndim != 2 or tokens.shape[1] != self.length or tokens.is_floating_point():
            found = f"{tokens.dtype} {list(tokens.shape)}"
            raise InputError("tokens", found, f"integers [B, {self.length}]", "Use tokenize.")
        if empty := (~self.word_mask(tokens).any(1)).nonzero().flatten().tolist():
            raise InputError(f"prompt {empty[0]}", "no word in it", "a sentence", "Say what to look for.")

    def word_mask(self, tokens: Tensor) -> Tensor:
        """Return a mask of tokens [B, length] that is True where a token is a word or a part of one."""
        mask = torch.ones_like(tokens, dtype=torch.bool)
        for token in self.special:
            mask &= tokens != token
        return mask


@cache
def tokenizer_of(encoder: str) -> Tokenizer:
    """Return the tokenizer of an encoder, named as in `model.encoder`.

    Raises ImportError where open_clip (the extra `train`) is not installed, and InputError where a tokenizer that does
    not come with it is not on this machine.
    """
    if encoder.startswith(PREFIX):
        from tsalv360.model.openclip import own_tokenizer  # open_clip takes seconds to import

        return own_tokenizer(encoder)
    return clip_words(LENGTH)


def clip_words(length: int) -> Tokenizer:
    """Return CLIP's tokenizer for encoders that read `length` tokens."""
    return Tokenizer(
        length,
        (PADDING, START, END),
        lambda prompt: len(clip_tokenizer().encode(prompt)) + 2,
        lambda prompts, n: clip_tokenizer()(prompts, n),
    )


def tokenize(prompts: Sequence[str], truncate: bool = False, encoder: str = "clip") -> Tensor:
    """Return the tokens [B, 77] of sentences, padded with 0; other encoders of open_clip read other numbers of tokens.

    Raises InputError for a prompt without words, and for one of more tokens than the encoder reads unless `truncate`
    cuts it there.
    """
    return tokenizer_of(encoder)(prompts, truncate)


@cache
def clip_tokenizer() -> Any:
    """Return open_clip's tokenizer, loaded from its file alone: importing the whole package takes seconds.

    Raises ImportError where open_clip (the extra `train`) is not installed.
    """
    package = find_spec("open_clip")
    if package is None or package.origin is None:
        raise ImportError("open_clip is not installed")
    spec = spec_from_file_location("clip_tokenizer", Path(package.origin).with_name("tokenizer.py"))
    assert spec and spec.loader
    module = module_from_spec(spec)
    spec.loader.exec_module(module)
    return module.SimpleTokenizer()


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
        mask = tokenizer_of("small").word_mask(tokens)[..., None]
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
