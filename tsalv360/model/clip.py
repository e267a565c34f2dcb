"""CLIP RN50, the encoder of the published weights, under the names of its weights."""

import torch
from open_clip.modified_resnet import ModifiedResNet
from open_clip.transformer import QuickGELU, TextTransformer
from torch import Tensor, nn

from tsalv360.model.attention import attend
from tsalv360.model.clip_tokens import LENGTH
from tsalv360.model.encoders import ImageFeatures
from tsalv360.model.settings import ModelSettings


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
