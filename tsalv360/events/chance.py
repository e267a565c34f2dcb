"""How many observers would look at a place by chance, and how strongly a watched place speaks against that.

Chance is what this video's observers do whatever there is to see. They prefer some yaws, mostly those near the front,
and some pitches, mostly those near the horizon; they stay with what they look at for a while; and they all begin in the
same direction. What they saw in common is lost in it: the preference of yaw is blurred by 30°, and all times are one.
"""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy.ndimage import gaussian_filter1d

from tsalv360.contracts.gaze_grid import GazeGrid
from tsalv360.sphere.directions import Array, to_angles

_YAW_SIGMA_DEG, _PITCH_SIGMA_DEG = 30.0, 3.0  # by which the preferences are blurred
_PITCHES = np.radians(np.arange(-89.5, 90))
_LOOK_DEG, _LOOK_S = 10.0, 3.0  # gaze that returns so near within this time is still the same look
_SHORTEST_LOOK_S = 0.2
_START_DEG, _START_S = 15.0, 3.0  # an observer has left the start after so far a turn, or after this time
_FEWEST, _MOST = 1e-3, 0.95  # chance levels that are told apart
_RATE, _SCALE = 0.13, 5.0  # of chance events per look's time, and their evidence; see docs/events.md


@dataclass(frozen=True)
class Chance:
    """The chance level of a video.

    `yaw` [361]: cumulative share of the gaze from yaw −180° to 180°. `pitch` [180]: share of the gaze per degree from
    the south pole. `look_s`: for how long gaze counts as one observation. `counts` [n_frames, n_observers]: whose gaze
    counts as evidence: that of tracked observers who have left the direction in which they began.
    """

    yaw: Array
    pitch: Array
    look_s: float
    counts: NDArray[np.bool_]

    def share(self, path: Array, reach_deg: float) -> Array:
        """Return the share of the gaze [n_frames] that lies within `reach_deg` of a path [n_frames, 3] by chance."""
        yaw, pitch = to_angles(path)
        phi = np.radians(pitch)[:, None]
        cosine = np.cos(np.radians(reach_deg)) - np.sin(phi) * np.sin(_PITCHES)
        half = np.degrees(np.arccos(np.clip(cosine / (np.cos(phi) * np.cos(_PITCHES)), -1, 1)))
        frame, row = np.nonzero(half)
        inside = np.zeros(half.shape)
        inside[frame, row] = self._up_to(yaw[frame] + half[frame, row]) - self._up_to(yaw[frame] - half[frame, row])
        return np.clip(inside @ self.pitch, _FEWEST, _MOST)

    def _up_to(self, yaw: Array) -> Array:
        turns, angle = np.divmod(yaw + 180, 360)
        return turns + np.interp(angle, np.arange(361), self.yaw)


def chance_of(grid: GazeGrid) -> Chance:
    """Return the chance level of a video's gaze."""
    counts = grid.present & _has_left_start(grid)
    of = counts if counts.any() else grid.present
    yaw, pitch = to_angles(grid.vectors[of])
    yaws = np.histogram(yaw, bins=360, range=(-180, 180), weights=grid.weights[of])[0]
    pitches = np.histogram(pitch, bins=180, range=(-90, 90), weights=grid.weights[of])[0]
    cumulative = np.append(0.0, np.cumsum(gaussian_filter1d(yaws, _YAW_SIGMA_DEG, mode="wrap")))
    pitches = gaussian_filter1d(pitches, _PITCH_SIGMA_DEG, mode="nearest")
    return Chance(cumulative / cumulative[-1], pitches / pitches.sum(), _look_s(grid), counts)


def _has_left_start(grid: GazeGrid) -> NDArray[np.bool_]:
    """Return whether each observer has looked away from the start, or had the time to [n_frames, n_observers]."""
    first = grid.present.argmax(axis=0)
    began = grid.vectors[first, np.arange(len(first))]
    away = (grid.vectors * began).sum(axis=-1) < np.cos(np.radians(_START_DEG))
    late = grid.time_s[:, None] - grid.time_s[first] >= _START_S
    return np.asarray(np.logical_or.accumulate(away | late, axis=0))


def _look_s(grid: GazeGrid) -> float:
    """Return the integral autocorrelation time of being at a place, in seconds: how long a look lasts.

    The mean of n looks of this length varies as much as that of the observers' gaze, which stays and returns.
    """
    n = min(round(_LOOK_S * grid.rate), len(grid.time_s) - 1)
    near = [1.0]
    for lag in range(1, n + 1):
        cosine = (grid.vectors[:-lag] * grid.vectors[lag:]).sum(axis=-1)
        known = cosine[~np.isnan(cosine)]
        near.append(float(np.mean(known > np.cos(np.radians(_LOOK_DEG)))) if len(known) else 0.0)
    excess = np.clip((np.array(near) - near[-1]) / max(1 - near[-1], 1e-9), 0, None)
    return max(2 * float(np.trapezoid(excess)) / grid.rate, _SHORTEST_LOOK_S)


def evidence(n_watching: Array, n_tracked: Array, chance: Array, looks_per_frame: float) -> float:
    """Return the log-likelihood ratio, in nats, of a constant share of watching observers to chance; 0 if fewer watch.

    Parameters: [n_frames] how many watch, how many are tracked, the share that would watch by chance; and the looks of
    an observer in a frame.
    """
    if n_watching.sum() <= (n_tracked * chance).sum():
        return 0.0
    share = min(n_watching.sum() / n_tracked.sum(), 1 - 1e-9)
    watching, others = np.log(share / chance), np.log((1 - share) / (1 - chance))
    return float((n_watching * watching + (n_tracked - n_watching) * others).sum() * looks_per_frame)


def expected_by_chance(strength: float, duration_s: float, look_s: float) -> float:
    """Return how many events of at least this evidence a video of this length has by chance.

    Maxima of sums of log-likelihood ratios have exponential tails (Karlin & Altschul 1990, PNAS 87(6)); the two
    constants were measured on surrogates of real gaze.
    """
    return _RATE * duration_s / look_s * float(np.exp(-strength / _SCALE))
