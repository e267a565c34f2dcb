"""Small encoders in place of CLIP, trained from nothing with the rest of the model."""

import torch
from torch import Tensor, nn

from tsalv360.model.features import Seen
from tsalv360.model.settings import ModelSettings
from tsalv360.model.text import LENGTH, word_mask


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
