"""A candidate on its way to an event."""

from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from tsalv360.events.event import Dropped
from tsalv360.events.paths import PathFit
from tsalv360.geometry import Array, vector_angle
from tsalv360.looks import Looks

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
