"""What the demo videos show: surroundings and moving objects, drawn exactly on the sphere.

A `Scene` holds everything that is random about a video. Objects move along great circles at constant rate; their
shapes are masks in the tangent plane at the object's direction, so they keep their form at the poles and on the seam.
"""

from collections.abc import Callable
from dataclasses import dataclass
from functools import lru_cache
from itertools import combinations
from typing import Any

import cv2
import numpy as np
from numpy.typing import NDArray

from tsalv360.sphere.directions import Array, normalise, pixel_vectors, to_angles, to_vectors, vector_angle

Image = NDArray[np.uint8]
Plane = NDArray[np.floating[Any]]  # float32 for whole images
RGB = tuple[int, int, int]

IN_USE = 4  # the first colours and shapes of the tables are used: a model sees each in many videos, and can learn it
FRAME_RATES = (25, 30, 24)  # frames per second of the videos in turn
GROWTH_S = 0.4  # time that an object takes to grow to its size and to shrink at the end
ELSEWHERE = (0.3, 0.6)  # share of the observers' visits to none of the objects
SEPARATION_DEG = 35.0  # wanted between objects shown together: more than the sum of two radii
CLOUD_PERIOD_S = 14.0

COLOURS: dict[str, RGB] = {
    "red": (214, 38, 38),
    "green": (38, 168, 62),
    "blue": (36, 84, 222),
    "yellow": (250, 222, 40),
    "purple": (168, 52, 196),
    "orange": (250, 132, 16),
    "cyan": (40, 214, 226),
    "white": (252, 252, 252),
}

PALETTES: dict[str, tuple[RGB, ...]] = {  # zenith, horizon, cloud, far skyline, near skyline, ground
    "meadow": ((102, 130, 152), (184, 194, 190), (206, 206, 200), (126, 146, 140), (92, 110, 88), (118, 128, 96)),
    "dusk": ((70, 78, 106), (188, 156, 142), (182, 158, 156), (118, 106, 122), (82, 78, 92), (106, 98, 96)),
    "desert": ((120, 142, 154), (200, 184, 160), (208, 198, 182), (166, 138, 118), (136, 108, 92), (172, 148, 118)),
    "city": ((112, 122, 134), (180, 182, 180), (192, 194, 194), (138, 144, 150), (98, 102, 110), (122, 122, 120)),
    "sea": ((92, 118, 136), (176, 190, 190), (196, 204, 202), (112, 134, 140), (84, 102, 106), (82, 114, 124)),
    "night": ((32, 38, 60), (86, 94, 118), (84, 90, 112), (60, 66, 88), (40, 46, 62), (64, 70, 80)),
    "autumn": ((124, 134, 140), (194, 182, 162), (204, 196, 184), (150, 128, 110), (112, 90, 76), (132, 114, 92)),
    "winter": ((112, 126, 144), (176, 184, 190), (190, 196, 200), (134, 146, 160), (94, 106, 120), (154, 162, 168)),
}
SKYLINES = ("hills", "blocks", "dunes")
GROUNDS = ("rough", "tiles", "stripes")


def great_circle(start: Array, ahead: Array, angle: float | Array) -> tuple[Array, Array]:
    """Return position and direction of motion [..., 3] at `angle` [...] degrees from `start` towards `ahead` [3]."""
    turned = np.radians(angle)[..., None]
    return np.cos(turned) * start + np.sin(turned) * ahead, np.cos(turned) * ahead - np.sin(turned) * start


@dataclass(frozen=True)
class Surroundings:
    """Sky, skyline and ground: names in the tables above, and the seed of their texture."""

    palette: str
    skyline: str
    ground: str
    seed: int


