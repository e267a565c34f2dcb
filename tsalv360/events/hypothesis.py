"""Where an event is over time: a local linear fit to the looks at it, as smooth as they predict one another best.

At every frame the looks around it, weighted by a Gaussian over time, are fitted by a straight motion (local linear
regression, Cleveland 1979), which lags nowhere and goes on at the ends. Motion along a great circle at constant speed
is met exactly. How wide the Gaussian is follows from the looks: each observer's are predicted from the others'.

One event on the frame grid, what follows from it, and the rules that it must keep.

A candidate on its way to an event.
"""

from dataclasses import dataclass, replace
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray
from scipy.ndimage import correlate1d

from tsalv360.contracts.gaze_grid import Looks
from tsalv360.events.settings import EventSettings
from tsalv360.sphere.directions import Array, interpolate, normalise, to_angles, vector_angle

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


_COMPACT_DEG = 5.0  # spread at which compactness is a half; the σ of a fixation in the saliency maps


class Dropped(NamedTuple):
    """Why a candidate is no event: the setting that says so, and the measured value beside its limit."""

    rule: str
    reason: str


@dataclass(frozen=True)
class Settled:
    """One event on the frame grid, frame by frame.

    `frames` [n] are indices of the grid, `path` [n, 3] the event's directions as unit vectors, `spread_deg` [n] the
    root mean square distance of its looks, `looking` [n, n_observers] who looks at it, `n_present` [n] how many look
    anywhere, `chance` [n] which share of these would look there if nothing were there.
    """

    frames: NDArray[np.int64]
    path: Array
    spread_deg: Array
    looking: NDArray[np.bool_]
    n_present: NDArray[np.int64]
    chance: Array
    dropped: Dropped | None = None

    @property
    def n_observers(self) -> NDArray[np.int64]:
        """Observers looking at it at each frame [n]."""
        return self.looking.sum(axis=1)

    @property
    def n_looks(self) -> int:
        """Looks at it in all."""
        return int(self.looking.sum())

    @property
    def n_watchers(self) -> int:
        """Observers who looked at it at any time."""
        return int(np.any(self.looking, axis=0).sum())

    @property
    def share(self) -> float:
        """Mean share of those present who look at it."""
        return float(np.mean(self.n_observers / np.maximum(self.n_present, 1)))

    def split(self, max_gap: float) -> list["Settled"]:
        """Events of its own where more than `max_gap` frames lie between two of its frames."""
        cuts = np.flatnonzero(np.diff(self.frames) > max_gap + 1) + 1
        arrays = [self.frames, self.path, self.spread_deg, self.looking, self.n_present, self.chance]
        return [Settled(*parts) for parts in zip(*(np.split(array, cuts) for array in arrays), strict=True)]

    @property
    def stretches(self) -> list[slice]:
        """Runs of consecutive frames, as slices of the arrays."""
        cuts = np.flatnonzero(np.diff(self.frames) > 1) + 1
        edges = [0, *cuts.tolist(), len(self.frames)]
        return [slice(a, b) for a, b in zip(edges[:-1], edges[1:], strict=True)]

    @property
    def direction(self) -> tuple[float, float]:
        """Yaw and pitch in degrees of its mean direction."""
        yaw, pitch = to_angles(self.path.sum(axis=0))
        return float(yaw), float(pitch)

    @property
    def mean_spread_deg(self) -> float:
        """Root mean square of its spread."""
        return float(np.sqrt(np.mean(self.spread_deg**2)))

    @property
    def lift(self) -> float:
        """How many times as many look at it as would by chance."""
        return self.share / max(float(np.mean(self.chance)), 1e-3)

    @property
    def confidence(self) -> float:
        """√(share × compactness) × (1 − 1 / lift), from 0 to 1.

        The share is that of the observers, compactness = 1 / (1 + (spread / 5°)²).
        """
        compactness = 1 / (1 + (self.mean_spread_deg / _COMPACT_DEG) ** 2)
        return float(np.sqrt(min(self.share, 1.0) * compactness) * max(0.0, 1 - 1 / max(self.lift, 1e-9)))


def broken_rule(event: Settled, rate: float, settings: EventSettings) -> Dropped | None:
    """The first rule that an event breaks, if any; `rate` in frames per second."""
    duration = len(event.frames) / rate
    if duration < settings.min_duration_s:
        return Dropped("min_duration_s", f"lasts {duration:.2f} s, less than {settings.min_duration_s:g} s")
    if event.n_watchers < settings.min_observers:
        return Dropped("min_observers", f"{event.n_watchers} observers, fewer than {settings.min_observers}")
    if event.share < settings.min_share:
        return Dropped("min_share", f"{event.share:.3f} of the observers, less than {settings.min_share:g}")
    if event.mean_spread_deg > settings.max_spread_deg:
        return Dropped("max_spread_deg", f"spread {event.mean_spread_deg:.1f}°, more than {settings.max_spread_deg:g}°")
    return None


_ARRAYS = "path", "domain", "on", "own", "chance"


@dataclass(eq=False)
class Draft:
    """A candidate on its way to an event.

    Unit vectors [n_frames, 3]; where looks may go to it, and when it is on [n_frames]; which looks are its own
    [n_frames, n_observers]; the share that would look there by chance [n_frames]; σ over time of its path.
    """

    path: Array
    domain: NDArray[np.bool_]
    on: NDArray[np.bool_]
    own: NDArray[np.bool_]
    chance: Array
    width_s: float = 0.4
    dropped: Dropped | None = None

    @property
    def ends(self) -> tuple[int, int]:
        """First and last frame in which it is on."""
        frames = np.flatnonzero(self.on)
        return int(frames[0]), int(frames[-1])

    def until(self, frame: int) -> "Draft":
        """A copy that ends before `frame`."""
        return self._within(np.arange(len(self.on)) < frame)

    def since(self, frame: int) -> "Draft":
        """A copy that begins at `frame`."""
        return self._within(np.arange(len(self.on)) >= frame)

    def then(self, later: "Draft", frame: int) -> "Draft":
        """A copy that goes on as another from `frame` on."""
        joined = replace(self, **{name: getattr(self, name).copy() for name in _ARRAYS})
        for name in _ARRAYS:
            getattr(joined, name)[frame:] = getattr(later, name)[frame:]
        return joined

    def swap(self, other: "Draft", frame: int) -> None:
        """Go on as another from `frame` on, which goes on as this one."""
        mine, others = self.then(other, frame), other.then(self, frame)
        for name in _ARRAYS:
            setattr(self, name, getattr(mine, name))
            setattr(other, name, getattr(others, name))

    def _within(self, frames: NDArray[np.bool_]) -> "Draft":
        return replace(self, domain=self.domain & frames, on=self.on & frames, own=self.own & frames[:, None])


def squares(looks: Looks, own: NDArray[np.bool_], width_s: float) -> float:
    """Sum of the squared distances, in degrees, of the looks `own` [n_frames, n_observers] from their path."""
    path, _ = PathFit(looks, own).path(width_s)
    return float((vector_angle(looks.vectors, path[:, None])[own] ** 2).sum())
