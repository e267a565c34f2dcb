"""The camera: steady, without lag, within its limits, without spinning beside a pole, and wide enough for its event."""

from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray

from tsalv360.sphere.camera import camera_hfov, camera_path
from tsalv360.sphere.directions import angular_distance, normalise, to_vectors, vector_angle, wrap_yaw

RATE = 16
LIMITS = {
    "smooth_s": 0.5,
    "max_speed_deg_s": 40,
    "max_acceleration_deg_s2": 100,
    "max_offset_deg": 10,
    "max_rotation_deg_s": 60,
}


def axis(vectors: NDArray, **settings: Any) -> NDArray:
    """Unit vectors [n, 3] of the camera's path."""
    return to_vectors(*camera_path(vectors, RATE, **settings))


def speeds(path: NDArray) -> NDArray:
    return vector_angle(path[1:], path[:-1]) * RATE


def accelerations(path: NDArray) -> NDArray:
    """Along the sphere: the second difference projected onto the tangent plane."""
    change = path[2:] - 2 * path[1:-1] + path[:-2]
    change -= (change * path[1:-1]).sum(axis=1, keepdims=True) * path[1:-1]
    return np.degrees(np.linalg.norm(change, axis=1)) * RATE**2


def rotations(yaw: NDArray, pitch: NDArray) -> NDArray:
    """Rotation of the view about the optical axis, degrees per second, between frames of a camera that never rolls.

    From the axes of the cameras alone: their relative rotation without the shortest rotation that brings one optical
    axis onto the other.
    """
    lam, phi = np.radians(yaw), np.radians(pitch)
    forward = to_vectors(yaw, pitch)
    right = np.stack([-np.sin(lam), np.cos(lam), 0 * lam], axis=-1)
    up = np.stack([-np.sin(phi) * np.cos(lam), -np.sin(phi) * np.sin(lam), np.cos(phi)], axis=-1)
    turns = []
    for i in range(len(lam) - 1):
        turn = np.cross(forward[i], forward[i + 1])
        cross = np.array([[0, -turn[2], turn[1]], [turn[2], 0, -turn[0]], [-turn[1], turn[0], 0]])
        shortest = np.eye(3) + cross + cross @ cross / (1 + forward[i] @ forward[i + 1])
        carried = shortest @ right[i]
        turns.append(np.degrees(np.arctan2(carried @ up[i + 1], carried @ right[i + 1])) * RATE)
    return np.array(turns)


def crossing(speed: float, beside: float) -> NDArray:
    """A great circle `beside` degrees from the north pole, from 80 degrees before it to 80 degrees after."""
    n = int(80 / speed * RATE)
    along, side = np.radians(speed * np.arange(-n, n + 1) / RATE), np.radians(beside)
    x, y, z = np.sin(along), np.cos(along) * np.sin(side), np.cos(along) * np.cos(side)
    return np.stack([x, y, z], axis=-1) @ turned(70).T


def turned(yaw: float) -> NDArray:
    """Rotation matrix about the vertical."""
    lam = np.radians(yaw)
    return np.array([[np.cos(lam), -np.sin(lam), 0], [np.sin(lam), np.cos(lam), 0], [0, 0, 1]])


def restless(seed: int, spread: float) -> NDArray:
    return np.repeat(normalise([1, 0, 0] + spread * np.random.default_rng(seed).normal(size=(12, 3))), 6, axis=0)


def jump(angle: float, n: int = 60) -> NDArray:
    """Standing still, then at another place along a slanted great circle over the seam."""
    start, side = to_vectors(170, 10), normalise(np.cross(to_vectors(170, 10), to_vectors(20, 70)))
    end = np.cos(np.radians(angle)) * start + np.sin(np.radians(angle)) * side
    return np.concatenate([np.tile(start, (n, 1)), np.tile(end, (n, 1))])


def test_constant_motion_is_followed_without_lag() -> None:
    yaw = 150 + 20 * np.arange(96) / RATE  # over the seam
    found_yaw, found_pitch = camera_path(to_vectors(yaw, 0), RATE, **LIMITS)
    assert angular_distance(found_yaw, found_pitch, yaw, 0).max() < 1e-3, "not even at the ends"


