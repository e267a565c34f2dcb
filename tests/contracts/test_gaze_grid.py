"""Where every observer looks at every time, read off intervals."""

import numpy as np
import pandas as pd
import pytest

from tsalv360.contracts.gaze_grid import Looks, rows_at, sample_looks
from tsalv360.sources.recording import fixations_table
from tsalv360.sphere.directions import to_angles


def table() -> pd.DataFrame:
    """Observer a looks at 10, then from 1 s at 20, then nowhere from 1.5 s; observer b at 170 from 0.5 s to 2 s."""
    return fixations_table(["a", "a", "b"], [0, 1, 0.5], [1, 0.5, 1.5], 0, [10, 20, 170], [0, 5, -60], 0, [1, 2, 3])


def yaw_of(looks: Looks) -> list[list[float]]:
    yaw = np.full(looks.present.shape, np.nan)
    yaw[looks.present] = to_angles(looks.vectors[looks.present])[0]
    return yaw.round(9).tolist()


def test_a_look_lasts_from_its_start_up_to_but_without_its_end() -> None:
    looks = sample_looks(table(), np.array([0, 0.5, 0.999, 1.0, 1.499, 1.5, 1.999, 2.0]))
    assert looks.n_observers == 2
    assert yaw_of(looks)[0][0] == 10
    np.testing.assert_array_equal(yaw_of(looks), np.array([
        [10, np.nan], [10, 170], [10, 170], [20, 170], [20, 170], [np.nan, 170], [np.nan, 170], [np.nan, np.nan],
    ]))  # fmt: skip


def test_a_look_that_starts_at_a_frame_but_for_rounding_is_that_frames() -> None:
    starts = np.array([0.0, 0.1 + 0.2])  # 0.30000000000000004
    rows = rows_at(fixations_table(["a", "a"], starts, [0.31, 1], 0, [10, 20], 0, 0), np.array([0.3]))
    assert rows.tolist() == [[1]]


def test_directions_and_weights_come_with_the_look() -> None:
    looks = sample_looks(table(), np.array([1.2]))
    np.testing.assert_allclose(to_angles(looks.vectors[0])[1], [5, -60])
    assert looks.weights.tolist() == [[2, 3]]
    assert sample_looks(table(), np.array([1.7])).weights.tolist() == [[0, 3]]


def test_rows_are_those_of_the_table_as_it_stands() -> None:
    mixed = table().iloc[[2, 1, 0]]
    assert rows_at(mixed, np.array([0, 0.7, 1.2, 1.7, 3])).tolist() == [[2, -1], [2, 0], [1, 0], [-1, 0], [-1, -1]]


def test_the_order_of_rows_does_not_matter() -> None:
    time = np.linspace(0, 2, 33)
    looks, shuffled = (sample_looks(rows, time) for rows in (table(), table().iloc[[2, 1, 0]]))
    np.testing.assert_array_equal(looks.vectors, shuffled.vectors)
    np.testing.assert_array_equal(looks.weights, shuffled.weights)


@pytest.mark.parametrize("fps", [23.976, 25, 29.97, 60])
def test_samples_at_frame_rate_leave_no_hole_on_the_grid(fps: float) -> None:
    frame = np.arange(500)
    gaze = fixations_table(["a"] * 500, frame / fps, 1 / fps, frame, frame / 10, 0)
    grid = np.array([round(i / 16 * fps) for i in range(int(490 / fps * 16))])
    looks = sample_looks(gaze, grid / fps)
    assert looks.present.all()
    np.testing.assert_allclose(to_angles(looks.vectors[:, 0])[0], grid / 10, atol=1e-9)
