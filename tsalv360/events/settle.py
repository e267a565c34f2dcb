"""Settling candidates: whose looks are whose, where each event is at every frame, when it begins and ends.

Rounds of two steps, as in expectation maximisation: every look goes to the nearest event within reach; every event's
path is fitted to its looks, and its time is found anew, up to a second further than before at both ends. Between
rounds, what turns out to be the same event twice is dropped, and what goes on as another event is joined to it.
"""

from dataclasses import dataclass, field, replace

import numpy as np
from numpy.typing import NDArray
from scipy.ndimage import binary_dilation

from tsalv360.events.candidates import Candidate
from tsalv360.events.event import Dropped, Settled, broken_rule
from tsalv360.events.paths import PathFit
from tsalv360.events.presence import chance_by_pitch, present
from tsalv360.events.settings import EventSettings
from tsalv360.geometry import Array, interpolate, to_angles, vector_angle
from tsalv360.looks import Looks

_ROUNDS = 12  # an event can grow by as many seconds at both ends
_WIDTH_ROUNDS = 3  # of these, the last chooses anew how smooth paths are
_REACH_S = 1.0  # how far beyond its ends an event is looked for, each round
_JOIN_DEG = 20.0  # farthest apart that two ends can lie; both are extrapolated from few looks
_JOIN_S = 1.5  # time before and after that tells whether one path explains both
_JOIN_RATIO = 1.5  # to which the looks' distance from their path may grow by that


@dataclass(eq=False)
class _Track:
    """A candidate on its way to an event.

    Unit vectors [n_frames, 3]; where looks may go to it, and when it is on [n_frames]; which looks are its own
    [n_frames, n_observers]; σ over time of its path; the share that would look there by chance [n_frames].
    """

    path: Array
    domain: NDArray[np.bool_]
    on: NDArray[np.bool_]
    own: NDArray[np.bool_]
    width_s: float = 0.4
    chance: Array = field(default_factory=lambda: np.zeros(0))
    dropped: Dropped | None = None

    @property
    def ends(self) -> tuple[int, int]:
        """First and last frame in which it is on."""
        frames = np.flatnonzero(self.on)
        return int(frames[0]), int(frames[-1])


def settle(looks: Looks, candidates: list[Candidate], settings: EventSettings) -> list[Settled]:
    """Settle all candidates together; what breaks a rule is returned with `dropped` saying why."""
    tracks = [_begin(looks, candidate, settings.window_s) for candidate in candidates]
    dropped: list[_Track] = []
    for number in range(_ROUNDS):
        _share_out(looks, tracks, settings.assign_deg)
        chance = _chance(looks, tracks, settings.assign_deg)
        for track in tracks:
            _refit(looks, track, chance, settings, choose_width=number % _WIDTH_ROUNDS == _WIDTH_ROUNDS - 1)
        _drop_doubles(tracks, settings.merge_deg)
        dropped += [track for track in tracks if track.dropped]
        tracks = [track for track in tracks if not track.dropped]
        if number < _ROUNDS - 2:  # the last rounds fit what has been joined
            tracks = _joined(looks, tracks, settings)
    _share_out(looks, tracks, settings.assign_deg)
    events = [
        replace(part, dropped=broken_rule(part, looks.rate, settings))
        for track in tracks
        for part in _settled(looks, track, settings).split(settings.max_gap_s * looks.rate)
    ]
    return events + [replace(_settled(looks, track, settings), dropped=track.dropped) for track in dropped]


def take_as_found(looks: Looks, candidates: list[Candidate], settings: EventSettings) -> list[Settled]:
    """The candidates of the published way as events: gaps filled, looks shared out, short ones with their reason."""
    tracks = [_begin(looks, candidate, 0.0) for candidate in candidates]
    _share_out(looks, tracks, settings.assign_deg)
    chance = _chance(looks, tracks, settings.assign_deg)
    for track in tracks:
        track.chance = _at_pitch(chance, track.path)
    rules = replace(settings, min_duration_s=settings.regions.min_duration_s)
    events = [_settled(looks, track, settings) for track in tracks]
    return [replace(event, dropped=broken_rule(event, looks.rate, rules)) for event in events]


def _begin(looks: Looks, candidate: Candidate, window_s: float) -> _Track:
    path = interpolate(candidate.times, np.array(candidate.centres), looks.time_s)
    first, last = candidate.times[0] - window_s / 2 - 1e-9, candidate.times[-1] + window_s / 2 + 1e-9
    on = (looks.time_s >= first) & (looks.time_s <= last)
    return _Track(path, on, on, np.zeros(looks.present.shape, bool))


def _share_out(looks: Looks, tracks: list[_Track], reach_deg: float) -> None:
    """Each look goes to the nearest track within reach, where that may have looks."""
    if not tracks:
        return
    distance = np.stack([vector_angle(looks.vectors, track.path[:, None]) for track in tracks])
    domain = np.stack([track.domain for track in tracks])
    distance = np.where(domain[:, :, None] & looks.present & (distance <= reach_deg), distance, np.inf)
    owner = np.where(np.isfinite(distance.min(axis=0)), distance.argmin(axis=0), -1)
    for k, track in enumerate(tracks):
        track.own = owner == k


