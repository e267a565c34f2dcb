"""Simulated observers of known events, harder and more varied than the demo's, to test and tune detection.

A scenario has one to seven events that overlap in time: static, drifting, crossing one another, handing over to one
another, on the seam, near a pole, or 25° apart. Observers dwell for 0.2 to 0.9 s on an event or anywhere, some stay
with an event for several dwells, and all explore at the start. Nothing here depends on how events are detected.
"""

from dataclasses import dataclass, field, replace
from itertools import combinations
from typing import Literal

import numpy as np
import pandas as pd
from numpy.typing import ArrayLike, NDArray

from tsalv360.contracts.grid import frame_numbers
from tsalv360.metrics.events import Track
from tsalv360.sources.demo.scene import great_circle
from tsalv360.sources.recording import fixations_table
from tsalv360.sphere.directions import Array, normalise, to_angles, to_vectors, vector_angle

KINDS = ("static", "drifting", "crossing", "handing over", "seam", "pole", "neighbours")
_RATES = (24.0, 25.0, 30000 / 1001, 30.0, 60.0)
_APART_DEG = 25.0  # between events that are watched at the same time, except those that cross
_LEAST_SHARE = 0.18
_FASTEST_DEG_S = 18.0
_SACCADE_S = 0.03
_SHORTEST_DWELL_S = 0.1
_PAUSE_S = 5.0  # within this time no event begins where another ended


@dataclass(frozen=True)
class ScenarioEvent:
    """An event: from `start_s` to `end_s` on a great circle from `start` towards `ahead` at `speed` in °/s.

    `appeal` is how strongly it attracts gaze, `spread_deg` the standard deviation of the gaze along each axis.
    """

    kind: str
    start_s: float
    end_s: float
    start: Array
    ahead: Array
    speed: float
    appeal: float
    spread_deg: float

    def at(self, time_s: ArrayLike) -> Array:
        """Return unit vectors [..., 3] at times."""
        angle = self.speed * (np.asarray(time_s, dtype=float) - self.start_s)
        return great_circle(self.start, self.ahead, angle)[0]


@dataclass(frozen=True)
class Scenario:
    """Events, and how observers watch them.

    `anywhere` is the share of dwells anywhere, `again` the share of the others that stay with the event of the dwell
    before, `form` what is recorded.
    """

    seed: int
    duration_s: float
    fps: float
    n_observers: int
    anywhere: float
    explore_s: float
    form: Literal["fixations", "samples"]
    again: float = 0.0
    events: list[ScenarioEvent] = field(default_factory=list)

    def tracks(self) -> list[Track]:
        """Return the directions of the events on the 16 fps grid."""
        grid = np.array(frame_numbers(self.fps, int(self.duration_s * self.fps), 0)) / self.fps
        times = [grid[(grid >= event.start_s) & (grid < event.end_s)] for event in self.events]
        return [Track(time_s, *to_angles(event.at(time_s))) for event, time_s in zip(self.events, times, strict=True)]


def draw_scenario(seed: int) -> Scenario:
    """Return a random scenario, the same one for the same seed."""
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
    events: list[ScenarioEvent] = []
    for _ in range(60):
        if len(events) >= wanted:
            break
        more = [*events, *_propose(rng, scenario.duration_s)]
        if len(more) <= 7 and _are_distinct(more, scenario):
            events = more
    events.sort(key=lambda event: event.start_s)
    return replace(scenario, again=float(rng.choice([0, 0.6])), events=events)


def _propose(rng: np.random.Generator, duration_s: float) -> list[ScenarioEvent]:
    """Return one event of some kind, or two that belong together."""
    kind = str(rng.choice(KINDS))
    length = rng.uniform(3, min(20, duration_s))
    start_s = rng.uniform(0, duration_s - length)
    if rng.random() < 0.25:
        start_s = 0.0
    appeal, spread = rng.uniform(0.4, 1), rng.uniform(0.5, 6.0)
    speed = 0.0 if kind in ("static", "neighbours", "handing over") else rng.uniform(2, _FASTEST_DEG_S)
    yaw, pitch = rng.uniform(-180, 180), np.degrees(np.arcsin(rng.uniform(-0.8, 0.8)))
    if kind == "seam":
        yaw = 180 + rng.uniform(-15, 15)
    if kind == "pole":
        pitch, speed = float(rng.choice([-1, 1])) * rng.uniform(80, 90), rng.uniform(0, 6)
    middle, end_s = to_vectors(yaw, pitch), start_s + length
    ahead = _tangent(rng, middle)

    def event(middle: Array, ahead: Array, start_s: float, end_s: float, speed: float) -> ScenarioEvent:
        """Return an event that is at `middle`, heading `ahead`, in the middle of its time."""
        path = great_circle(middle, ahead, -speed * (end_s - start_s) / 2)
        return ScenarioEvent(kind, start_s, end_s, *path, speed, appeal, spread)

    events = [event(middle, ahead, start_s, end_s, speed)]
    if kind == "crossing":
        side = np.asarray(np.cross(middle, ahead), dtype=float)
        other, _ = great_circle(ahead, side, rng.uniform(50, 130))
        events.append(event(middle, other, start_s, end_s, max(speed, 6)))
    if kind == "neighbours":
        place, _ = great_circle(middle, ahead, _APART_DEG)
        events.append(event(place, _tangent(rng, place), start_s, end_s, 0))
    if kind == "handing over" and (rest := duration_s - end_s) > 3:
        place, _ = great_circle(middle, ahead, rng.uniform(25, 120))
        later_s = end_s + rng.uniform(3, min(rest, 15))
        events.append(event(place, _tangent(rng, place), end_s, later_s, 0))
    return events


