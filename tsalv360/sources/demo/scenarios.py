"""Simulated observers of known events, more varied than the demo's, to test and tune detection.

A scenario has one to seven events that overlap in time: static, drifting, crossing one another, handing over to one
another, on the seam, near a pole, or 25° apart; most are near the front and the horizon, as in real videos. 12 % of the
observers or more watch each, 30 to 60 % watch none. Nothing here depends on how events are detected.
"""

from dataclasses import dataclass, field, replace
from itertools import combinations
from typing import NamedTuple

import numpy as np
import pandas as pd
from numpy.typing import ArrayLike

from tsalv360.contracts.grid import frame_numbers
from tsalv360.metrics.events import Track
from tsalv360.sources.demo.observers import SimulatedViewing, simulate, watched_spans
from tsalv360.sources.demo.scene import ELSEWHERE, great_circle
from tsalv360.sources.recording import fixations_table
from tsalv360.sphere.directions import Array, normalise, to_angles, to_vectors, vector_angle

KINDS = {  # and how many of ten events are proposed as such
    "static": 2,
    "drifting": 3,
    "crossing": 1,
    "handing over": 1,
    "seam": 1,
    "pole": 1,
    "neighbours": 1,
}
_YAW_DEG, _PITCH_DEG = 60.0, 12.0  # standard deviation of places, in the middle of an event
_RATES = (24.0, 25.0, 30000 / 1001, 30.0, 60.0)
_APART_DEG = 25.0  # between events that are watched at the same time, except those that cross
_LEAST_SHARE = 0.12
_FASTEST_DEG_S = 18.0
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

    def direction(self, time_s: ArrayLike) -> Array:
        """Return unit vectors [..., 3] at times."""
        angle = self.speed * (np.asarray(time_s, dtype=float) - self.start_s)
        return great_circle(self.start, self.ahead, angle)[0]


@dataclass(frozen=True)
class Scenario:
    """Events, and the observers who watch them; `elsewhere` is the share of visits to none of them."""

    seed: int
    duration_s: float
    fps: float
    n_observers: int
    elsewhere: float
    events: list[ScenarioEvent] = field(default_factory=list)

    @property
    def times(self) -> Array:
        """Times of the frames in seconds."""
        return np.arange(int(self.duration_s * self.fps)) / self.fps


class Observed(NamedTuple):
    """How a scenario was watched: gaze samples as rows of the fixations table; kind and track of each watched event."""

    gaze: pd.DataFrame
    kinds: list[str]
    tracks: list[Track]


def draw_scenario(seed: int) -> Scenario:
    """Return a random scenario, the same one for the same seed."""
    rng = np.random.default_rng([20, seed])
    scenario = Scenario(
        seed=seed,
        duration_s=rng.uniform(10, 45),
        fps=float(rng.choice(_RATES)),
        n_observers=int(rng.integers(20, 41)),
        elsewhere=rng.uniform(*ELSEWHERE),
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
    return replace(scenario, events=events)


def _propose(rng: np.random.Generator, duration_s: float) -> list[ScenarioEvent]:
    """Return one event of some kind, or two that belong together."""
    kind = str(rng.choice(list(KINDS), p=np.array(list(KINDS.values())) / 10))
    length = rng.uniform(3, min(20, duration_s))
    start_s = rng.uniform(0, duration_s - length)
    if rng.random() < 0.25:
        start_s = 0.0
    appeal, spread = rng.uniform(0.4, 1), rng.uniform(0.5, 6.0)
    speed = 0.0 if kind in ("static", "neighbours", "handing over") else rng.uniform(2, _FASTEST_DEG_S)
    yaw, pitch = rng.normal(0, _YAW_DEG), float(np.clip(rng.normal(0, _PITCH_DEG), -80, 80))
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
    share = (1 - scenario.elsewhere) * appeal / np.maximum(appeal.sum(axis=0), 1e-9)
    if share[alive].min() < _LEAST_SHARE:
        return False
    for (one, one_alive), (other, other_alive) in combinations(zip(events, alive, strict=True), 2):
        both = grid[one_alive & other_alive]
        near = vector_angle(one.direction(both), other.direction(both)) < _APART_DEG - 0.5
        crossing = one.kind == other.kind == "crossing" and one.start_s == other.start_s
        if near.sum() > (len(both) * 0.4 if crossing else 0):
            return False
        first, second = (other, one) if other.end_s <= one.start_s else (one, other)
        continued = vector_angle(first.direction(first.end_s), second.direction(second.start_s)) < _APART_DEG - 0.5
        if 0 <= second.start_s - first.end_s < _PAUSE_S and continued:
            return False  # observers would see one event
    return True


def view(scenario: Scenario) -> list[SimulatedViewing]:
    """Return the viewings of a scenario's observers."""
    return simulate(scenario.events, scenario.times, scenario.elsewhere, scenario.n_observers, [21, scenario.seed])


def observed(scenario: Scenario, viewings: list[SimulatedViewing]) -> Observed:
    """Return the gaze of these viewings of a scenario, and what was watched."""
    times, targets = scenario.times, np.stack([viewing.target for viewing in viewings])
    gaze = [samples_of(viewing, times, f"p{k:02d}") for k, viewing in enumerate(viewings)]
    grid = np.array(frame_numbers(scenario.fps, len(times), 0))
    kinds, tracks = [], []
    for k, event in enumerate(scenario.events):
        for first, last in watched_spans(event, times, targets == k):
            time_s = times[grid[(grid >= first) & (grid <= last)]]
            kinds.append(event.kind)
            tracks.append(Track(time_s, *to_angles(event.direction(time_s))))
    return Observed(pd.concat(gaze, ignore_index=True), kinds, tracks)


def samples_of(viewing: SimulatedViewing, times: Array, observer: str) -> pd.DataFrame:
    """Return one observer's gaze samples, one for each frame that has a row."""
    frames, step = np.flatnonzero(viewing.kept), times[1] - times[0]
    yaw, pitch = to_angles(viewing.gaze[frames])
    n = len(frames)
    return fixations_table([observer] * n, times[frames], np.full(n, step), frames, yaw, pitch, np.full(n, -1))
