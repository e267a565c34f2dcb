"""Looks: where every observer looks at every frame of the 16 fps grid."""

from dataclasses import dataclass

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from tsalv360.frames import FPS
from tsalv360.geometry import Array, to_vectors


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
    people = [
        own for _, own in fixations.sort_values(["observer", "time_s", "yaw_deg", "pitch_deg"]).groupby("observer")
    ]
    vectors = np.full((len(time_s), len(people), 3), np.nan)
    weights = np.zeros(vectors.shape[:2])
    for number, own in enumerate(people):
        start = own.time_s.to_numpy()
        end = start + own.duration_s.to_numpy()
        at = np.searchsorted(start, time_s + 1e-9, side="right") - 1
        inside = (at >= 0) & (time_s < end[at])
        vectors[inside, number] = to_vectors(own.yaw_deg, own.pitch_deg)[at[inside]]
        weights[inside, number] = own.weight.to_numpy()[at[inside]]
    return Looks(time_s, vectors, weights)
