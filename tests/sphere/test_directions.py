"""Directions and angles against closed forms, above all at the seam, at the poles, and for tiny and opposite angles."""

import math

import numpy as np
import pytest

from tsalv360.sphere.directions import (
    angular_distance,
    direction_to_pixel,
    interpolate,
    normalise,
    pixel_to_direction,
    to_angles,
    to_vectors,
    vector_angle,
    wrap_yaw,
)


@pytest.mark.parametrize(
    ("yaw", "wrapped"),
    [(0, 0), (180, -180), (-180, -180), (181, -179), (-181, 179), (360, 0), (540, -180), (725, 5), (179.5, 179.5)],
)
def test_yaw_is_wrapped_to_minus_180_up_to_but_without_180(yaw: float, wrapped: float) -> None:
    assert wrap_yaw(yaw) == pytest.approx(wrapped, abs=1e-12)


def test_wrapped_yaw_stays_below_180_where_rounding_would_reach_it() -> None:
    hard = np.array([-1e-14, -180 - 1e-14, 180 - 1e-14, np.nextafter(-180, -200), 1e-300, 180.0, -540.0])
    wrapped = wrap_yaw(hard)
    assert (wrapped >= -180).all()
    assert (wrapped < 180).all()


@pytest.mark.parametrize(
    ("yaw", "pitch", "vector"),
    [(0, 0, (1, 0, 0)), (90, 0, (0, 1, 0)), (-180, 0, (-1, 0, 0)), (37, 90, (0, 0, 1)), (0, -90, (0, 0, -1))],
)
def test_vectors_point_front_right_and_up(yaw: float, pitch: float, vector: tuple[float, ...]) -> None:
    np.testing.assert_allclose(to_vectors(yaw, pitch), vector, atol=1e-15)


def test_angles_and_vectors_are_inverse_to_each_other() -> None:
    rng = np.random.default_rng(1)
    yaw, pitch = rng.uniform(-180, 180, 1000), rng.uniform(-89.9, 89.9, 1000)
    back = to_angles(5.0 * to_vectors(yaw, pitch))  # of any length
    np.testing.assert_allclose(back, (yaw, pitch), atol=1e-9)


def test_pitch_keeps_its_precision_next_to_the_poles() -> None:
    _, pitch = to_angles(to_vectors(12.0, 90 - 1e-7))
    assert 90 - pitch == pytest.approx(1e-7, rel=1e-6)


@pytest.mark.parametrize(
    ("a", "b", "angle"),
    [
        ((0, 0), (90, 0), 90),
        ((179, 0), (-179, 0), 2),
        ((10, 89), (-170, 89), 2),
        ((0, 90), (123, 90), 0),
        ((0, 0), (-180, 0), 180),
        ((30, 40), (-150, -40), 180),
        ((0, 90), (77, -90), 180),
        ((0, 60), (90, 60), math.degrees(math.acos(0.75))),
        ((-15, 25), (-15, 25), 0),
    ],
)
def test_angular_distance_has_its_closed_form(a: tuple[float, float], b: tuple[float, float], angle: float) -> None:
    assert angular_distance(*a, *b) == pytest.approx(angle, abs=1e-9)
    assert angular_distance(*b, *a) == pytest.approx(angle, abs=1e-9)


@pytest.mark.parametrize("tiny", [1e-3, 1e-6, 1e-8])
@pytest.mark.parametrize("pitch", [0, 60, -89])
def test_tiny_angles_and_their_supplements_are_exact(tiny: float, pitch: float) -> None:
    assert angular_distance(20, pitch, 20, pitch + tiny) == pytest.approx(tiny, rel=1e-5)
    assert 180 - angular_distance(20, pitch, -160, -pitch - tiny) == pytest.approx(tiny, rel=1e-4, abs=1e-13)


def test_angular_distance_broadcasts() -> None:
    matrix = angular_distance(np.array([[0.0], [90.0]]), 0, np.array([0.0, 45.0, 90.0]), 0)
    np.testing.assert_allclose(matrix, [[0, 45, 90], [90, 45, 0]], atol=1e-12)


def test_normalised_vectors_have_length_one_and_their_direction() -> None:
    vectors = np.random.default_rng(2).normal(size=(4, 5, 3))
    unit = normalise(vectors)
    np.testing.assert_allclose(np.linalg.norm(unit, axis=-1), 1)
    np.testing.assert_allclose(np.cross(unit, vectors), 0, atol=1e-12)


def test_interpolation_runs_over_the_seam_and_stands_still_outside() -> None:
    path = to_vectors([175, -175], [0, 0])
    yaw, pitch = to_angles(interpolate([1, 2], path, [0, 1, 1.5, 2, 9]))
    np.testing.assert_allclose(yaw, [175, 175, -180, -175, -175], atol=1e-9)
    np.testing.assert_allclose(pitch, 0, atol=1e-12)


def test_interpolation_over_a_pole_stays_within_a_hundredth_of_a_degree_of_the_great_circle() -> None:
    at = np.linspace(0, 1, 101)
    found = interpolate([0, 1], to_vectors([30, -150], [85, 85]), at)
    angle = 85 + 10 * at
    exact = to_vectors(np.where(angle > 90, -150, 30), np.where(angle > 90, 180 - angle, angle))
    assert vector_angle(found, exact).max() < 0.01


def test_pixel_centres_of_an_erp_lie_half_a_pixel_inside() -> None:
    np.testing.assert_allclose(direction_to_pixel(0, 0, 480, 960), (479.5, 239.5))
    np.testing.assert_allclose(direction_to_pixel(-180, 90, 480, 960), (-0.5, -0.5))
    yaw, pitch = pixel_to_direction([0, 959], [0, 479], 480, 960)
    np.testing.assert_allclose(yaw, [-180 + 0.1875, 180 - 0.1875])
    np.testing.assert_allclose(pitch, [90 - 0.1875, -90 + 0.1875])


def test_pixels_and_directions_are_inverse_to_each_other() -> None:
    column, row = np.meshgrid(np.arange(32), np.arange(16))
    back = direction_to_pixel(*pixel_to_direction(column, row, 16, 32), 16, 32)
    np.testing.assert_allclose(back, (column, row), atol=1e-9)


def test_a_column_past_the_seam_is_the_first_one() -> None:
    assert pixel_to_direction(32, 0, 16, 32)[0] == pixel_to_direction(0, 0, 16, 32)[0]
