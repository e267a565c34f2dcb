"""Who looked where in the demo: simulated observers, their recordings and the truth about what was watched."""

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from tsalv360.sources.demo.scene import Scene, SceneObject
from tsalv360.sphere.directions import Array, normalise, to_angles, to_vectors, vector_angle

AHEAD = to_vectors(0.0, 180.0 * 0.509 - 90.0)  # where every recording starts
LAG_S = 0.05  # pursuit runs behind the object
SACCADE_S, SACCADE_SPEED = 0.04, 600.0  # shortest duration, and °/s of longer ones
ANYWHERE = 0.1  # share of looks that go anywhere
NOVELTY = 3.0  # how much more an object draws that was not looked at yet
WATCHED_SHARE, SMOOTHING_S, GAP_S, SHORTEST_S = 0.12, 0.5, 2.0, 2.0  # what counts as a watched event
GRID_FPS = 16  # rate of the time series in the truth


@dataclass(frozen=True)
class Look:
    """From `start_s` on, an observer looks at object `target`, or, where that is -1, at the unit vector `place`."""

    start_s: float
    target: int
    place: Array


@dataclass(frozen=True)
class Recording:
    """One observer's viewing: unit vectors [n_frames, 3]; whether a frame has a row; the object looked at, or -1."""

    gaze: Array
    head: Array
    kept: NDArray[np.bool_]
    target: NDArray[np.intp]


def simulate(scene: Scene, n_observers: int) -> list[Recording]:
    """Recordings of `n_observers`; each depends on the scene and its own number only."""
    seeds = ([scene.seed, int(scene.video_id), 1, observer] for observer in range(n_observers))
    return [_record(scene, np.random.default_rng(seed)) for seed in seeds]


def _record(scene: Scene, rng: np.random.Generator) -> Recording:
    """One observer: looks, saccades between them, noise, and rows lost to blinks."""
    times = np.arange(scene.n_frames) / scene.fps
    aim, target = _follow(scene, _choose_looks(scene, rng), times)
    calibration, jitter = rng.normal(0.0, 0.5, 3), rng.normal(0.0, 0.25, aim.shape)
    drift = 0.65 * _smooth_noise(rng, scene.n_frames, 0.4 * scene.fps)
    gaze = normalise(aim + np.radians(calibration + drift + jitter))
    return Recording(gaze, _head(gaze, scene.fps), _kept(rng, times), target)


def _choose_looks(scene: Scene, rng: np.random.Generator) -> list[Look]:
    """What one observer looks at, in order."""
    objects, duration_s = scene.objects, scene.n_frames / scene.fps
    notice = [item.start_s + rng.uniform(0.3, 0.8) for item in objects]
    taste = np.array([item.appeal for item in objects]) * np.exp(rng.normal(0.0, 0.4, len(objects)))
    looks, time_s, called = [Look(0.0, -1, AHEAD)], float(rng.uniform(0.4, 1.0)), -1
    while time_s < duration_s:
        seen = {look.target for look in looks}
        draw = taste * [1.0 if k in seen or objects[k].appeal < 0.5 else NOVELTY for k in range(len(objects))]
        draw *= [notice[k] <= time_s < objects[k].end_s for k in range(len(objects))]
        look, end_s = _next_look(scene, rng, looks[-1], time_s, draw, called)
        looks.append(look)
        called = -1
        for k in np.argsort(notice):
            if time_s < notice[k] < end_s and k != look.target and rng.random() < 0.75 * min(1.0, objects[k].appeal):
                end_s, called = notice[k], int(k)
                break
        time_s = end_s
    return looks


