"""Where an event is over time: a local linear fit to the looks at it, as smooth as they predict one another best.

At every frame the looks around it, weighted by a Gaussian over time, are fitted by a straight motion (local linear
regression, Cleveland 1979), which lags nowhere and goes on at the ends. Motion along a great circle at constant speed
is met exactly. How wide the Gaussian is follows from the looks: each observer's are predicted from the others'.
"""

import numpy as np
from numpy.typing import NDArray
from scipy.ndimage import correlate1d

from tsalv360.geometry import Array, interpolate, normalise
from tsalv360.looks import Looks

WIDTHS_S = (0.2, 0.4, 0.8, 1.6)  # σ over time; the widest holds for what hardly moves
_AHEAD_S = 0.8  # σ of the fit that goes on where the narrower ones see no look
_STIFFNESS = 0.02
_ENOUGH = 0.05  # weight at a frame from which a fit holds, of one look at that very frame


class PathFit:
    """Sums over an event's own looks, from which its path at any width is fitted."""

    def __init__(self, looks: Looks, own: NDArray[np.bool_]) -> None:
        """`own` [n_frames, n_observers] says which looks are the event's."""
        weights = np.where(own, looks.weights, 0.0)
        self._looks, self._own = looks, own
        self._values = np.concatenate([weights[..., None], weights[..., None] * np.nan_to_num(looks.vectors)], axis=-1)
        self._sum = self._values.sum(axis=1)

    def path(self, width_s: float) -> tuple[Array, NDArray[np.bool_]]:
        """Unit vectors [n_frames, 3], and where [n_frames] looks are near enough in time to tell it.

        Elsewhere it stands still; without any look it stands anywhere.
        """
        centre, near = _fit(self._sum, width_s, self._looks.rate)
        further, known = _fit(self._sum, max(_AHEAD_S, width_s), self._looks.rate)
        path, known = np.where(near[:, None], centre, further), near | known
        if known.any():
            path = interpolate(self._looks.time_s[known], path[known], self._looks.time_s)
        return path, known

    def best_width(self) -> float:
        """The width at which the path through the others' looks comes nearest to each observer's own."""
        observers = np.flatnonzero(self._own.any(axis=0))
        if len(observers) < 3:
            return WIDTHS_S[-1]
        errors = []
        for width in WIDTHS_S:
            miss = total = 0.0
            for observer in observers:
                centre, known = _fit(self._sum - self._values[:, observer], width, self._looks.rate)
                own = self._own[:, observer] & known
                away = 1 - (centre[own] * self._looks.vectors[own, observer]).sum(axis=-1)
                miss, total = miss + away.sum(), total + own.sum()
            errors.append(miss / max(total, 1))
        return WIDTHS_S[int(np.argmin(errors))]


def _fit(values: Array, width_s: float, rate: float) -> tuple[Array, NDArray[np.bool_]]:
    """The path and where it is known, from sums [n_frames, 4] of weights and weighted vectors."""
    sigma = width_s * rate
    tau = np.arange(-int(np.ceil(3 * sigma)), int(np.ceil(3 * sigma)) + 1) / sigma
    kernel = np.exp(-0.5 * tau**2)
    zeroth = correlate1d(values, kernel, axis=0, mode="constant")
    first = correlate1d(values, kernel * tau, axis=0, mode="constant")
    weight, lever, second = zeroth[:, 0], first[:, 0], correlate1d(values[:, 0], kernel * tau**2, mode="constant")
    # ridge regression of the vectors on τ, evaluated at τ = 0
    second = second + _STIFFNESS * kernel.sum()
    centre = second[:, None] * zeroth[:, 1:] - lever[:, None] * first[:, 1:]
    known = weight > _ENOUGH
    safe = np.where(known[:, None], centre, [1.0, 0.0, 0.0])
    return normalise(safe), known