def test_a_resting_target_gives_a_resting_camera() -> None:
    target = np.tile(to_vectors(-180, 89), (40, 1))
    np.testing.assert_allclose(axis(target, **LIMITS), target, atol=1e-12)


@pytest.mark.parametrize("smooth_s", [0, 0.2, 0.5])
@pytest.mark.parametrize("angle", [20, 90, 150, 175])
def test_speed_and_acceleration_limits_hold_over_a_jump(angle: float, smooth_s: float) -> None:
    path = axis(jump(angle), smooth_s=smooth_s, max_speed_deg_s=40, max_acceleration_deg_s2=100)
    assert speeds(path).max() <= 40 * (1 + 1e-9)
    assert accelerations(path).max() <= 100 * (1 + 1e-9)


def test_a_jump_is_passed_half_before_and_half_after_it() -> None:
    path = axis(jump(90), smooth_s=0.5, max_speed_deg_s=40, max_acceleration_deg_s2=100)
    halfway = normalise(path[0] + path[-1])
    nearest = vector_angle(path, halfway).argmin()
    assert abs(nearest - 59.5) <= 1
    np.testing.assert_allclose(path[[0, -1]], jump(90)[[0, -1]], atol=1e-3)


@pytest.mark.parametrize("smooth_s", [0, 0.2, 0.5, 2])
@pytest.mark.parametrize("spread", [0.1, 0.3, 1.0, 3.0])
def test_speed_and_acceleration_limits_hold_on_a_restless_path(spread: float, smooth_s: float) -> None:
    for seed in range(20):
        path = axis(restless(seed, spread), smooth_s=smooth_s, max_speed_deg_s=40, max_acceleration_deg_s2=100)
        assert speeds(path).max() <= 40 * (1 + 1e-9)
        assert accelerations(path).max() <= 100 * (1 + 1e-9)


def test_the_acceleration_limit_costs_little_speed() -> None:
    path = axis(jump(170), smooth_s=0, max_speed_deg_s=40, max_acceleration_deg_s2=100)
    assert speeds(path).max() > 18, "half of the limit, for as long before the jump as after it"


def test_behind_a_fast_target_the_camera_speeds_up_instead_of_stopping_and_going() -> None:
    target = to_vectors(np.clip(70 * np.arange(-64, 65) / RATE, -60, 60), 0)
    path = axis(target, **LIMITS)
    assert vector_angle(path, target).max() <= 10 + 1e-9
    assert accelerations(path).max() < 200
    moving = vector_angle(path, target[0]) > 1
    moving &= vector_angle(path, target[-1]) > 1
    assert speeds(path)[moving[1:]].min() > 2


@pytest.mark.parametrize("spread", [0.1, 0.3, 1.0])
def test_the_camera_stays_within_its_offset_whatever_the_other_limits_ask_for(spread: float) -> None:
    limits = {**LIMITS, "max_rotation_deg_s": np.inf}
    for seed in range(20):
        target = restless(seed, spread)
        assert vector_angle(axis(target, **limits), target).max() <= 10 + 1e-9


def test_all_limits_hold_where_the_target_allows_it() -> None:
    for seed in range(20):
        target = normalise(np.array([3, 0, 0.5]) + np.cumsum(restless(seed, 0.3), axis=0) / 40)
        yaw, pitch = camera_path(target, RATE, **LIMITS)
        path = to_vectors(yaw, pitch)
        assert speeds(path).max() <= 40
        assert accelerations(path).max() <= 100
        assert vector_angle(path, target).max() <= 10
        assert np.abs(rotations(yaw, pitch)).max() <= 60


@pytest.mark.parametrize("angle", [21, 90, 175])
def test_a_jump_that_no_camera_within_the_offset_can_follow_is_a_cut(angle: float) -> None:
    np.testing.assert_allclose(axis(jump(angle), **LIMITS), jump(angle), atol=1e-9)


def test_a_jump_of_up_to_twice_the_offset_is_passed_calmly() -> None:
    path = axis(jump(19), **LIMITS)
    assert speeds(path).max() < 20
    assert vector_angle(path, jump(19)).max() <= 10


