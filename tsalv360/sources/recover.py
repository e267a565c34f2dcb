"""Recover from a saliency map the directions that it was blurred from.

The map is modelled as `tsalv360.saliency` draws it, a sum of w·exp(κ(a·x − 1)) over directions a with weights w, plus
any constant. The first directions are the peaks of the map after a Wiener inverse filter; then weights (non-negative
least squares) and directions (Levenberg–Marquardt) are fitted to the map, directions are added where the residual
peaks, and the fit is repeated, as in the sliding Frank-Wolfe algorithm (Denoyelle et al., 2019, "The sliding
Frank-Wolfe algorithm and its application to super-resolution microscopy").

The fit works without pixels: it needs the inner product of two kernels, which has a closed form, and the inner product
of a kernel with the map, which is the map smoothed once by the kernel. Inner products are over the sphere, of functions
without their mean (so that a constant in the map does not matter), in units of a kernel's square.
"""

from dataclasses import dataclass
from functools import lru_cache
from typing import Any, NamedTuple

import cv2
import numpy as np
from numpy.typing import NDArray
from scipy.fft import irfft, irfft2, rfft, rfft2
from scipy.ndimage import map_coordinates, spline_filter
from scipy.optimize import nnls
from scipy.spatial import cKDTree

from tsalv360.sphere.directions import Array, direction_to_pixel, normalise, pixel_vectors, to_angles

_PIXELS = 2  # per σ of the reduced map: they lose less than e^−2π² of a Gaussian
_NOISE = 1e-8  # noise power of the Wiener filter, relative to the map: what 8 bit leave after reducing
_LEVEL = 1e-3  # of the map's range: smaller residuals and weights cannot be distinguished from rounding
_LIGHTEST = 0.01  # of the map's range: lighter directions only correct its shape; one of 45 observers is at least 0.02
_ROUNDS = 3  # of adding directions; most maps need one or two
_STEPS = 6  # of moving them in a round


def recover_directions(saliency: NDArray[Any], sigma_deg: float, most: int) -> tuple[Array, Array, Array]:
    """Return the directions and weights whose `saliency_map` is the given map.

    Parameters: a map [H, 2H] of any finite numbers, whose zero and scale do not matter; the σ of its Gaussian in
    degrees; the largest number of directions. Returns yaw, pitch (degrees) and weight (sum 1) of n ≤ `most` directions,
    the heaviest first; none for a constant map. Raises ValueError for numbers that are not finite.
    """
    small = _reduced(saliency, sigma_deg)
    span = np.ptp(small)
    if span < 1e-6:  # rounding of a constant
        return np.zeros(0), np.zeros(0), np.zeros(0)
    filters = _filters(sigma_deg, len(small))
    small = (small - filters.row_area @ small.mean(axis=1)) / span
    fit = _Fit(sigma_deg, _spline(_filtered(small, filters.smoothing)))
    lattice, neighbours = _lattice(sigma_deg)
    smoothed, residual = fit.smoothed(lattice), _at(_spline(_filtered(small, filters.sharpening)), lattice)
    least = 0.02 * residual.max()
    vectors: Array = np.zeros((0, 3))
    weights: Array = np.zeros(0)
    for _ in range(_ROUNDS):
        peaks = np.flatnonzero((residual >= residual[neighbours].max(axis=1)) & (residual > least))
        if not len(peaks):
            break
        peaks = peaks[np.argsort(-residual[peaks])][:most]
        vectors, weights = fit.weighted(np.concatenate([vectors, lattice[peaks]]))
        if not len(weights):
            break
        vectors, weights = fit.weighted(vectors[:most])
        vectors, weights = fit.weighted(fit.moved(vectors, weights))
        residual, least = smoothed - fit.overlap(lattice, vectors)[0] @ weights, _LEVEL
    if (heavy := weights > _LIGHTEST).any():
        vectors, weights = fit.weighted(fit.moved(vectors[heavy], weights[heavy]))
    yaw, pitch = to_angles(vectors)
    return yaw, pitch, weights / weights.sum()


