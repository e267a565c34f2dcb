"""Fixation points: one for each observer and fixation within the window, where there is a map and nowhere else."""

from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from shards import maps_in

from tsalv360.contracts.tables import ASSIGNMENTS, POINTS, TRACKS, empty, read_table, write_table
from tsalv360.saliency import (
    SaliencySettings,
    fixation_points,
    map_inputs,
    points_map,
    points_table,
    saliency_map,
    write_saliency_maps,
)
from tsalv360.sources.recording import fixations_table
from tsalv360.sphere.directions import pixel_to_direction


def grid(*numbers: int) -> pd.DataFrame:
    return pd.DataFrame({"frame": np.array(numbers, dtype=int), "time_s": np.array(numbers) / 16})


def gaze() -> pd.DataFrame:
    """Observer a fixates 10, then 20; b pursues from 50 on, a degree a frame, as one fixation; c has no numbers."""
    rows = [("a", 0, 0, 0.5, 10.0), ("a", 1, 0.5, 0.5, 20.0)]
    rows += [("b", 0, i / 16, 1 / 16, 50.0 + i) for i in range(16)]
    rows += [("c", -1, 0.25, 1 / 16, -30.0), ("c", -1, 0.3125, 1 / 16, -31.0)]
    observer, number, start, duration, yaw = zip(*rows, strict=True)
    return fixations_table(observer, start, duration, 0, yaw, 0, number)


def seen(points: pd.DataFrame, frame: int) -> list[tuple[str, float]]:
    own = points[points.frame == frame]
    return list(zip(own.observer, own.yaw_deg, strict=True))


def test_each_fixation_is_one_point_where_it_is_nearest_in_time() -> None:
    points = fixation_points(gaze(), grid(*range(16)), window_s=0.25)
    assert list(points) == ["observer", "yaw_deg", "pitch_deg", "weight", "frame"]
    assert seen(points, 0) == [("a", 10), ("b", 50)]
    assert seen(points, 2) == [("a", 10), ("b", 52), ("c", -30)]
    assert seen(points, 6) == [("a", 10), ("a", 20), ("b", 56), ("c", -30), ("c", -31)]
    assert seen(points, 12) == [("a", 20), ("b", 62)]


def test_a_fixation_is_where_it_was_earlier_if_two_times_are_equally_near() -> None:
    pursuit = fixations_table(["a", "a"], [0, 0.125], 1 / 16, 0, [1, 2], 0, 0)
    assert seen(fixation_points(pursuit, grid(0, 1, 2), 0.25), 1) == [("a", 1)]


def test_points_do_not_depend_on_the_order_of_the_rows() -> None:
    table, frames = gaze(), grid(*range(16))
    order = np.random.default_rng(0).permutation(len(table))
    found = [fixation_points(rows, frames, 0.5).sort_values(["frame", "observer", "yaw_deg"], ignore_index=True)
             for rows in (table, table.iloc[order])]  # fmt: skip
    pd.testing.assert_frame_equal(*found)


def test_points_of_a_video_are_those_of_its_events_and_of_all_observers(tmp_path: Path) -> None:
    assigned = pd.DataFrame({"row": [0, 1], "event_id": "v_1", "distance_deg": 0.0})
    track = grid(4, 5).assign(event_id="v_1")
    points = points_table(map_inputs(gaze(), assigned, track, grid(*range(0, 40, 4))), 0.25)
    write_table(tmp_path / "points.parquet", points, POINTS)
    points = read_table(tmp_path / "points.parquet", POINTS)
    of_event, of_all = points[points.event_id == "v_1"], points[points.event_id.isna()]
    assert [seen(of_event, frame) for frame in (4, 5)] == [[("a", 10)], [("a", 10)]]
    assert seen(of_all, 4) == [("a", 10), ("b", 54), ("c", -30)]
    assert sorted(set(of_all.frame)) == [0, 4, 8, 12]


def test_a_video_without_gaze_or_events_has_no_points() -> None:
    nothing = points_table(map_inputs(gaze().iloc[:0], empty(ASSIGNMENTS), empty(TRACKS), grid(0, 1)), 0.5)
    assert len(nothing) == 0 and list(nothing) == list(POINTS)


@settings(max_examples=20, deadline=None)
@given(st.lists(st.tuples(st.integers(0, 60), st.integers(1, 12)), min_size=1, max_size=5), st.sampled_from([0.1, 0.5]))
def test_a_frame_has_points_exactly_if_it_has_a_map(
    tmp_path_factory: pytest.TempPathFactory, intervals: list[tuple[int, int]], window_s: float
) -> None:
    folder = tmp_path_factory.mktemp("maps") / "maps"
    observers = [str(i) for i in range(len(intervals))]
    start, length = np.array(intervals).T / 32
    table = fixations_table(observers, start, length, 0, 0, 0, 0)
    assigned = pd.DataFrame({"row": range(0, len(table), 2), "event_id": "v_1", "distance_deg": 0.0})
    track = grid(*range(4, 30)).assign(event_id="v_1", yaw_deg=0.0, pitch_deg=0.0)
    of_video = map_inputs(table, assigned, track, grid(*range(0, 40, 2)))
    write_saliency_maps(folder, of_video, SaliencySettings(height=32, window_s=window_s, all_observers=True))
    points = points_table(of_video, window_s)
    for name, own in (("v_1", points[points.event_id == "v_1"]), (None, points[points.event_id.isna()])):
        assert set(maps_in(folder).get(name, [])) == set(own.frame)


@pytest.mark.parametrize("size", [(480, 960), (31, 62)])
def test_a_point_falls_into_the_pixel_that_contains_it(size: tuple[int, int]) -> None:
    rng = np.random.default_rng(0)
    row, column = rng.integers(0, size[0], 50), rng.integers(0, size[1], 50)
    inside = rng.uniform(-0.49, 0.49, (2, 50))
    found = points_map(*pixel_to_direction(column + inside[0], row + inside[1], *size), size)
    assert set(map(tuple, np.argwhere(found))) == set(zip(row.tolist(), column.tolist(), strict=True))
    assert found.dtype == bool


def test_points_at_the_seam_and_the_poles_stay_in_the_map() -> None:
    found = points_map([-180, 180, 179.9999, 0, 0], [0, 0, 0, 90, -90], (480, 960))
    assert np.argwhere(found).tolist() == [[0, 480], [240, 0], [240, 959], [479, 480]]
    assert np.argwhere(points_map(180, 0)).tolist() == [[240, 0]]
    assert not points_map([], []).any()


def test_the_map_of_a_point_peaks_at_its_pixel() -> None:
    for yaw, pitch in ((12.3, 45.6), (-179.95, -70.1), (179.9, 3.3)):
        row, column = np.argwhere(points_map(yaw, pitch))[0]
        assert saliency_map(yaw, pitch)[row, column] == 1
