"""What the demo writes about a video: its gaze in the form of VR-EyeTracking, and the truth about what was watched."""

from typing import Any

import numpy as np

from tsalv360.contracts.grid import frame_numbers
from tsalv360.sources.demo.observers import SimulatedViewing, simulate, watched_spans
from tsalv360.sources.demo.scene import Scene, SceneObject
from tsalv360.sphere.directions import Array, to_angles


def watch(scene: Scene, n_observers: int) -> list[SimulatedViewing]:
    """Return the viewings of a demo's video."""
    return simulate(scene.objects, scene.times, scene.elsewhere, n_observers, [scene.seed, int(scene.video_id), 1])


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
    """Return what was watched, from the observers' own targets: JSON content with `events` and all `objects` drawn."""
    targets = np.stack([viewing.target for viewing in viewings])
    events, objects = [], []
    for k, item in enumerate(scene.objects):
        spans = watched_spans(item, scene.times, targets == k)
        name = {"object": item.name, "colour": item.colour, "shape": item.shape}
        for first, last in spans:
            span = {"start_s": first / scene.fps, "end_s": last / scene.fps}
            events.append(name | span | _track(scene, item, first, last))
        life = {"start_s": round(item.start_s, 4), "end_s": round(item.end_s, 4), "radius_deg": round(item.radius, 4)}
        objects.append(name | life | {"watched": bool(spans)})
    events.sort(key=lambda event: event["start_s"])
    return {"video": scene.video_id, "fps": scene.fps, "n_frames": scene.n_frames, "events": events, "objects": objects}


def _track(scene: Scene, item: SceneObject, first: int, last: int) -> dict[str, list[float]]:
    """Return an object's directions at the frames of the 16 fps grid within [first, last]."""
    frames = np.array([n for n in frame_numbers(scene.fps, scene.n_frames, skip_first=0) if first <= n <= last])
    yaw, pitch = to_angles(item.direction(frames / scene.fps))
    series = {"time_s": frames / scene.fps, "yaw_deg": yaw, "pitch_deg": pitch}
    return {"frame": frames.tolist()} | {name: np.round(values, 4).tolist() for name, values in series.items()}
