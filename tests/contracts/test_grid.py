"""Runs of frame numbers on the grid."""

import numpy as np
import pytest

from tsalv360.contracts.grid import runs


@pytest.mark.parametrize(
    ("values", "max_step", "expected"),
    [
        ([], 1, []),
        ([7], 1, [[7]]),
        ([3, 4, 5], 1, [[3, 4, 5]]),
        ([3, 4, 6, 7, 20], 1, [[3, 4], [6, 7], [20]]),
        ([3, 4, 6, 7, 20], 2, [[3, 4, 6, 7], [20]]),
        ([0, 2.5, 5.1], 2.5, [[0, 2.5], [5.1]]),
    ],
)
def test_runs_end_where_the_step_is_larger_than_allowed(
    values: list[float], max_step: float, expected: list[list[float]]
) -> None:
    found = runs(np.array(values), max_step)
    assert [np.array(values)[run].tolist() for run in found] == expected
