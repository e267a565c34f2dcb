"""Fixed tables of numbers in a module.

Tangent images of a panorama, and back.

A tangent image is the gnomonic projection around its centre. `geometry: published` is what the published weights were
trained with: panoramas whose first and last columns are both the seam, feature maps that lie up to a pixel from where
their tangent images saw. `corrected` has pixel centres at +0.5 everywhere and columns that wrap.
Latitudes φ grow downwards, longitudes λ to the right; a plane has x to the right and y downwards, radians throughout.
"""

import math
import warnings
from collections.abc import Callable
from typing import Any, NamedTuple

import cv2
import torch
from torch import Tensor, nn
from torch.nn import functional

from tsalv360.job.errors import InputError
from tsalv360.model.settings import ModelSettings


class Tables(nn.Module):
    """Tensors that follow the model to its device, but keep their precision, and are in no checkpoint."""

    def __init__(self, **tables: Tensor) -> None:
        super().__init__()
        for name, table in tables.items():
            self.register_buffer(name, table, persistent=False)

    def _apply(self, fn: Callable[[Tensor], Tensor], recurse: bool = True) -> "Tables":
        kept = dict(self.named_buffers(recurse=False))
        super()._apply(fn, recurse)  # type: ignore[no-untyped-call]
        for name, table in kept.items():
            setattr(self, name, table.to(getattr(self, name).device))
        return self


MEAN = (0.48145466, 0.4578275, 0.40821073)  # of CLIP's training pictures, which normalise ours
DEVIATION = (0.26862954, 0.26130258, 0.27577711)
_LEAST_WEIGHT = 1e-5


def centres(rows: tuple[int, ...]) -> tuple[Tensor, Tensor]:
    """λ and φ of the tangent images, float64 [K], row by row from the top."""
    lam = [math.tau * ((j + 0.5) / n - 0.5) for n in rows for j in range(n)]
    phi = [math.pi * ((i + 0.5) / len(rows) - 0.5) for i, n in enumerate(rows) for _ in range(n)]
    return torch.tensor(lam, dtype=torch.float64), torch.tensor(phi, dtype=torch.float64)


def directions(settings: ModelSettings, size: int) -> tuple[Tensor, Tensor]:
    """λ in [−π, π) and φ, float64 [K, size, size], that tangent images of a size see."""
    lam, phi = (angle[:, None, None] for angle in centres(settings.tangents))
    half = math.radians(settings.fov_deg / 2)
    edge = half if settings.geometry == "published" else half * (1 - 1 / size)
    line = torch.linspace(-edge, edge, size, dtype=torch.float64)
    x, y = line[None, None, :], line[None, :, None]
    phi_seen = torch.asin((phi.sin() + y * phi.cos()) / torch.sqrt(1 + x**2 + y**2))
    lam_seen = lam + torch.atan2(x, phi.cos() - y * phi.sin())
    return torch.remainder(lam_seen + math.pi, math.tau) - math.pi, phi_seen


def sphere(settings: ModelSettings) -> list[Tensor]:
    """What is fixed about the place of each tangent image: float32 [K, 5·n·n] for each level of n × n maps.

    Five numbers per pixel: two of its direction, one, and the centre's λ and φ in units of π and π / 2.
    """
    lam, phi = directions(settings, settings.decoded_size)
    at = [angle[:, None, None].expand_as(lam) for angle in centres(settings.tangents)]
    numbers = [phi.cos() * lam.sin(), phi.cos() * lam.cos(), torch.ones_like(lam), at[0] / math.pi, 2 * at[1] / math.pi]
    whole = torch.stack(numbers, 1)
    return [functional.adaptive_avg_pool2d(whole, size).flatten(1).float() for size in settings.sizes]


