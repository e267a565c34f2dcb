"""The camera that follows an event: smoothed as directions, with an angular speed limit."""

import numpy as np
from scipy.ndimage import gaussian_filter1d

from tsalv360.geometry import Array, normalise, vector_angle


def camera_path(vectors: Array, rate: float, smooth_s: float, max_speed_deg_s: float) -> Array:
    """A calm path through unit vectors [n, 3] given at `rate` per second.

    A Gaussian of σ = `smooth_s` over the vectors brings no lag; the speed limit is applied forwards and backwards in
    turn and averaged, so that a jump is passed half before and half after it happens.
    """
    smooth = _smoothed(vectors, smooth_s * rate) if smooth_s and len(vectors) > 1 else vectors
    step_deg = max_speed_deg_s / rate
    mean = normalise(_limited(smooth, step_deg) + _limited(smooth[::-1], step_deg)[::-1])
    return _limited(mean, step_deg)  # where the two lie far apart, their mean may be faster than both


def _smoothed(vectors: Array, sigma: float) -> Array:
    """Gaussian over the rows; beyond its ends the path goes on as it came, so that it is not held back there."""
    margin = min(len(vectors) - 1, round(4 * sigma))
    longer = np.pad(vectors, ((margin, margin), (0, 0)), mode="reflect", reflect_type="odd")
    return normalise(gaussian_filter1d(longer, sigma, axis=0, mode="nearest")[margin : margin + len(vectors)])


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