@dataclass(frozen=True)
class SceneObject:
    """One object. It is at (`yaw`, `pitch`) at `waypoint_s` and moves towards `heading` (0 right, 90 up), in degrees.

    `rate` is its speed and `turn` its rotation about its own centre (°/s), `radius` the radius in degrees of the circle
    around its shape. `appeal` is how strongly it attracts observers: about 1, or near 0 if hardly any is to watch it.
    """

    colour: str
    shape: str
    radius: float
    start_s: float
    end_s: float
    waypoint_s: float
    yaw: float
    pitch: float
    heading: float
    rate: float
    turn: float
    appeal: float

    @property
    def name(self) -> str:
        """Colour and shape, the words of a caption."""
        return f"{self.colour} {self.shape}"

    @property
    def spread_deg(self) -> float:
        """How far from its centre observers look at it: standard deviation along each axis."""
        return self.radius / 4.0

    def _path(self, time_s: float | Array) -> tuple[Array, Array, Array]:
        """Return position [..., 3] and direction of motion [..., 3] at times [...], and the normal [3] of the path."""
        waypoint = to_vectors(self.yaw, self.pitch)
        east, north = to_vectors(self.yaw + 90.0, 0.0), to_vectors(self.yaw + 180.0, 90.0 - self.pitch)
        ahead, _ = great_circle(east, north, self.heading)
        here, onward = great_circle(waypoint, ahead, self.rate * (np.asarray(time_s, dtype=float) - self.waypoint_s))
        return here, onward, np.asarray(np.cross(waypoint, ahead), dtype=float)

    def direction(self, time_s: float | Array) -> Array:
        """Return the unit vectors [..., 3] of the object's centre at times [...] in seconds."""
        return self._path(time_s)[0]

    def frame(self, time_s: float) -> Array:
        """Return the object's axes, rows centre, right and up [3, 3]: upright at its waypoint, moved along its path."""
        here, onward, normal = self._path(time_s)
        angle = np.radians(self.heading - self.turn * (time_s - self.waypoint_s))
        right, up = np.cos(angle) * onward - np.sin(angle) * normal, np.sin(angle) * onward + np.cos(angle) * normal
        return np.stack([here, right, up])

    def size(self, time_s: float) -> float:
        """Return the radius in degrees at a time: 0 outside the object's life, smooth at both ends."""
        growth = np.clip(min(time_s - self.start_s, self.end_s - time_s) / GROWTH_S, 0.0, 1.0)
        return self.radius * float(np.sin(growth * np.pi / 2.0))


@dataclass(frozen=True)
class Scene:
    """Everything that is random about a video; `height` in pixels, half the width.

    `elsewhere` is the share of the observers' visits to none of the objects.
    """

    video_id: str
    seed: int
    fps: int
    n_frames: int
    height: int
    surroundings: Surroundings
    objects: tuple[SceneObject, ...]
    elsewhere: float

    @property
    def times(self) -> Array:
        """Times of the frames [n_frames] in seconds."""
        return np.arange(self.n_frames) / self.fps


# Scripts: which objects, when and where


def script_scene(seed: int, video_id: str, duration_s: tuple[float, float], height: int) -> Scene:
    """Return the scene of one video, drawn from (`seed`, `video_id`) alone; `duration_s` are the limits of its length.

    Every third video has an object that hardly any observer watches; odd videos move an object across the seam, even
    ones past a pole.
    """
    number = int(video_id)
    rng = np.random.default_rng([seed, number])
    fps = FRAME_RATES[(number - 1) % len(FRAME_RATES)]
    n_frames = max(1, round(rng.uniform(*duration_s) * fps))
    palette = list(PALETTES)[(seed + number - 2) % len(PALETTES)]  # neighbouring videos differ
    skyline = "blocks" if palette == "city" else str(rng.choice(SKYLINES))
    surroundings = Surroundings(palette, skyline, str(rng.choice(GROUNDS)), int(rng.integers(2**31)))
    objects = _choose_objects(rng, n_frames / fps, number)
    return Scene(video_id, seed, fps, n_frames, height, surroundings, objects, float(rng.uniform(*ELSEWHERE)))


