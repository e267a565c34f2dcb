"""What the encoders give to the rest of the model.

Small encoders in place of CLIP, trained from nothing with the rest of the model.

CLIP RN50 as OpenAI trained it, of open_clip's parts and with its names, for features instead of two vectors.
"""

from dataclasses import dataclass, replace
from typing import NamedTuple

import torch
from open_clip.modified_resnet import ModifiedResNet
from open_clip.transformer import QuickGELU, TextTransformer
from torch import Tensor, nn
from torch.nn import functional

from tsalv360.model.settings import ModelSettings
from tsalv360.model.tokenizer import LENGTH, word_mask


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


def _shrink(before: int, after: int, kernel: int = 3, stride: int = 2, padding: int = 1) -> nn.Module:
    return nn.Sequential(nn.Conv2d(before, after, kernel, stride, padding), nn.GroupNorm(1, after), nn.ReLU())


class SmallImages(nn.Module):
    """Four convolutions; the first makes the picture a quarter as wide, the others halve it."""

    def __init__(self, settings: ModelSettings) -> None:
        super().__init__()
        high, middle, low = settings.channels
        self.stem = _shrink(3, low, 8, 4, 2)
        self.stages = nn.ModuleList([_shrink(low, low), _shrink(low, middle), _shrink(middle, high)])
        self.project = nn.Linear(high, settings.embedding)

    def forward(self, pictures: Tensor) -> Seen:
        """Features and vectors of pictures [N, 3, P, P]."""
        maps = [self.stem(pictures)]
        for stage in self.stages:
            maps.append(stage(maps[-1]))
        _, low, middle, high = maps
        return Seen((high, middle, low), self.project(high.mean((2, 3))))


class SmallEncoders(nn.Module):
    """Convolutions for pictures; for text a vector per word, and their mean."""

    def __init__(self, settings: ModelSettings) -> None:
        super().__init__()
        self.visual = SmallImages(settings)
        self.token_embedding = nn.Embedding(settings.vocabulary, settings.text_width)
        self.positional_embedding = nn.Parameter(torch.zeros(LENGTH, settings.text_width))
        self.project = nn.Linear(settings.text_width, settings.embedding)

    def encode_text(self, tokens: Tensor) -> tuple[Tensor, Tensor]:
        """Vectors [B, E] and all tokens in the same space [B, T, E], of tokens [B, T]."""
        x = self.token_embedding(tokens % self.token_embedding.num_embeddings)
        words = self.project(x + self.positional_embedding)
        mask = word_mask(tokens)[..., None]
        return (words * mask).sum(1) / mask.sum(1), words


class ClipImages(ModifiedResNet):  # type: ignore[misc]
    """CLIP's picture encoder."""

    def forward(self, pictures: Tensor) -> Seen:
        """Features and CLIP's vectors of pictures [N, 3, P, P]."""
        low = self.layer2(self.layer1(self.stem(pictures)))
        middle = self.layer3(low)
        high = self.layer4(middle)
        return Seen((high, middle, low), self._pooled(high))

    def _pooled(self, high: Tensor) -> Tensor:
        """CLIP's attention pool [N, E] of maps [N, C, h, w]: only the mean asks, since only its answer is used."""
        pool = self.attnpool
        pixels = high.flatten(2).permute(2, 0, 1)
        tokens = torch.cat([pixels.mean(0, keepdim=True), pixels]) + pool.positional_embedding[:, None]
        seen, _ = functional.multi_head_attention_forward(
            tokens[:1],
            tokens,
            tokens,
            embed_dim_to_check=tokens.shape[-1],
            num_heads=pool.num_heads,
            in_proj_weight=None,
            in_proj_bias=torch.cat([pool.q_proj.bias, pool.k_proj.bias, pool.v_proj.bias]),
            bias_k=None,
            bias_v=None,
            add_zero_attn=False,
            dropout_p=0.0,
            out_proj_weight=pool.c_proj.weight,
            out_proj_bias=pool.c_proj.bias,
            need_weights=False,
            use_separate_proj_weight=True,
            q_proj_weight=pool.q_proj.weight,
            k_proj_weight=pool.k_proj.weight,
            v_proj_weight=pool.v_proj.weight,
        )
        return seen[0]


class Clip(nn.Module):
    """CLIP's two encoders under the names of its weights; always frozen.

    The statistics of its batch norms are part of its weights, so it stays in evaluation mode, unless it `adapts` them
    to the pictures of training, as the published training did.
    """

    adapts = False

    def __init__(self, settings: ModelSettings) -> None:
        super().__init__()
        self.visual = ClipImages(
            layers=[3, 4, 6, 3],
            output_dim=settings.embedding,
            heads=settings.width // 2,
            image_size=settings.patch_size,
            width=settings.width,
        )
        text = TextTransformer(
            context_length=LENGTH,
            vocab_size=settings.vocabulary,
            width=settings.text_width,
            heads=settings.text_width // 64,
            layers=12,
            output_dim=settings.embedding,
            act_layer=QuickGELU,
        )
        self.token_embedding, self.positional_embedding = text.token_embedding, text.positional_embedding
        self.transformer, self.ln_final, self.text_projection = text.transformer, text.ln_final, text.text_projection
        self.logit_scale = nn.Parameter(torch.tensor(4.6))  # unused, but CLIP's weights hold it
        self.register_buffer("attn_mask", text.attn_mask, persistent=False)
        self.requires_grad_(False)

    def train(self, mode: bool = True) -> "Clip":
        """In evaluation mode, or where it adapts in the one that is asked for."""
        return super().train(mode and self.adapts)

    def encode_text(self, tokens: Tensor) -> tuple[Tensor, Tensor]:
        """Vectors [B, E] and all tokens in the same space [B, T, E], of tokens [B, T]."""
        x = self.token_embedding(tokens) + self.positional_embedding
        x = self.ln_final(self.transformer(x, attn_mask=self.attn_mask)) @ self.text_projection
        return x[torch.arange(len(x)), tokens.argmax(-1)], x
