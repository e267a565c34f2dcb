"""Settling candidates: whose looks are whose, where each event is at every frame, when it begins and ends."""

from dataclasses import dataclass, replace
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray
from scipy.ndimage import gaussian_filter1d, uniform_filter1d

from tsalv360.events.candidates import Candidate
from tsalv360.events.settings import EventSettings
from tsalv360.geometry import Array, interpolate, normalise, to_angles, vector_angle
from tsalv360.looks import Looks

_ROUNDS = 3  # of assigning looks and moving paths; further rounds move them by less than 0.1°
_SMOOTH_S = 0.2  # σ over time of the looks that place an event
_REACH_S = 1.0  # how far before and after its clusters an event is looked for
_EDGE = 0.4  # an event begins and ends where its share falls below this part of its median share


class Dropped(NamedTuple):
    """Why a candidate is no event: the setting that says so, and the measured value beside its limit."""

    rule: str
    reason: str


@dataclass(frozen=True)
class Settled:
    """One event on the frame grid, frame by frame.

    `frames` [n] are indices of the grid, `path` [n, 3] the event's directions as unit vectors, `spread_deg` [n] the
    root mean square distance of its looks, `looking` [n, n_observers] who looks at it, `n_present` [n] how many look
    anywhere.
    """

    frames: NDArray[np.int64]
    path: Array
    spread_deg: Array
    looking: NDArray[np.bool_]
    n_present: NDArray[np.int64]
    dropped: Dropped | None = None

    @property
    def n_observers(self) -> NDArray[np.int64]:
        """Observers looking at it at each frame [n]."""
        return self.looking.sum(axis=1)

    @property
    def n_looks(self) -> int:
        """Looks at it in all."""
        return int(self.looking.sum())

    @property
    def n_watchers(self) -> int:
        """Observers who looked at it at any time."""
        return int(np.any(self.looking, axis=0).sum())

    @property
    def share(self) -> float:
        """Mean share of those present who look at it."""
        return float(np.mean(self.n_observers / np.maximum(self.n_present, 1)))

    def split(self, max_gap: float) -> list["Settled"]:
        """Events of its own where more than `max_gap` frames lie between two of its frames."""
        cuts = np.flatnonzero(np.diff(self.frames) > max_gap + 1) + 1
        arrays = [self.frames, self.path, self.spread_deg, self.looking, self.n_present]
        return [Settled(*parts) for parts in zip(*(np.split(array, cuts) for array in arrays), strict=True)]

    @property
    def stretches(self) -> list[slice]:
        """Runs of consecutive frames, as slices of the arrays."""
        cuts = np.flatnonzero(np.diff(self.frames) > 1) + 1
        edges = [0, *cuts.tolist(), len(self.frames)]
        return [slice(a, b) for a, b in zip(edges[:-1], edges[1:], strict=True)]

    @property
    def direction(self) -> tuple[float, float]:
        """Yaw and pitch in degrees of its mean direction."""
        yaw, pitch = to_angles(self.path.sum(axis=0))
        return float(yaw), float(pitch)

    @property
    def mean_spread_deg(self) -> float:
        """Root mean square of its spread."""
        return float(np.sqrt(np.mean(self.spread_deg**2)))

    @property
    def confidence(self) -> float:
        """√(mean share of the observers × compactness), compactness = 1 / (1 + (spread / 5°)²)."""
        return float(np.sqrt(min(self.share, 1.0) / (1 + (self.mean_spread_deg / 5.0) ** 2)))


def settle(looks: Looks, candidates: list[Candidate], settings: EventSettings) -> list[Settled]:
    """Settle all candidates together; what breaks a rule is returned with `dropped` saying why."""
    candidates = [c for c in candidates if len(c.times) > 1]
    events = _settle_together(looks, candidates, settings)
    doubles = _doubles(events, settings.merge_deg)
    single = [(c, e) for k, (c, e) in enumerate(zip(candidates, events, strict=True)) if e and k not in doubles]
    joined = _joined(single, looks.rate, settings)
    final = [
        replace(part, dropped=_broken_rule(part, looks.rate, settings))
        for event in _settle_together(looks, joined, settings)
        if event
        for part in event.split(settings.max_gap_s * looks.rate)
    ]
    merged = Dropped("merge_deg", f"stays within {settings.merge_deg:g}° of a stronger event")
    return final + [replace(event, dropped=merged) for k in sorted(doubles) if (event := events[k])]


def _joined(pairs: list[tuple[Candidate, Settled]], rate: float, settings: EventSettings) -> list[Candidate]:
    """The candidates, with those joined where one goes on, in time and place, where another ends."""
    pairs = sorted(pairs, key=lambda pair: pair[1].frames[0])
    joined: list[tuple[Candidate, Settled]] = []
    for candidate, event in pairs:
        for place, (earlier, before) in enumerate(joined):
            gap = event.frames[0] - before.frames[-1]
            near = _miss_deg(before.path, event.path[0], gap, round(rate)) <= settings.link_deg
            if near and abs(gap) <= settings.max_gap_s * rate:
                joined[place] = earlier.joined_with(candidate), event
                break
        else:
            joined.append((candidate, event))
    return [candidate for candidate, _ in joined]


def _miss_deg(path: Array, goal: Array, steps: int, memory: int) -> float:
    """How far from `goal` a path [n, 3] ends that stands still, or goes on as in its last `memory` steps."""
    back = min(len(path) - 1, memory)
    ahead = normalise(path[-1] + (path[-1] - path[-1 - back]) * steps / max(1, back))
    return float(min(vector_angle(path[-1], goal), vector_angle(ahead, goal)))


