"""Text around pictures, tracks with gaps, and time lines."""

import numpy as np
import pandas as pd
import pytest

from tsalv360.media.drawing import draw_track, lanes, ticks, titled


def test_a_title_is_white_on_a_dark_bar_above_the_picture() -> None:
    picture = np.full((40, 200, 3), 120, dtype=np.uint8)
    found = titled(picture, "now")
    np.testing.assert_array_equal(found[-40:], picture)
    assert found.shape == (68, 200, 3) and np.median(found[:28]) == 0 and found[:28].max() > 240


def test_a_track_is_not_drawn_over_a_gap() -> None:
    picture = np.zeros((100, 200, 3), dtype=np.uint8)
    track = pd.DataFrame({"yaw_deg": [-90.0, -60.0, 60.0, 90.0], "pitch_deg": 0.0}, index=[7, 3, 5, 1])
    draw_track(picture, track, [4, 5, 9, 10], ((255, 0, 0), 3))
    drawn = picture[50, :, 0] > 0
    assert drawn[[52, 60, 140, 148]].all() and not drawn[75:125].any()


def test_lanes_keep_overlapping_events_apart() -> None:
    assert lanes([]) == []
    assert lanes([(0, 4), (2, 6), (5, 8), (3, 3.5)]) == [0, 1, 0, 2]


@pytest.mark.parametrize(
    ("duration", "times"), [(0.5, [0]), (8, list(range(9))), (9, [0, 2, 4, 6, 8]), (3600, [0, 600])]
)
def test_ticks_are_round_and_few(duration: float, times: list[float]) -> None:
    found = [time for time, _ in ticks(duration)]
    assert found[: len(times)] == times
    assert len(found) <= 9
