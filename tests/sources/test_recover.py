"""Directions from saliency maps, against maps that were made from known fixations."""

from collections.abc import Callable

import cv2
import numpy as np
import pytest
from numpy.typing import NDArray

from tsalv360.saliency import saliency_map, to_8bit
from tsalv360.sources.recover import recover_directions
from tsalv360.sphere.directions import (
    angular_distance,
    normalise,
    pixel_to_direction,
    to_angles,
    to_vectors,
    vector_angle,
)

SIZE = (480, 960)
SETTINGS = 5.0, 40  # σ in degrees, most directions

Rng = np.random.Generator
Layout = Callable[[Rng, int], NDArray]


def anyhow(rng: Rng) -> NDArray:
    """A random rotation."""
    axes, _ = np.linalg.qr(rng.normal(size=(3, 3)))
    return axes


def scattered(rng: Rng, n: int) -> NDArray:
    """Anywhere, at least 8° apart."""
    return apart(n, lambda: normalise(rng.normal(size=3)))


def crowded(rng: Rng, n: int) -> NDArray:
    """In a cap that is just large enough, at least 8° apart."""
    spread = np.radians(8) * np.sqrt(n) / 2
    return apart(n, lambda: normalise(np.append(rng.normal(size=2) * spread, 1))) @ anyhow(rng)


def apart(n: int, draw: Callable[[], NDArray]) -> NDArray:
    found: list[NDArray] = []
    while len(found) < n:
        one = draw()
        if all(vector_angle(one, other) >= 8 for other in found):
            found.append(one)
    return np.array(found)


def chain(rng: Rng, n: int) -> NDArray:
    """In a row along a great circle, exactly 8° apart."""
    angle = np.radians(8) * np.arange(n)
    return np.stack([np.cos(angle), np.sin(angle), 0 * angle], axis=-1) @ anyhow(rng)


