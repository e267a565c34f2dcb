"""Captions of drawn viewports: colour, size, form and motion must be those that were drawn."""

import itertools
import re
from typing import NamedTuple

import cv2
import numpy as np
import pytest
from numpy.typing import NDArray
from skimage.color import rgb2lab

from tsalv360.captions.facts import _shifts, _typical, colour_names, describe, find_object
from tsalv360.job.errors import InputError
from tsalv360.sphere.projection import render_viewport

COLOURS = {
    "red": (214, 40, 40),
    "green": (40, 170, 60),
    "blue": (40, 80, 220),
    "yellow": (240, 215, 40),
    "purple": (145, 50, 195),
    "orange": (245, 135, 25),
    "cyan": (40, 205, 220),
    "white": (245, 245, 245),
}
SHAPES = ("disc", "square", "triangle", "star", "ring", "cross")
MUTED = ((112, 118, 108), (120, 105, 92), (92, 104, 118), (140, 140, 132), (84, 96, 80), (150, 138, 120))
HEIGHT, WIDTH, FIELD = 480, 640, 75.0


def surroundings_motion(frames: NDArray[np.uint8], seconds_between: float, hfov: float = FIELD) -> NDArray | None:
    """The velocity [2] that is measured around the object, degrees per second right and up."""
    return _typical(_shifts(*find_object(frames), hfov) / seconds_between)


class Thing(NamedTuple):
    """A drawn object: its colour, shape, angular radius and start direction in degrees, velocity in degrees/second."""

    rgb: tuple[int, int, int]
    shape: str
    radius: float = 11.0
    start: tuple[float, float] = (0.0, 0.0)
    velocity: tuple[float, float] = (0.0, 0.0)


