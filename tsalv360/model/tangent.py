"""Tangent images of a panorama, and back.

A tangent image is the gnomonic projection around its centre. `geometry: published` is the one that the published
weights were trained with: the first and the last column of a panorama are both the seam, and feature maps lie up to a
pixel away from what their tangent images show. `corrected` has pixel centres at +0.5 and columns that wrap.
Latitudes φ grow downwards, longitudes λ to the right; a plane has x to the right and y downwards. Angles are radians.
"""

import math
import warnings
from collections.abc import Callable, Sequence
from typing import Any, NamedTuple

import cv2
import torch
from torch import Tensor, nn
from torch.nn import functional

from tsalv360.job.errors import InputError
from tsalv360.model.settings import ModelSettings

MEAN = (0.48145466, 0.4578275, 0.40821073)  # of CLIP's training images, for normalisation
DEVIATION = (0.26862954, 0.26130258, 0.27577711)
_MIN_WEIGHT = 1e-5


class ErpToTangent(nn.Module):
    """Tangent images of panoramas by bilinear interpolation, normalised as CLIP or another encoder needs them."""

    def __init__(
        self,
        settings: ModelSettings,
        size: int | None = None,
        mean: Sequence[float] = MEAN,
        deviation: Sequence[float] = DEVIATION,
    ) -> None:
        """Parameters: side of a tangent image, by default `settings.patch_size`; normalisation of RGB from 0 to 1."""
        super().__init__()
        self.mean, self.deviation = tuple(mean), tuple(deviation)
        self._size, self._wraps = size or settings.patch_size, settings.geometry == "corrected"
        lam, phi = (angle.flatten(0, 1) for angle in directions(settings, self._size))
        self._right, self._down = lam / math.tau + 0.5, phi / math.pi + 0.5  # [K·P, P] from 0 to 1
        self._grids: dict[tuple[int, int, torch.device], Tensor] = {}  # the last one

    def forward(self, frames: Tensor) -> Tensor:
        """Return [N, K, 3, P, P] from normalised float panoramas [N, 3, H, W] or uint8 RGB [N, H, W, 3] of any size.

        On a CPU OpenCV samples bytes, at positions rounded to 1/32 pixel.
        """
        if frames.dtype != torch.uint8:
            return self._sample(frames)
        if frames.device.type == "cpu":
            images = torch.stack([self._remap(frame) for frame in frames]).permute(0, 1, 4, 2, 3).float()
        else:
            images = self._sample(frames.permute(0, 3, 1, 2).float())
        mean, deviation = (
            torch.tensor(v, device=images.device)[:, None, None] * 255 for v in (self.mean, self.deviation)
        )
        return (images - mean) / deviation

    def _sample(self, frames: Tensor) -> Tensor:
        frames = self._padded(frames, 3).float()
        height, width = frames.shape[2:]
        key = height, width, frames.device
        if key not in self._grids:
            column, row = self._positions(height, width)
            grid = torch.stack([2 * column / (width - 1) - 1, 2 * row / (height - 1) - 1], -1)
            self._grids = {key: grid.float().to(frames.device)}
        grid = self._grids[key].expand(len(frames), -1, -1, -1)
        images = functional.grid_sample(frames, grid, "bilinear", padding_mode="border", align_corners=True)
        return images.unflatten(2, (-1, self._size)).transpose(1, 2)

    def _remap(self, frame: Tensor) -> Tensor:
        """Return uint8 [K, P, P, 3] from uint8 [H, W, 3]."""
        picture = self._padded(frame, 1).contiguous().numpy()
        column, row = (part.float().numpy() for part in self._positions(*picture.shape[:2]))
        images = cv2.remap(picture, column, row, cv2.INTER_LINEAR, borderMode=cv2.BORDER_REPLICATE)
        return torch.from_numpy(images).unflatten(0, (-1, self._size))

    def _padded(self, frames: Tensor, dim: int) -> Tensor:
        """Return panoramas with one more column on each side, from the other side, if columns wrap."""
        if not self._wraps:
            return frames
        return torch.cat([frames.narrow(dim, -1, 1), frames, frames.narrow(dim, 0, 1)], dim)

    def _positions(self, height: int, width: int) -> tuple[Tensor, Tensor]:
        """Return column and row, float64 [K·P, P], in padded panoramas; pixel centres are whole numbers."""
        if self._wraps:
            return self._right * (width - 2) + 0.5, self._down * height - 0.5
        return self._right * (width - 1), self._down * (height - 1)


