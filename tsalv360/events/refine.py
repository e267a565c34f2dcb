"""Rounds that refine all hypotheses together: whose gaze is whose, where each event is and when.

As in expectation maximisation, a round has two steps: all gaze is assigned to the nearest hypothesis within reach; the
path of each hypothesis is fitted to its gaze, and its active frames are found again, up to a second further at both
ends. Between rounds duplicates are dropped, and what continues another hypothesis is joined to it.
"""

import numpy as np
from numpy.typing import NDArray
from scipy.ndimage import binary_dilation

from tsalv360.contracts.gaze_grid import GazeGrid
from tsalv360.events.activity import active_frames
from tsalv360.events.chance import Chance
from tsalv360.events.clusters import Candidate
from tsalv360.events.hypothesis import Dropped, Hypothesis, best_width, fit_path
from tsalv360.events.merge_split import drop_duplicates, join, resolve_swaps, split
from tsalv360.events.settings import EventSettings
from tsalv360.sphere.directions import Array, interpolate, vector_angle

_ROUNDS = 12  # an event can grow by as many seconds at both ends
_WIDTH_ROUNDS = 3  # every third round chooses how smooth the paths are
_SIGMAS = 2.5  # standard deviations along each axis within which gaze counts: 96 % of a normal distribution
_MEDIAN = np.sqrt(2 * np.log(2))  # of the distance in a normal distribution on the plane, in standard deviations
_LEAST_REACH_DEG = 5.0  # the error of an eye tracker is a degree or two
_GROWTH_S = 1.0  # how far beyond its ends an event is looked for in each round


def refine(grid: GazeGrid, candidates: list[Candidate], chance: Chance, settings: EventSettings) -> list[Hypothesis]:
    """Return the hypotheses that the candidates become, those last that turned out to be none, with the reason."""
    hypotheses = [_hypothesis(grid, candidate, settings.window_s) for candidate in candidates]
    dropped: list[Hypothesis] = []
    for number in range(_ROUNDS):
        assign(grid, hypotheses, settings.assign_deg)
        for hypothesis in hypotheses:
            if number % _WIDTH_ROUNDS == _WIDTH_ROUNDS - 1:
                hypothesis.width_s = best_width(grid, hypothesis.assigned)
            _refit(grid, hypothesis, chance, settings)
        drop_duplicates(hypotheses, settings.merge_deg)
        dropped += [hypothesis for hypothesis in hypotheses if hypothesis.dropped]
        hypotheses = [hypothesis for hypothesis in hypotheses if not hypothesis.dropped]
        if number < _ROUNDS - 2:  # the last round fits what the one before has split and swapped
            hypotheses = join(grid, hypotheses, settings.max_gap_s)
        elif number == _ROUNDS - 2:
            hypotheses = split(grid, hypotheses, settings.max_gap_s)
            hypotheses = resolve_swaps(grid, hypotheses, settings.merge_deg)
    assign(grid, hypotheses, settings.assign_deg)
    return hypotheses + dropped


def _hypothesis(grid: GazeGrid, candidate: Candidate, window_s: float) -> Hypothesis:
    """Return the hypothesis that is active from half a window before the candidate's first cluster to its last."""
    path = interpolate(candidate.times, np.array(candidate.centres), grid.time_s)
    first, last = candidate.times[0] - window_s / 2 - 1e-9, candidate.times[-1] + window_s / 2 + 1e-9
    active = (grid.time_s >= first) & (grid.time_s <= last)
    return Hypothesis(path, active, active, np.zeros(grid.present.shape, bool))


def assign(grid: GazeGrid, hypotheses: list[Hypothesis], reach_deg: float) -> None:
    """Assign all gaze to its hypothesis, within whose domain it must lie."""
    distance = np.full((len(hypotheses), *grid.present.shape), np.inf)
    for k, hypothesis in enumerate(hypotheses):
        away = vector_angle(grid.vectors, hypothesis.path[:, None])
        distance[k] = np.where(hypothesis.domain[:, None] & grid.present, away, np.inf)
    owner = owners(distance, reach_deg)
    for k, hypothesis in enumerate(hypotheses):
        hypothesis.assigned = owner == k


def owners(distance: Array, reach_deg: float) -> NDArray[np.int64]:
    """Return to which event gaze belongs: the nearest within reach, as index along the first axis; -1 for none."""
    if not len(distance):
        return np.full(distance.shape[1:], -1)
    return np.where(distance.min(axis=0) <= reach_deg, distance.argmin(axis=0), -1)


def _refit(grid: GazeGrid, hypothesis: Hypothesis, chance: Chance, settings: EventSettings) -> None:
    """Fit the path to the assigned gaze and find the active frames; without any, the hypothesis is dropped."""
    path, known = fit_path(grid, hypothesis.assigned, hypothesis.width_s)
    if known.any():
        hypothesis.path = path
    distance = vector_angle(grid.vectors, hypothesis.path[:, None])
    own = distance[hypothesis.assigned & hypothesis.active[:, None]]
    spread = np.median(own) / _MEDIAN if len(own) else np.inf
    hypothesis.reach_deg = float(np.clip(_SIGMAS * spread, _LEAST_REACH_DEG, settings.assign_deg))
    near = hypothesis.assigned & (distance <= hypothesis.reach_deg)
    n_watching, n_tracked = (np.where(who, grid.weights, 0.0).sum(axis=1) for who in (near, grid.present))
    by_chance = chance.share(hypothesis.path, hypothesis.reach_deg)
    looks_per_frame = 1 / (chance.look_s * grid.rate)
    active = active_frames(n_watching, n_tracked, by_chance, settings.min_share, looks_per_frame)
    active &= hypothesis.domain & known
    if not active.any():
        reason = f"never clearly watched by {settings.min_share:g} of the observers"
        hypothesis.dropped = Dropped("min_share", reason)
        return
    hypothesis.active = active
    growth = np.ones(2 * round(_GROWTH_S * grid.rate) + 1, dtype=bool)
    hypothesis.domain = np.asarray(binary_dilation(active, growth)) & known
