"""Looks: where every observer looks at every frame of the 16 fps grid."""

from dataclasses import dataclass

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from tsalv360.contracts.grid import FPS
from tsalv360.sphere.directions import Array, to_vectors


@dataclass(frozen=True)
class Looks:
    """Unit vectors [n_frames, n_observers, 3], NaN where an observer looks nowhere, at times [n_frames] in seconds."""

    time_s: Array
    vectors: Array
    weights: Array

    @property
    def n_observers(self) -> int:
        """Number of observers of the video."""
        return self.vectors.shape[1]

    @property
    def rate(self) -> float:
        """Frames per second of the grid: 16, or fewer for slower videos."""
        span = float(self.time_s[-1] - self.time_s[0])
        return (len(self.time_s) - 1) / span if span else float(FPS)

    @property
    def present(self) -> NDArray[np.bool_]:
        """[n_frames, n_observers], whether an observer looks anywhere."""
        return ~np.isnan(self.vectors[..., 0])


def sample_looks(fixations: pd.DataFrame, time_s: Array) -> Looks:
    """Evaluate the intervals of a fixations table at `time_s`. The order of its rows does not matter."""
    rows = rows_at(fixations, time_s)
    present = rows >= 0
    vectors = np.full((*rows.shape, 3), np.nan)
    vectors[present] = to_vectors(fixations.yaw_deg, fixations.pitch_deg)[rows[present]]
    weights = np.zeros(rows.shape)
    weights[present] = fixations.weight.to_numpy()[rows[present]]
    return Looks(time_s, vectors, weights)


def rows_at(fixations: pd.DataFrame, time_s: Array) -> NDArray[np.int64]:
    """Which row of a fixations table (from 0) each observer is in at `time_s`: [n_times, n_observers], -1 for none."""
    table = fixations.reset_index(drop=True).sort_values(["observer", "time_s", "yaw_deg", "pitch_deg"])
    people = [own for _, own in table.groupby("observer")]
    rows = np.full((len(time_s), len(people)), -1)
    for number, own in enumerate(people):
        start = own.time_s.to_numpy()
        end = start + own.duration_s.to_numpy()
        at = np.searchsorted(start, time_s + 1e-9, side="right") - 1
        inside = (at >= 0) & (time_s < end[at])
        rows[inside, number] = own.index.to_numpy()[at[inside]]
    return rows