class TangentToErp(nn.Module):
    """Panoramas from tangent images: each pixel is a weighted mean of those that show it, by a fixed sparse matrix."""

    def __init__(self, settings: ModelSettings) -> None:
        """Raise InputError if no tangent image shows some pixel."""
        super().__init__()
        self._size, self._wraps = settings.map_size, settings.geometry == "corrected"
        size, (column, row, weight, _) = settings.decoded_size, taps(settings)
        source = (torch.arange(settings.n_tangents)[:, None, None] * size + row) * size + column
        source, weight = (part.flatten(0, 1).flatten(1).T for part in (source, weight))  # [H·W, 4·K]
        kept = weight > _MIN_WEIGHT
        total = torch.where(kept, weight, 0).sum(1, keepdim=True)
        if blank := int((total == 0).sum()):
            found = f"{blank} of {len(total)} pixels that no tangent image shows"
            expected = "tangent images that cover the sphere"
            raise InputError("model.tangents, model.fov_deg", found, expected, "Use more of them or wider ones.")
        start = functional.pad(kept.sum(1).cumsum(0), (1, 0)).int()
        matrix = _csr(start, source[kept].int(), (weight / total)[kept], settings.n_tangents * size**2)
        columns = matrix.to_sparse_csc()  # the rows of the transposed matrix, for gradients
        self.matrix = FixedBuffers(
            start=start, source=matrix.col_indices(), weight=matrix.values(),
            back_start=columns.ccol_indices(), back_source=columns.row_indices(), back_weight=columns.values(),
        )  # fmt: skip

    def forward(self, images: Tensor) -> Tensor:
        """Return float32 [B, 1, 2H, 2W] from tangent images [B, K, P, P]."""
        erp = self.gather(images.float()).view(-1, 1, *self._size)
        if not self._wraps:
            return functional.interpolate(erp, scale_factor=2, mode="bilinear")
        wider = functional.pad(erp, (1, 1, 0, 0), mode="circular")
        return functional.interpolate(wider, scale_factor=2, mode="bilinear")[..., 2:-2]

    def gather(self, images: Tensor, sparse: bool | None = None) -> Tensor:
        """Return [B, H·W] from float32 [B, K, P, P]; `sparse` matrices are the default where the device has them."""
        start, source, weight, back_start, back_source, back_weight = self.matrix.buffers()
        if images.device.type in ("cpu", "cuda") if sparse is None else sparse:
            matrix = _csr(start, source, weight, len(back_start) - 1)
            transposed = _csr(back_start, back_source, back_weight, len(start) - 1)
            return _Product.apply(images.flatten(1), matrix, transposed)
        pixel = torch.arange(len(start) - 1, device=images.device).repeat_interleave(start.diff())
        erp = torch.zeros(len(images), len(start) - 1, device=images.device)
        return erp.index_add(1, pixel, images.flatten(1)[:, source] * weight)


class Taps(NamedTuple):
    """The four pixels of each tangent image that surround a pixel of the panorama, and their bilinear weights."""

    column: Tensor  # int64 [4, K, H, W]
    row: Tensor
    weight: Tensor  # float32 [4, K, H, W], 0 where a tangent image does not show the pixel
    visible: Tensor  # bool [K, H, W]


def taps(settings: ModelSettings) -> Taps:
    """Return the source pixels and bilinear weights of every pixel of the panorama.

    They are computed in float32 because the published weights were trained with its rounding: at the edges of tangent
    images two pixels depend on it. Sines and cosines are rounded from float64, so that they are the same on every CPU.
    """
    height, width = settings.map_size
    size, half = settings.decoded_size, math.radians(settings.fov_deg / 2)
    published = settings.geometry == "published"
    share = (1.0, 1.0) if published else (1 - 1 / height, 1 - 1 / width)  # of the range between pixel centres
    phi = torch.linspace(-math.pi / 2 * share[0], math.pi / 2 * share[0], height)[:, None]
    lam = torch.linspace(-math.pi * share[1], math.pi * share[1], width)
    lam_0, phi_0 = (  # rounded as published, from 0 to 1 first
        (((angle / span + 0.5).float() * 2 - 1) * (span / 2))[:, None, None]
        for angle, span in zip(centres(settings.tangents), (math.tau, math.pi), strict=True)
    )
    (sine, cosine), (sine_0, cosine_0) = _sine_cosine(phi), _sine_cosine(phi_0)
    sine_aside, cosine_aside = _sine_cosine(lam - lam_0)
    ahead = sine_0 * sine + cosine_0 * cosine * cosine_aside
    x = cosine * sine_aside / ahead
    y = (cosine_0 * sine - sine_0 * cosine * cosine_aside) / ahead
    x, y = ((part / half + 1) / 2 * size for part in (x, y))
    visible = (ahead > 0) & (x > 0) & (x < size) & (y > 0) & (y < size)
    if not published:
        x, y = ((part - 0.5).clamp(0, size - 1) for part in (x, y))
    x0, y0 = x.floor(), y.floor()
    x1, y1 = (part.add(1).clamp(max=size - 1) for part in (x0, y0))
    if published:  # from the clamped neighbours, so that a weight at the last pixel may be negative
        left, right, up, down = x1 - x, x - x0, y1 - y, y - y0
    else:
        right, down = x - x0, y - y0
        left, up = 1 - right, 1 - down
    weight = torch.stack([left * up, left * down, right * up, right * down])
    column, row = (torch.stack(part).clamp(0, size - 1).long() for part in ((x0, x0, x1, x1), (y0, y1, y0, y1)))
    return Taps(column, row, weight * visible, visible)