def template(shape: str, size: int = 256) -> NDArray[np.float32]:
    """Coverage [size, size] of a shape of radius size / 2 · 0.8, edges softened."""
    image, middle, radius = np.zeros((size, size), np.float32), size / 2, 0.4 * size

    def polygon(turns: list[float], radii: list[float]) -> NDArray[np.int32]:
        angles = np.radians(turns)
        return np.int32(
            np.stack(
                [
                    middle + radius * np.array(radii) * np.sin(angles),
                    middle - radius * np.array(radii) * np.cos(angles),
                ],
                1,
            ).round()
        )

    centre = (size // 2, size // 2)
    if shape in ("disc", "ring"):
        cv2.circle(image, centre, round(radius), 1, -1)
        if shape == "ring":
            cv2.circle(image, centre, round(0.55 * radius), 0, -1)
    elif shape in ("cross", "bar"):
        arm = radius * 0.33
        for a, b in ((radius, arm), (arm, radius))[: 2 if shape == "cross" else 1]:
            cv2.rectangle(image, (round(middle - a), round(middle - b)), (round(middle + a), round(middle + b)), 1, -1)
    else:
        turns, radii = {
            "square": ([45, 135, 225, 315], [1.0] * 4),
            "triangle": ([0, 120, 240], [1.0] * 3),
            "star": (list(range(0, 360, 36)), [1.0, 0.45] * 5),
        }[shape]
        cv2.fillPoly(image, [polygon(turns, radii)], 1)
    return cv2.GaussianBlur(image, (0, 0), 1.5)


def panorama(seed: int, base: tuple[int, int, int]) -> NDArray[np.float32]:
    """A muted, textured ERP [512, 1024, 3] in 0..255."""
    rng = np.random.default_rng(seed)
    light, tint = np.zeros((512, 1024), np.float32), np.zeros((512, 1024, 3), np.float32)
    for cells, strength in ((8, 10.0), (24, 10.0), (80, 8.0)):
        noise = rng.normal(size=(cells // 2, cells)).astype(np.float32)
        light += strength * cv2.resize(noise, (1024, 512), interpolation=cv2.INTER_CUBIC)
    tint += cv2.resize(rng.normal(size=(4, 8, 3)).astype(np.float32), (1024, 512), interpolation=cv2.INTER_CUBIC) * 4
    return np.clip(np.float32(base) + light[..., None] + tint, 0, 255)


def rays(yaw: float, pitch: float) -> NDArray[np.float64]:
    """Directions [HEIGHT, WIDTH, 3] (ahead, right, up) seen through the pixels of a view towards yaw and pitch."""
    focal = WIDTH / 2 / np.tan(np.radians(FIELD / 2))
    x, y = np.meshgrid(np.arange(WIDTH) - (WIDTH - 1) / 2, (HEIGHT - 1) / 2 - np.arange(HEIGHT))
    return np.stack([np.full(x.shape, focal), x, y], -1) @ turn(yaw, pitch)


def turn(yaw: float, pitch: float) -> NDArray[np.float64]:
    """Rows: the directions ahead, right and up of a view towards yaw and pitch, degrees."""
    (cy, cp), (sy, sp) = np.cos(np.radians((yaw, pitch))), np.sin(np.radians((yaw, pitch)))
    return np.array([[cp * cy, cp * sy, sp], [-sy, cy, 0.0], [-sp * cy, -sp * sy, cp]])


def viewport(erp: NDArray[np.float32], view: tuple[float, float], things: list[tuple[Thing, float]]) -> NDArray:
    """The picture uint8 [HEIGHT, WIDTH, 3] towards `view` of the things at their times, the last on top."""
    d = rays(*view)
    column = (np.arctan2(d[..., 1], d[..., 0]) / (2 * np.pi) + 0.5) * erp.shape[1] - 0.5
    row = (0.5 - np.arctan2(d[..., 2], np.hypot(d[..., 0], d[..., 1])) / np.pi) * erp.shape[0] - 0.5
    picture = cv2.remap(erp, np.float32(column), np.float32(row), cv2.INTER_LINEAR, borderMode=cv2.BORDER_WRAP)
    for thing, seconds in things:
        ahead, right, up = np.moveaxis(
            d @ turn(*(s + v * seconds for s, v in zip(thing.start, thing.velocity, strict=True))).T, -1, 0
        )
        scale = 0.4 * 256 / np.tan(np.radians(thing.radius)) / np.where(ahead > 0, ahead, np.nan)
        at = np.nan_to_num(np.float32(np.stack([128 + right * scale, 128 - up * scale])), nan=-1e4)
        cover = cv2.remap(template(thing.shape), *at, cv2.INTER_LINEAR)[..., None]
        picture = picture * (1 - cover) + np.float32(thing.rgb) * cover
    return np.uint8(np.clip(picture, 0, 255).round())


def event(
    things: list[Thing], seed: int = 0, step: float = 1.0, count: int = 8, view: tuple[float, float] = (0.0, 0.0)
) -> NDArray[np.uint8]:
    """Pictures [count, HEIGHT, WIDTH, 3] that follow the last of the things, or rest on `view`, with a little sway."""
    rng, erp = np.random.default_rng(seed), panorama(seed, MUTED[seed % len(MUTED)])
    pictures = []
    for t in step * np.arange(count):
        aim = [s + v * t for s, v in zip(things[-1].start, things[-1].velocity, strict=True)] if things else view
        sway = rng.normal(0, 1.5, 2)
        pictures.append(viewport(erp, (aim[0] + sway[0], aim[1] + sway[1]), [(thing, t) for thing in things]))
    return np.stack(pictures)


def spoil(frames: NDArray[np.uint8], quality: int = 30) -> NDArray[np.uint8]:
    """The pictures blurred, with noise and strongly compressed."""
    rng, out = np.random.default_rng(1), []
    for frame in frames:
        noisy = cv2.GaussianBlur(frame, (0, 0), 1.2) + rng.normal(0, 5, frame.shape)
        coded = cv2.imencode(".jpg", np.uint8(np.clip(noisy, 0, 255)), [cv2.IMWRITE_JPEG_QUALITY, quality])[1]
        out.append(cv2.imdecode(coded, cv2.IMREAD_COLOR))
    return np.stack(out)


class Parts(NamedTuple):
    """The parts of a caption about an object; empty where the caption does not have them."""

    size: str
    form: str
    colour: str
    background: str
    motion: str


def parts_of(text: str) -> Parts:
    size, form = "( small| large)?", "( round| elongated)?"
    found = re.fullmatch(rf"An?{size}{form} (.+) object in front of an? (.+) background(?:, (.+))?\.", text)
    assert found, text
    return Parts(*((part or "").strip() for part in found.groups()))


@pytest.mark.slow
def test_every_colour_of_every_shape() -> None:
    colours, forms = [], []
    for k, (colour, shape) in enumerate(itertools.product(COLOURS, SHAPES)):
        thing = Thing(COLOURS[colour], shape, 8 + k % 7, (37.0 * k, k % 5 * 10 - 20), (10.0, 0.0))
        frames = event([thing], seed=k, step=0.8, count=5)
        words = parts_of(describe(spoil(frames), 0.8))
        colours.append(words.colour == colour)
        forms.append(words.form == ("round" if shape == "disc" else ""))
    assert np.mean(colours) >= 0.95
    assert np.mean(forms) >= 0.95


@pytest.mark.parametrize(
    ("shape", "radius", "words"),
    [
        ("disc", 10, ("", "round")),
        ("disc", 5, ("small", "round")),
        ("disc", 20, ("large", "round")),
        ("bar", 14, ("", "elongated")),
    ],
)
def test_size_and_form(shape: str, radius: float, words: tuple[str, str]) -> None:
    frames = event([Thing(COLOURS["blue"], shape, radius)], seed=8)
    assert parts_of(describe(frames, 1.0))[:2] == words


@pytest.mark.parametrize(
    ("velocity", "way"), [((12, 0), "to the right"), ((-12, 0), "to the left"), ((0, 8), "up"), ((0, -8), "down")]
)
def test_motion_is_relative_to_the_surroundings(velocity: tuple[float, float], way: str) -> None:
    start = (170.0, -3.0 * velocity[1])
    frames = event([Thing(COLOURS["red"], "disc", start=start, velocity=velocity)], seed=3)
    assert parts_of(describe(frames, 1.0)).motion in (f"moving {way}", f"moving slowly {way}")
    assert np.dot(surroundings_motion(frames, 1.0), velocity) < 0


@pytest.mark.parametrize("hfov", [55.0, 75.0, 100.0])
def test_speeds_are_degrees_at_any_field_of_view(hfov: float) -> None:
    erp = np.uint8(panorama(2, MUTED[0]).clip(0, 255))
    frames = np.stack([render_viewport(erp, 6.0 * t, 0, hfov, (HEIGHT, WIDTH)) for t in range(6)])
    np.testing.assert_allclose(surroundings_motion(frames, 1.0, hfov), (-6, 0), atol=0.7)


def test_speed_classes() -> None:
    def motion(speed: float, step: float) -> str:
        thing = Thing(COLOURS["orange"], "square", velocity=(speed, 0.0))
        return parts_of(describe(event([thing], seed=1, step=step), step)).motion

    assert motion(0.0, 1.5) == "hardly moving"
    assert motion(5.0, 1.5) == "moving slowly to the right"
    assert motion(42.0, 0.5) == "moving quickly to the right"


def test_mirrored_pictures_give_the_mirrored_direction() -> None:
    frames = event([Thing(COLOURS["cyan"], "star", velocity=(15.0, 0.0))], seed=2)
    words, mirrored = parts_of(describe(frames, 1.0)), parts_of(describe(frames[:, :, ::-1], 1.0))
    assert (words.colour, words.motion) == ("cyan", "moving to the right")
    assert mirrored[:3] == words[:3]
    assert mirrored.motion == "moving to the left"


def test_nothing_is_said_of_motion_before_a_wall_without_detail() -> None:
    wall, thing = np.full((512, 1024, 3), 110, np.float32), Thing(COLOURS["red"], "disc", velocity=(15.0, 0.0))
    frames = np.stack([viewport(wall, (15.0 * t, k), [(thing, t)]) for t, k in enumerate([0, 1, -1, 2, 0, 1])])
    assert parts_of(describe(frames, 1.0)).motion == ""


def test_repeating_pattern_gives_no_motion() -> None:
    rows, columns = np.mgrid[:HEIGHT, :WIDTH]
    frames = np.stack(
        [np.repeat((100 + 40 * (((columns + 9 * k) // 20 + rows // 20) % 2))[..., None], 3, axis=2) for k in range(6)]
    ).astype(np.uint8)
    assert surroundings_motion(frames, 1.0) is None
    assert "moving" not in describe(frames, 1.0)


@pytest.mark.parametrize("seed", range(6))
def test_texture_alone_is_no_object(seed: int) -> None:
    text = describe(event([], seed=seed, view=(50.0 * seed, 10.0)), 1.0)
    assert "scene" in text
    assert "object" not in text
    assert "moving" not in text


def test_the_central_object_is_described_when_another_passes() -> None:
    main = Thing(COLOURS["purple"], "disc", 10.0, (0.0, 0.0), (8.0, 0.0))
    for colour, height in (("green", 12.0), ("yellow", -15.0), ("white", 2.0)):
        other = Thing(COLOURS[colour], "square", 9.0, (40.0, height), (-4.0, 0.0))
        words = parts_of(describe(event([other, main], seed=5), 1.0))
        assert words[:3] == ("", "round", "purple")
        assert "left" not in words.motion


def test_single_picture_and_unknown_time_give_no_motion() -> None:
    frames = event([Thing(COLOURS["green"], "triangle", velocity=(10.0, 0.0))], seed=4)
    for text in (describe(frames[:1], 1.0), describe(frames, 0.0), describe(frames, float("nan"))):
        assert parts_of(text).colour == "green"
        assert parts_of(text).motion == ""


@pytest.mark.parametrize(("value", "name"), [(0, "black"), (128, "grey"), (255, "white")])
def test_flat_pictures(value: int, name: str) -> None:
    assert describe(np.full((8, HEIGHT, WIDTH, 3), value, np.uint8), 1.0) == f"An even {name} scene."


def test_same_pictures_same_words() -> None:
    frames = spoil(event([Thing(COLOURS["yellow"], "cross", velocity=(9.0, 3.0))], seed=6))
    cv2.setRNGSeed(1)
    first = describe(frames, 0.7)
    cv2.setRNGSeed(2)
    assert describe(frames.copy(), 0.7) == first
    assert len(first.split()) < 40
    assert first.endswith(".")


@pytest.mark.parametrize(
    ("rgb", "name"),
    [
        ((255, 0, 0), "red"),
        ((0, 0, 255), "blue"),
        ((128, 0, 128), "purple"),
        ((138, 43, 226), "purple"),
        ((255, 165, 0), "orange"),
        ((255, 255, 0), "yellow"),
        ((0, 255, 255), "cyan"),
        ((0, 128, 0), "green"),
        ((255, 192, 203), "pink"),
        ((139, 69, 19), "brown"),
        ((0, 0, 0), "black"),
        ((255, 255, 255), "white"),
        ((60, 60, 60), "dark grey"),
        ((200, 200, 200), "light grey"),
        ((0, 60, 0), "dark green"),
        ((100, 112, 96), "grey-green"),
    ],
)
def test_colour_names(rgb: tuple[int, int, int], name: str) -> None:
    assert colour_names(rgb2lab(np.uint8([rgb]))) == [name]


def test_the_object_is_found_where_it_is() -> None:
    masks, lab = find_object(event([Thing(COLOURS["blue"], "disc", 10.0)], seed=7))
    assert masks.shape == (*lab.shape[:3],)
    expected = np.pi * (masks.shape[2] / 2 / np.tan(np.radians(FIELD / 2)) * np.tan(np.radians(10.0))) ** 2
    assert np.abs(masks.sum(axis=(1, 2)) / expected - 1).max() < 0.1


@pytest.mark.parametrize(
    "frames", [np.zeros((0, 48, 64, 3), np.uint8), np.zeros((48, 64, 3), np.uint8), np.zeros((2, 48, 64, 3), float)]
)
def test_other_arrays_are_refused(frames: NDArray) -> None:
    with pytest.raises(InputError, match="uint8"):
        describe(frames, 1.0)
