"""Simulated observers of the demo: their gaze, its files, and the truth about what was watched."""

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from tsalv360.contracts.grid import frame_numbers, runs
from tsalv360.sources.demo.scene import Scene, SceneObject
from tsalv360.sphere.directions import Array, normalise, to_angles, to_vectors, vector_angle

AHEAD = to_vectors(0.0, 180.0 * 0.509 - 90.0)  # where every recording starts
LAG_S = 0.05  # pursuit follows the object with this delay
SACCADE_S, SACCADE_SPEED = 0.04, 600.0  # shortest duration, and °/s of longer ones
ANYWHERE = 0.1  # share of gaze targets anywhere
NOVELTY = 3.0  # how much more an object attracts that was not watched yet
WATCHED_SHARE, SMOOTHING_S, GAP_S, SHORTEST_S = 0.12, 0.5, 2.0, 2.0  # definition of a watched event


@dataclass(frozen=True)
class GazeTarget:
    """What an observer watches from `start_s` on: object number `item`, or, where that is -1, the direction `place`."""

    start_s: float
    item: int
    place: Array


@dataclass(frozen=True)
class SimulatedViewing:
    """One observer's viewing: unit vectors [n_frames, 3]; whether a frame has a row; the object watched, or -1."""

    gaze: Array
    head: Array
    kept: NDArray[np.bool_]
    target: NDArray[np.intp]


def simulate(scene: Scene, n_observers: int) -> list[SimulatedViewing]:
    """Return the viewings of `n_observers`; each depends on the scene and its own number only."""
    seeds = ([scene.seed, int(scene.video_id), 1, observer] for observer in range(n_observers))
    return [_view(scene, np.random.default_rng(seed)) for seed in seeds]


def _view(scene: Scene, rng: np.random.Generator) -> SimulatedViewing:
    """Simulate one observer: targets, saccades between them, noise, and rows lost to blinks."""
    aim, target = _follow(scene, _choose_targets(scene, rng))
    calibration, jitter = rng.normal(0.0, 0.5, 3), rng.normal(0.0, 0.25, aim.shape)
    drift = 0.65 * _smooth_noise(rng, scene.n_frames, 0.4 * scene.fps)
    gaze = normalise(aim + np.radians(calibration + drift + jitter))
    return SimulatedViewing(gaze, _head(gaze, scene.fps), _kept(rng, scene.times), target)


def _choose_targets(scene: Scene, rng: np.random.Generator) -> list[GazeTarget]:
    """Return what one observer watches, in order."""
    objects, duration_s = scene.objects, scene.n_frames / scene.fps
    notice = [item.start_s + rng.uniform(0.3, 0.8) for item in objects]
    taste = np.array([item.appeal for item in objects]) * np.exp(rng.normal(0.0, 0.4, len(objects)))
    targets, time_s, noticed = [GazeTarget(0.0, -1, AHEAD)], float(rng.uniform(0.4, 1.0)), -1
    while time_s < duration_s:
        watched = {target.item for target in targets}
        draw = taste * [1.0 if k in watched or item.appeal < 0.5 else NOVELTY for k, item in enumerate(objects)]
        draw *= [notice[k] <= time_s < item.end_s for k, item in enumerate(objects)]
        target, end_s = _next_target(scene, rng, targets[-1], time_s, draw, noticed)
        targets.append(target)
        noticed = -1
        for k in np.argsort(notice):
            if time_s < notice[k] < end_s and k != target.item and rng.random() < 0.75 * min(1.0, objects[k].appeal):
                end_s, noticed = notice[k], int(k)
                break
        time_s = end_s
    return targets


def _next_target(
    scene: Scene, rng: np.random.Generator, last: GazeTarget, time_s: float, draw: Array, noticed: int
) -> tuple[GazeTarget, float]:
    """Return the target from `time_s` on, and when it would end. `noticed` is an object just noticed, or -1."""
    here = _aim(scene, last, np.array([time_s]))[0]
    if noticed < 0 and rng.random() < ANYWHERE:
        return GazeTarget(time_s, -1, normalise(rng.normal(size=3))), time_s + rng.uniform(0.4, 1.0)
    if noticed < 0 and not draw.any():
        return GazeTarget(time_s, -1, normalise(here + rng.normal(0.0, 0.25, 3))), time_s + rng.uniform(0.3, 0.8)
    item = noticed if noticed >= 0 else int(rng.choice(len(draw), p=draw / draw.sum()))
    gone_s = scene.objects[item].end_s + rng.uniform(0.15, 0.35)
    return GazeTarget(time_s, item, here), min(time_s + rng.uniform(1.0, 4.0), gone_s)


def _aim(scene: Scene, target: GazeTarget, times: Array) -> Array:
    """Return the directions [n, 3] of a target: unit vectors; the last one of an object after its end."""
    if target.item < 0:
        return np.broadcast_to(target.place, (len(times), 3))
    item = scene.objects[target.item]
    return item.direction(np.clip(times - LAG_S, item.start_s, item.end_s))


