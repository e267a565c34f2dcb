"""The decoder: from features of a clip's last frame to logits of its tangent images.

The convolution of each of the first three blocks is linear, and its input is a sum: feature maps, which do not depend
on the text, and one vector of the text's attention, the same all over a tangent image. So the maps are convolved once
for any number of prompts, and the vector on 3 × 3 pixels: zero padding makes only corners and edges differ.
"""

import torch
from torch import Tensor, nn
from torch.nn import functional


class DecoderBlock(nn.Module):
    """A 3 × 3 convolution within each tangent image, norm and ReLU; with features of a level, twice the size.

    The last block, with one channel, is the convolution alone.
    """

    def __init__(self, before: int, skip: int, after: int, size: int, n_tangents: int) -> None:
        """Parameters: channels of the block before, of the features and of the result; side of the maps."""
        super().__init__()
        conv = nn.Conv3d(before + skip, after, (3, 3, 1), padding=(1, 1, 0)).to(memory_format=torch.channels_last_3d)
        self.block = nn.Sequential(conv, *([MapNorm(after, size, size, n_tangents)] if after > 1 else []))

    def convolve_maps(self, maps: Tensor) -> Tensor:
        """Return the convolution [B, K, C', h, w] of feature maps [B, K, C, h, w], without bias."""
        return self._convolve(maps, slice(-maps.shape[2], None))

    def convolve_vectors(self, vectors: Tensor, size: int) -> Tensor:
        """Return the convolution [B, K, C', size, size] of maps that are one vector all over, [B, K, C]."""
        corner_edge_inside = self.convolve_maps(vectors[..., None, None].expand(-1, -1, -1, 3, 3))
        which = torch.ones(size, dtype=torch.long, device=vectors.device)
        which[0], which[-1] = 0, 2
        return corner_edge_inside[..., which[:, None], which]

    def forward(self, x: Tensor | None, skip: Tensor | None) -> Tensor:
        """Return [B, K, C', 2h, 2w] from the block before, [B, K, C, h, w], and the convolved features `skip`."""
        y: Tensor = self.block.get_parameter("0.bias")[:, None, None]
        if skip is not None:
            y = y + skip
        if x is not None:
            y = y + self._convolve(x, slice(0, x.shape[2]))
        if len(self.block) > 1:
            y = self.block[1](y).relu()
        if skip is not None:
            size = 2 * y.shape[-1]
            y = functional.interpolate(y.flatten(0, 1), (size, size), mode="bilinear").unflatten(0, y.shape[:2])
        return y

    def _convolve(self, x: Tensor, inputs: slice) -> Tensor:
        """Return the convolution [B, K, C', h, w] of [B, K, C, h, w] by the weights of some input channels."""
        weight = self.block.get_parameter("0.weight")[:, inputs, :, :, 0]
        return functional.conv2d(x.flatten(0, 1), weight, padding=1).unflatten(0, x.shape[:2])


class MapNorm(nn.Module):
    """Layer norm over everything but the batch, with a weight for every value.

    `shape` is that of the published weights: C, h, w, and K where all tangent images are normalised together. In
    memory the weights lie as the maps do, K first and C last.
    """

    eps = 1e-5

    def __init__(self, *shape: int) -> None:
        super().__init__()
        stored, shown = ((3, 1, 2, 0), (3, 1, 2, 0)) if len(shape) == 4 else ((1, 2, 0), (2, 0, 1))
        self.weight = nn.Parameter(torch.ones(shape).permute(stored).contiguous().permute(shown))
        self.bias = nn.Parameter(torch.zeros(shape).permute(stored).contiguous().permute(shown))

    def forward(self, x: Tensor) -> Tensor:
        """Normalise [N, C, h, w] one by one, or the K maps of [B, K, C, h, w] together."""
        weight, bias = ((p.permute(3, 0, 1, 2) if x.ndim == 5 else p) for p in (self.weight, self.bias))
        dims = tuple(range(1, x.ndim))
        centred = x - x.mean(dims, keepdim=True, dtype=torch.float32)
        scale = torch.rsqrt(centred.square().mean(dims, keepdim=True) + self.eps)
        return torch.addcmul(bias, centred * scale, weight).to(x.dtype)