def grid(rng: Rng, n: int) -> NDArray:
    """In rows 8° apart, in which neighbours are 8° apart."""
    side = int(np.ceil(np.sqrt(n)))
    pitch, place = 8.0 * (np.arange(n) // side - side // 2), np.arange(n) % side - side // 2
    step = 2 * np.degrees(np.arcsin(np.sin(np.radians(4)) / np.cos(np.radians(pitch))))
    return to_vectors(place * step, pitch) @ anyhow(rng)


def over_the_pole(rng: Rng, n: int) -> NDArray:
    """In a row through both poles, exactly 8° apart."""
    angle = np.radians(8) * np.arange(n) - rng.uniform(0, 1)
    return np.stack([np.sin(angle), 0 * angle, np.cos(angle)], axis=-1)


def over_the_seam(rng: Rng, n: int) -> NDArray:
    """In a row over the seam, exactly 8° apart."""
    return to_vectors(180 + 8.0 * (np.arange(n) - n // 2), 0)


LAYOUTS: list[Layout] = [scattered, crowded, chain, grid, over_the_pole, over_the_seam]


def weights(rng: Rng, n: int, seed: int) -> NDArray:
    """Equal for odd seeds, else from 0.3 to 1."""
    return np.ones(n) if seed % 2 else rng.uniform(0.3, 1, n)


def cc(a: NDArray, b: NDArray, weight: NDArray) -> float:
    """Correlation of two maps, with a weight for each row."""
    each = np.broadcast_to(weight[:, None], a.shape).ravel()
    (aa, ab), (_, bb) = np.cov(a.ravel(), b.ravel(), aweights=each)
    return float(ab / np.sqrt(aa * bb))


def made_again(found: tuple[NDArray, NDArray, NDArray], truth: NDArray, sigma: float = 5.0) -> float:
    """CC between a map and that of the directions found in it: plain or by area of the pixels, the lower of the two."""
    small = cv2.resize(truth.astype(np.float32), (480, 240), interpolation=cv2.INTER_AREA)
    again = saliency_map(*found, sigma, (240, 480))
    area = np.cos(np.radians(pixel_to_direction(0, np.arange(240), 240, 480)[1]))
    return min(cc(small, again, np.ones(240)), cc(small, again, area))


def recall(vectors: NDArray, found: tuple[NDArray, NDArray, NDArray]) -> float:
    """Share of the known directions within 3° of a found one."""
    return float(np.mean(vector_angle(vectors[:, None], to_vectors(*found[:2])).min(axis=1) <= 3))


PLACES = [(0, 0), (-180, 0), (179.93, 20), (-179.97, -35.2), (12, 90), (77, -90), (100, 89.2), (-33.3, -88.8), (91, 61)]


@pytest.mark.parametrize("size", [SIZE, (1024, 2048), (500, 1000), (240, 480)])
@pytest.mark.parametrize(("yaw", "pitch"), PLACES)
def test_a_single_fixation_is_found_where_it_is(yaw: float, pitch: float, size: tuple[int, int]) -> None:
    found = recover_directions(to_8bit(saliency_map(yaw, pitch, size=size)), *SETTINGS)
    assert angular_distance(yaw, pitch, *found[:2]).tolist() == pytest.approx([0], abs=0.2)
    assert found[2].tolist() == [1]


@pytest.mark.parametrize("sigma", [2, 3.34, 9.35, 15])
def test_other_widths_of_the_gaussian(sigma: float) -> None:
    found = recover_directions(to_8bit(saliency_map([170, -150], [40, 70], [1, 0.5], sigma)), sigma, 40)
    assert angular_distance(*found[:2], [170, -150], [40, 70]).max() < 0.2
    assert found[2].tolist() == pytest.approx([2 / 3, 1 / 3], abs=0.01)


def test_weights_are_shares_of_the_mass_the_heaviest_first() -> None:
    yaw, weight = np.array([-180.0, -90, 0, 90]), np.array([0.3, 1, 0.5, 0.8])
    found = recover_directions(to_8bit(saliency_map(yaw, [85, 0, 20, -60], weight)), *SETTINGS)
    order = np.argsort(-weight)
    assert found[2].tolist() == pytest.approx(weight[order] / weight.sum(), abs=0.005)
    assert angular_distance(*found[:2], yaw[order], np.array([85, 0, 20, -60])[order]).max() < 0.2


@pytest.mark.parametrize("size", [SIZE, (1024, 2048)])
@pytest.mark.parametrize("seed", range(4))
@pytest.mark.parametrize("layout", LAYOUTS)
def test_fixations_8_degrees_apart_are_found_again(layout: Layout, seed: int, size: tuple[int, int]) -> None:
    rng = np.random.default_rng([seed, LAYOUTS.index(layout)])
    n = int(rng.integers(5, 36))
    vectors = layout(rng, n)
    truth = to_8bit(saliency_map(*to_angles(vectors), weights(rng, n, seed), size=size))
    found = recover_directions(truth, *SETTINGS)
    assert recall(vectors, found) >= 0.8
    assert made_again(found, truth) >= 0.95
    assert len(found[2]) <= min(40, n + 4 + n // 3)  # and hardly anything else


@pytest.mark.parametrize("spread_deg", [2, 8, 20])
@pytest.mark.parametrize("n", [35, 60, 200])
def test_a_blob_of_many_fixations_is_made_again_from_40_directions(n: int, spread_deg: float) -> None:
    rng = np.random.default_rng(n)
    vectors = normalise([0.1, -1, 0.3] + rng.normal(size=(n, 3)) * np.radians(spread_deg))
    truth = to_8bit(saliency_map(*to_angles(vectors), size=SIZE))
    found = recover_directions(truth, *SETTINGS)
    assert made_again(found, truth) >= 0.99
    assert len(found[2]) <= 40


@pytest.mark.parametrize(
    ("sigma", "setting", "least"),
    [(5, 6.5, 0.95), (3.3, 4.29, 0.95), (9.35, 12.155, 0.95), (5, 3.5, 0.93), (9.35, 6.545, 0.93)],
)
def test_a_wrong_width_still_gives_about_the_same_map(sigma: float, setting: float, least: float) -> None:
    """A single Gaussian of 1.3 or 0.7 times the width has a CC of 0.97 or 0.94."""
    rng = np.random.default_rng(5)
    truth = to_8bit(saliency_map(*to_angles(scattered(rng, 25)), size=SIZE, sigma=sigma))
    assert made_again(recover_directions(truth, setting, 40), truth, setting) >= least


@pytest.mark.parametrize("change", [lambda m: m + 40.0, lambda m: m * 1e-9, lambda m: 1e6 * m - 3e5])
def test_zero_and_scale_of_the_map_do_not_matter(change: Callable[[NDArray], NDArray]) -> None:
    truth = to_8bit(saliency_map([-10, 10, 30], [0, 50, -30], [1, 2, 3])).astype(float)
    yaw, pitch, weight = recover_directions(truth, *SETTINGS)
    changed = recover_directions(change(truth), *SETTINGS)
    assert angular_distance(yaw, pitch, *changed[:2]).max() < 0.02
    assert changed[2].tolist() == pytest.approx(weight.tolist(), abs=1e-3)


def test_a_gray_background_gives_no_gaze() -> None:
    vectors = scattered(np.random.default_rng(8), 20)
    truth = to_8bit(0.25 + 0.75 * saliency_map(*to_angles(vectors), size=SIZE))
    found = recover_directions(truth, *SETTINGS)
    assert recall(vectors, found) == 1
    assert len(found[2]) <= 22


def test_noise_of_some_gray_levels_does_no_harm() -> None:
    rng = np.random.default_rng(9)
    vectors = scattered(rng, 20)
    clean = saliency_map(*to_angles(vectors), size=SIZE)
    found = recover_directions(to_8bit(np.clip(clean + rng.normal(0, 0.02, SIZE), 0, 1).astype(np.float32)), *SETTINGS)
    assert recall(vectors, found) == 1
    assert made_again(found, clean) >= 0.95


def test_no_more_directions_than_asked_for_and_the_heaviest_of_them() -> None:
    truth = to_8bit(saliency_map([-120, -60, 0, 60, 120], np.zeros(5), [1, 0.4, 0.9, 0.5, 0.8]))
    yaw, pitch, _ = recover_directions(truth, 5.0, 3)
    assert angular_distance(yaw, pitch, [-120, 0, 120], 0).max() < 0.5


@pytest.mark.parametrize("value", [0, 255, 0.3, -1e-30])
def test_a_constant_map_has_no_directions(value: float) -> None:
    assert [part.tolist() for part in recover_directions(np.full(SIZE, value), *SETTINGS)] == [[], [], []]


@pytest.mark.parametrize("value", [np.nan, np.inf, -np.inf])
def test_numbers_that_are_not_finite_are_refused(value: float) -> None:
    truth = saliency_map(0, 0)
    truth[100, 100] = value
    with pytest.raises(ValueError, match="not finite"):
        recover_directions(truth, *SETTINGS)


@pytest.mark.parametrize("height", [1, 2, 3, 5, 16, 64])
def test_any_picture_gives_valid_directions(height: int) -> None:
    rng = np.random.default_rng(height)
    noise = rng.random((height, 2 * height))
    for picture in (noise, noise > 0.9, -noise, np.indices(noise.shape).sum(axis=0) % 2, np.eye(*noise.shape)):
        yaw, pitch, weight = recover_directions(np.asarray(picture), *SETTINGS)
        assert len(yaw) <= 40
        assert (weight > 0).all() and (np.abs(pitch) <= 90).all() and ((yaw >= -180) & (yaw < 180)).all()
