"""Settling candidates: whose looks are whose, where each event is at every frame, when it begins and ends.

Rounds of two steps, as in expectation maximisation: every look goes to the nearest event within reach; every event's
path is fitted to its looks, and its time is found anew, up to a second further than before at both ends. Between
rounds, what turns out to be the same event twice is dropped, and what goes on as another event is joined to it.
"""

from dataclasses import replace

import numpy as np
from numpy.typing import NDArray
from scipy.ndimage import binary_dilation

from tsalv360.contracts.gaze_grid import Looks
from tsalv360.events.activity import Background, present
from tsalv360.events.clusters import Candidate
from tsalv360.events.hypothesis import Draft, Dropped, PathFit, Settled, broken_rule
from tsalv360.events.merge_split import drop_doubles, join, part, untangle
from tsalv360.events.settings import EventSettings
from tsalv360.sphere.directions import Array, interpolate, to_angles, vector_angle

_ROUNDS = 12  # an event can grow by as many seconds at both ends
_WIDTH_ROUNDS = 3  # of these, the last chooses anew how smooth paths are
_EXPLORER = 0.3  # how much an observer counts who has not looked at any event yet
_SIGMAS = 2.5  # standard deviations along each axis within which looks count: 96 % of a normal distribution
_MEDIAN = np.sqrt(2 * np.log(2))  # of the distance in a normal distribution on the plane, in standard deviations
_LEAST_REACH_DEG = 5.0  # an eye tracker's error is a degree or two
_REACH_S = 1.0  # how far beyond its ends an event is looked for, each round


def settle(looks: Looks, candidates: list[Candidate], settings: EventSettings) -> list[Settled]:
    """Settle all candidates together; what breaks a rule is returned with `dropped` saying why."""
    drafts = [_begin(looks, candidate, settings.window_s) for candidate in candidates]
    dropped: list[Draft] = []
    for number in range(_ROUNDS):
        _share_out(looks, drafts, settings.assign_deg)
        background = _background(looks, drafts)
        for draft in drafts:
            _refit(looks, draft, background, settings, choose_width=number % _WIDTH_ROUNDS == _WIDTH_ROUNDS - 1)
        drop_doubles(drafts, settings.merge_deg)
        dropped += [draft for draft in drafts if draft.dropped]
        drafts = [draft for draft in drafts if not draft.dropped]
        if number < _ROUNDS - 2:  # the last rounds fit what has been joined, parted and untangled
            drafts = join(looks, drafts, settings.max_gap_s)
        elif number == _ROUNDS - 2:
            drafts = part(looks, drafts, settings.max_gap_s)
            untangle(looks, drafts, settings.merge_deg)
    _share_out(looks, drafts, settings.assign_deg)
    events = [
        replace(part, dropped=broken_rule(part, looks.rate, settings))
        for draft in drafts
        for part in _settled(looks, draft, settings).split(settings.max_gap_s * looks.rate)
    ]
    return events + [replace(_settled(looks, draft, settings), dropped=draft.dropped) for draft in dropped]


def take_as_found(looks: Looks, candidates: list[Candidate], settings: EventSettings) -> list[Settled]:
    """The candidates of the published way as events: gaps filled, looks shared out, short ones with their reason."""
    drafts = [_begin(looks, candidate, 0.0) for candidate in candidates]
    _share_out(looks, drafts, settings.assign_deg)
    background = _background(looks, drafts)
    for draft in drafts:
        draft.chance = background.chance(draft.path, settings.assign_deg)
    rules = replace(settings, min_duration_s=settings.regions.min_duration_s)
    events = [_settled(looks, draft, settings) for draft in drafts]
    return [replace(event, dropped=broken_rule(event, looks.rate, rules)) for event in events]


def _begin(looks: Looks, candidate: Candidate, window_s: float) -> Draft:
    path = interpolate(candidate.times, np.array(candidate.centres), looks.time_s)
    first, last = candidate.times[0] - window_s / 2 - 1e-9, candidate.times[-1] + window_s / 2 + 1e-9
    on = (looks.time_s >= first) & (looks.time_s <= last)
    return Draft(path, on, on, np.zeros(looks.present.shape, bool), np.zeros(len(on)))


