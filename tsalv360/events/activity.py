"""When an event is: the most likely on and off of its being watched, by a hidden Markov model of two states.

Each frame, every observer who looks anywhere looks at the event or not. While it is on they do with the probability
that makes an event, or twice that of chance; while it is off with that of chance and some strays. Looks last, so
neighbouring frames tell little new; a change of state costs a fixed amount. The likeliest sequence is found by
Viterbi's algorithm (1967).
"""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from tsalv360.sphere.directions import Array, to_angles

_LOOK_S = 0.4  # frames within the length of a look count as one observation
_CHANGE = 1.5  # cost of a change of state: odds of e^1.5, about 4.5 to 1
_STRAYS = 0.034  # share beside chance that is off: those who pass by, and the neighbours of an event
_ON = 1.33  # times the least share: what is watched while it is on
_LIFT = 2.0  # times what is off: the least that tells something from nothing
_PITCHES = np.radians(np.arange(-89.5, 90))


def present(watching: Array, people: Array, chance: Array, least_share: float, rate: float) -> NDArray[np.bool_]:
    """Frames [n] in which an event is.

    Parameters: how many watch it, how many look anywhere, and the share that would watch by chance [n]; the least
    share that makes an event; frames per second.
    """
    off = np.minimum(chance + _STRAYS, 0.45)
    on = np.minimum(np.maximum(_ON * least_share, _LIFT * off), 0.9)
    gain = watching * np.log(on / off) + (people - watching) * np.log((1 - on) / (1 - off))
    return _viterbi(gain / (_LOOK_S * rate), _CHANGE)


@dataclass(frozen=True)
class Background:
    """What is watched beside the events.

    `people` [n_frames] look anywhere; those looks that belong to no event have `pitch_deg` [n] and `weights` [n], and
    all looks together weigh `total`.
    """

    people: Array
    pitch_deg: Array
    weights: Array
    total: float

    def chance(self, path: Array, reach_deg: float) -> Array:
        """Share of all looks [n_frames] within `reach_deg` of a path [n_frames, 3], were nothing there.

        That of the place's pitch, at any yaw.
        """
        heights = np.histogram(self.pitch_deg, bins=180, range=(-90, 90), weights=self.weights)[0]
        cosine = np.cos(np.radians(reach_deg)) - np.outer(np.sin(_PITCHES), np.sin(_PITCHES))
        half = np.arccos(np.clip(cosine / np.outer(np.cos(_PITCHES), np.cos(_PITCHES)), -1, 1))
        at_pitch = half / np.pi @ heights / max(self.total, 1e-9)
        _, pitch = to_angles(path)
        return np.asarray(at_pitch[np.clip((pitch + 90).astype(int), 0, 179)])


def _viterbi(gain: Array, change: float) -> NDArray[np.bool_]:
    """The sequence of on (worth `gain` [n] each) and off that is worth most, when each change costs `change`."""
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