def _reduced(saliency: NDArray[Any], sigma_deg: float) -> Array:
    """Return the map, divided by its maximum, in fewer pixels: values [h, 2h] at their centres."""
    values = saliency.astype(np.float32)
    top = np.abs(values).max()
    if not np.isfinite(top):
        raise ValueError("found a saliency map with numbers that are not finite; expected finite ones")
    rows = len(values)
    fewest = min(rows, int(np.ceil(180 * _PIXELS / sigma_deg)))
    height = next((height for height in range(fewest, 2 * fewest) if rows % height == 0), fewest)  # of whole pixels
    means = cv2.resize(values / (top or 1), (2 * height, height), interpolation=cv2.INTER_AREA)
    return _at_centres(means.astype(float), rows / height)


def _at_centres(means: Array, ratio: float) -> Array:
    """Return the values at the centres of pixels [H, 2H] from their means over `ratio` × `ratio` finer pixels."""
    spectrum = rfft2(_across_the_poles(means))
    angle = np.pi * np.fft.fftfreq(spectrum.shape[0]) / ratio  # per finer pixel
    angle[0] = 1e-9
    loss = np.sin(ratio * angle) / (ratio * np.sin(angle))
    return irfft2(spectrum / (loss[:, None] * loss[: spectrum.shape[1]]))[: len(means)]


def _across_the_poles(picture: Array) -> Array:
    """Extend a picture [H, 2H] beyond the south pole, up to the north pole: [2H, 2H], periodic in both directions."""
    return np.concatenate([picture, np.roll(picture[::-1], len(picture), axis=1)])


def _spline(picture: Array) -> Array:
    """Return the spline coefficients for `_at`."""
    return spline_filter(_across_the_poles(picture), order=5, mode="grid-wrap")


