"""The text that keeps where an event was, and the times that its viewport video shows."""

from collections.abc import Callable

import numpy as np
import pandas as pd
import pytest

from tsalv360.contracts.entries import ShownTimes
from tsalv360.curation.tasks import length_s, read_track_text, shown_times, source_time, track_text
from tsalv360.job.errors import InputError
from tsalv360.sphere.directions import angular_distance

Make = Callable[..., pd.DataFrame]


@pytest.mark.parametrize("pitch", [0.0, 60.0, 88.0])
def test_a_track_is_read_from_its_text_over_the_seam_and_near_a_pole(make_track: Make, pitch: float) -> None:
    track = make_track("v_1", [*range(16, 56), *range(80, 99)], yaw=170.0, pitch=pitch, step=0.7)
    text = track_text(track, 30.0)
    assert text.count(" | ") == 1
    back = read_track_text(text, np.arange(200) / 16)
    np.testing.assert_array_equal(back.time_s, track.time_s)
    assert angular_distance(back.yaw_deg, back.pitch_deg, track.yaw_deg, track.pitch_deg).max() < 0.15


def test_a_video_below_16_fps_keeps_its_own_frames(make_track: Make) -> None:
    track = make_track("v_1", list(range(10, 30)))
    track["time_s"] = track.frame / 10
    back = read_track_text(track_text(track, 10.0), np.arange(50) / 10)
    np.testing.assert_allclose(back.time_s, track.time_s)


@pytest.mark.parametrize("text", ["", "1.0 2.0", "x y z", "1 2 3,4 5 6"])
def test_a_text_that_is_no_track_is_refused(text: str) -> None:
    with pytest.raises(InputError, match="track"):
        read_track_text(text, np.arange(3.0))


def test_a_viewport_video_shows_lead_in_event_and_lead_out_without_the_gap(make_track: Make) -> None:
    track = make_track("v_1", [*range(32, 64), *range(96, 112)])
    shown = shown_times(track, 30.0, lead_in=16, lead_out=8)
    assert shown == ShownTimes(0.0625, [(1.0, 48), (6.0, 24)])
    assert length_s(shown) == 4.5
    assert [source_time(shown, t) for t in (0.0, 1.0, 2.9999, 3.0, 4.0, 4.5)] == [1.0, 2.0, 3.938, 6.0, 7.0, 7.438]


def test_a_viewport_of_native_frames_plays_at_their_rate() -> None:
    """Frames 30 to 89 of a video of 30 fps, and 10 pictures before; in frame 60 to 62 the event is away."""
    frame = np.r_[30:60, 63:90]
    shown = shown_times(pd.DataFrame({"time_s": frame / 30}), 30, 10, 0, rate=30)
    assert [n for _, n in shown.runs] == [40, 27]
    assert length_s(shown) == pytest.approx(67 / 30)
    assert source_time(shown, 40 / 30) == pytest.approx(63 / 30, abs=2e-3)