def _next_look(
    scene: Scene, rng: np.random.Generator, last: Look, time_s: float, draw: Array, called: int
) -> tuple[Look, float]:
    """The look that starts at `time_s`, and when it would end. `called` is an object just noticed, or -1."""
    here = _aim(scene, last, np.array([time_s]))[0]
    if called < 0 and rng.random() < ANYWHERE:
        return Look(time_s, -1, normalise(rng.normal(size=3))), time_s + rng.uniform(0.4, 1.0)
    if called < 0 and not draw.any():
        return Look(time_s, -1, normalise(here + rng.normal(0.0, 0.25, 3))), time_s + rng.uniform(0.3, 0.8)
    target = called if called >= 0 else int(rng.choice(len(draw), p=draw / draw.sum()))
    gone_s = scene.objects[target].end_s + rng.uniform(0.15, 0.35)
    return Look(time_s, target, here), min(time_s + rng.uniform(1.0, 4.0), gone_s)


def _aim(scene: Scene, look: Look, times: Array) -> Array:
    """Unit vectors [n, 3] that a look is directed at; an object's last place once it is gone."""
    if look.target < 0:
        return np.broadcast_to(look.place, (len(times), 3))
    item = scene.objects[look.target]
    return item.direction(np.clip(times - LAG_S, item.start_s, item.end_s))


def _follow(scene: Scene, looks: list[Look], times: Array) -> tuple[Array, NDArray[np.intp]]:
    """Where the looks lead: unit vectors [n, 3] without noise, and the objects looked at [n] while they are drawn."""
    aim, target = np.empty((len(times), 3)), np.full(len(times), -1)
    ends = [look.start_s for look in looks[1:]] + [np.inf]
    last = looks[0]
    for look, end_s in zip(looks, ends, strict=True):
        chosen = (times >= look.start_s) & (times < end_s)
        start = _aim(scene, last, np.array([look.start_s]))
        aim[chosen] = _saccade(start, _aim(scene, look, times[chosen]), times[chosen] - look.start_s)
        if look.target >= 0:
            target[chosen & (times <= scene.objects[look.target].end_s)] = look.target
        last = look
    return aim, target


def _saccade(start: Array, goal: Array, elapsed_s: Array) -> Array:
    """From `start` [1, 3] along the great circle to the goals [n, 3], and with them once there."""
    angle = vector_angle(start, goal)
    share = np.clip(elapsed_s / np.maximum(SACCADE_S, angle / SACCADE_SPEED), 0.0, 1.0)
    angle = np.maximum(np.radians(angle), 1e-9)
    path = np.sin((1.0 - share) * angle)[:, None] * start + np.sin(share * angle)[:, None] * goal
    return np.where((share < 1.0)[:, None], normalise(path), goal)


def _smooth_noise(rng: np.random.Generator, n: int, width: float) -> Array:
    """Noise [n, 3] of standard deviation 1 that changes over about `width` samples."""
    reach = int(np.ceil(3.0 * width))
    kernel = np.exp(-0.5 * (np.arange(-reach, reach + 1) / width) ** 2)
    white = rng.normal(size=(n + 2 * reach, 3))
    columns = [np.convolve(white[:, axis], kernel, "valid") for axis in range(3)]
    return np.asarray(np.stack(columns, axis=-1) / np.linalg.norm(kernel))


def _head(gaze: Array, fps: int) -> Array:
    """The head follows the gaze, later and smoother: an exponential filter of 0.2 s."""
    weight = 1.0 - np.exp(-1.0 / (0.2 * fps))
    head = gaze.copy()
    for n in range(1, len(head)):
        head[n] = head[n - 1] + weight * (gaze[n] - head[n - 1])
    return normalise(head)


def _kept(rng: np.random.Generator, times: Array) -> NDArray[np.bool_]:
    """Frames that have a row: not those in a blink (at least one per recording), nor 2 % at random."""
    kept = rng.random(len(times)) >= 0.02
    for _ in range(1 + rng.poisson(0.2 * times[-1])):
        start = rng.uniform(0.2, 0.9) * times[-1]
        kept[(times >= start) & (times < start + rng.uniform(0.1, 0.3))] = False
    return kept


# The recording as a file