def _tangent(rng: np.random.Generator, vector: Array) -> Array:
    random = rng.normal(size=3)
    return normalise(random - (random @ vector) * vector)


def _are_distinct(events: list[ScenarioEvent], scenario: Scenario) -> bool:
    """Return whether each event is watched enough at all times, and all are apart except where they cross."""
    grid = np.arange(0, scenario.duration_s, 0.1)
    alive = np.array([(grid >= event.start_s) & (grid < event.end_s) for event in events])
    appeal = np.array([event.appeal for event in events])[:, None] * alive
    share = (1 - scenario.anywhere) * appeal / np.maximum(appeal.sum(axis=0), 1e-9)
    if share[alive].min() < _LEAST_SHARE:
        return False
    for (one, one_alive), (other, other_alive) in combinations(zip(events, alive, strict=True), 2):
        both = grid[one_alive & other_alive]
        near = vector_angle(one.at(both), other.at(both)) < _APART_DEG - 0.5
        crossing = one.kind == other.kind == "crossing" and one.start_s == other.start_s
        if near.sum() > (len(both) * 0.4 if crossing else 0):
            return False
        first, second = (other, one) if other.end_s <= one.start_s else (one, other)
        continued = vector_angle(first.at(first.end_s), second.at(second.start_s)) < _APART_DEG - 0.5
        if 0 <= second.start_s - first.end_s < _PAUSE_S and continued:
            return False  # observers would see one event
    return True


def simulate_gaze(scenario: Scenario) -> pd.DataFrame:
    """Return the observers' gaze as rows of the fixations table; samples are those of fixations and pursuit."""
    rng = np.random.default_rng([21, scenario.seed])
    parts = [_observe(rng, scenario, f"p{k:02d}") for k in range(scenario.n_observers)]
    return pd.concat(parts, ignore_index=True)


def _observe(rng: np.random.Generator, scenario: Scenario, name: str) -> pd.DataFrame:
    """Return the rows of one observer."""
    starts, targets, offsets = _dwells(rng, scenario)
    dwell: NDArray[np.intp]  # of each row
    if scenario.form == "fixations":
        times, dwell = starts, np.arange(len(starts))
        lasts = np.diff(starts, append=scenario.duration_s) - _SACCADE_S
        seen, fixation = times + lasts / 2, dwell
    else:
        times = np.arange(int(scenario.duration_s * scenario.fps)) / scenario.fps
        dwell = np.clip(np.searchsorted(starts, times, side="right") - 1, 0, None)
        kept = (times - starts[dwell] >= _SACCADE_S) & (rng.random(len(times)) >= 0.02)
        seen, dwell = times[kept], dwell[kept]
        times, lasts, fixation = seen, np.full(len(seen), 1 / scenario.fps), np.full(len(seen), -1)
    vectors = offsets[dwell]
    for k, event in enumerate(scenario.events):
        own = targets[dwell] == k
        centre = event.at(np.clip(seen[own], event.start_s, event.end_s))
        vectors[own] = normalise(centre + vectors[own] - (vectors[own] * centre).sum(-1, keepdims=True) * centre)
    if scenario.form == "samples":
        vectors = normalise(vectors + rng.normal(0, np.radians(0.3), vectors.shape))
    frame = np.rint(times * scenario.fps)
    return fixations_table([name] * len(times), times, lasts, frame, *to_angles(vectors), fixation)


def _dwells(rng: np.random.Generator, scenario: Scenario) -> tuple[Array, NDArray[np.intp], Array]:
    """Return an observer's dwells: starts [n], events [n] (−1: none), and offsets from them, or places, [n, 3]."""
    dwells: list[tuple[float, int, Array]] = []
    time_s, target = 0.0, -1
    explores_s = rng.exponential(scenario.explore_s) if scenario.explore_s else 0.0
    while time_s < scenario.duration_s - _SHORTEST_DWELL_S:
        alive = [k for k, event in enumerate(scenario.events) if event.start_s <= time_s < event.end_s]
        if not alive or time_s < explores_s or rng.random() < scenario.anywhere:
            target = -1
        elif target not in alive or rng.random() >= scenario.again:
            appeal = np.array([scenario.events[k].appeal for k in alive])
            target = int(rng.choice(alive, p=appeal / appeal.sum()))
        event = scenario.events[target] if target >= 0 else None
        offset = rng.normal(0, np.radians(event.spread_deg) if event else 1.0, 3)
        dwells.append((time_s, target, offset if event else normalise(offset)))
        end_s = time_s + rng.uniform(0.2, 0.9)
        time_s = min(end_s, max(event.end_s + 0.05, time_s + _SHORTEST_DWELL_S)) if event else end_s
    starts, targets, offsets = zip(*dwells, strict=True)
    return np.array(starts), np.array(targets), np.array(offsets)