def _choose_objects(rng: np.random.Generator, duration_s: float, number: int) -> tuple[SceneObject, ...]:
    """Return two to four objects of different colours and shapes.

    They have the first of 60 layouts that keeps them apart, or the best of these.
    """
    places = ["front", ("pole", "seam")[number % 2], str(rng.choice(["side", "side", "seam", "pole"]))]
    places = places[: 2 if duration_s < 6.0 else int(rng.integers(2, 4))]
    appeals = [float(rng.uniform(0.8, 1.2)) for _ in places]
    if number % 3 == 0:
        places, appeals = [*places, "side"], [*appeals, 0.02]
    lives = _choose_lives(rng, duration_s, len(places))
    colours, shapes = (
        [str(name) for name in rng.permutation(list(table)) if name in list(table)[:IN_USE]]
        for table in (COLOURS, SHAPES)
    )
    best: tuple[float, tuple[SceneObject, ...]] = (-1.0, ())
    for _ in range(60):
        objects = tuple(_place(rng, *one) for one in zip(colours, shapes, places, lives, appeals, strict=False))
        best = max(best, (_separation(objects, duration_s), objects), key=lambda layout: layout[0])
        if best[0] >= SEPARATION_DEG:
            break
    return best[1]


def _choose_lives(rng: np.random.Generator, duration_s: float, count: int) -> list[tuple[float, float]]:
    """Return start and end in seconds of each object; in videos under 6 s objects stay to the end to be watched."""
    starts = [(0.01, 0.04), (0.16, 0.28), (0.42, 0.52), (0.30, 0.50)]
    ends = [(0.72, 0.82), (0.84, 0.96), (0.90, 1.0), (0.80, 0.95)]
    lives = []
    for start, end in list(zip(starts, ends, strict=True))[:count]:
        first, last = rng.uniform(*start) * duration_s, rng.uniform(*end) * duration_s
        lives.append((first, duration_s if duration_s < 6.0 else min(max(last, first + 3.2), duration_s)))
    return lives


def _place(
    rng: np.random.Generator, colour: str, shape: str, place: str, life: tuple[float, float], appeal: float
) -> SceneObject:
    """Return an object whose waypoint lies in one of four kinds of places."""
    side = float(rng.choice([-1.0, 1.0]))
    yaw, pitch, heading, rate = {
        "front": (rng.uniform(-55, 55), rng.uniform(-25, 25), rng.uniform(-180, 180), rng.uniform(0, 13)),
        "side": (side * rng.uniform(60, 140), rng.uniform(-40, 40), rng.uniform(-180, 180), rng.uniform(0, 12)),
        "seam": (180.0, rng.uniform(-28, 28), 90 - side * rng.uniform(60, 120), rng.uniform(6, 15)),
        "pole": (rng.uniform(-180, 180), side * rng.uniform(77, 86), rng.uniform(-180, 180), rng.uniform(5, 14)),
    }[place]
    radius, turn = rng.uniform(9.0, 13.5), side * rng.uniform(0.0, 25.0)
    waypoint_s = life[0] + rng.uniform(0.4, 0.7) * (life[1] - life[0])
    return SceneObject(colour, shape, radius, *life, waypoint_s, yaw, pitch, heading, rate, turn, appeal)


def _separation(objects: tuple[SceneObject, ...], duration_s: float) -> float:
    """Return the smallest angle in degrees between two objects while both are drawn (180 if they never are)."""
    times = np.linspace(0.0, duration_s, 1 + int(10.0 * duration_s), dtype=np.float64)
    smallest = 180.0
    for one, other in combinations(objects, 2):
        both = times[(times >= max(one.start_s, other.start_s)) & (times <= min(one.end_s, other.end_s))]
        smallest = min([smallest, *vector_angle(one.direction(both), other.direction(both))])
    return smallest


# Shapes: distance to the edge, negative inside, in units of the radius of the circle around the shape


def _star(x: Plane, y: Plane) -> Plane:
    fifth, inner = np.pi / 5.0, 0.42
    radius, angle = np.hypot(x, y), np.arctan2(x, y)
    angle = abs(np.mod(angle + fifth, 2.0 * fifth) - fifth)
    normal = np.array([inner * np.sin(fifth), 1.0 - inner * np.cos(fifth)])
    normal /= np.hypot(*normal)
    return np.asarray(radius * (np.cos(angle) * normal[0] + np.sin(angle) * normal[1]) - normal[0])