def _at(spline: Array, vectors: Array) -> Array:
    """Return the values of a spline at unit vectors [n, 3]."""
    column, row = direction_to_pixel(*to_angles(vectors), len(spline) // 2, len(spline))
    return map_coordinates(spline, [row, column], order=5, mode="grid-wrap", prefilter=False)


class _Filters(NamedTuple):
    """Filters on the sphere for a picture [H, 2H].

    `smoothing` (inner product with a kernel) and `sharpening` (Wiener inverse filter) are matrices [orders, H, H]
    between its rows, one per order of their Fourier series; `row_area` [H] is the share of the sphere in each row.
    """

    row_area: Array
    smoothing: NDArray[np.float32]
    sharpening: NDArray[np.float32]


@lru_cache(maxsize=2)
def _filters(sigma_deg: float, height: int) -> _Filters:
    kappa = 1 / np.radians(sigma_deg) ** 2
    polar = np.pi * (np.arange(height) + 0.5) / height
    k = np.arange(1, height // 2 + 1)
    area = (1 - 2 * (np.cos(2 * np.outer(polar, k)) / (4 * k**2 - 1)).sum(axis=1)) / height  # Fejér's first rule
    pixels = pixel_vectors(height)
    most = int(7.5 / np.radians(sigma_deg))  # the kernel has less than e^−28 in higher orders
    kernels = np.stack([rfft(np.exp(kappa * (pixels @ first - 1))).real[:, :most] for first in pixels[:, 0]])
    root = np.sqrt(area)
    blur = np.ascontiguousarray(kernels.transpose(2, 0, 1)) * root[:, None] * root * kappa / height  # eigenvalues to 1
    inverse = np.linalg.solve(blur @ blur + _NOISE * np.eye(height), blur)
    smoothing, sharpening = (matrices / root[:, None] * root for matrices in (2 * blur, inverse))
    return _Filters(area, smoothing.astype(np.float32), sharpening.astype(np.float32))


def _filtered(picture: Array, matrices: NDArray[np.float32]) -> Array:
    orders = rfft(picture)[:, : len(matrices)].T
    parts = matrices @ np.stack([orders.real, orders.imag], axis=-1).astype(np.float32)
    return irfft((parts[..., 0] + 1j * parts[..., 1]).T, n=picture.shape[1])


@lru_cache(maxsize=2)
def _lattice(sigma_deg: float) -> tuple[Array, NDArray[np.int64]]:
    """Return directions σ/2 apart on the whole sphere (a Fibonacci lattice), and the 8 neighbours of each."""
    n = int(4 * np.pi / np.radians(sigma_deg / 2) ** 2)
    z = 1 - (2 * np.arange(n) + 1) / n
    angle = np.arange(n) * np.pi * (3 - np.sqrt(5))
    vectors = np.stack([np.sqrt(1 - z**2) * np.cos(angle), np.sqrt(1 - z**2) * np.sin(angle), z], axis=-1)
    return vectors, cKDTree(vectors).query(vectors, 9)[1][:, 1:]


@dataclass(frozen=True)
class _Fit:
    """Least squares between kernels and a map, which is given as the spline of its inner product with a kernel."""

    sigma_deg: float
    spline: Array

    def smoothed(self, vectors: Array) -> Array:
        """Return the inner products [n] of the map with kernels."""
        return _at(self.spline, vectors)

    def overlap(self, a: Array, b: Array) -> tuple[Array, Array, Array]:
        """Return the inner products [n, m] of kernels, and their first and second derivatives by the cosine."""
        kappa = 1 / np.radians(self.sigma_deg) ** 2
        length = np.sqrt(np.maximum(2 + 2 * (a @ b.T), 0.25))  # of a + b; the product vanishes below 0.5 anyway
        value = 2 / length * np.exp(kappa * (length - 2))
        slope = kappa - 1 / length
        first = value * slope / length
        second = value / length**2 * (slope**2 + 1 / length**2 - slope / length)
        return value - 1 / kappa, first, second

    def weighted(self, vectors: Array) -> tuple[Array, Array]:
        """Return the directions that have a weight with the best non-negative weights, the heaviest first."""
        products = self.overlap(vectors, vectors)[0] + 1e-8 * np.eye(len(vectors))
        root = np.linalg.cholesky(products)
        weights, _ = nnls(root.T, np.linalg.solve(root, self.smoothed(vectors)), maxiter=100 * len(vectors))
        order = np.argsort(-weights)[: np.count_nonzero(weights > _LEVEL)]
        return vectors[order], weights[order]

    def misfit(self, vectors: Array, weights: Array) -> float:
        """Return half the square of the residual, minus that of the map."""
        return float(weights @ (self.overlap(vectors, vectors)[0] @ weights / 2 - self.smoothed(vectors)))

    def moved(self, vectors: Array, weights: Array) -> Array:
        """Return the directions after some Levenberg–Marquardt steps in directions and weights."""
        n, best, damping = len(vectors), self.misfit(vectors, weights), 1e-3
        farthest = np.radians(self.sigma_deg) / 2
        for _ in range(_STEPS):
            axes, normal, slope = self._linearised(vectors, weights)
            while damping < 1:
                step = np.linalg.solve(normal + damping * np.diag(np.diag(normal)), slope)
                shift = step[n:].reshape(n, 2) / np.maximum(weights, _LEVEL)[:, None]
                shift /= np.maximum(np.linalg.norm(shift, axis=1, keepdims=True) / farthest, 1)
                there = normalise(vectors + np.einsum("na,nac->nc", shift, axes)), np.maximum(weights + step[:n], 0)
                damping *= 10
                if (misfit := self.misfit(*there)) < best:
                    (vectors, weights), best, damping = there, misfit, damping / 100
                    break
        return vectors

    def _linearised(self, vectors: Array, weights: Array) -> tuple[Array, Array, Array]:
        """Return tangents [n, 2, 3] at the directions, and the normal equations: matrix [3n, 3n] and right side [3n].

        The unknowns are n changes of weights, then 2n shifts along the tangents, each times the weight.
        """
        n, reach = len(vectors), np.radians(self.sigma_deg) / 10
        east = normalise(np.cross(vectors, np.eye(3)[np.abs(vectors).argmin(axis=1)]))
        axes = np.stack([east, np.cross(vectors, east)], axis=1)
        value, first, second = self.overlap(vectors, vectors)
        along = np.einsum("iac,jc->iaj", axes, vectors)
        mixed = np.einsum("ij,jbi->ijb", first, along).reshape(n, 2 * n)
        shifts = np.einsum("ij,iaj,jbi->iajb", second, along, along) + np.einsum("ij,iac,jbc->iajb", first, axes, axes)
        normal = np.block([[value, mixed], [mixed.T, shifts.reshape(2 * n, 2 * n)]])
        ends = [normalise((vectors[:, None] + way * axes).reshape(-1, 3)) for way in (reach, -reach)]
        residual, ahead, behind = (
            self.smoothed(at) - self.overlap(at, vectors)[0] @ weights for at in (vectors, *ends)
        )
        return axes, normal, np.concatenate([residual, (ahead - behind) / (2 * reach)])
