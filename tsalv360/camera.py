"""The camera that follows an event: smoothed as directions, with an angular speed limit."""

import numpy as np
from scipy.ndimage import gaussian_filter1d

from tsalv360.geometry import Array, normalise, vector_angle


def camera_path(vectors: Array, rate: float, smooth_s: float, max_speed_deg_s: float) -> Array:
    """A calm path through unit vectors [n, 3] given at `rate` per second.

    A Gaussian of σ = `smooth_s` over the vectors brings no lag; the speed limit is applied forwards and backwards in
    turn and averaged, so that a jump is passed half before and half after it happens.
    """
    smooth = normalise(gaussian_filter1d(vectors, smooth_s * rate, axis=0, mode="nearest")) if smooth_s else vectors
    step_deg = max_speed_deg_s / rate
    return normalise(_limited(smooth, step_deg) + _limited(smooth[::-1], step_deg)[::-1])


def _limited(vectors: Array, step_deg: float) -> Array:
    """Follow `vectors` by at most `step_deg` a step, along great circles."""
    path = vectors.copy()
    for i in range(1, len(path)):
        angle = float(vector_angle(path[i - 1], vectors[i]))
        if angle > step_deg:
            path[i] = _slerp(path[i - 1], vectors[i], np.radians(angle), step_deg / angle)
    return path


def _slerp(a: Array, b: Array, angle: float, share: float) -> Array:
    return normalise(np.sin((1 - share) * angle) * a + np.sin(share * angle) * b)
