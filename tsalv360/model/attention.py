"""VSTCA: attention over time, over the sphere and over the words, for the features of one level."""

import torch
from torch import Tensor, nn
from torch.nn import functional

from tsalv360.model.settings import ModelSettings
from tsalv360.model.tangent import Tables


class SelfAttention(nn.Module):
    """Multi-head attention among the tokens of a set."""

    def __init__(self, dim: int, heads: int) -> None:
        super().__init__()
        self.heads = heads
        self.QKV = nn.Linear(dim, 3 * dim, bias=False)
        self.proj = nn.Linear(dim, dim)

    def forward(self, x: Tensor, last_only: bool = False) -> Tensor:
        """[..., N, D] of tokens [..., N, D]; with `last_only` [..., 1, D], what the last one sees."""
        if last_only:
            of_query, of_rest = self.QKV.weight.tensor_split((x.shape[-1],))
            query = functional.linear(x[..., -1:, :], of_query)
            key, value = functional.linear(x, of_rest).chunk(2, -1)
        else:
            query, key, value = self.QKV(x).chunk(3, -1)
        return self.proj(_attend(query, key, value, self.heads))


class CrossAttention(nn.Module):
    """Attention of visual tokens to the words of a text."""

    def __init__(self, dim: int, text_dim: int, heads: int) -> None:
        super().__init__()
        self.heads = heads
        self.text_norm = nn.LayerNorm(text_dim, eps=1e-6)
        self.q_proj = nn.Linear(dim, dim, bias=False)
        self.to_k = nn.Linear(text_dim, dim, bias=False)
        self.to_v = nn.Linear(text_dim, dim, bias=False)
        self.proj = nn.Linear(dim, dim, bias=False)

    def forward(self, x: Tensor, words: Tensor, mask: Tensor) -> Tensor:
        """[B, N, D] of tokens [B, N, D]; `words` [B, T, E]; `mask` [B, T], True for those that are seen."""
        words = self.text_norm(words)
        seen = _attend(self.q_proj(x), self.to_k(words), self.to_v(words), self.heads, mask[:, None, None])
        return self.proj(seen)


def _attend(query: Tensor, key: Tensor, value: Tensor, heads: int, mask: Tensor | None = None) -> Tensor:
    """Scaled dot products of [..., N, D] and [..., M, D], whose channels are split into heads."""
    query, key, value = (tokens.unflatten(-1, (heads, -1)).transpose(-3, -2) for tokens in (query, key, value))
    return functional.scaled_dot_product_attention(query, key, value, mask).transpose(-3, -2).flatten(-2)


class FeedForward(nn.Module):
    """Two linear layers, four times as wide between them."""

    def __init__(self, dim: int, dropout: float) -> None:
        super().__init__()
        self.layers = nn.Sequential(nn.Linear(dim, 4 * dim), nn.GELU(), nn.Dropout(dropout), nn.Linear(4 * dim, dim))

    def forward(self, x: Tensor) -> Tensor:
        """[..., D] of [..., D]."""
        return self.layers(x)


class Block(nn.Module):
    """Attention over time, over the sphere and over the words, then a feed-forward layer, each added to its input."""

    def __init__(self, dim: int, settings: ModelSettings) -> None:
        super().__init__()
        self.temp_norm_layer = nn.LayerNorm(dim)
        self.temp_attn = SelfAttention(dim, settings.heads)
        self.spatial_norm_layer = nn.LayerNorm(dim)
        self.spatial_attn = SelfAttention(dim, settings.heads)
        self.cross_attn_norm_layer = nn.LayerNorm(dim)
        self.cross_attn = CrossAttention(dim, settings.embedding, settings.heads)
        self.FFN = nn.Sequential(nn.LayerNorm(dim), FeedForward(dim, settings.dropout))

    def forward(self, x: Tensor, words: Tensor, mask: Tensor, last_only: bool = False) -> Tensor:
        """[B, F, K, D] of [B, F, K, D]; with `last_only` [B, 1, K, D], the last frame alone, at a fourth of the cost.

        Parameters: `words` [B, T, E]; `mask` [B, T], True for those that are seen.
        """
        over_time = self.temp_attn(self.temp_norm_layer(x).transpose(1, 2), last_only).transpose(1, 2)
        x = (x[:, -1:] if last_only else x) + over_time
        x = x + self.spatial_attn(self.spatial_norm_layer(x))
        queries = self.cross_attn_norm_layer(x).flatten(1, 2)
        x = x + self.cross_attn(queries, words, mask).view_as(x)
        return x + self.FFN(x)


class VSTCA(nn.Module):
    """Visual spatio-temporal cross attention for one level of features."""

    def __init__(self, dim: int, sphere: Tensor, settings: ModelSettings) -> None:
        """`sphere` [K, P]: what is fixed about the place of each tangent image."""
        super().__init__()
        self.tmp_posemb = nn.Parameter(torch.zeros(1, settings.n_frames, dim))
        self.sph_posemb = nn.Linear(sphere.shape[1], dim)
        self.layer = nn.ModuleList(Block(dim, settings) for _ in range(settings.depth))
        self.norm = nn.LayerNorm(dim, eps=1e-6)
        self.tables = Tables(sphere=sphere)

    def forward(self, x: Tensor, words: Tensor, mask: Tensor, last_only: bool = False) -> Tensor:
        """[B, F, K, D] of weighted features [B, F, K, D]; with `last_only` [B, 1, K, D], the last frame alone.

        Parameters: `words` [B, T, E]; `mask` [B, T], True for those that are seen.
        """
        place = self.sph_posemb(self.tables.get_buffer("sphere").to(x.dtype))
        x = x + place + self.tmp_posemb[:, :, None]
        *before, last = self.layer
        for block in before:
            x = block(x, words, mask)
        return self.norm(last(x, words, mask, last_only))