def _settle_together(looks: Looks, candidates: list[Candidate], settings: EventSettings) -> list[Settled | None]:
    if not candidates:
        return []
    paths = np.stack([interpolate(c.times, np.array(c.centres), looks.time_s) for c in candidates])
    near = np.stack([_near_clusters(c, looks.time_s, settings) for c in candidates])
    for _ in range(_ROUNDS):
        owner = _owners(looks, paths, near, settings.assign_deg)
        paths = np.stack([_path(looks, owner == k, paths[k]) for k in range(len(paths))])
    owner = _owners(looks, paths, near, settings.assign_deg)
    return [_settled(looks, owner == k, paths[k], near[k], settings) for k in range(len(paths))]


def _near_clusters(candidate: Candidate, time: Array, settings: EventSettings) -> NDArray[np.bool_]:
    """Frames [n] at or close to a cluster of the candidate."""
    distance = np.abs(time[:, None] - np.array(candidate.times)).min(axis=1)
    return distance <= max(_REACH_S, settings.max_gap_s / 2 + settings.step_s)


def _owners(looks: Looks, paths: Array, near: NDArray[np.bool_], reach_deg: float) -> NDArray[np.int64]:
    """The candidate [n_frames, n_observers] that each look belongs to: the nearest within reach, else −1."""
    distance = vector_angle(looks.vectors[None], paths[:, :, None])
    distance = np.where(near[:, :, None] & looks.present[None] & (distance <= reach_deg), distance, np.inf)
    return np.where(np.isfinite(distance.min(axis=0)), distance.argmin(axis=0), -1)


def _path(looks: Looks, own: NDArray[np.bool_], before: Array) -> Array:
    """Mean direction of the own looks, smoothed over time; where there are none the path stands still."""
    weights = np.where(own, looks.weights, 0.0)
    total = np.einsum("fo,foc->fc", weights, np.nan_to_num(looks.vectors))
    sigma = _SMOOTH_S * looks.rate
    smooth = gaussian_filter1d(total, sigma, axis=0, mode="constant", truncate=3)
    known = np.linalg.norm(smooth, axis=1) > 1e-3
    if not known.any():
        return before
    return interpolate(looks.time_s[known], normalise(smooth[known]), looks.time_s)


def _settled(
    looks: Looks, own: NDArray[np.bool_], path: Array, near: NDArray[np.bool_], settings: EventSettings
) -> Settled | None:
    """The frames in which enough of those present look, with gaps filled; None when there are none at all."""
    watching = own.sum(axis=1)
    present = np.maximum(looks.present.sum(axis=1), 1)
    share = uniform_filter1d(watching / present, size=max(1, round(settings.window_s * looks.rate)), mode="constant")
    typical = np.median(share[near & (share > 0)]) if (near & (share > 0)).any() else 0.0
    alive = near & (share >= max(_EDGE * typical, settings.min_share)) & (share > 0)
    frames = np.flatnonzero(_fill(alive, settings.fill_gap_s * looks.rate))
    if not len(frames):
        return None
    squares = np.where(own, vector_angle(looks.vectors, path[:, None]) ** 2, 0.0)[frames].sum(axis=1)
    spread = np.sqrt(squares / np.maximum(watching[frames], 1))
    return Settled(frames, path[frames], spread, own[frames], present[frames])


def _fill(alive: NDArray[np.bool_], gap: float) -> NDArray[np.bool_]:
    """`alive` with the gaps of up to `gap` frames filled."""
    alive = alive.copy()
    frames = np.flatnonzero(alive)
    for before, after in zip(frames[:-1], frames[1:], strict=True):
        if 1 < after - before <= gap + 1:
            alive[before:after] = True
    return alive


def _broken_rule(event: Settled, rate: float, settings: EventSettings) -> Dropped | None:
    duration = len(event.frames) / rate
    if duration < settings.min_duration_s:
        return Dropped("min_duration_s", f"lasts {duration:.2f} s, less than {settings.min_duration_s:g} s")
    if event.n_watchers < settings.min_observers:
        return Dropped("min_observers", f"{event.n_watchers} observers, fewer than {settings.min_observers}")
    if event.share < settings.min_share:
        return Dropped("min_share", f"{event.share:.3f} of the observers, less than {settings.min_share:g}")
    if event.mean_spread_deg > settings.max_spread_deg:
        return Dropped("max_spread_deg", f"spread {event.mean_spread_deg:.1f}°, more than {settings.max_spread_deg:g}°")
    return None


def _doubles(events: list[Settled | None], merge_deg: float) -> set[int]:
    """Indices of events within `merge_deg` of one with more looks, for most of the time of the shorter one."""
    order = sorted((k for k, event in enumerate(events) if event), key=lambda k: -events[k].n_looks)  # type: ignore[union-attr]
    doubles: set[int] = set()
    for place, k in enumerate(order):
        for other in order[:place]:
            weak, strong = events[k], events[other]
            if other in doubles or weak is None or strong is None:
                continue
            _, a, b = np.intersect1d(weak.frames, strong.frames, return_indices=True)
            close = (vector_angle(weak.path[a], strong.path[b]) < merge_deg).sum()
            if close > min(len(weak.frames), len(strong.frames)) / 2:
                doubles.add(k)
    return doubles
