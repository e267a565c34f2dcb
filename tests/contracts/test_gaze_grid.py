"""The gaze grid: the direction of every observer at every time, read from intervals."""

import numpy as np
import pandas as pd
import pytest

from tsalv360.contracts.gaze_grid import GazeGrid, rows_at, sample_gaze
from tsalv360.sources.recording import fixations_table
from tsalv360.sphere.directions import to_angles


def table() -> pd.DataFrame:
    """Observer a looks at 10, then from 1 s at 20, then nowhere from 1.5 s; observer b at 170 from 0.5 s to 2 s."""
    return fixations_table(["a", "a", "b"], [0, 1, 0.5], [1, 0.5, 1.5], 0, [10, 20, 170], [0, 5, -60], 0, [1, 2, 3])


def yaw_of(grid: GazeGrid) -> list[list[float]]:
    yaw = np.full(grid.present.shape, np.nan)
    yaw[grid.present] = to_angles(grid.vectors[grid.present])[0]
    return yaw.round(9).tolist()


def test_gaze_lasts_from_the_start_of_its_row_up_to_but_without_its_end() -> None:
    grid = sample_gaze(table(), np.array([0, 0.5, 0.999, 1.0, 1.499, 1.5, 1.999, 2.0]))
    assert grid.vectors.shape == (8, 2, 3)
    assert yaw_of(grid)[0][0] == 10
    np.testing.assert_array_equal(yaw_of(grid), np.array([
        [10, np.nan], [10, 170], [10, 170], [20, 170], [20, 170], [np.nan, 170], [np.nan, 170], [np.nan, np.nan],
    ]))  # fmt: skip


def test_gaze_that_starts_at_a_frame_but_for_rounding_belongs_to_that_frame() -> None:
    starts = np.array([0.0, 0.1 + 0.2])  # 0.30000000000000004
    rows = rows_at(fixations_table(["a", "a"], starts, [0.31, 1], 0, [10, 20], 0, 0), np.array([0.3]))
    assert rows.tolist() == [[1]]


def test_directions_and_weights_are_those_of_the_row() -> None:
    grid = sample_gaze(table(), np.array([1.2]))
    np.testing.assert_allclose(to_angles(grid.vectors[0])[1], [5, -60])
    assert grid.weights.tolist() == [[2, 3]]
    assert sample_gaze(table(), np.array([1.7])).weights.tolist() == [[0, 3]]


def test_rows_are_those_of_the_table_as_it_stands() -> None:
    mixed = table().iloc[[2, 1, 0]]
    assert rows_at(mixed, np.array([0, 0.7, 1.2, 1.7, 3])).tolist() == [[2, -1], [2, 0], [1, 0], [-1, 0], [-1, -1]]


def test_the_order_of_rows_does_not_matter() -> None:
    time = np.linspace(0, 2, 33)
    grid, shuffled = (sample_gaze(rows, time) for rows in (table(), table().iloc[[2, 1, 0]]))
    np.testing.assert_array_equal(grid.vectors, shuffled.vectors)
    np.testing.assert_array_equal(grid.weights, shuffled.weights)


@pytest.mark.parametrize("fps", [23.976, 25, 29.97, 60])
def test_samples_at_frame_rate_leave_no_hole_on_the_grid(fps: float) -> None:
    frame = np.arange(500)
    gaze = fixations_table(["a"] * 500, frame / fps, 1 / fps, frame, frame / 10, 0)
    number = np.array([round(i / 16 * fps) for i in range(int(490 / fps * 16))])
    grid = sample_gaze(gaze, number / fps)
    assert grid.present.all()
    np.testing.assert_allclose(to_angles(grid.vectors[:, 0])[0], number / 10, atol=1e-9)
