"""When an event is active: a hidden Markov model of two states, on and off, of how many observers watch it.

In each frame every tracked observer either watches the event or does not. While it is on, an observer watches it with
the probability that makes an event, or twice that of chance; while it is off, with that of chance plus a small share.
Gaze stays where it is for a while, so neighbouring frames add little evidence; each change of state has a fixed cost.
The likeliest sequence is found by Viterbi's algorithm (1967).
"""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from tsalv360.contracts.gaze_grid import GazeGrid
from tsalv360.sphere.directions import Array, to_angles

FIXATION_S = 0.4  # frames within the length of a fixation count as one observation
_CHANGE = 1.5  # cost of a change of state: odds of e^1.5, about 4.5 to 1
_PASSING = 0.034  # share added to chance while it is off: gaze that passes by or belongs to a neighbour
_ON = 1.33  # probability while it is on, as a multiple of the least share
_LIFT = 2.0  # and at least, as a multiple of the probability while it is off
_UNDECIDED = 0.3  # weight of an observer who has not watched any event yet, and may still explore
_PITCHES = np.radians(np.arange(-89.5, 90))


@dataclass(frozen=True)
class ChanceLevel:
    """How many observers would watch any place by chance.

    `n_tracked` [n_frames]: observers with gaze; those who may still explore count less. `unassigned` [180]: weight of
    the gaze that belongs to no event, per degree of pitch from the south pole. `total`: weight of all gaze.
    """

    n_tracked: Array
    unassigned: Array
    total: float

    def at(self, path: Array, reach_deg: float) -> Array:
        """Return the share of all gaze [n_frames] expected by chance within `reach_deg` of a path [n_frames, 3].

        It depends on pitch alone, as if gaze that belongs to no event were equally dense at all yaws.
        """
        cosine = np.cos(np.radians(reach_deg)) - np.outer(np.sin(_PITCHES), np.sin(_PITCHES))
        half = np.arccos(np.clip(cosine / np.outer(np.cos(_PITCHES), np.cos(_PITCHES)), -1, 1))
        at_pitch = half / np.pi @ self.unassigned / max(self.total, 1e-9)
        _, pitch = to_angles(path)
        return np.asarray(at_pitch[np.clip((pitch + 90).astype(int), 0, 179)])


def chance_level(grid: GazeGrid, assigned: NDArray[np.bool_]) -> ChanceLevel:
    """Return the chance level, where `assigned` [n_frames, n_observers] is the gaze that belongs to an event."""
    weights = np.where(grid.present, grid.weights, 0.0)
    undecided = ~np.logical_or.accumulate(assigned, axis=0)
    free = grid.present & ~assigned
    _, pitch = to_angles(grid.vectors[free])
    unassigned = np.histogram(pitch, bins=180, range=(-90, 90), weights=grid.weights[free])[0]
    n_tracked = (np.where(undecided, _UNDECIDED, 1.0) * weights).sum(axis=1)
    return ChanceLevel(n_tracked, unassigned, float(grid.weights[grid.present].sum()))


def active_frames(
    n_watching: Array, n_tracked: Array, chance: Array, min_share: float, rate: float
) -> NDArray[np.bool_]:
    """Return whether an event is active in each frame [n_frames].

    Parameters: [n_frames] how many watch it, how many are tracked, and the share that would watch by chance; the least
    share that makes an event; frames per second.
    """
    off = np.minimum(chance + _PASSING, 0.45)
    on = np.minimum(np.maximum(_ON * min_share, _LIFT * off), 0.9)
    gain = n_watching * np.log(on / off) + (n_tracked - n_watching) * np.log((1 - on) / (1 - off))
    return _viterbi(gain / (FIXATION_S * rate), _CHANGE)


def _viterbi(gain: Array, change: float) -> NDArray[np.bool_]:
    """Return the sequence of on (worth `gain` [n] each) and off that is worth most, when each change costs `change`."""
    best_off, best_on = 0.0, 0.0  # it may be on from the first frame at no cost
    stays_off, stays_on = np.empty(len(gain), bool), np.empty(len(gain), bool)
    for n, value in enumerate(gain):
        stays_on[n], stays_off[n] = best_on >= best_off - change, best_off >= best_on - change
        best_on, best_off = max(best_on, best_off - change) + value, max(best_off, best_on - change)
    states = np.empty(len(gain), bool)
    state = best_on > best_off
    for n in range(len(gain) - 1, -1, -1):
        states[n] = state
        state = state if (stays_on if state else stays_off)[n] else not state
    return states