SHAPES: dict[str, Callable[[Plane, Plane], Plane]] = {
    "disc": lambda x, y: np.hypot(x, y) - 0.88,
    "square": lambda x, y: np.maximum(abs(x), abs(y)) - 0.7,
    "triangle": lambda x, y: np.maximum(-y, 0.5 * y + 0.75**0.5 * abs(x)) - 0.5,
    "star": _star,
    "ring": lambda x, y: abs(np.hypot(x, y) - 0.7) - 0.24,
    "cross": lambda x, y: np.maximum(np.maximum(abs(x), abs(y)) - 0.9, np.minimum(abs(x), abs(y)) - 0.3),
}


# Drawing


def draw_frame(scene: Scene, n: int) -> Image:
    """Return frame `n` (from 0) of a scene: RGB, uint8 [height, 2·height, 3]."""
    time_s = n / scene.fps
    overcast, clear = _draw_surroundings(scene.surroundings, scene.height)
    share = 0.5 + 0.5 * np.sin(2.0 * np.pi * (time_s / CLOUD_PERIOD_S + scene.surroundings.seed % 97 / 97.0))
    light = 1.0 + 0.06 * np.sin(2.0 * np.pi * time_s / 7.0)
    image = np.asarray(cv2.addWeighted(overcast, light * share, clear, light * (1.0 - share), 0.0), dtype=np.uint8)
    for item in scene.objects:
        if item.size(time_s) > 0.0:
            _draw_object(image, item, time_s)
    return image


def _draw_object(image: Image, item: SceneObject, time_s: float) -> None:
    """Paint one object into an ERP image; only the cap around it is changed."""
    height = image.shape[0]
    radius, axes = item.size(time_s), item.frame(time_s).astype(np.float32)
    cap = radius + 360.0 / height
    middle, reach = (90.0 - float(to_angles(axes[0])[1])) / 180.0 * height, cap / 180.0 * height
    rows = slice(max(0, int(middle - reach)), int(middle + reach) + 1)
    image, rays = image[rows], _rays(height)[rows]
    inside = np.nonzero(rays @ axes[0] > np.cos(np.radians(cap)))
    depth, x, y = axes @ rays[inside].T
    scale = np.tan(np.radians(radius))
    x, y = x / (depth * scale), y / (depth * scale)
    distance = SHAPES[item.shape](x, y)
    softness = 1.4 * (180.0 / height) / radius
    paint = np.array(COLOURS[item.colour], dtype=np.float32) * (0.97 + 0.05 * np.clip(y - 0.4 * x, -1, 1))[..., None]
    rim = np.clip((distance + 0.08) / softness + 0.5, 0.0, 1.0)[..., None]
    cover = np.clip(0.5 - distance / softness, 0.0, 1.0)[..., None]
    painted = image[inside] * (1.0 - cover) + paint * (1.0 - 0.5 * rim) * cover
    image[inside] = np.clip(painted + 0.5, 0, 255).astype(np.uint8)


@lru_cache(maxsize=2)
def _rays(height: int) -> Plane:
    """Return the unit vectors [height, 2·height, 3] of the pixels."""
    return pixel_vectors(height).astype(np.float32)


@lru_cache(maxsize=2)
def _draw_surroundings(surroundings: Surroundings, height: int) -> tuple[Image, Image]:
    """Return the same place under two skies; the frames fade between them."""
    rng = np.random.default_rng(surroundings.seed)
    rays = _rays(height)
    zenith, horizon, cloud, far, near, ground = (np.array(c, np.float32) for c in PALETTES[surroundings.palette])
    pitch = np.degrees(np.arcsin(np.clip(rays[..., 2], -1.0, 1.0)))
    land = _ground(surroundings.ground, rays, pitch, rng, ground, horizon)
    far_edge = _skyline(surroundings.skyline, height, rng, 9.0, 5.0)
    near_edge = _skyline(surroundings.skyline, height, rng, 3.5, 3.5)
    grain = 1.0 + 0.07 * _noise(rays, rng, 9.0)[..., None] + 0.05 * _noise(rays, rng, 40.0, octaves=1)[..., None]
    flat = np.array([1.0, 1.0, 2.0], np.float32)  # clouds are wider than high
    skies = []
    for _ in range(2):
        view = _mix(horizon, zenith, np.clip(pitch / 75.0, 0.0, 1.0) ** 0.8)
        view = _mix(view, cloud, 0.75 * _smoothstep(_noise(rays * flat, rng, 2.6), 0.05, 0.75))
        for colour, edge in [(far * grain, far_edge), (near * grain, near_edge), (land, -1.0)]:
            below = np.clip((edge - pitch) * (height / 180.0) + 0.5, 0.0, 1.0)  # soft over about one pixel
            view = _mix(view, colour, below)
        skies.append(np.clip(view + 0.5, 0, 255).astype(np.uint8))
    return skies[0], skies[1]


