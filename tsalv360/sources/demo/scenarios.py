"""Simulated observers whose events are known: harder and more various than the demo's, to judge and tune detection.

A scenario has one to seven events that overlap in time: static, drifting, crossing one another, handing over to one
another, over the seam, near a pole, or 25° apart. Observers look for a fifth of a second to a whole one at an event, or
anywhere, some stay with an event for several looks, and all explore at the start. Nothing here knows how events are
detected.
"""

from dataclasses import dataclass, field, replace
from typing import Literal

import numpy as np
import pandas as pd
from numpy.typing import ArrayLike, NDArray

from tsalv360.contracts.grid import frame_numbers
from tsalv360.metrics.events import Track
from tsalv360.sources.recording import fixations_table
from tsalv360.sphere.directions import Array, normalise, to_angles, to_vectors, vector_angle

KINDS = ("static", "drifting", "crossing", "handing over", "seam", "pole", "neighbours")
_RATES = (24.0, 25.0, 30000 / 1001, 30.0, 60.0)
_APART_DEG = 25.0  # between events that are watched at the same time, but for those that cross
_LEAST_SHARE = 0.18
_FASTEST_DEG_S = 18.0
_SACCADE_S = 0.03
_SHORTEST_LOOK_S = 0.1
_PAUSE_S = 5.0  # within which one event must not begin where another ended


@dataclass(frozen=True)
class Watched:
    """An event: from `start_s` to `end_s` on a great circle from `start` along `way` at `speed` in °/s.

    `appeal` is how strongly it draws looks, `spread_deg` their standard deviation along each axis.
    """

    kind: str
    start_s: float
    end_s: float
    start: Array
    way: Array
    speed: float
    appeal: float
    spread_deg: float

    def at(self, time_s: ArrayLike) -> Array:
        """Unit vectors [..., 3] at times."""
        angle = np.radians(self.speed * (np.asarray(time_s, dtype=float) - self.start_s))[..., None]
        return np.cos(angle) * self.start + np.sin(angle) * self.way


@dataclass(frozen=True)
class Scenario:
    """What is watched and how.

    `anywhere` is the share of looks that go anywhere, `again` that of the others that stay with the event of the look
    before, `form` what is recorded of them.
    """

    seed: int
    duration_s: float
    fps: float
    n_observers: int
    anywhere: float
    explore_s: float
    form: Literal["fixations", "samples"]
    again: float = 0.0
    events: list[Watched] = field(default_factory=list)

    def tracks(self) -> list[Track]:
        """Where the events are on the 16 fps grid."""
        grid = np.array(frame_numbers(self.fps, int(self.duration_s * self.fps), 0)) / self.fps
        tracks = []
        for event in self.events:
            time_s = grid[(grid >= event.start_s) & (grid < event.end_s)]
            tracks.append(Track(time_s, *to_angles(event.at(time_s))))
        return tracks


def draw_scenario(seed: int) -> Scenario:
    """A scenario; the same seed gives the same one."""
    rng = np.random.default_rng([20, seed])
    scenario = Scenario(
        seed=seed,
        duration_s=rng.uniform(10, 45),
        fps=float(rng.choice(_RATES)),
        n_observers=int(rng.integers(14, 32)),
        anywhere=rng.uniform(0, 0.3),
        explore_s=rng.uniform(0, 2.5),
        form="samples" if rng.random() < 0.5 else "fixations",
    )
    wanted = int(rng.integers(1, 8))
    for _ in range(60):
        if len(scenario.events) >= wanted:
            break
        new = _propose(rng, scenario)
        if len(scenario.events) + len(new) <= 7 and _fit(scenario, new):
            scenario.events.extend(new)
    scenario.events.sort(key=lambda event: event.start_s)
    return replace(scenario, again=float(rng.choice([0, 0.6])))


def _propose(rng: np.random.Generator, scenario: Scenario) -> list[Watched]:
    """One event of some kind, or two that belong together."""
    kind = str(rng.choice(KINDS))
    length = rng.uniform(3, min(20, scenario.duration_s))
    start_s = rng.uniform(0, scenario.duration_s - length)
    if rng.random() < 0.25:
        start_s = 0.0
    appeal, spread = rng.uniform(0.4, 1), rng.uniform(0.5, 6.0)
    speed = 0.0 if kind in ("static", "neighbours", "handing over") else rng.uniform(2, _FASTEST_DEG_S)
    yaw, pitch = rng.uniform(-180, 180), np.degrees(np.arcsin(rng.uniform(-0.8, 0.8)))
    if kind == "seam":
        yaw = 180 + rng.uniform(-15, 15)
    if kind == "pole":
        pitch, speed = float(rng.choice([-1, 1])) * rng.uniform(80, 90), rng.uniform(0, 6)
    middle = to_vectors(yaw, pitch)
    way = _tangent(rng, middle)
    first = _through(kind, middle, way, start_s, start_s + length, speed, appeal, spread)
    if kind == "crossing":
        turned = np.radians(rng.uniform(50, 130))
        other = np.cos(turned) * way + np.sin(turned) * np.cross(middle, way)
        return [first, _through(kind, middle, other, start_s, start_s + length, max(speed, 6), appeal, spread)]
    if kind == "neighbours":
        place = np.cos(np.radians(25)) * middle + np.sin(np.radians(25)) * way
        return [first, _through(kind, place, _tangent(rng, place), start_s, start_s + length, 0, appeal, spread)]
    if kind == "handing over" and (rest := scenario.duration_s - first.end_s) > 3:
        away = np.radians(rng.uniform(25, 120))
        place = np.cos(away) * middle + np.sin(away) * way
        end_s = first.end_s + rng.uniform(3, min(rest, 15))
        return [first, _through(kind, place, _tangent(rng, place), first.end_s, end_s, 0, appeal, spread)]
    return [first]


