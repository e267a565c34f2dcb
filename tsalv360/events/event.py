"""One event on the frame grid, what follows from it, and the rules that it must keep."""

from dataclasses import dataclass
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from tsalv360.events.settings import EventSettings
from tsalv360.geometry import Array, to_angles

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