def _share_out(looks: Looks, drafts: list[Draft], reach_deg: float) -> None:
    """Each look goes to the nearest draft within reach, where that may have looks."""
    if not drafts:
        return
    distance = np.stack([vector_angle(looks.vectors, draft.path[:, None]) for draft in drafts])
    domain = np.stack([draft.domain for draft in drafts])
    distance = np.where(domain[:, :, None] & looks.present & (distance <= reach_deg), distance, np.inf)
    owner = np.where(np.isfinite(distance.min(axis=0)), distance.argmin(axis=0), -1)
    for k, draft in enumerate(drafts):
        draft.own = owner == k


def _background(looks: Looks, drafts: list[Draft]) -> Background:
    """What all but the drafts draw: who looks anywhere, and at which pitches those look that look at no draft."""
    watching = np.zeros(looks.present.shape, dtype=bool)
    for draft in drafts:
        watching |= draft.own
    explores = ~np.logical_or.accumulate(watching, axis=0)  # until the first look at any event
    people = np.where(explores, _EXPLORER, 1.0) * np.where(looks.present, looks.weights, 0.0)
    free = looks.present & ~watching
    _, pitch = to_angles(looks.vectors[free])
    return Background(people.sum(axis=1), pitch, looks.weights[free], float(looks.weights[looks.present].sum()))


def _refit(looks: Looks, draft: Draft, background: Background, settings: EventSettings, choose_width: bool) -> None:
    """Fit the path to the draft's looks and find anew when it is on; a draft that never is has its reason to drop."""
    fit = PathFit(looks, draft.own)
    if choose_width:
        draft.width_s = fit.best_width()
    path, known = fit.path(draft.width_s)
    if known.any():
        draft.path = path
    distance = np.where(draft.own, vector_angle(looks.vectors, draft.path[:, None]), np.inf)
    reach = _reach(distance[draft.on], settings.assign_deg)
    watching = np.where(distance <= reach, looks.weights, 0.0).sum(axis=1)
    draft.chance = background.chance(draft.path, settings.assign_deg)
    chance = background.chance(draft.path, reach)
    on = present(watching, background.people, chance, settings.min_share, looks.rate) & draft.domain & known
    if not on.any():
        draft.dropped = Dropped("min_share", f"never clearly watched by {settings.min_share:g} of the observers")
        return
    draft.on = on
    around = np.ones(2 * round(_REACH_S * looks.rate) + 1, dtype=bool)
    draft.domain = np.asarray(binary_dilation(on, around)) & known


def _reach(distance: Array, assign_deg: float) -> float:
    """Distance in degrees within which nearly all of an event's looks lie, from theirs; infinite of the others."""
    own = distance[np.isfinite(distance)]
    if not len(own):
        return assign_deg
    return float(np.clip(_SIGMAS * np.median(own) / _MEDIAN, _LEAST_REACH_DEG, assign_deg))


def _settled(looks: Looks, draft: Draft, settings: EventSettings) -> Settled:
    """The frames in which a draft is on, with gaps filled."""
    frames = np.flatnonzero(_filled(draft.on, settings.fill_gap_s * looks.rate))
    path, own = draft.path[frames], draft.own[frames]
    squares = np.where(own, vector_angle(looks.vectors[frames], path[:, None]) ** 2, 0.0).sum(axis=1)
    spread = np.sqrt(squares / np.maximum(own.sum(axis=1), 1))
    people = np.maximum(looks.present[frames].sum(axis=1), 1)
    return Settled(frames, path, spread, own, people, draft.chance[frames])


def _filled(on: NDArray[np.bool_], gap: float) -> NDArray[np.bool_]:
    """`on` with the gaps of up to `gap` frames filled."""
    on = on.copy()
    frames = np.flatnonzero(on)
    for before, after in zip(frames[:-1], frames[1:], strict=True):
        if 1 < after - before <= gap + 1:
            on[before:after] = True
    return on
