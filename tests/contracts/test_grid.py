"""Runs of frame numbers on the grid, and segments of time."""

import numpy as np
import pytest

from tsalv360.contracts.grid import runs, segments_of


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


@pytest.mark.parametrize("fps", [16.0, 17.0, 24.0, 25.0, 30000 / 1001, 60.0, 10.0])
def test_segments_end_at_gaps_only(fps: float) -> None:
    kept = np.array(sorted({round(i / 16 * fps) for i in range(96)}))
    time = kept / fps
    assert segments_of(time, fps) == [(time[0], time[-1])]
    gap = np.concatenate([time[:30], time[32:]])
    assert segments_of(gap, fps) == [(time[0], time[29]), (time[32], time[-1])]
