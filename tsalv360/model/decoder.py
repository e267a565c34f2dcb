"""From features of the last frame to logits of its tangent images.

A convolution of the first three blocks is linear and sees two things added: feature maps, which do not depend on the
text, and one vector of the text's attention, the same all over a tangent image. The maps' part is computed once for any
number of prompts, the vector's on 3 × 3 pixels: a corner, an edge and the inside are all that zero padding tells apart.
"""

import torch
from torch import Tensor, nn
from torch.nn import functional


class MapNorm(nn.Module):
    """Layer norm over everything but the batch, with a weight for every value.

    `shape` is that of the published weights: C, h, w, and K where all tangent images are normed together. In memory C
    comes last, as in the maps.
    """

    eps = 1e-5

    def __init__(self, *shape: int) -> None:
        super().__init__()
        channels, *rest = shape
        order = (len(rest), *range(len(rest)))
        if len(rest) == 3:  # h, w, K: in memory K, h, w, C
            rest, order = [rest[2], *rest[:2]], (3, 1, 2, 0)
        self.weight = nn.Parameter(torch.ones(*rest, channels).permute(order))
        self.bias = nn.Parameter(torch.zeros(*rest, channels).permute(order))

    def forward(self, x: Tensor) -> Tensor:
        """[N, C, h, w] normed one by one, or [B, K, C, h, w] normed together, of the same shape."""
        weight, bias = self.weight, self.bias
        if x.ndim == 5:
            weight, bias = weight.permute(3, 0, 1, 2), bias.permute(3, 0, 1, 2)
        over = tuple(range(1, x.ndim))
        centred = x - x.mean(over, keepdim=True, dtype=torch.float32)
        scale = torch.rsqrt(centred.square().mean(over, keepdim=True) + self.eps)
        return torch.addcmul(bias, centred * scale, weight).to(x.dtype)


class DecoderBlock(nn.Module):
    """A 3 × 3 convolution within each tangent image, norm, ReLU, and twice the size."""

    def __init__(self, before: int, skip: int, after: int, size: int, n_tangents: int, grows: bool = True) -> None:
        """Channels of the block before, of the features and of the result; side of the maps."""
        super().__init__()
        self._skip, self._grows = skip, grows
        conv = nn.Conv3d(before + skip, after, (3, 3, 1), padding=(1, 1, 0))
        conv.weight.data = conv.weight.data.contiguous(memory_format=torch.channels_last_3d)
        self.block = nn.Sequential(conv, *([MapNorm(after, size, size, n_tangents)] if after > 1 else []))

    def of_maps(self, maps: Tensor) -> Tensor:
        """The part of the convolution that is the same for all prompts: [B, K, C', h, w] of maps [B, K, C, h, w]."""
        return self._convolve(maps, slice(-self._skip, None))

    def of_vectors(self, vectors: Tensor, size: int) -> Tensor:
        """The part [B, K, C', h, w] of maps that are one vector all over: [B, K, C]."""
        small = self._convolve(vectors[..., None, None].expand(-1, -1, -1, 3, 3), slice(-self._skip, None))
        which = torch.ones(size, dtype=torch.long, device=vectors.device)
        which[0], which[-1] = 0, 2
        return small[..., which[:, None], which]

    def forward(self, x: Tensor | None, skip: Tensor | None = None) -> Tensor:
        """[B, K, C', 2h, 2w] of the block before [B, K, C, h, w] and the convolved features [B, K, C', h, w]."""
        conv, *norm = self.block
        y = conv.bias[:, None, None]
        if skip is not None:
            y = y + skip
        if x is not None:
            y = y + self._convolve(x, slice(0, x.shape[2]))
        if norm:
            y = norm[0](y).relu()
        if self._grows:
            size = 2 * y.shape[-1]
            y = functional.interpolate(y.flatten(0, 1), (size, size), mode="bilinear").unflatten(0, y.shape[:2])
        return y

    def _convolve(self, x: Tensor, inputs: slice) -> Tensor:
        """[B, K, C', h, w] of [B, K, C, h, w] by the weights of some input channels, without bias."""
        weight = self.block[0].weight[:, inputs, :, :, 0]
        return functional.conv2d(x.flatten(0, 1), weight, padding=1).unflatten(0, x.shape[:2])