class ErpToTangent(nn.Module):
    """Tangent images of panoramas, bilinear, normalised as CLIP's pictures are."""

    def __init__(self, settings: ModelSettings, size: int | None = None) -> None:
        """`size`: the side of a tangent image, by default that of the settings."""
        super().__init__()
        self._size = size or settings.patch_size
        self._wraps = settings.geometry == "corrected"
        lam, phi = directions(settings, self._size)
        self._lam, self._phi = (angle.flatten(0, 1) for angle in (lam, phi))
        self._positions: dict[tuple[int, int], tuple[Tensor, Tensor]] = {}  # of the last size
        self._grids: dict[tuple[int, int, torch.device], Tensor] = {}

    def forward(self, frames: Tensor) -> Tensor:
        """[N, K, 3, P, P] of panoramas: normalised float [N, 3, H, W], or uint8 RGB [N, H, W, 3], of any size.

        On a CPU bytes are sampled by OpenCV, whose positions are multiples of 1/32 pixel.
        """
        if frames.dtype != torch.uint8:
            return self._sample(frames)
        if frames.device.type == "cpu":
            seen = torch.stack([self._remap(frame) for frame in frames]).permute(0, 1, 4, 2, 3).float()
        else:
            seen = self._sample(frames.permute(0, 3, 1, 2).float())
        mean, deviation = (torch.tensor(v, device=seen.device)[:, None, None] * 255 for v in (MEAN, DEVIATION))
        return (seen - mean) / deviation

    def _sample(self, frames: Tensor) -> Tensor:
        if self._wraps:
            frames = torch.cat([frames[..., -1:], frames, frames[..., :1]], -1)
        height, width = frames.shape[-2:]
        key = height, width, frames.device
        if key not in self._grids:
            column, row = self._at(height, width)
            grid = torch.stack([2 * column / (width - 1) - 1, 2 * row / (height - 1) - 1], -1)
            self._grids = {key: grid.float().to(frames.device)}
        seen = functional.grid_sample(
            frames.float(),
            self._grids[key].expand(len(frames), -1, -1, -1),
            mode="bilinear",
            padding_mode="border",
            align_corners=True,
        )
        return seen.unflatten(2, (-1, self._size)).transpose(1, 2)

    def _remap(self, frame: Tensor) -> Tensor:
        """Bytes [K, P, P, 3] of a panorama [H, W, 3]."""
        if self._wraps:
            frame = torch.cat([frame[:, -1:], frame, frame[:, :1]], 1)
        column, row = self._at(*frame.shape[:2])
        maps = column.float().numpy(), row.float().numpy()
        seen = cv2.remap(frame.contiguous().numpy(), *maps, cv2.INTER_LINEAR, borderMode=cv2.BORDER_REPLICATE)
        return torch.from_numpy(seen).unflatten(0, (-1, self._size))

    def _at(self, height: int, width: int) -> tuple[Tensor, Tensor]:
        """Columns and rows [K·P, P], pixel centres at whole numbers, in a panorama of a size as it is sampled."""
        if (height, width) not in self._positions:
            column, row = self._lam / math.tau + 0.5, self._phi / math.pi + 0.5
            if self._wraps:  # one column more on each side
                column, row = column * (width - 2) + 0.5, row * height - 0.5
            else:
                column, row = column * (width - 1), row * (height - 1)
            self._positions = {(height, width): (column, row)}
        return self._positions[height, width]


class Taps(NamedTuple):
    """Where the pixels of a panorama lie in the tangent images: four neighbours, those above before those below."""

    column: Tensor  # int64 [4, K, H, W]
    row: Tensor
    weight: Tensor  # float32 [4, K, H, W], 0 where a tangent image does not see the pixel
    visible: Tensor  # bool [K, H, W]


