"""Directions on the sphere.

Conventions
-----------
A direction is a yaw in [-180, 180), right positive, and a pitch in [-90, 90], up positive, in degrees.
As a unit vector it is (x, y, z) = (cos φ cos λ, cos φ sin λ, sin φ): x points to the frame's centre,
y to the right, z up. Distances are great-circle angles, means are means of unit vectors.
"""

from functools import lru_cache

import numpy as np
from numpy.typing import ArrayLike, NDArray

Array = NDArray[np.float64]


def wrap_yaw(yaw: ArrayLike) -> Array:
    """Return yaw in degrees wrapped to [-180, 180).

    >>> wrap_yaw([190, -180, 180]).tolist()
    [-170.0, -180.0, -180.0]
    """
    wrapped = np.mod(np.asarray(yaw, dtype=float) + 180.0, 360.0) - 180.0
    return np.where(wrapped == 180.0, -180.0, wrapped)  # mod of a tiny negative number rounds up to 360


def to_vectors(yaw: ArrayLike, pitch: ArrayLike) -> Array:
    """Return the unit vectors [..., 3] of directions in degrees.

    >>> to_vectors([0, 90, 0], [0, 0, 90]).round(6).tolist()  # front, right, up
    [[1.0, 0.0, 0.0], [0.0, 1.0, 0.0], [0.0, 0.0, 1.0]]
    """
    lam, phi = np.radians(yaw), np.radians(pitch)
    return np.stack(np.broadcast_arrays(np.cos(phi) * np.cos(lam), np.cos(phi) * np.sin(lam), np.sin(phi)), axis=-1)


def to_angles(vectors: ArrayLike) -> tuple[Array, Array]:
    """Return yaw and pitch in degrees of vectors [..., 3] of any length but zero.

    >>> yaw, pitch = to_angles([[0, 2, 0], [0, 0, 1]])
    >>> yaw.tolist(), pitch.tolist()
    ([90.0, 0.0], [0.0, 90.0])
    """
    x, y, z = np.moveaxis(np.asarray(vectors, dtype=float), -1, 0)
    return wrap_yaw(np.degrees(np.arctan2(y, x))), np.degrees(np.arctan2(z, np.hypot(x, y)))


def vector_angle(a: ArrayLike, b: ArrayLike) -> Array:
    """Return the angle in degrees between vectors [..., 3], exact also near 0° and 180° (Kahan's half-angle form)."""
    a, b = np.asarray(a, dtype=float), np.asarray(b, dtype=float)
    return np.degrees(2.0 * np.arctan2(np.linalg.norm(a - b, axis=-1), np.linalg.norm(a + b, axis=-1)))


def angular_distance(yaw1: ArrayLike, pitch1: ArrayLike, yaw2: ArrayLike, pitch2: ArrayLike) -> Array:
    """Return the great-circle angle, 0 to 180, between directions; all in degrees, broadcast against each other.

    >>> float(angular_distance(0, 0, 90, 0))
    90.0
    >>> angular_distance([179, 0], [0, 90], -179, 0).round(6).tolist()  # over the seam, to the pole
    [2.0, 90.0]
    """
    return vector_angle(to_vectors(yaw1, pitch1), to_vectors(yaw2, pitch2))


def normalise(vectors: ArrayLike) -> Array:
    """Return vectors [..., 3] scaled to length 1."""
    vectors = np.asarray(vectors, dtype=float)
    return vectors / np.linalg.norm(vectors, axis=-1, keepdims=True)


def interpolate(times: ArrayLike, vectors: ArrayLike, at: ArrayLike) -> Array:
    """Return the path through unit vectors [n, 3] at increasing `times` [n], at the times `at` [m], as [m, 3].

    Neighbours are joined by their chord, projected onto the sphere: less than 0.01° off the great circle for steps of
    up to 10°. Before the first and after the last time the path stands still.
    """
    times, at = np.asarray(times, dtype=float), np.asarray(at, dtype=float)
    return normalise(np.stack([np.interp(at, times, axis) for axis in np.asarray(vectors, dtype=float).T], axis=-1))


def direction_to_pixel(yaw: ArrayLike, pitch: ArrayLike, height: int, width: int) -> tuple[Array, Array]:
    """Return column and row (floats, pixel centres at whole numbers) of directions in an ERP of height × width.

    >>> column, row = direction_to_pixel(0, 0, 480, 960)  # between the four pixels in the middle
    >>> float(column), float(row)
    (479.5, 239.5)
    """
    column = (np.asarray(yaw) / 360.0 + 0.5) * width - 0.5
    row = (0.5 - np.asarray(pitch) / 180.0) * height - 0.5
    return column, row


def pixel_to_direction(column: ArrayLike, row: ArrayLike, height: int, width: int) -> tuple[Array, Array]:
    """Return yaw and pitch in degrees of pixel positions in an ERP of height × width.

    >>> yaw, pitch = pixel_to_direction([0, 959], [0, 479], 480, 960)  # the centres of the pixels in two corners
    >>> yaw.round(4).tolist(), pitch.round(4).tolist()
    ([-179.8125, 179.8125], [89.8125, -89.8125])
    """
    yaw = ((np.asarray(column, dtype=float) + 0.5) / width - 0.5) * 360.0
    pitch = (0.5 - (np.asarray(row, dtype=float) + 0.5) / height) * 180.0
    return wrap_yaw(yaw), pitch


@lru_cache(maxsize=2)
def pixel_vectors(height: int) -> Array:
    """Return the unit vectors [height, 2 height, 3] of the pixels' centres of an ERP, read-only since shared."""
    row, column = np.indices((height, 2 * height))
    vectors = to_vectors(*pixel_to_direction(column, row, height, 2 * height))
    vectors.setflags(write=False)
    return vectors


def solid_angle(height: int) -> Array:
    """Return the solid angle [height, 1] in steradians of a pixel of each row of an ERP of height × 2 height.

    >>> bool(np.isclose(960 * solid_angle(480).sum(), 4 * np.pi))  # all pixels together: the sphere
    True
    """
    edges = np.sin(np.pi * (0.5 - np.arange(height + 1) / height))
    return (np.pi / height) * -np.diff(edges)[:, None]