def _follow(scene: Scene, targets: list[GazeTarget]) -> tuple[Array, NDArray[np.intp]]:
    """Return the gaze without noise, unit vectors [n_frames, 3], and the objects watched while they are drawn."""
    times, aim, watched = scene.times, np.empty((scene.n_frames, 3)), np.full(scene.n_frames, -1)
    ends = [target.start_s for target in targets[1:]] + [np.inf]
    for last, target, end_s in zip([targets[0], *targets], targets, ends, strict=False):
        chosen = (times >= target.start_s) & (times < end_s)
        start = _aim(scene, last, np.array([target.start_s]))
        aim[chosen] = _saccade(start, _aim(scene, target, times[chosen]), times[chosen] - target.start_s)
        if target.item >= 0:
            watched[chosen & (times <= scene.objects[target.item].end_s)] = target.item
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


def _head(gaze: Array, fps: int) -> Array:
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


def gaze_text(viewing: SimulatedViewing, extra_row: bool = False) -> str:
    """Return a viewing in the on-disk form of VR-EyeTracking.

    As in real recordings, a value can lie just outside [0, 1]: the gaze sample of the smallest x is written as x + 1
    if it is within 0.02° of the seam. `extra_row` adds one frame past the end of the video.
    """
    frames = np.flatnonzero(viewing.kept)
    head, gaze = _fractions(viewing.head[frames]), _fractions(viewing.gaze[frames])
    nearest = int(np.argmin(gaze[:, 0]))
    if gaze[nearest, 0] < 0.02 / 360.0:
        gaze[nearest, 0] += 1.0
    if extra_row:
        frames = np.append(frames, len(viewing.kept))
        head, gaze = np.vstack([head, head[-1]]), np.vstack([gaze, gaze[-1]])
    rows = zip(frames + 1, head, gaze, strict=True)
    return "".join(f"frame,{n},forward,{h[0]:.7f},{h[1]:.7f},eye,{g[0]:.7f},{g[1]:.7f}\n" for n, h, g in rows)


def _fractions(vectors: Array) -> Array:
    """Return x and y [n, 2] as fractions of the panorama from its bottom left."""
    yaw, pitch = to_angles(vectors)
    return np.stack([(yaw + 180.0) / 360.0, (pitch + 90.0) / 180.0], axis=-1)


def truth(scene: Scene, viewings: list[SimulatedViewing]) -> dict[str, Any]:
    """Return what was watched, from the observers' own targets: JSON content with `events` and all `objects` drawn.

    An event is the time from the first to the last frame at which at least 12 % of the observers watch an object
    (smoothed over 0.5 s; gaps under 2 s do not end it), if that is 2 s or more.
    """
    targets = np.stack([viewing.target for viewing in viewings])
    events, objects = [], []
    for k, item in enumerate(scene.objects):
        spans = _watched_spans(scene, item, targets == k)
        name = {"object": item.name, "colour": item.colour, "shape": item.shape}
        for first, last in spans:
            span = {"start_s": first / scene.fps, "end_s": last / scene.fps}
            events.append(name | span | _track(scene, item, first, last))
        life = {"start_s": round(item.start_s, 4), "end_s": round(item.end_s, 4), "radius_deg": round(item.radius, 4)}
        objects.append(name | life | {"watched": bool(spans)})
    events.sort(key=lambda event: event["start_s"])
    return {"video": scene.video_id, "fps": scene.fps, "n_frames": scene.n_frames, "events": events, "objects": objects}


def _watched_spans(scene: Scene, item: SceneObject, watching: NDArray[np.bool_]) -> list[tuple[int, int]]:
    """Return first and last frame of each event of an object that observers are `watching` [observers, n_frames]."""
    width = 2 * round(SMOOTHING_S * scene.fps / 2.0) + 1
    padded = np.pad(watching.mean(axis=0), width // 2, mode="edge")
    share = np.convolve(padded, np.full(width, 1.0 / width), "valid")
    drawn = (scene.times >= item.start_s) & (scene.times <= item.end_s)
    frames = np.flatnonzero(drawn & (share >= WATCHED_SHARE))
    spans = [(int(frames[run][0]), int(frames[run][-1])) for run in runs(frames, GAP_S * scene.fps)]
    return [(first, last) for first, last in spans if last - first >= SHORTEST_S * scene.fps]


def _track(scene: Scene, item: SceneObject, first: int, last: int) -> dict[str, list[float]]:
    """Return an object's directions at the frames of the 16 fps grid within [first, last]."""
    frames = np.array([n for n in frame_numbers(scene.fps, scene.n_frames, skip_first=0) if first <= n <= last])
    yaw, pitch = to_angles(item.direction(frames / scene.fps))
    series = {"time_s": frames / scene.fps, "yaw_deg": yaw, "pitch_deg": pitch}
    return {"frame": frames.tolist()} | {name: np.round(values, 4).tolist() for name, values in series.items()}
