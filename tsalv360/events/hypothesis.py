"""A hypothesis of an event: which gaze belongs to it, when it is active, and the path fitted to its gaze.

The path is a local linear regression over time (Cleveland 1979): at every frame a straight motion is fitted to the gaze
around it, weighted by a Gaussian over time. So the path does not lag, goes on at its ends, and follows motion along a
great circle at constant speed exactly. The width of the Gaussian is found by cross-validation: the gaze of each
observer is predicted from that of the others.
"""

from dataclasses import dataclass, replace
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray
from scipy.ndimage import correlate1d

from tsalv360.contracts.gaze_grid import GazeGrid
from tsalv360.sphere.directions import Array, interpolate, normalise, vector_angle

WIDTHS_S = (0.2, 0.4, 0.8, 1.6)  # σ over time; the widest is for targets that hardly move
_BRIDGE_S = 0.8  # σ of the fit that is used where a narrower one has no gaze
_RIDGE = 0.02  # of the regression, in sums of the kernel
_LEAST_WEIGHT = 0.05  # at a frame, for a fit to hold there; gaze at that very frame weighs 1
_ARRAYS = "path", "domain", "active", "assigned"


class Dropped(NamedTuple):
    """Why a hypothesis is no event: the setting that rules it out, and the measured value beside its limit."""

    rule: str
    reason: str


@dataclass(eq=False)
class Hypothesis:
    """A possible event on the gaze grid.

    `path` [n_frames, 3]: unit vectors. `domain` [n_frames]: when gaze may be assigned to it. `active` [n_frames]: when
    it is on. `assigned` [n_frames, n_observers]: which gaze belongs to it. `reach_deg`: how far from the path gaze
    counts as evidence. `width_s`: σ over time of the path.
    """

    path: Array
    domain: NDArray[np.bool_]
    active: NDArray[np.bool_]
    assigned: NDArray[np.bool_]
    reach_deg: float = 12.0
    width_s: float = 0.4
    dropped: Dropped | None = None

    @property
    def ends(self) -> tuple[int, int]:
        """First and last active frame."""
        frames = np.flatnonzero(self.active)
        return int(frames[0]), int(frames[-1])

    def cut(self, frame: int) -> "list[Hypothesis]":
        """Return the hypotheses that end before `frame` and that begin at it, if they are ever active."""
        before = np.arange(len(self.active)) < frame
        return [
            replace(self, domain=self.domain & part, active=self.active & part, assigned=self.assigned & part[:, None])
            for part in (before, ~before)
            if (self.active & part).any()
        ]

    def followed_by(self, later: "Hypothesis", frame: int) -> "Hypothesis":
        """Return the hypothesis that is this one before `frame` and `later` from it on."""
        pairs = {name: (getattr(self, name), getattr(later, name)) for name in _ARRAYS}
        return replace(self, **{name: np.concatenate([a[:frame], b[frame:]]) for name, (a, b) in pairs.items()})


def fit_path(grid: GazeGrid, assigned: NDArray[np.bool_], width_s: float) -> tuple[Array, NDArray[np.bool_]]:
    """Return the path of the assigned gaze, unit vectors [n_frames, 3], and where [n_frames] enough gaze is near.

    Elsewhere the path stands still; without any gaze its direction means nothing. `width_s` is the σ of the Gaussian.
    """
    total = _weighted(grid, assigned).sum(axis=1)
    centre, near = _regression(total, width_s, grid.rate)
    bridge, known = _regression(total, max(_BRIDGE_S, width_s), grid.rate)
    path, known = np.where(near[:, None], centre, bridge), near | known
    if known.any():
        path = interpolate(grid.time_s[known], path[known], grid.time_s)
    return path, known


def best_width(grid: GazeGrid, assigned: NDArray[np.bool_]) -> float:
    """Return the width in `WIDTHS_S` with which each observer's gaze is predicted best from that of the others."""
    observers = np.flatnonzero(assigned.any(axis=0))
    if len(observers) < 3:
        return WIDTHS_S[-1]
    values = _weighted(grid, assigned)
    total = values.sum(axis=1)
    errors = []
    for width in WIDTHS_S:
        error = count = 0.0
        for observer in observers:
            centre, known = _regression(total - values[:, observer], width, grid.rate)
            own = assigned[:, observer] & known
            away = 1 - (centre[own] * grid.vectors[own, observer]).sum(axis=-1)
            error, count = error + away.sum(), count + own.sum()
        errors.append(error / max(count, 1))
    return WIDTHS_S[int(np.argmin(errors))]


def squared_error(grid: GazeGrid, assigned: NDArray[np.bool_], width_s: float) -> float:
    """Return the sum of squared distances, in degrees, of gaze `assigned` [n_frames, n_observers] from its path."""
    path, _ = fit_path(grid, assigned, width_s)
    return float((vector_angle(grid.vectors, path[:, None])[assigned] ** 2).sum())


def _weighted(grid: GazeGrid, assigned: NDArray[np.bool_]) -> Array:
    """Return weight and weighted vector of the assigned gaze [n_frames, n_observers, 4], 0 elsewhere."""
    weights = np.where(assigned, grid.weights, 0.0)[..., None]
    return np.concatenate([weights, weights * np.nan_to_num(grid.vectors)], axis=-1)


def _regression(values: Array, width_s: float, rate: float) -> tuple[Array, NDArray[np.bool_]]:
    """Return the path and where it is known, from sums [n_frames, 4] of weights and weighted vectors."""
    sigma = width_s * rate
    tau = np.arange(-int(np.ceil(3 * sigma)), int(np.ceil(3 * sigma)) + 1) / sigma
    kernel = np.exp(-0.5 * tau**2)
    zeroth = correlate1d(values, kernel, axis=0, mode="constant")
    first = correlate1d(values, kernel * tau, axis=0, mode="constant")
    second = correlate1d(values[:, 0], kernel * tau**2, mode="constant") + _RIDGE * kernel.sum()
    # ridge regression of the vectors on τ, evaluated at τ = 0
    centre = second[:, None] * zeroth[:, 1:] - first[:, :1] * first[:, 1:]
    known = zeroth[:, 0] > _LEAST_WEIGHT
    return normalise(np.where(known[:, None], centre, [1.0, 0.0, 0.0])), known
