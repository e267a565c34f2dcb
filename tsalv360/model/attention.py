"""VSTCA: attention over time, over the sphere and over the words of the prompt, for the features of one level."""

from __future__ import annotations

from collections import OrderedDict

import torch
from torch import Tensor, nn
from torch.nn import functional

from tsalv360.model.settings import ModelSettings
from tsalv360.model.tangent import FixedBuffers


class VSTCA(nn.Module):
    """Visual spatio-temporal cross attention for one level of features."""

    def __init__(self, dim: int, sphere: Tensor, settings: ModelSettings, text_dim: int | None = None) -> None:
        """`sphere` [K, P] describes the fixed place of each tangent image; `text_dim` is as in `Block`."""
        super().__init__()
        self.tmp_posemb = nn.Parameter(torch.zeros(1, settings.n_frames, dim))
        self.sph_posemb = nn.Linear(sphere.shape[1], dim)
        self.layer = nn.ModuleList(Block(dim, settings, text_dim) for _ in range(settings.depth))
        self.norm = nn.LayerNorm(dim, eps=1e-6)
        self.fixed = FixedBuffers(sphere=sphere)

    def forward(self, x: Tensor, words: Tensor, mask: Tensor, last_only: bool = False) -> Tensor:
        """Return [B, F, K, D], attended from weighted features [B, F, K, D]; parameters as `Block`."""
        place = self.sph_posemb(self.fixed.get_buffer("sphere").to(x.dtype))
        x = x + place + self.tmp_posemb[:, :, None]
        *before, last = self.layer
        for block in before:
            x = block(x, words, mask)
        return self.norm(last(x, words, mask, last_only))


class Block(nn.Module):
    """Attention over time, over the sphere and over the words, then a feed-forward layer, each added to its input."""

    def __init__(self, dim: int, settings: ModelSettings, text_dim: int | None = None) -> None:
        """`text_dim` is that of the words' vectors, by default `settings.embedding`."""
        super().__init__()
        self.temp_norm_layer = nn.LayerNorm(dim)
        self.temp_attn = SelfAttention(dim, settings.heads)
        self.spatial_norm_layer = nn.LayerNorm(dim)
        self.spatial_attn = SelfAttention(dim, settings.heads)
        self.cross_attn_norm_layer = nn.LayerNorm(dim)
        self.cross_attn = CrossAttention(dim, text_dim or settings.embedding, settings.heads)
        widen, narrow = nn.Linear(dim, 4 * dim), nn.Linear(4 * dim, dim)
        layers = nn.Sequential(widen, nn.GELU(), nn.Dropout(settings.dropout), narrow)
        self.FFN = nn.Sequential(nn.LayerNorm(dim), nn.Sequential(OrderedDict(layers=layers)))  # the published names

    def forward(self, x: Tensor, words: Tensor, mask: Tensor, last_only: bool = False) -> Tensor:
        """Return [B, F, K, D] from [B, F, K, D]; with `last_only` the last frame [B, 1, K, D] at a quarter of the cost.

        Parameters: `words` [B, T, E]; `mask` [B, T], True for words that are attended to.
        """
        over_time = self.temp_attn(self.temp_norm_layer(x).transpose(1, 2), last_only).transpose(1, 2)
        x = (x[:, -1:] if last_only else x) + over_time
        x = x + self.spatial_attn(self.spatial_norm_layer(x))
        queries = self.cross_attn_norm_layer(x).flatten(1, 2)
        x = x + self.cross_attn(queries, words, mask).view_as(x)
        return x + self.FFN(x)


class SelfAttention(nn.Module):
    """Multi-head attention among the tokens of a set."""

    def __init__(self, dim: int, heads: int) -> None:
        super().__init__()
        self.heads = heads
        self.QKV = nn.Linear(dim, 3 * dim, bias=False)
        self.proj = nn.Linear(dim, dim)

    def forward(self, x: Tensor, last_only: bool = False) -> Tensor:
        """Return [..., N, D] from tokens [..., N, D], or with `last_only` the last token alone, [..., 1, D]."""
        if last_only:
            query_weight, key_value_weight = self.QKV.weight.tensor_split((x.shape[-1],))
            query = functional.linear(x[..., -1:, :], query_weight)
            key, value = functional.linear(x, key_value_weight).chunk(2, -1)
        else:
            query, key, value = self.QKV(x).chunk(3, -1)
        return self.proj(attend(query, key, value, self.heads))


class CrossAttention(nn.Module):
    """Multi-head attention of visual tokens to the words of a text."""

    def __init__(self, dim: int, text_dim: int, heads: int) -> None:
        super().__init__()
        self.heads = heads
        self.text_norm = nn.LayerNorm(text_dim, eps=1e-6)
        self.q_proj = nn.Linear(dim, dim, bias=False)
        self.to_k = nn.Linear(text_dim, dim, bias=False)
        self.to_v = nn.Linear(text_dim, dim, bias=False)
        self.proj = nn.Linear(dim, dim, bias=False)

    def forward(self, x: Tensor, words: Tensor, mask: Tensor) -> Tensor:
        """Return [B, N, D] from visual tokens [B, N, D]; other parameters as `Block`."""
        words = self.text_norm(words)
        attended = attend(self.q_proj(x), self.to_k(words), self.to_v(words), self.heads, mask[:, None, None])
        return self.proj(attended)


def attend(query: Tensor, key: Tensor, value: Tensor, heads: int, mask: Tensor | None = None) -> Tensor:
    """Return scaled dot-product attention [..., N, D] of [..., N, D] to [..., M, D], channels split into heads."""
    query, key, value = (tokens.unflatten(-1, (heads, -1)).transpose(-3, -2) for tokens in (query, key, value))
    return functional.scaled_dot_product_attention(query, key, value, mask).transpose(-3, -2).flatten(-2)
