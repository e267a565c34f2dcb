"""Simulated observers, who look about as real ones do: their gaze, and which targets they watched.

Every observer begins ahead, and goes from visit to visit: to a target that is there, or elsewhere, where gaze wanders
about the front and the horizon. A visit is a few fixations; those of a target are spread about it. The constants are
fitted to the statistics of VR-EyeTracking (`tsalv360.metrics.gaze`); docs/events.md compares them.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Protocol

import numpy as np
from numpy.typing import NDArray

from tsalv360.contracts.grid import runs
from tsalv360.sphere.directions import Array, normalise, to_angles, to_vectors, vector_angle

AHEAD = to_vectors(0.0, 180.0 * 0.509 - 90.0)  # where every recording starts
AHEAD_SPREAD_DEG, AHEAD_S = 4.5, (0.3, 1.0)  # standard deviation of the first look, and how long it lasts
FIXATION_S, FIXATION_SIGMA, FIXATION_LIMITS_S = 0.25, 0.6, (0.12, 2.5)  # log-normal: median and σ of the logarithm
VISIT_S = 1.0  # mean length of a visit
TASTE = 0.4  # σ of the logarithm of how much more an observer likes a target than others do
WANDER = (0.92, 17.0), (0.75, 8.5)  # yaw and pitch from one look elsewhere to the next: share kept, σ in degrees
LAG_S = 0.05  # pursuit follows the target with this delay
SACCADE_S, SACCADE_SPEED = 0.04, 600.0  # shortest duration, and °/s of longer ones
WATCHED_SHARE, SMOOTHING_S, GAP_S, SHORTEST_S = 0.12, 0.5, 4.0, 2.0  # definition of a watched event


class Target(Protocol):
    """Something to watch."""

    @property
    def start_s(self) -> float:
        """When it appears."""

    @property
    def end_s(self) -> float:
        """When it is gone."""

    @property
    def appeal(self) -> float:
        """How strongly it attracts gaze, compared with the other targets."""

    @property
    def spread_deg(self) -> float:
        """Standard deviation of the looks at it along each axis."""

    def direction(self, time_s: float | Array) -> Array:
        """Return the unit vectors [..., 3] of its centre at times [...] in seconds."""


@dataclass(frozen=True)
class Look:
    """A fixation from `start_s` on: of target number `item` at an `offset` [3] from its centre; of a place if −1."""

    start_s: float
    item: int
    offset: Array


@dataclass(frozen=True)
class SimulatedViewing:
    """One observer's viewing: unit vectors [n_frames, 3]; whether a frame has a row; the target watched, or -1."""

    gaze: Array
    head: Array
    kept: NDArray[np.bool_]
    target: NDArray[np.intp]


def simulate(
    targets: Sequence[Target], times: Array, elsewhere: float, n_observers: int, seed: Sequence[int]
) -> list[SimulatedViewing]:
    """Return the viewings of `n_observers` at the `times` of the frames; each depends on its own number only.

    `elsewhere` is the share of visits to none of the targets.
    """
    return [_view(targets, times, elsewhere, np.random.default_rng([*seed, k])) for k in range(n_observers)]


def _view(targets: Sequence[Target], times: Array, elsewhere: float, rng: np.random.Generator) -> SimulatedViewing:
    """Simulate one observer: looks, saccades between them, noise, and rows lost to blinks."""
    fps = _rate(times)
    aim, watched = _follow(targets, times, _choose_looks(targets, float(times[-1]), elsewhere, rng))
    calibration, jitter = rng.normal(0.0, 0.5, 3), rng.normal(0.0, 0.25, aim.shape)
    drift = 0.65 * _smooth_noise(rng, len(times), 0.4 * fps)
    gaze = normalise(aim + np.radians(calibration + drift + jitter))
    return SimulatedViewing(gaze, _head(gaze, fps), _kept(rng, times), watched)


def _choose_looks(
    targets: Sequence[Target], duration_s: float, elsewhere: float, rng: np.random.Generator
) -> list[Look]:
    """Return what one observer looks at, in order."""
    taste = np.array([target.appeal for target in targets]) * np.exp(rng.normal(0.0, TASTE, len(targets)))
    here = normalise(AHEAD + rng.normal(0.0, np.radians(AHEAD_SPREAD_DEG), 3))
    looks, time_s, until_s, item = [Look(0.0, -1, here)], rng.uniform(*AHEAD_S), 0.0, -1
    while time_s < duration_s:
        if time_s >= until_s:
            there = [k for k, target in enumerate(targets) if target.start_s <= time_s < target.end_s]
            until_s = time_s + rng.exponential(VISIT_S)
            item = -1
            if there and rng.random() >= elsewhere:
                item = int(rng.choice(there, p=taste[there] / taste[there].sum()))
                until_s = min(until_s, targets[item].end_s + rng.uniform(0.15, 0.35))
        spread = np.radians(targets[item].spread_deg) if item >= 0 else 0.0
        looks.append(Look(time_s, item, rng.normal(0.0, spread, 3) if item >= 0 else _wander(here, rng)))
        lasts = np.clip(FIXATION_S * np.exp(rng.normal(0.0, FIXATION_SIGMA)), *FIXATION_LIMITS_S)
        gone_s = targets[item].end_s + 0.35 if item >= 0 else np.inf
        time_s = min(time_s + lasts, max(gone_s, time_s + FIXATION_LIMITS_S[0]))
        here = _aim(targets, looks[-1], np.array([time_s]))[0]
    return looks