def sphere(settings: ModelSettings) -> list[Tensor]:
    """Return what is fixed about the place of each tangent image: float32 [K, 5·n·n] for each level of n × n maps.

    The five numbers of a pixel are two of its direction, a one, and the centre's λ and φ in units of π and π / 2.
    """
    lam, phi = directions(settings, settings.decoded_size)
    lam_0, phi_0 = (angle[:, None, None].expand_as(lam) for angle in centres(settings.tangents))
    numbers = [phi.cos() * lam.sin(), phi.cos() * lam.cos(), torch.ones_like(lam), lam_0 / math.pi, 2 * phi_0 / math.pi]
    whole = torch.stack(numbers, 1)
    return [functional.adaptive_avg_pool2d(whole, size).flatten(1).float() for size in settings.sizes]


def directions(settings: ModelSettings, size: int) -> tuple[Tensor, Tensor]:
    """Return λ in [−π, π) and φ, float64 [K, size, size], of the pixels of tangent images of this size."""
    lam, phi = (angle[:, None, None] for angle in centres(settings.tangents))
    half = math.radians(settings.fov_deg / 2)
    edge = half if settings.geometry == "published" else half * (1 - 1 / size)
    line = torch.linspace(-edge, edge, size, dtype=torch.float64)
    x, y = line[None, None, :], line[None, :, None]
    phi_seen = torch.asin((phi.sin() + y * phi.cos()) / torch.sqrt(1 + x**2 + y**2))
    lam_seen = lam + torch.atan2(x, phi.cos() - y * phi.sin())
    return torch.remainder(lam_seen + math.pi, math.tau) - math.pi, phi_seen


def centres(rows: tuple[int, ...]) -> tuple[Tensor, Tensor]:
    """Return λ and φ of the centres of the tangent images, float64 [K], row by row from the top."""
    lam = [math.tau * ((j + 0.5) / n - 0.5) for n in rows for j in range(n)]
    phi = [math.pi * ((i + 0.5) / len(rows) - 0.5) for i, n in enumerate(rows) for _ in range(n)]
    return torch.tensor(lam, dtype=torch.float64), torch.tensor(phi, dtype=torch.float64)


class FixedBuffers(nn.Module):
    """Constant tensors that move with the model to its device, but keep their precision and are in no checkpoint."""

    def __init__(self, **tensors: Tensor) -> None:
        super().__init__()
        for name, tensor in tensors.items():
            self.register_buffer(name, tensor, persistent=False)

    def _apply(self, fn: Callable[[Tensor], Tensor], recurse: bool = True) -> "FixedBuffers":
        kept = dict(self.named_buffers(recurse=False))
        super()._apply(fn, recurse)  # type: ignore[no-untyped-call]
        for name, tensor in kept.items():
            setattr(self, name, tensor.to(getattr(self, name).device))
        return self


def _sine_cosine(angle: Tensor) -> tuple[Tensor, Tensor]:
    return angle.double().sin().float(), angle.double().cos().float()


def _csr(start: Tensor, source: Tensor, weight: Tensor, n_columns: int) -> Tensor:
    with warnings.catch_warnings():  # "in beta state"
        warnings.simplefilter("ignore")
        return torch.sparse_csr_tensor(start, source, weight, (len(start) - 1, n_columns), check_invariants=False)


class _Product(torch.autograd.Function):
    """A fixed sparse matrix times vectors. PyTorch's own gradient would transpose the matrix for each vector again."""

    @staticmethod
    def forward(ctx: Any, vectors: Tensor, matrix: Tensor, transposed: Tensor) -> Tensor:
        """Return [B, H·W] from [B, K·P·P]."""
        ctx.transposed = transposed
        return torch.stack([matrix @ vector for vector in vectors])

    @staticmethod
    def backward(ctx: Any, *gradients: Tensor) -> tuple[Tensor, None, None]:
        """Return the gradient [B, K·P·P] from [B, H·W]."""
        return torch.stack([ctx.transposed @ gradient for gradient in gradients[0]]), None, None
