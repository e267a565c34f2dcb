"""The camera's path: calm, in time, within its speed limit and on the sphere."""

import numpy as np
import pytest
from numpy.typing import NDArray

from tsalv360.camera import camera_path
from tsalv360.geometry import angular_distance, normalise, to_angles, to_vectors, vector_angle

RATE = 16


def speeds(path: NDArray) -> NDArray:
    return vector_angle(path[1:], path[:-1]) * RATE


def jump(angle: float, n: int = 60) -> NDArray:
    """Standing still, then at another place along a slanted great circle over the seam."""
    start, side = to_vectors(170, 10), normalise(np.cross(to_vectors(170, 10), to_vectors(20, 70)))
    end = np.cos(np.radians(angle)) * start + np.sin(np.radians(angle)) * side
    return np.concatenate([np.tile(start, (n, 1)), np.tile(end, (n, 1))])


def test_constant_motion_is_followed_without_lag() -> None:
    yaw = 150 + 20 * np.arange(96) / RATE  # over the seam
    path = camera_path(to_vectors(yaw, 0), RATE, smooth_s=0.5, max_speed_deg_s=40)
    middle = slice(40, 56)
    found_yaw, found_pitch = to_angles(path)
    assert angular_distance(found_yaw, found_pitch, yaw, 0)[middle].max() < 1e-3


def test_a_resting_target_gives_a_resting_camera() -> None:
    target = np.tile(to_vectors(-180, 89), (40, 1))
    np.testing.assert_allclose(camera_path(target, RATE, 0.5, 40), target, atol=1e-12)


@pytest.mark.parametrize("smooth_s", [0, 0.2, 0.5])
@pytest.mark.parametrize("angle", [20, 90, 150, 175])
def test_the_speed_limit_holds_over_a_jump(angle: float, smooth_s: float) -> None:
    path = camera_path(jump(angle), RATE, smooth_s, max_speed_deg_s=40)
    assert speeds(path).max() <= 40 * (1 + 1e-9)


def test_a_jump_is_passed_half_before_and_half_after_it() -> None:
    path = camera_path(jump(90), RATE, 0.5, max_speed_deg_s=40)
    halfway = normalise(path[0] + path[-1])
    nearest = vector_angle(path, halfway).argmin()
    assert abs(nearest - 59.5) <= 1
    np.testing.assert_allclose(path[[0, -1]], jump(90)[[0, -1]], atol=1e-3)


@pytest.mark.parametrize(("spread", "smooth_s"), [(0.3, 0), (1.0, 0.5)])
def test_the_speed_limit_holds_on_a_restless_path(spread: float, smooth_s: float) -> None:
    fastest = []
    for seed in range(40):
        noise = np.random.default_rng(seed).normal(size=(12, 3))
        path = np.repeat(normalise([1, 0, 0] + spread * noise), 6, axis=0)
        fastest.append(speeds(camera_path(path, RATE, smooth_s, max_speed_deg_s=40)).max())
    assert max(fastest) <= 40 * (1 + 1e-6)


def test_the_path_stays_on_the_sphere_and_turns_with_its_target() -> None:
    target = normalise(np.cumsum(np.random.default_rng(1).normal(size=(50, 3)), axis=0) / 20 + [0, 0, 1])
    path = camera_path(target, RATE, 0.5, 40)
    np.testing.assert_allclose(np.linalg.norm(path, axis=1), 1)
    turn = np.linalg.qr(np.random.default_rng(2).normal(size=(3, 3)))[0]
    np.testing.assert_allclose(camera_path(target @ turn, RATE, 0.5, 40), path @ turn, atol=1e-9)


def test_the_camera_is_calmer_than_its_target() -> None:
    shaky = to_vectors(np.random.default_rng(3).normal(0, 2, 100), 0)
    assert speeds(camera_path(shaky, RATE, 0.5, 40)).mean() < 0.1 * speeds(shaky).mean()


def test_a_single_frame_has_a_camera() -> None:
    np.testing.assert_allclose(camera_path(to_vectors([10], [20]), RATE, 0.5, 40), to_vectors([10], [20]))
