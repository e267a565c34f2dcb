"""Velocity of gaze on the sphere."""

import numpy as np
from numpy.typing import NDArray

from tsalv360.sphere.directions import Array, normalise, vector_angle

WINDOW_S = 0.0125  # each side; six samples in all at 250 Hz, where neighbours differ by noise


def velocity(time_s: Array, direction: Array) -> Array:
    """Return the velocity [n − 1] in deg/s between neighbouring samples; `time_s` [n] increases, `direction` [n, 3].

    It is the angle between the mean directions of the samples up to `WINDOW_S` before and after the middle of the
    interval, over the difference of their mean times: the moving-window estimate of Engbert & Kliegl (2003),
    "Microsaccades uncover the orientation of covert attention", for irregular times and on the sphere. Below 120 Hz it
    is that of the two neighbours. Rows of a burst, with nearly one time, count as half a usual step apart.
    """
    if len(time_s) < 2:
        return np.zeros(0)
    place, middle = np.arange(len(time_s) - 1), (time_s[1:] + time_s[:-1]) / 2
    first = np.minimum(np.searchsorted(time_s, middle - WINDOW_S), place)
    last = np.maximum(np.searchsorted(time_s, middle + WINDOW_S, side="right"), place + 2)

    def mean(values: Array, start: NDArray[np.int64], end: NDArray[np.int64]) -> Array:
        total = np.concatenate([np.zeros_like(values[:1]), np.cumsum(values, axis=0)])
        return (total[end] - total[start]) / (end - start).reshape(-1, *[1] * (values.ndim - 1))

    turned = vector_angle(*(normalise(mean(direction, *part)) for part in ((first, place + 1), (place + 1, last))))
    lasted = mean(time_s, place + 1, last) - mean(time_s, first, place + 1)
    return turned / np.maximum(lasted, np.median(np.diff(time_s)) / 2)
