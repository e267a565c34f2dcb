"""When an event is active: a hidden Markov model of two states, on and off, of how many observers watch it.

In each frame every tracked observer either watches the event or does not. While it is on, an observer watches it with
the probability that makes an event, or 1.5 times that of chance; while it is off, with that of chance plus a small
share. Observers stay with what they look at, so the frames of a look add up to one observation; each change of state
has a fixed cost. The likeliest sequence is found by Viterbi's algorithm (1967).
"""

import numpy as np
from numpy.typing import NDArray

from tsalv360.sphere.directions import Array

_CHANGE = 1.5  # cost of a change of state: odds of e^1.5, about 4.5 to 1
_PASSING = 0.01  # share added to chance while it is off: gaze that passes by or belongs to a neighbour
_ON = 1.33  # probability while it is on, as a multiple of the least share
_LIFT = 1.5  # and at least, as a multiple of the probability while it is off


def active_frames(
    n_watching: Array, n_tracked: Array, chance: Array, min_share: float, looks_per_frame: float
) -> NDArray[np.bool_]:
    """Return whether an event is active in each frame [n_frames].

    Parameters: [n_frames] how many watch it, how many are tracked, and the share that would watch by chance; the least
    share that makes an event; looks of an observer in a frame.
    """
    off = np.minimum(chance + _PASSING, 0.45)
    on = np.minimum(np.maximum(_ON * min_share, _LIFT * off), 0.9)
    gain = n_watching * np.log(on / off) + (n_tracked - n_watching) * np.log((1 - on) / (1 - off))
    return _viterbi(gain * looks_per_frame, _CHANGE)


def _viterbi(gain: Array, change: float) -> NDArray[np.bool_]:
    """Return the sequence of on (worth `gain` [n] each) and off that is worth most, when each change costs `change`."""
    best_off, best_on = 0.0, -change  # it is off before the first frame and after the last
    stays_off, stays_on = np.empty(len(gain), bool), np.empty(len(gain), bool)
    for n, value in enumerate(gain):
        stays_on[n], stays_off[n] = best_on >= best_off - change, best_off >= best_on - change
        best_on, best_off = max(best_on, best_off - change) + value, max(best_off, best_on - change)
    states = np.empty(len(gain), bool)
    state = best_on - change > best_off
    for n in range(len(gain) - 1, -1, -1):
        states[n] = state
        state = state if (stays_on if state else stays_off)[n] else not state
    return states