def _ground(kind: str, rays: Plane, pitch: Plane, rng: np.random.Generator, colour: Plane, horizon: Plane) -> Plane:
    """Return the ground: a plane below the camera with patches, and tiles or stripes that fade with distance."""
    depth = np.maximum(-rays[..., 2], 0.02)
    x, y = rays[..., 0] / depth, rays[..., 1] / depth
    pattern = {
        "rough": _noise(rays, rng, 22.0, octaves=2, bend=0.5),
        "tiles": np.tanh(9.0 * np.sin(np.pi * x) * np.sin(np.pi * y)),
        "stripes": np.tanh(4.0 * np.sin(1.5 * np.pi * (x + 0.35 * np.sin(0.9 * y)))),
    }[kind]
    nearness = _smoothstep(-pitch, 4.0, 26.0)
    fine = _noise(rays, rng, 45.0, octaves=1)
    shade = 1.0 + 0.1 * pattern * nearness + 0.06 * _noise(rays, rng, 3.0, octaves=2) + 0.03 * fine
    return np.asarray(_mix(0.85 * horizon, colour, 0.45 + 0.55 * nearness) * shade[..., None])


def _skyline(kind: str, height: int, rng: np.random.Generator, base: float, swing: float) -> Plane:
    """Return the height in degrees [2·height] of a skyline over the yaw, equal at both ends."""
    yaw = (np.arange(2 * height) + 0.5) / height * np.pi
    if kind == "blocks":
        widths = rng.uniform(0.4, 1.6, 44)
        block = np.searchsorted(np.cumsum(widths) / widths.sum() * 2.0 * np.pi, yaw)
        return np.asarray(base + swing * rng.uniform(-0.7, 1.6, 44)[np.minimum(block, 43)], dtype=np.float32)
    waves = range(2, 5) if kind == "dunes" else range(2, 14)
    total = sum(np.sin(k * yaw + rng.uniform(0, 2 * np.pi)) * k**-0.8 for k in waves)
    return np.asarray(base + swing * total, dtype=np.float32)


def _noise(rays: Plane, rng: np.random.Generator, frequency: float, octaves: int = 3, bend: float = 1.5) -> Plane:
    """Return smooth noise on the sphere, about -1 to 1: random plane waves, each octave bent by those before."""
    total = np.zeros(rays.shape[:-1], dtype=np.float32)
    for octave in range(octaves):
        waves = normalise(rng.normal(size=(6, 3))) * frequency * 2.0**octave
        phases = rng.uniform(0.0, 2.0 * np.pi, 6)
        layer = np.zeros_like(total)
        for wave, phase in zip(waves, phases, strict=True):
            layer += np.sin(rays @ wave.astype(np.float32) + np.float32(phase) + bend * total)
        total += layer / np.float32(3.5 * 1.8**octave)
    return total


def _smoothstep(value: Plane, low: float, high: float) -> Plane:
    """Return 0 below `low`, 1 above `high`, and a smooth step between."""
    share = np.clip((value - low) / (high - low), 0.0, 1.0)
    return np.asarray(share * share * (3.0 - 2.0 * share))


def _mix(one: Plane, other: Plane, share: Plane) -> Plane:
    """Return colours [..., 3] between `one` and `other`, by the share [...] of the other."""
    weight = share[..., None]
    return np.asarray(one * (1.0 - weight) + other * weight, dtype=np.float32)