@pytest.mark.parametrize("beside", [0, 1, -1, 5, 15])
@pytest.mark.parametrize(("speed", "farthest"), [(5, 3), (10, 6), (20, 11), (30, 17), (40, 22)])
@pytest.mark.parametrize("pole", [1, -1], ids=["north", "south"])
def test_a_pole_is_passed_without_a_spin_and_with_the_target_in_view(
    speed: float, farthest: float, beside: float, pole: int
) -> None:
    target = crossing(speed, beside) * (1, 1, pole)
    yaw, pitch = camera_path(target, RATE, **LIMITS)
    assert np.abs(rotations(yaw, pitch)).max() <= 60 * (1 + 1e-9)
    assert np.abs(wrap_yaw(np.diff(yaw)) * np.sin(np.radians(pitch[1:] + pitch[:-1]) / 2)).max() * RATE <= 60 * (
        1 + 1e-9
    )
    away = vector_angle(to_vectors(yaw, pitch), target)
    assert away.max() <= farthest, "half a view of 75 degrees is 29.9 degrees high"
    assert away[[0, -1]].max() <= max(10, farthest - 10)


def test_around_a_pole_the_view_rotates_no_faster_than_allowed() -> None:
    time_s = np.arange(120) / RATE
    for seed in range(60):
        rng = np.random.default_rng(seed)
        wide, quick = np.tan(np.radians(rng.uniform(3, 40))), rng.uniform(0.2, 2.5)
        x = np.cos(quick * time_s) + 0.3 * rng.normal()
        y = np.sin(quick * rng.uniform(0.5, 2) * time_s) + 0.3 * rng.normal()
        target = normalise(np.stack([wide * x, wide * y, np.ones(120)], axis=-1))
        assert np.abs(rotations(*camera_path(target, RATE, **LIMITS))).max() <= 60 * (1 + 1e-9)


def test_exactly_over_a_pole_rounding_does_not_choose_the_direction_of_rotation() -> None:
    for angle in np.arange(0, 360, 7.3):
        target = crossing(20, 0) @ turned(angle).T
        yaw, _ = camera_path(target, RATE, **LIMITS)
        assert np.median(wrap_yaw(np.diff(yaw))) >= 0
        assert np.sum(wrap_yaw(np.diff(yaw))) == pytest.approx(180, abs=0.01)


def test_without_the_limit_the_view_would_spin_over_a_pole() -> None:
    yaw, pitch = camera_path(crossing(20, 1), RATE, **{**LIMITS, "max_rotation_deg_s": np.inf})
    assert np.abs(rotations(yaw, pitch)).max() > 500


def test_a_target_that_trembles_at_a_pole_does_not_spin_the_camera() -> None:
    target = trembling(0, 90)
    yaw, pitch = camera_path(target, RATE, **LIMITS)
    assert np.abs(wrap_yaw(np.diff(yaw))).sum() < 720
    assert vector_angle(to_vectors(yaw, pitch), target).max() < 8


def test_away_from_the_poles_the_rotation_limit_changes_nothing() -> None:
    target = to_vectors(150 + 20 * np.sin(np.arange(160) / 20), 45 + 10 * np.cos(np.arange(160) / 15))
    free = camera_path(target, RATE, **{**LIMITS, "max_rotation_deg_s": np.inf})
    np.testing.assert_array_equal(camera_path(target, RATE, **LIMITS), free)


def trembling(yaw: float, pitch: float) -> NDArray:
    return normalise(to_vectors(yaw, pitch) + np.radians(1.5) * np.random.default_rng(0).normal(size=(320, 3)))


@pytest.mark.parametrize("angle", [0.37, 90, 137, 180])
@pytest.mark.parametrize(
    "target",
    [crossing(20, 0), crossing(30, 1), jump(15), jump(90), restless(1, 0.3), restless(2, 1.0), trembling(50, 89.9)],
)
def test_the_camera_rotates_with_a_scene_that_is_rotated_about_the_vertical(target: NDArray, angle: float) -> None:
    yaw, pitch = camera_path(target, RATE, **LIMITS)
    other_yaw, other_pitch = camera_path(target @ turned(angle).T, RATE, **LIMITS)
    assert np.abs(wrap_yaw(other_yaw - yaw - angle)).max() < 1e-6
    assert np.abs(other_pitch - pitch).max() < 1e-6


