"""The pictures of remarks on gaze show gaze where and when it is."""

import numpy as np

from tsalv360.explorer.plausibility import draw_directions, draw_time
from tsalv360.sources.plausibility import summarise_gaze
from tsalv360.sources.recording import fixations_table
from tsalv360.sphere.directions import direction_to_pixel


def test_the_panorama_is_brightest_where_all_gaze_is() -> None:
    time = np.arange(0, 4, 0.1)
    gaze = fixations_table(["a"] * 40, time, 0.1, 0, np.full(40, 45.0), np.full(40, -35.0))
    picture = draw_directions(summarise_gaze(gaze, 4.0)).astype(int)
    column, row = (round(float(place)) for place in direction_to_pixel(45, -35, 360, 720))
    hue = np.ptp(picture, axis=2)  # nothing else has any; the lines have little
    assert hue[row, column] > 50
    hue[row - 15 : row + 15, column - 15 : column + 15] = 0
    assert hue.max() < 30


def test_the_strip_is_gray_where_there_is_no_gaze_and_marks_cuts() -> None:
    time = np.arange(0, 2, 0.05)
    gaze = fixations_table(["a"] * 40, time, 0.05, 0, 60 * time - 60, np.zeros(40))
    picture = draw_time(summarise_gaze(gaze, 4.0, [1.0])).astype(int)
    blue, orange, gray = (0, 114, 178), (213, 94, 0), (223, 228, 234)
    columns = [40 + round(second / 4 * 679) for second in (0.5, 1.0, 3.0)]
    assert (picture[108, columns[0]] == blue).all() and (picture[10, columns[0]] == 255).all()  # 60 deg/s is low
    assert (picture[10, columns[1]] == orange).all()
    assert (picture[10, columns[2]] == gray).all()