def _through(
    kind: str, middle: Array, way: Array, start_s: float, end_s: float, speed: float, appeal: float, spread: float
) -> Watched:
    """An event that is at `middle`, heading along `way`, in the middle of its time."""
    back = np.radians(speed * (end_s - start_s) / 2)
    start = np.cos(back) * middle - np.sin(back) * way
    return Watched(kind, start_s, end_s, start, np.sin(back) * middle + np.cos(back) * way, speed, appeal, spread)


def _tangent(rng: np.random.Generator, vector: Array) -> Array:
    random = rng.normal(size=3)
    return normalise(random - (random @ vector) * vector)


def _fit(scenario: Scenario, new: list[Watched]) -> bool:
    """Whether each event is watched enough at all times, and all lie apart but where they are to cross."""
    events = [*scenario.events, *new]
    grid = np.arange(0, scenario.duration_s, 0.1)
    alive = np.array([(grid >= event.start_s) & (grid < event.end_s) for event in events])
    appeal = np.array([event.appeal for event in events])[:, None] * alive
    share = (1 - scenario.anywhere) * appeal / np.maximum(appeal.sum(axis=0), 1e-9)
    if share[alive].min() < _LEAST_SHARE:
        return False
    for k, one in enumerate(events):
        for j, other in enumerate(events[:k]):
            both = grid[alive[k] & alive[j]]
            near = vector_angle(one.at(both), other.at(both)) < _APART_DEG - 0.5
            crossing = one.kind == other.kind == "crossing" and one.start_s == other.start_s
            if near.sum() > (len(both) * 0.4 if crossing else 0):
                return False
            first, second = (one, other) if one.end_s <= other.start_s else (other, one)
            goes_on = vector_angle(first.at(first.end_s), second.at(second.start_s)) < _APART_DEG - 0.5
            if 0 <= second.start_s - first.end_s < _PAUSE_S and goes_on:
                return False  # the same event to everyone
    return True


def simulate_gaze(scenario: Scenario) -> pd.DataFrame:
    """The observers' gaze, in the columns of the fixations table; samples are those of fixations and pursuit."""
    rng = np.random.default_rng([21, scenario.seed])
    parts = [_observe(rng, scenario, f"p{k:02d}") for k in range(scenario.n_observers)]
    return pd.concat(parts, ignore_index=True)


def _observe(rng: np.random.Generator, scenario: Scenario, name: str) -> pd.DataFrame:
    starts, ends, targets, offsets = _looks(rng, scenario)
    times: Array
    look: NDArray[np.int64]
    if scenario.form == "fixations":
        times, lasts, look = starts, ends - starts - _SACCADE_S, np.arange(len(starts), dtype=np.int64)
        seen = times + lasts / 2
        fixation = look
    else:
        frame = np.arange(int(scenario.duration_s * scenario.fps))
        times = frame / scenario.fps
        look = np.clip(np.searchsorted(starts, times, side="right") - 1, 0, None)
        saccade = (times - starts[look] < _SACCADE_S) | (rng.random(len(times)) < 0.02)
        times, look = times[~saccade], look[~saccade]
        lasts, seen, fixation = np.full(len(times), 1 / scenario.fps), times, np.full(len(times), -1)
    vectors = offsets[look].copy()
    for k, event in enumerate(scenario.events):
        own = targets[look] == k
        centre = event.at(np.clip(seen[own], event.start_s, event.end_s))
        vectors[own] = normalise(
            centre + offsets[look[own]] - (offsets[look[own]] * centre).sum(-1, keepdims=True) * centre
        )
    if scenario.form == "samples":
        vectors = normalise(vectors + rng.normal(0, np.radians(0.3), vectors.shape))
    yaw, pitch = to_angles(vectors)
    return fixations_table(
        [name] * len(times), times, lasts, np.rint(times * scenario.fps).astype(int), yaw, pitch, fixation
    )


def _looks(rng: np.random.Generator, scenario: Scenario) -> tuple[Array, Array, NDArray[np.int64], Array]:
    """Starts and ends of an observer's looks, the event each goes to (or −1), and its offset from it (or its place)."""
    starts: list[float] = []
    targets: list[int] = []
    offsets: list[Array] = []
    time = 0.0
    explores = rng.exponential(scenario.explore_s) if scenario.explore_s else 0.0
    while time < scenario.duration_s - _SHORTEST_LOOK_S:
        alive = [k for k, event in enumerate(scenario.events) if event.start_s <= time < event.end_s]
        target = -1
        if alive and time >= explores and rng.random() >= scenario.anywhere:
            if targets[-1:] and targets[-1] in alive and rng.random() < scenario.again:
                target = targets[-1]
            else:
                appeal = np.array([scenario.events[k].appeal for k in alive])
                target = int(rng.choice(alive, p=appeal / appeal.sum()))
        starts.append(time)
        targets.append(target)
        if target >= 0:
            offsets.append(rng.normal(0, np.radians(scenario.events[target].spread_deg), 3))
        else:
            offsets.append(normalise(rng.normal(size=3)))
        time += rng.uniform(0.2, 0.9)
        if target >= 0:
            time = min(time, max(scenario.events[target].end_s + 0.05, starts[-1] + _SHORTEST_LOOK_S))
    begins = np.array(starts)
    return begins, np.append(begins[1:], scenario.duration_s), np.array(targets), np.array(offsets)
