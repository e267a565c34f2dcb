"""The statistics of gaze, on observers whose statistics are known."""

import numpy as np
import pandas as pd
import pytest

from tsalv360.metrics.gaze import gaze_statistics
from tsalv360.sources.recording import fixations_table

FPS = 16.0


def fixations(places: list[list[tuple[float, float]]], lasts: float) -> pd.DataFrame:
    """Each observer's fixations, one after the other, at places of yaw and pitch, as samples."""
    parts = []
    for observer, own in enumerate(places):
        n = round(lasts * FPS)
        yaw, pitch = np.repeat(np.array(own), n, axis=0).T
        frame = np.arange(len(yaw))
        fixation = frame // n
        parts.append(
            fixations_table(
                [f"p{observer}"] * len(yaw), frame / FPS, np.full(len(yaw), 1 / FPS), frame, yaw, pitch, fixation
            )
        )
    return pd.concat(parts, ignore_index=True)


def test_two_observers_who_look_at_and_away() -> None:
    ahead, aside, up = (0.0, 0.0), (90.0, 0.0), (180.0, 60.0)
    gaze = fixations([[ahead, aside, up] * 5, [ahead, up, aside] * 5], lasts=2.0)
    found = gaze_statistics(gaze, 30.0)
    assert found.fixation_s == pytest.approx(2.0)
    assert found.saccade_deg in (pytest.approx(90), pytest.approx(120))
    assert found.near_horizon == pytest.approx(2 / 3) and found.near_front == pytest.approx(1 / 3)
    assert found.returns == 1
    assert found.together_at_start == 1
    assert found.together_later == pytest.approx(3 / 11)


def test_moves_are_angles_on_the_sphere() -> None:
    over_the_pole = fixations([[(0.0, 85.0), (180.0, 85.0)] * 10], lasts=1.0)
    assert gaze_statistics(over_the_pole, 20.0).moves_deg == pytest.approx(10)
    over_the_seam = fixations([[(179.0, 0.0), (-179.0, 0.0)] * 10], lasts=1.0)
    assert gaze_statistics(over_the_seam, 20.0).moves_deg == pytest.approx(2)


def test_a_place_left_for_good_and_a_place_never_left() -> None:
    around = [(30.0 * k, 0.0) for k in range(12)]
    assert gaze_statistics(fixations([around], lasts=2.0), 24.0).returns == 0
    assert np.isnan(gaze_statistics(fixations([[(0.0, 0.0)] * 12], lasts=2.0), 24.0).returns)


def test_what_a_short_video_or_one_observer_does_not_show_is_unknown() -> None:
    found = gaze_statistics(fixations([[(0.0, 0.0), (40.0, 0.0)]], lasts=1.0), 2.0)
    assert np.isnan([found.returns, found.together_at_start, found.together_later]).all()
    assert found.saccade_deg == pytest.approx(40)