@pytest.mark.parametrize("target", [restless(5, 0.3), crossing(20, 1), crossing(30, -5), trembling(50, 87)])
def test_played_backwards_the_path_is_the_same(target: NDArray) -> None:
    there, back = axis(target, **LIMITS), axis(target[::-1], **LIMITS)
    assert vector_angle(there, back[::-1]).max() < 1e-6


@pytest.mark.parametrize("smooth_s", [0.2, 0.5, 1.0])
def test_the_gaussian_has_the_stated_width(smooth_s: float) -> None:
    """It leaves exp(−(2πfσ)²/2) of a swing of frequency f."""
    time_s, frequency = np.arange(640) / RATE, 0.2
    swing = 5 * np.sin(2 * np.pi * frequency * time_s)
    yaw, _ = camera_path(to_vectors(swing, 0), RATE, smooth_s, max_speed_deg_s=1000)
    left = np.exp(-((2 * np.pi * frequency * smooth_s) ** 2) / 2)
    np.testing.assert_allclose(yaw[160:-160], left * swing[160:-160], atol=0.02)


def test_the_path_stays_on_the_sphere_and_rotates_with_its_target() -> None:
    target = normalise(np.cumsum(np.random.default_rng(1).normal(size=(50, 3)), axis=0) / 20 + [0, 0, 1])
    limits = {**LIMITS, "max_rotation_deg_s": np.inf}
    turn = np.linalg.qr(np.random.default_rng(2).normal(size=(3, 3)))[0]
    np.testing.assert_allclose(axis(target @ turn, **limits), axis(target, **limits) @ turn, atol=1e-9)


def test_the_camera_is_steadier_than_its_target() -> None:
    shaky = to_vectors(np.random.default_rng(3).normal(0, 2, 100), 0)
    assert speeds(axis(shaky, **LIMITS)).mean() < 0.1 * speeds(shaky).mean()


@pytest.mark.parametrize("n", [1, 2, 3])
def test_a_few_frames_have_a_camera(n: int) -> None:
    target = to_vectors(np.full(n, 10), np.full(n, 20))
    np.testing.assert_allclose(axis(target, **LIMITS), target, atol=1e-12)


def hfov(spread: float, offset: float = 0.0, spreads: float = 4.0) -> float:
    return camera_hfov(np.full(50, spread), np.full(50, offset), RATE, 0.5, spreads, (75, 100))


def test_a_narrow_event_has_the_usual_field_of_view_and_a_wide_one_the_largest() -> None:
    assert hfov(3) == hfov(7.4) == 75
    assert hfov(12) == hfov(80) == 100


@pytest.mark.parametrize(("spread", "offset"), [(8, 0), (9, 0), (6, 9)])
def test_the_field_of_view_reaches_four_spreads_above_and_below_the_event(spread: float, offset: float) -> None:
    found = hfov(spread, offset)
    assert 75 < found < 100
    half_height = np.degrees(np.arctan(np.tan(np.radians(found / 2)) * 480 / 640))
    assert half_height == pytest.approx(4 * spread + offset)


def test_a_wide_moment_and_a_moment_off_the_middle_do_not_add_up() -> None:
    half = np.arange(100) < 50
    spread, offset = np.where(half, 9.0, 1.0), np.where(half, 0.0, 9.0)
    assert camera_hfov(spread, offset, RATE, 0.1, 4.0, (60, 100)) == pytest.approx(hfov(9.0), abs=0.01)


def test_one_moment_of_scattered_gaze_hardly_widens_the_view() -> None:
    spread = np.full(100, 6.0)
    spread[50] = 12
    assert camera_hfov(spread, np.zeros(100), RATE, 0.5, 4.0, (60, 100)) < hfov(6.0) + 5
    wide = np.where(np.arange(100) < 50, 3.0, 9.0)
    assert camera_hfov(wide, np.zeros(100), RATE, 0.5, 4.0, (60, 100)) == pytest.approx(hfov(9.0), abs=0.1)