def gaze_text(recording: Recording, extra_row: bool = False) -> str:
    """A recording in the on-disk form of VR-EyeTracking.

    As in real recordings, a value can lie just outside [0, 1]: the gaze sample of the smallest x is written as x + 1
    if it is within 0.02° of the seam. `extra_row` adds one frame past the end of the video.
    """
    frames = np.flatnonzero(recording.kept)
    head, gaze = _fractions(recording.head[frames]), _fractions(recording.gaze[frames])
    nearest = int(np.argmin(gaze[:, 0]))
    if gaze[nearest, 0] < 0.02 / 360.0:
        gaze[nearest, 0] += 1.0
    if extra_row:
        frames = np.append(frames, len(recording.kept))
        head, gaze = np.vstack([head, head[-1]]), np.vstack([gaze, gaze[-1]])
    rows = zip(frames + 1, head, gaze, strict=True)
    return "".join(f"frame,{n},forward,{h[0]:.7f},{h[1]:.7f},eye,{g[0]:.7f},{g[1]:.7f}\n" for n, h, g in rows)


def _fractions(vectors: Array) -> Array:
    """x and y [n, 2] as fractions of the panorama from its bottom left."""
    yaw, pitch = to_angles(vectors)
    return np.stack([(yaw + 180.0) / 360.0, (pitch + 90.0) / 180.0], axis=-1)


# The truth


def truth(scene: Scene, recordings: list[Recording]) -> dict[str, Any]:
    """What was watched, from the observers' own log: JSON content with `events` and with all `objects` drawn.

    An event is the time from the first to the last frame at which at least 12 % of the observers look at an object
    (smoothed over 0.5 s; gaps under 2 s do not end it), if that is 2 s or more.
    """
    targets = np.stack([recording.target for recording in recordings])
    events, objects = [], []
    for k, item in enumerate(scene.objects):
        watched = _watched_spans(_share(scene, item, targets == k), scene.fps)
        looks: dict[str, Any] = {"object": item.name, "colour": item.colour, "shape": item.shape}
        for first, last in watched:
            span = {"start_s": first / scene.fps, "end_s": last / scene.fps}
            events.append(looks | span | _track(scene, item, first, last))
        life = {"start_s": round(item.start_s, 4), "end_s": round(item.end_s, 4), "radius_deg": round(item.radius, 4)}
        objects.append(looks | life | {"watched": bool(watched)})
    events.sort(key=lambda event: event["start_s"])
    return {"video": scene.video_id, "fps": scene.fps, "n_frames": scene.n_frames, "events": events, "objects": objects}


def _share(scene: Scene, item: SceneObject, looking: NDArray[np.bool_]) -> Array:
    """Share of observers [n_frames] that look at an object, smoothed, and 0 where it is not drawn."""
    width = 2 * round(SMOOTHING_S * scene.fps / 2.0) + 1
    padded = np.pad(looking.mean(axis=0), width // 2, mode="edge")
    times = np.arange(scene.n_frames) / scene.fps
    drawn = (times >= item.start_s) & (times <= item.end_s)
    return np.convolve(padded, np.full(width, 1.0 / width), "valid") * drawn


def _watched_spans(share: Array, fps: int) -> list[tuple[int, int]]:
    """First and last frame of each event in a share of observers [n_frames]."""
    frames = np.flatnonzero(share >= WATCHED_SHARE)
    if not frames.size:
        return []
    pieces = np.split(frames, np.flatnonzero(np.diff(frames) - 1 >= GAP_S * fps) + 1)
    return [(int(p[0]), int(p[-1])) for p in pieces if p[-1] - p[0] >= SHORTEST_S * fps]


def _track(scene: Scene, item: SceneObject, first: int, last: int) -> dict[str, list[float]]:
    """An object's directions at the frames of the 16 fps grid within [first, last]."""
    count = int(np.ceil(scene.n_frames / scene.fps * GRID_FPS)) + 1
    grid = [round(i / GRID_FPS * scene.fps) for i in range(count)]
    frames = np.array([n for n in grid if first <= n <= last])
    yaw, pitch = to_angles(item.direction(frames / scene.fps))
    series = {"time_s": frames / scene.fps, "yaw_deg": yaw, "pitch_deg": pitch}
    return {"frame": frames.tolist()} | {name: np.round(values, 4).tolist() for name, values in series.items()}
