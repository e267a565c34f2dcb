"""Directions of other frames against closed forms, and head rotations against matrices and against SciPy."""

import itertools
import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.spatial.transform import Rotation

from tsalv360.sphere.directions import to_angles, to_vectors, vector_angle
from tsalv360.sphere.frames import AXES, euler, from_axes, quaternions

ANGLE = st.floats(-360, 360) | st.sampled_from([0.0, 90.0, -90.0, 180.0, -180.0, 89.9999, -89.9999, 1e-9])

FORWARD = {"unity": (0, 0, 1), "openxr": (0, 0, -1)}


def direction(vector: object, frame: str) -> tuple[float, float]:
    yaw, pitch = to_angles(from_axes(np.atleast_2d(np.asarray(vector, dtype=float)), AXES[frame]))
    return float(yaw[0]), float(pitch[0])


@pytest.mark.parametrize(
    ("frame", "vector", "expected"),
    [
        ("unity", (0, 0, 1), (0, 0)),
        ("unity", (1, 0, 0), (90, 0)),
        ("unity", (-1, 0, 0), (-90, 0)),
        ("unity", (0, 1, 0), (0, 90)),
        ("unity", (0, 0, -1), (-180, 0)),
        ("unity", (1, 0, 1), (45, 0)),
        ("unity", (0, -1, 1), (0, -45)),
        ("openxr", (0, 0, -1), (0, 0)),
        ("openxr", (1, 0, 0), (90, 0)),
        ("openxr", (0, 1, 0), (0, 90)),
        ("openxr", (0, 0, 1), (-180, 0)),
        ("openxr", (-1, 0, -1), (-45, 0)),
    ],
)
def test_vectors_of_a_frame_point_where_its_axes_say(
    frame: str, vector: tuple[float, ...], expected: tuple[float, float]
) -> None:
    assert direction(vector, frame) == pytest.approx(expected, abs=1e-12)


@pytest.mark.parametrize("signs", list(itertools.product(["", "-"], repeat=3)))
@pytest.mark.parametrize("order", list(itertools.permutations("xyz")))
def test_any_three_axes_make_a_frame(order: tuple[str, ...], signs: tuple[str, ...]) -> None:
    axes = [sign + axis for sign, axis in zip(signs, order, strict=True)]
    for ours, axis in zip([(0, 1, 0), (0, 0, 1), (1, 0, 0)], axes, strict=True):  # right, up, forward
        vector = [0.0, 0.0, 0.0]
        vector["xyz".index(axis[-1])] = -2.5 if axis[0] == "-" else 2.5
        np.testing.assert_array_equal(from_axes([vector], axes), 2.5 * np.array([ours]))


@pytest.mark.parametrize("axes", [("x", "y", "y"), ("x", "y", "w"), ("x", "y"), ("x", "y", "--z"), ("X", "y", "z")])
def test_axes_that_are_not_x_y_and_z_are_refused(axes: tuple[str, ...]) -> None:
    with pytest.raises(ValueError, match="x, y and z once each"):
        from_axes([[0, 0, 1]], axes)


def test_90_degrees_about_y_look_right_in_unity_and_left_in_openxr() -> None:
    half = math.sqrt(0.5)
    for frame, yaw in [("unity", 90), ("openxr", -90)]:
        forward = FORWARD[frame]
        assert direction(quaternions(0, half, 0, half).apply(forward), frame) == pytest.approx((yaw, 0), abs=1e-9)
        assert direction(euler("YXZ", [[90, 0, 0]]).apply(forward), frame) == pytest.approx((yaw, 0), abs=1e-9)


def test_pitch_about_x_looks_down_in_unity_and_up_in_openxr_and_roll_turns_what_the_eye_sees() -> None:
    for frame, pitch in [("unity", -30), ("openxr", 30)]:
        forward = FORWARD[frame]
        assert direction(euler("YXZ", [[0, 30, 0]]).apply(forward), frame) == pytest.approx((0, pitch))
    right = to_components(40, 0)
    assert direction(euler("YXZ", [[0, 0, 90]]).apply(right), "unity") == pytest.approx((0, 40))  # right turns up


def to_components(yaw: float, pitch: float) -> np.ndarray:
    """Unity's components of a direction."""
    forward, right, up = to_vectors(yaw, pitch)
    return np.array([right, up, forward])


def matrix(axis: str, angle: float) -> np.ndarray:
    """The textbook's matrix of a rotation about an axis."""
    c, s = math.cos(math.radians(angle)), math.sin(math.radians(angle))
    return np.array(
        {
            "X": [[1, 0, 0], [0, c, -s], [0, s, c]],
            "Y": [[c, 0, s], [0, 1, 0], [-s, 0, c]],
            "Z": [[c, -s, 0], [s, c, 0], [0, 0, 1]],
        }[axis]
    )


@settings(max_examples=200, deadline=None)
@given(st.permutations("XYZ"), st.tuples(ANGLE, ANGLE, ANGLE), ANGLE, st.floats(-90, 90))
def test_intrinsic_euler_angles_are_products_of_matrices(
    order: list[str], angles: tuple[float, float, float], yaw: float, pitch: float
) -> None:
    vector = to_components(yaw, pitch)
    first, second, third = (matrix(axis, angle) for axis, angle in zip(order, angles, strict=True))
    turned = euler("".join(order), [angles]).apply(vector)
    np.testing.assert_allclose(turned, [first @ second @ third @ vector], atol=1e-12)


@settings(max_examples=200, deadline=None)
@given(st.tuples(ANGLE, ANGLE, ANGLE), ANGLE, st.floats(-90, 90), st.floats(0.985, 1.015))
def test_a_quaternion_turns_as_the_angles_that_it_was_made_of(
    angles: tuple[float, float, float], yaw: float, pitch: float, norm: float
) -> None:
    x, y, z, w = norm * Rotation.from_euler("YXZ", angles, degrees=True).as_quat()
    vector = to_components(yaw, pitch)
    for sign in (1, -1):  # q and −q are the same rotation
        turned = quaternions([sign * x], [sign * y], [sign * z], [sign * w]).apply(vector)
        assert vector_angle(turned, euler("YXZ", [angles]).apply(vector))[0] < 1e-6


@settings(max_examples=200, deadline=None)
@given(st.floats(-180, 180), st.floats(-89.999, 89.999), st.floats(-180, 180))
def test_the_heads_own_yaw_and_pitch_come_back_whatever_its_roll(yaw: float, pitch: float, roll: float) -> None:
    """Unity's Euler angles: yaw right, pitch down; roll leaves the direction of the head where it is."""
    head = euler("YXZ", [[yaw, -pitch, roll]]).apply(FORWARD["unity"])
    assert vector_angle(from_axes(head, AXES["unity"]), to_vectors([yaw], [pitch]))[0] < 1e-6


@pytest.mark.parametrize("bad", [(0, 0, 0, 0), (0.5, 0, 0, 0.5), (0, 2, 0, 0), (np.nan, 0, 0, 1)])
def test_what_is_no_quaternion_of_a_rotation_is_refused_by_its_row(bad: tuple[float, ...]) -> None:
    with pytest.raises(ValueError, match="row 2: a quaternion of norm"):
        quaternions(*np.array([(0, 0, 0, 1), (1, 0, 0, 0), bad]).T)