def _chance(looks: Looks, tracks: list[_Track], reach_deg: float) -> Array:
    """Share of the looks that would be within reach of a place at each degree of pitch [180], were nothing there."""
    free = looks.present.copy()
    for track in tracks:
        free &= ~track.own
    _, pitch = to_angles(looks.vectors[free])
    return chance_by_pitch(pitch, looks.weights[free], reach_deg, looks.weights[looks.present].sum())


def _at_pitch(chance: Array, path: Array) -> Array:
    """The chance of each degree of pitch [180] along a path [n, 3]."""
    _, pitch = to_angles(path)
    return chance[np.clip((pitch + 90).astype(int), 0, 179)]


def _refit(looks: Looks, track: _Track, chance: Array, settings: EventSettings, choose_width: bool) -> None:
    """Fit the path to the track's looks and find anew when it is on; a track that never is has its reason to drop."""
    fit = PathFit(looks, track.own)
    if choose_width:
        track.width_s = fit.best_width()
    path, known = fit.path(track.width_s)
    if known.any():
        track.path = path
    watching = np.where(track.own, looks.weights, 0.0).sum(axis=1)
    people = np.where(looks.present, looks.weights, 0.0).sum(axis=1)
    track.chance = _at_pitch(chance, track.path)
    on = present(watching, people, track.chance, settings.min_share, looks.rate) & track.domain & known
    if not on.any():
        track.dropped = Dropped("min_share", f"never clearly watched by {settings.min_share:g} of the observers")
        return
    track.on = on
    reach = np.ones(2 * round(_REACH_S * looks.rate) + 1, dtype=bool)
    track.domain = np.asarray(binary_dilation(on, reach)) & known


def _drop_doubles(tracks: list[_Track], merge_deg: float) -> None:
    """Of two tracks that stay close for most of the shorter one's time, the one with fewer looks is to be dropped."""
    tracks = sorted((track for track in tracks if not track.dropped), key=lambda track: -int(track.own.sum()))
    for place, weak in enumerate(tracks):
        for strong in tracks[:place]:
            both = weak.on & strong.on
            close = (vector_angle(weak.path[both], strong.path[both]) < merge_deg).sum()
            if not strong.dropped and close > min(weak.on.sum(), strong.on.sum()) / 2:
                weak.dropped = Dropped("merge_deg", f"stays within {merge_deg:g}° of a stronger event")
                break


def _joined(looks: Looks, tracks: list[_Track], settings: EventSettings) -> list[_Track]:
    """The tracks, with those joined where one goes on, in time and place, about where another ends."""
    joined: list[_Track] = []
    for track in sorted(tracks, key=lambda track: track.ends):
        for earlier in joined:
            last, first = earlier.ends[1], track.ends[0]
            near = last < track.ends[1] and abs(first - last) <= settings.max_gap_s * looks.rate
            if near and _is_one(looks, earlier, track, min(first, last), max(first, last)):
                _append(earlier, track, (first + last) // 2)
                break
        else:
            joined.append(track)
    return joined


def _is_one(looks: Looks, a: _Track, b: _Track, first: int, last: int) -> bool:
    """Whether one path explains the looks at both, around the frames `first` to `last`, about as well as two do."""
    between = slice(first, last + 1)
    if np.median(vector_angle(a.path[between], b.path[between])) > _JOIN_DEG:
        return False
    margin = round(_JOIN_S * looks.rate)
    near = slice(max(0, first - margin), last + 1 + margin)
    around = Looks(looks.time_s[near], looks.vectors[near], looks.weights[near])
    width = max(a.width_s, b.width_s)
    apart = _squares(around, a.own[near], width) + _squares(around, b.own[near], width)
    return _squares(around, (a.own | b.own)[near], width) <= _JOIN_RATIO**2 * apart


def _squares(looks: Looks, own: NDArray[np.bool_], width_s: float) -> float:
    """Sum of the squared distances of looks from the path fitted to them."""
    path, _ = PathFit(looks, own).path(width_s)
    return float((vector_angle(looks.vectors, path[:, None])[own] ** 2).sum())


def _append(track: _Track, later: _Track, middle: int) -> None:
    """Let a track go on as another from the frame after `middle`."""
    for name in ("path", "domain", "on", "own", "chance"):
        getattr(track, name)[middle + 1 :] = getattr(later, name)[middle + 1 :]


def _settled(looks: Looks, track: _Track, settings: EventSettings) -> Settled:
    """The frames in which a track is on, with gaps filled."""
    frames = np.flatnonzero(_filled(track.on, settings.fill_gap_s * looks.rate))
    path, own = track.path[frames], track.own[frames]
    squares = np.where(own, vector_angle(looks.vectors[frames], path[:, None]) ** 2, 0.0).sum(axis=1)
    spread = np.sqrt(squares / np.maximum(own.sum(axis=1), 1))
    people = np.maximum(looks.present[frames].sum(axis=1), 1)
    return Settled(frames, path, spread, own, people, track.chance[frames])


def _filled(on: NDArray[np.bool_], gap: float) -> NDArray[np.bool_]:
    """`on` with the gaps of up to `gap` frames filled."""
    on = on.copy()
    frames = np.flatnonzero(on)
    for before, after in zip(frames[:-1], frames[1:], strict=True):
        if 1 < after - before <= gap + 1:
            on[before:after] = True
    return on
