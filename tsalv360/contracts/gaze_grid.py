"""The gaze grid: one gaze direction per observer and frame of the 16 fps grid."""

from dataclasses import dataclass

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from tsalv360.contracts.grid import FPS
from tsalv360.sphere.directions import Array, to_vectors


@dataclass(frozen=True)
class GazeGrid:
    """Gaze directions of all observers of a video at the same times.

    `time_s` [n_frames] in seconds; `vectors` [n_frames, n_observers, 3], unit vectors, NaN where an observer has no
    gaze; `weights` [n_frames, n_observers], 0 there.
    """

    time_s: Array
    vectors: Array
    weights: Array

    @property
    def rate(self) -> float:
        """Frames per second: 16, or fewer for slower videos."""
        return rate_of(self.time_s)

    @property
    def present(self) -> NDArray[np.bool_]:
        """Whether an observer has gaze at a frame [n_frames, n_observers]."""
        return ~np.isnan(self.vectors[..., 0])


def rate_of(time_s: Array) -> float:
    """Return the frames per second of a grid at these times [n]: 16, or fewer for slower videos."""
    span = float(time_s[-1] - time_s[0]) if len(time_s) else 0.0
    return (len(time_s) - 1) / span if span else float(FPS)


def sample_gaze(fixations: pd.DataFrame, time_s: Array) -> GazeGrid:
    """Return the gaze at `time_s` of all observers of a fixations table, whose rows may have any order."""
    rows = rows_at(fixations, time_s)
    vectors = np.where(rows[..., None] >= 0, to_vectors(fixations.yaw_deg, fixations.pitch_deg)[rows], np.nan)
    return GazeGrid(time_s, vectors, np.where(rows >= 0, fixations.weight.to_numpy()[rows], 0.0))


def rows_at(fixations: pd.DataFrame, time_s: Array) -> NDArray[np.int64]:
    """Return the row of the fixations table of each observer at each time [n_times, n_observers], -1 for none."""
    table = fixations.reset_index(drop=True).sort_values(["observer", "time_s", "yaw_deg", "pitch_deg"])
    observers = [own for _, own in table.groupby("observer")]
    rows = np.full((len(time_s), len(observers)), -1)
    for number, own in enumerate(observers):
        start = own.time_s.to_numpy()
        end = start + own.duration_s.to_numpy()
        at = np.searchsorted(start, time_s + 1e-9, side="right") - 1
        inside = (at >= 0) & (time_s < end[at])
        rows[inside, number] = own.index.to_numpy()[at[inside]]
    return rows
