"""Text around pictures, and tracks with gaps."""

import numpy as np
import pandas as pd

from tsalv360.media.drawing import draw_track, titled


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
