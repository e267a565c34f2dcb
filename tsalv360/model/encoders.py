"""The encoders of images and text: CLIP RN50 under the names of its weights, and small ones trained from nothing."""

from dataclasses import dataclass, replace
from typing import NamedTuple

import torch
from open_clip.modified_resnet import ModifiedResNet
from open_clip.transformer import QuickGELU, TextTransformer
from torch import Tensor, nn

from tsalv360.model.attention import attend
from tsalv360.model.settings import ModelSettings
from tsalv360.model.tokenizer import LENGTH, word_mask


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


class Clip(nn.Module):
    """CLIP's two encoders under the names of its weights; always frozen.

    The statistics of its batch norms are part of its weights, so it stays in evaluation mode, unless `adapts` lets
    them follow the training images, as in the published training.
    """

    adapts = False

    def __init__(self, settings: ModelSettings) -> None:
        super().__init__()
        width, heads = settings.width, settings.width // 2
        self.visual = ClipImages([3, 4, 6, 3], settings.embedding, heads, settings.patch_size, width)
        width, heads = settings.text_width, settings.text_width // 64
        text = TextTransformer(
            LENGTH, settings.vocabulary, width, heads, layers=12, output_dim=settings.embedding, act_layer=QuickGELU
        )
        self.token_embedding, self.positional_embedding = text.token_embedding, text.positional_embedding
        self.transformer, self.ln_final, self.text_projection = text.transformer, text.ln_final, text.text_projection
        self.logit_scale = nn.Parameter(torch.tensor(4.6))  # unused, but CLIP's weights hold it
        self.register_buffer("attn_mask", text.attn_mask, persistent=False)
        self.requires_grad_(False)

    def train(self, mode: bool = True) -> "Clip":
        """Switch to training mode only if the encoder `adapts`."""
        return super().train(mode and self.adapts)

    def encode_text(self, tokens: Tensor) -> tuple[Tensor, Tensor]:
        """Return the vectors [B, E] of prompts and of all their tokens [B, T, E] from tokens [B, T]."""
        x = self.token_embedding(tokens) + self.positional_embedding
        x = self.ln_final(self.transformer(x, attn_mask=self.attn_mask)) @ self.text_projection
        return x[torch.arange(len(x)), tokens.argmax(-1)], x


class ClipImages(ModifiedResNet):  # type: ignore[misc]
    """CLIP's image encoder, which returns the maps of three levels too."""

    def forward(self, images: Tensor) -> ImageFeatures:
        """Encode images [N, 3, P, P]."""
        low = self.layer2(self.layer1(self.stem(images)))
        middle = self.layer3(low)
        high = self.layer4(middle)
        # CLIP's attention pool, in which only the mean asks, since only its answer is used
        pool, pixels = self.attnpool, high.flatten(2).transpose(1, 2)
        tokens = torch.cat([pixels.mean(1, keepdim=True), pixels], 1) + pool.positional_embedding
        answers = attend(pool.q_proj(tokens[:, :1]), pool.k_proj(tokens), pool.v_proj(tokens), pool.num_heads)
        return ImageFeatures((high, middle, low), pool.c_proj(answers)[:, 0])


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
