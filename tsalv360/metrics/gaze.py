"""How observers look about: the statistics by which simulated gaze is compared with real gaze."""

from dataclasses import dataclass

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from tsalv360.contracts.gaze_grid import GazeGrid, sample_gaze
from tsalv360.contracts.grid import FPS
from tsalv360.sphere.directions import Array, normalise, to_angles, to_vectors, vector_angle

NEAR_DEG = 10.0  # looks this near are looks at one place
START_S, LATER_S = 0.5, 8.0
RETURN_S = 10.0


@dataclass(frozen=True)
class GazeStatistics:
    """Gaze of the observers of one video; NaN for what its length does not show.

    `fixation_s`: median duration of a fixation. `saccade_deg`: median angle between a fixation and the next.
    `moves_deg`: median angle between gaze and the same observer's gaze 1 s later. `near_horizon`: share of gaze within
    15° of the horizon. `near_front`: share within 30° of yaw 0. `returns`: share of fixations to whose place (10°) the
    observer returns within 10 s, of those left at least 10 s before the record ends. `together_at_start`,
    `together_later`: share of pairs of observers who look at one place (10°) in the first 0.5 s, and after 8 s.
    """

    fixation_s: float
    saccade_deg: float
    moves_deg: float
    near_horizon: float
    near_front: float
    returns: float
    together_at_start: float
    together_later: float


def gaze_statistics(fixations: pd.DataFrame, duration_s: float) -> GazeStatistics:
    """Return the statistics of a fixations table with known `fixation_id`, of a video of this length."""
    grid = sample_gaze(fixations, np.arange(int(duration_s * FPS)) / FPS)
    lengths, steps, returned = zip(*(_of_observer(own) for _, own in fixations.groupby("observer")), strict=True)
    yaw, pitch = to_angles(grid.vectors[grid.present])
    moves = vector_angle(grid.vectors[FPS:], grid.vectors[:-FPS])
    return GazeStatistics(
        fixation_s=float(np.median(np.concatenate(lengths))),
        saccade_deg=float(np.median(np.concatenate(steps))),
        moves_deg=float(np.nanmedian(moves)),
        near_horizon=float((np.abs(pitch) <= 15).mean()),
        near_front=float((np.abs(yaw) <= 30).mean()),
        returns=_mean(np.concatenate(returned)),
        together_at_start=_together(grid, grid.time_s < START_S),
        together_later=_together(grid, grid.time_s >= LATER_S),
    )


def _of_observer(own: pd.DataFrame) -> tuple[Array, Array, NDArray[np.bool_]]:
    """Return durations [n] in s, steps [n − 1] in degrees, and whether an observer returns to each fixation it can."""
    x, y, z = to_vectors(own.yaw_deg, own.pitch_deg).T
    rows = own.assign(x=x, y=y, z=z, end_s=own.time_s + own.duration_s).groupby("fixation_id")
    place, start, end = normalise(rows[["x", "y", "z"]].mean().to_numpy()), rows.time_s.min(), rows.end_s.max()
    returned = []
    for k in np.flatnonzero(end + RETURN_S <= end.iloc[-1]):
        later = (start > end.iloc[k]) & (start <= end.iloc[k] + RETURN_S)
        near = vector_angle(place[later], place[k]) <= NEAR_DEG
        if not near.all():
            returned.append(near[np.argmin(near) :].any())  # after the first one elsewhere
    return (end - start).to_numpy(), vector_angle(place[1:], place[:-1]), np.array(returned, dtype=bool)


def _together(grid: GazeGrid, chosen: NDArray[np.bool_]) -> float:
    """Return the share of pairs of observers with gaze at one place, at the chosen frames."""
    vectors, n = grid.vectors[chosen], grid.vectors.shape[1]
    pairs = [vector_angle(vectors[:, k], vectors[:, other]) for k in range(n) for other in range(k)]
    angles = np.concatenate([*pairs, np.zeros(0)])
    return _mean(angles[~np.isnan(angles)] <= NEAR_DEG)


def _mean(values: NDArray[np.bool_]) -> float:
    return float(values.mean()) if len(values) else float("nan")