def taps(settings: ModelSettings) -> Taps:
    """In float32, as published weights need: at the edges of tangent images two pixels depend on it.

    Sines and cosines are rounded from float64, so that no processor's own approximation decides.
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
    if published:  # weights follow from the clamped neighbours, so that the last one may count against
        weight = torch.stack([(x1 - x) * (y1 - y), (x1 - x) * (y - y0), (x - x0) * (y1 - y), (x - x0) * (y - y0)])
    else:
        right, down = x - x0, y - y0
        weight = torch.stack([(1 - right) * (1 - down), (1 - right) * down, right * (1 - down), right * down])
    column, row = (torch.stack(part).clamp(0, size - 1).long() for part in ((x0, x0, x1, x1), (y0, y1, y0, y1)))
    return Taps(column, row, weight * visible, visible)


def _sine_cosine(angle: Tensor) -> tuple[Tensor, Tensor]:
    return angle.double().sin().float(), angle.double().cos().float()


class TangentToErp(nn.Module):
    """Panoramas of tangent images: each pixel is a mean of those that see it, by a fixed sparse matrix."""

    def __init__(self, settings: ModelSettings) -> None:
        """InputError where no tangent image sees some pixel."""
        super().__init__()
        self._size, self._wraps = settings.map_size, settings.geometry == "corrected"
        found = taps(settings)
        images = torch.arange(settings.n_tangents)[:, None, None]
        source = (images * settings.decoded_size + found.row) * settings.decoded_size + found.column
        source, weight = (part.flatten(0, 1).flatten(1).T for part in (source, found.weight))  # [H·W, 4·K]
        kept = weight > _LEAST_WEIGHT
        total = torch.where(kept, weight, 0).sum(1, keepdim=True)
        if blank := int((total == 0).sum()):
            raise InputError(
                "model.tangents, model.fov_deg",
                f"{blank} of {len(total)} pixels that no tangent image sees",
                "tangent images that cover the sphere",
                "Use more of them or wider ones.",
            )
        start = functional.pad(kept.sum(1).cumsum(0), (1, 0))
        tables = {"start": start.int(), "source": source[kept].int(), "weight": (weight / total)[kept]}
        order = tables["source"].argsort(stable=True)  # of the transposed matrix, for gradients
        per_source = torch.bincount(tables["source"], minlength=settings.n_tangents * settings.decoded_size**2)
        self.matrix = Tables(
            **tables,
            back_start=functional.pad(per_source.cumsum(0), (1, 0)).int(),
            back_source=torch.arange(len(total)).repeat_interleave(start.diff())[order].int(),
            back_weight=tables["weight"][order],
        )

    def forward(self, images: Tensor) -> Tensor:
        """[B, 1, 2H, 2W] of tangent images [B, K, P, P], float32."""
        whole = self.gather(images.float()).view(-1, 1, *self._size)
        if not self._wraps:
            return functional.interpolate(whole, scale_factor=2, mode="bilinear")
        wider = functional.pad(whole, (1, 1, 0, 0), mode="circular")
        return functional.interpolate(wider, scale_factor=2, mode="bilinear")[..., 2:-2]

    def gather(self, images: Tensor, sparse: bool | None = None) -> Tensor:
        """[B, H·W] of float32 [B, K, P, P]; with sparse matrices by default where the device has them."""
        start, source, weight = (self.matrix.get_buffer(name) for name in ("start", "source", "weight"))
        if images.device.type in ("cpu", "cuda") if sparse is None else sparse:
            back_start, back_source, back_weight = (
                self.matrix.get_buffer(f"back_{name}") for name in ("start", "source", "weight")
            )
            there = _csr(start, source, weight, len(back_start) - 1)
            transposed = _csr(back_start, back_source, back_weight, len(start) - 1)
            return _Product.apply(images.flatten(1), there, transposed)
        pixel = torch.arange(len(start) - 1, device=images.device).repeat_interleave(start.diff())
        whole = torch.zeros(len(images), len(start) - 1, device=images.device)
        return whole.index_add(1, pixel, images.flatten(1)[:, source] * weight)


def _csr(start: Tensor, source: Tensor, weight: Tensor, n_columns: int) -> Tensor:
    with warnings.catch_warnings():  # "in beta state"
        warnings.simplefilter("ignore")
        return torch.sparse_csr_tensor(start, source, weight, (len(start) - 1, n_columns), check_invariants=False)


class _Product(torch.autograd.Function):
    """A fixed sparse matrix times vectors. PyTorch's own gradient would transpose the matrix anew for each vector."""

    @staticmethod
    def forward(ctx: Any, vectors: Tensor, matrix: Tensor, transposed: Tensor) -> Tensor:
        """[B, H·W] of [B, sources]."""
        ctx.transposed = transposed
        return torch.stack([matrix @ vector for vector in vectors])

    @staticmethod
    def backward(ctx: Any, *gradients: Tensor) -> tuple[Tensor, None, None]:
        """The gradient [B, sources] of [B, H·W]."""
        return torch.stack([ctx.transposed @ gradient for gradient in gradients[0]]), None, None
