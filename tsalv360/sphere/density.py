"""Density of gaze on the sphere: sums of von Mises–Fisher kernels, as ERP maps."""

import math
from collections import deque
from collections.abc import Iterator
from functools import lru_cache
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from tsalv360.sphere.directions import Array, pixel_to_direction, to_angles

if TYPE_CHECKING:
    from tsalv360.contracts.gaze_grid import GazeGrid

Map = NDArray[np.float32]

_CUTOFF = 15.0  # a kernel ends where it is e^−15 of its peak: 3e-7


def density(yaw: Array, pitch: Array, weights: Array, sigma: float, size: tuple[int, int]) -> Map:
    """Return the sum [H, W] of kernels exp(κ(cos d − 1)) at directions [n] in degrees, κ = 1/σ², each times its weight.

    Parameters: `weights` [n], not negative; `sigma` in degrees; `size` of the map. Zero without directions.

    The exponent is −2κ times the haversine of the distance d: no small difference of large numbers, so single precision
    is enough for it.
    """
    height, width = size
    kappa = 1 / np.radians(sigma) ** 2
    reach = np.arccos(max(-1.0, 1 - _CUTOFF / kappa))
    lam, phi = _axes(height, width)
    lam0, phi0 = np.radians(yaw[weights > 0]), np.radians(pitch[weights > 0])
    # hav d = hav(φ − φ₀) + cos φ cos φ₀ hav(λ − λ₀): the product of a row's two numbers with a column's two
    rows = np.empty((len(lam0), height, 2), dtype=np.float32)
    rows[..., 0] = -2 * kappa * np.outer(np.cos(phi0), np.cos(phi))
    rows[..., 1] = -2 * kappa * _haversines(phi0, phi) + np.log(weights[weights > 0])[:, None]
    columns = np.ones((len(lam0), 2, width), dtype=np.float32)
    columns[:, 0] = _haversines(lam0, lam)
    top, bottom = np.searchsorted(-phi, -phi0 - reach), np.searchsorted(-phi, -phi0 + reach)
    total = np.zeros(size, dtype=np.float32)
    for i in range(len(lam0)):
        for run in _columns_within(lam0[i], phi0[i], reach, width):
            part = rows[i, top[i] : bottom[i]] @ columns[i, :, run]
            total[top[i] : bottom[i], run] += np.exp(part, out=part)
    return total


def peak_density(sigma: float) -> float:
    """Return the von Mises–Fisher density per steradian at its centre, for σ in degrees.

    A kernel of `density` times it integrates to 1 over the sphere.
    """
    kappa = 1 / np.radians(sigma) ** 2
    return float(kappa / (-2 * np.pi * np.expm1(-2 * kappa)))


def sliding_density(grid: "GazeGrid", window_s: float, sigma: float, size: tuple[int, int]) -> Iterator[Map]:
    """Yield the density at each time of a gaze grid: the gaze of all its times within half the window, added up."""
    times, present = grid.time_s, grid.present
    near: deque[tuple[float, slice, Map]] = deque()
    ahead = 0
    for time in times:
        while ahead < len(times) and times[ahead] <= time + window_s / 2 + 1e-9:
            yaw, pitch = to_angles(grid.vectors[ahead, present[ahead]])
            one = density(yaw, pitch, grid.weights[ahead, present[ahead]], sigma, size)
            rows = np.flatnonzero(one.any(axis=1))  # those of an event are a small part of the map
            near.append((times[ahead], slice(rows[0], rows[-1] + 1) if len(rows) else slice(0), one))
            ahead += 1
        while near[0][0] < time - window_s / 2 - 1e-9:
            near.popleft()
        total = np.zeros(size, dtype=np.float32)
        for _, part, one in near:
            total[part] += one[part]
        yield total


@lru_cache(maxsize=8)
def _axes(height: int, width: int) -> tuple[Array, Array]:
    """Return the longitude of the columns and the latitude of the rows, radians."""
    lam = np.radians(pixel_to_direction(np.arange(width), 0, height, width)[0])
    phi = np.radians(pixel_to_direction(0, np.arange(height), height, width)[1])
    return lam, phi


def _haversines(a: Array, b: Array) -> Array:
    """Return sin²((b − a) / 2) of all pairs [len(a), len(b)]; outer products cost less than a sine for each."""
    sine = np.outer(np.cos(a / 2), np.sin(b / 2)) - np.outer(np.sin(a / 2), np.cos(b / 2))
    return np.square(sine, out=sine)


def _columns_within(lam0: float, phi0: float, reach: float, width: int) -> list[slice]:
    """Return the columns that a cap of radius `reach` around a direction (radians) touches: two runs over the seam."""
    if abs(phi0) + reach >= math.pi / 2:
        return [slice(0, width)]
    half = math.asin(math.sin(reach) / math.cos(phi0)) / (2 * math.pi) * width
    centre = (lam0 / (2 * math.pi) + 0.5) * width - 0.5
    first, last = math.floor(centre - half), math.ceil(centre + half)
    if last - first + 1 >= width:
        return [slice(0, width)]
    ends = (max(first, 0), min(last + 1, width)), (first + width, width), (0, last + 1 - width)
    return [slice(start, end) for start, end in ends if start < end]
