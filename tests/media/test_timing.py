"""Which picture is on screen at a frame, for any increasing time stamps; nominal rates; clocks that go back."""

from fractions import Fraction

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from tsalv360.contracts.entries import VideoInfo
from tsalv360.media.timing import time_pictures, without_returns

MS = Fraction(1, 1000)
STEPS = st.lists(st.integers(1, 2000), min_size=2, max_size=60)


def info(fps: float, n_frames: int, times: list[float]) -> VideoInfo:
    return VideoInfo(fps, n_frames, 2, 1, 2.0, n_frames / fps, picture_times_s=times)


@given(STEPS, st.integers(0, 3000))
def test_a_frame_shows_the_last_picture_whose_time_has_come(steps: list[int], last: int) -> None:
    stamps = np.cumsum([0, *steps])
    found = time_pictures(stamps, last, MS, ())
    video = info(float(found.fps), found.n_frames, found.picture_times_s)
    pictures = video.pictures_of(range(found.n_frames))
    if not found.picture_times_s:
        assert pictures == list(range(len(stamps)))
        return
    times = np.array(found.picture_times_s)
    assert np.abs(times - stamps / 1000).max() <= 0.001 + 1e-6  # by the rounding of stamps to ms
    assert found.fps <= 120
    for frame, picture in enumerate(pictures):
        assert times[picture] <= frame / video.fps + 2e-6
        assert picture == len(times) - 1 or times[picture + 1] > frame / video.fps + 1e-6
    end = (stamps[-1] + (last or np.median(steps))) / 1000
    assert end - 0.002 <= video.duration_s < end + 1 / video.fps + 0.002


@given(
    st.sampled_from([Fraction(24000, 1001), Fraction(25), Fraction(30000, 1001), Fraction(30), Fraction(60000, 1001)]),
    st.integers(200, 4000),
    st.integers(0, 100_000),
)
def test_stamps_rounded_to_milliseconds_give_the_nominal_rate(rate: Fraction, n: int, start: int) -> None:
    stamps = np.array([start + round(1000 * k / rate) for k in range(n)])
    headers = (rate,) if n < 1500 else ()  # 30 and 29.97 fps differ by 1 ms in a second: short videos need the header
    found = time_pictures(stamps, 33, MS, headers)
    assert (found.fps, found.n_frames, found.picture_times_s, found.notes) == (rate, n, [], [])


@given(st.lists(st.integers(1, 400), min_size=12, max_size=60), st.data())
def test_a_variable_rate_on_a_grid_is_exact(steps: list[int], data: st.DataObject) -> None:
    rate = data.draw(st.sampled_from([24, 25, 30, 50, 60]))
    places = np.cumsum([0, 1, *[min(step, 9) for step in steps]])
    stamps = np.array([round(90_000 * place / rate) for place in places.tolist()])
    found = time_pictures(stamps, 90_000 // rate, Fraction(1, 90_000), (Fraction(rate),))
    video = info(float(found.fps), found.n_frames, found.picture_times_s)
    assert rate % found.fps == 0 or found.fps % rate == 0 or found.fps < rate
    shown = video.pictures_of(range(found.n_frames))
    expected = np.searchsorted(stamps / 90_000, np.arange(found.n_frames) / video.fps + 1e-4, side="right") - 1
    assert shown == expected.tolist()


@given(STEPS)
def test_stamps_that_increase_stay(steps: list[int]) -> None:
    stamps = np.cumsum([7, *steps]).tolist()
    found, is_sorted, notes = without_returns(stamps, MS, None)
    assert (found.tolist(), is_sorted, notes) == (stamps, False, [])


@pytest.mark.parametrize("wrap", [None, 2**33])
def test_a_clock_that_goes_back_goes_on_at_the_usual_step(wrap: int | None) -> None:
    found, is_sorted, notes = without_returns(
        [3000 * k for k in [*range(5, 25), *range(10, 30)]], Fraction(1, 90_000), wrap
    )
    assert found.tolist() == [3000 * k for k in range(5, 45)]
    assert not is_sorted
    assert notes == [
        "time stamps go back from 0.80 to 0.33 s at picture 20: counted on from there at the usual step "
        "(joined recordings?)"
    ]


def test_a_clock_of_33_bits_that_seems_to_start_again_has_gone_back() -> None:
    second = [2**33 + 3000 * k for k in range(20)]  # as FFmpeg counts stamps far below the first one
    found, _, (note,) = without_returns([9_000_000 + 3000 * k for k in range(20)] + second, Fraction(1, 90_000), 2**33)
    assert np.diff(found).tolist() == [3000] * 39
    assert "go back from 100.63 to 0.00 s at picture 20" in note


def test_missing_stamps_are_filled() -> None:
    assert without_returns([None, 40, None, 120, None], MS, None)[0].tolist() == [-40, 40, 120, 120, 200]