def _wander(here: Array, rng: np.random.Generator) -> Array:
    """Return the place [3] of the next look elsewhere: a step from `here`, drawn to the front and the horizon."""
    (keep_yaw, step_yaw), (keep_pitch, step_pitch) = WANDER
    yaw, pitch = to_angles(here)
    return to_vectors(
        keep_yaw * yaw + rng.normal(0.0, step_yaw), np.clip(keep_pitch * pitch + rng.normal(0.0, step_pitch), -90, 90)
    )


def _aim(targets: Sequence[Target], look: Look, times: Array) -> Array:
    """Return the directions [n, 3] of a look: unit vectors; those at a target follow it until its end."""
    if look.item < 0:
        return np.broadcast_to(look.offset, (len(times), 3))
    target = targets[look.item]
    centre = target.direction(np.clip(times - LAG_S, target.start_s, target.end_s))
    return normalise(centre + look.offset - (centre @ look.offset)[:, None] * centre)


def _follow(targets: Sequence[Target], times: Array, looks: list[Look]) -> tuple[Array, NDArray[np.intp]]:
    """Return the gaze without noise, unit vectors [n_frames, 3], and the targets watched while they are there."""
    aim, watched = np.empty((len(times), 3)), np.full(len(times), -1)
    ends = [look.start_s for look in looks[1:]] + [np.inf]
    for last, look, end_s in zip([looks[0], *looks], looks, ends, strict=False):
        chosen = (times >= look.start_s) & (times < end_s)
        start = _aim(targets, last, np.array([look.start_s]))
        aim[chosen] = _saccade(start, _aim(targets, look, times[chosen]), times[chosen] - look.start_s)
        if look.item >= 0:
            watched[chosen & (times <= targets[look.item].end_s)] = look.item
    return aim, watched


def _saccade(start: Array, goal: Array, elapsed_s: Array) -> Array:
    """Return the way from `start` [1, 3] along the great circle to the goals [n, 3], and the goals after arrival."""
    angle = vector_angle(start, goal)
    share = np.clip(elapsed_s / np.maximum(SACCADE_S, angle / SACCADE_SPEED), 0.0, 1.0)
    angle = np.maximum(np.radians(angle), 1e-9)
    path = np.sin((1.0 - share) * angle)[:, None] * start + np.sin(share * angle)[:, None] * goal
    return np.where((share < 1.0)[:, None], normalise(path), goal)


def _smooth_noise(rng: np.random.Generator, n: int, width: float) -> Array:
    """Return noise [n, 3] of standard deviation 1 that changes over about `width` samples."""
    reach = int(np.ceil(3.0 * width))
    kernel = np.exp(-0.5 * (np.arange(-reach, reach + 1) / width) ** 2)
    white = rng.normal(size=(n + 2 * reach, 3))
    return np.apply_along_axis(np.convolve, 0, white, kernel, "valid") / np.linalg.norm(kernel)


def _head(gaze: Array, fps: float) -> Array:
    """Return the direction of the head, which follows the gaze later and smoother: an exponential filter of 0.2 s."""
    weight = 1.0 - np.exp(-1.0 / (0.2 * fps))
    head = gaze.copy()
    for n in range(1, len(head)):
        head[n] = head[n - 1] + weight * (gaze[n] - head[n - 1])
    return normalise(head)


def _kept(rng: np.random.Generator, times: Array) -> NDArray[np.bool_]:
    """Return which frames have a row: not those in a blink (at least one per viewing), nor 2 % at random."""
    kept = rng.random(len(times)) >= 0.02
    for _ in range(1 + rng.poisson(0.2 * times[-1])):
        start = rng.uniform(0.2, 0.9) * times[-1]
        kept[(times >= start) & (times < start + rng.uniform(0.1, 0.3))] = False
    return kept


def watched_spans(target: Target, times: Array, watching: NDArray[np.bool_]) -> list[tuple[int, int]]:
    """Return first and last frame of each event of a target that observers are `watching` [observers, n_frames].

    An event is the time from the first to the last frame at which at least 12 % of the observers watch the target
    (smoothed over 0.5 s; gaps under 4 s do not end it), if that is 2 s or more.
    """
    fps = _rate(times)
    width = 2 * round(SMOOTHING_S * fps / 2.0) + 1
    padded = np.pad(watching.mean(axis=0), width // 2, mode="edge")
    share = np.convolve(padded, np.full(width, 1.0 / width), "valid")
    there = (times >= target.start_s) & (times <= target.end_s)
    frames = np.flatnonzero(there & (share >= WATCHED_SHARE))
    spans = [(int(frames[run][0]), int(frames[run][-1])) for run in runs(frames, GAP_S * fps)]
    return [(first, last) for first, last in spans if last - first >= SHORTEST_S * fps]


def _rate(times: Array) -> float:
    """Return the frames per second of evenly spaced times."""
    return float((len(times) - 1) / (times[-1] - times[0]))
