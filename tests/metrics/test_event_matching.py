"""Matching of found and known events, in cases whose answer follows from their construction."""

import numpy as np
import pytest

from tsalv360.metrics.events import Match, Track, closest, match_events, match_quality, score
from tsalv360.sphere.directions import wrap_yaw


def track(start_s: float, end_s: float, yaw: float = 0.0, pitch: float = 0.0, speed: float = 0.0) -> Track:
    """Frames from `start_s` up to but without `end_s`; yaw moves by `speed` degrees per second from time 0 on."""
    time = np.arange(round(start_s * 16), round(end_s * 16)) / 16
    return Track(time, wrap_yaw(yaw + speed * time), np.full(len(time), pitch))


def pairs(matches: list[Match]) -> list[tuple[int, int]]:
    return [(match.true, match.found) for match in matches]


def test_identical_events_match_without_error() -> None:
    events = [track(0, 4), track(3, 9, yaw=120, pitch=-40, speed=7)]
    assert match_events(events, events) == [Match(0, 0, 1, 0, 0, 0), Match(1, 1, 1, 0, 0, 0)]


def test_shift_by_half_the_length_is_no_match_and_by_a_third_just_one() -> None:
    half = match_quality([track(0, 6)], [track(3, 9)], 0, 0)
    assert half.iou == pytest.approx(1 / 3)
    assert (half.start_error_s, half.end_error_s) == (3, 3)
    assert match_events([track(0, 6)], [track(3, 9)]) == []
    third = match_events([track(0, 6)], [track(2, 8)])
    assert [match.iou for match in third] == [0.5]


def test_events_apart_in_time_do_not_match() -> None:
    pair = match_quality([track(0, 2)], [track(2, 4)], 0, 0)
    assert pair.iou == 0
    assert np.isnan(pair.error_deg)
    assert not pair.admissible
    assert match_events([track(0, 2)], [track(2, 4)]) == []


def test_direction_is_compared_over_the_seam() -> None:
    (match,) = match_events([track(0, 4, yaw=178)], [track(0, 4, yaw=-179)])
    assert match.error_deg == pytest.approx(3)
    (crossing,) = match_events([track(0, 4, yaw=170, speed=5)], [track(0, 4, yaw=172, speed=5)])
    assert crossing.error_deg == pytest.approx(2)


def test_direction_is_compared_over_the_pole() -> None:
    (match,) = match_events([track(0, 4, yaw=0, pitch=88)], [track(0, 4, yaw=180, pitch=88)])
    assert match.error_deg == pytest.approx(4)


@pytest.mark.parametrize(("offset", "matched"), [(9.9, True), (11.0, False)])
def test_ten_degrees_are_the_limit(offset: float, matched: bool) -> None:
    assert bool(match_events([track(0, 4)], [track(0, 4, pitch=offset)])) is matched


def test_median_angle_forgives_a_short_deviation() -> None:
    found = track(0, 4)
    pitch = np.where(found.time_s < 1, 60.0, 1.0)
    (match,) = match_events([track(0, 4)], [Track(found.time_s, found.yaw_deg, pitch)])
    assert match.error_deg == pytest.approx(1)


def test_crossing_events_match_their_own() -> None:
    to_the_right, to_the_left = track(0, 8, yaw=-40, speed=10), track(0, 8, yaw=40, speed=-10)
    assert pairs(match_events([to_the_right, to_the_left], [to_the_left, to_the_right])) == [(0, 1), (1, 0)]


def test_each_event_is_matched_once() -> None:
    matches = match_events([track(0, 8)], [track(0, 5), track(0, 7), track(1, 7)])
    assert pairs(matches) == [(0, 1)]
    assert matches[0].end_error_s == -1


def test_pairing_is_optimal_rather_than_greedy() -> None:
    # the best pair alone, (0, 0) with 0.9, would leave event 1 with nothing
    true = [track(0, 10), track(2, 9)]
    found = [track(1, 10), track(0, 6)]
    assert pairs(match_events(true, found)) == [(0, 1), (1, 0)]


def test_gaps_do_not_count_as_frames() -> None:
    whole = track(0, 8)
    broken = (whole.time_s < 2) | (whole.time_s >= 6)
    gap = Track(whole.time_s[broken], whole.yaw_deg[broken], whole.pitch_deg[broken])
    (match,) = match_events([whole], [gap])
    assert match.iou == 0.5
    assert match_events([gap], [track(2, 6)]) == []


@pytest.mark.parametrize("fps", [17.0, 24.0, 25.0, 30000 / 1001, 60.0])
def test_native_frame_times_fall_on_the_grid(fps: float) -> None:
    ideal = track(0, 5)
    native = np.rint(ideal.time_s * fps) / fps
    (match,) = match_events([ideal], [Track(native, ideal.yaw_deg, ideal.pitch_deg)])
    assert match.iou == 1


@pytest.mark.parametrize(("true", "found"), [([], []), ([track(0, 4)], []), ([], [track(0, 4)])])
def test_nothing_to_match(true: list[Track], found: list[Track]) -> None:
    assert match_events(true, found) == []


def test_closest_returns_the_event_that_came_nearest_to_a_missed_one() -> None:
    true = [track(0, 8)]
    found = [track(0, 7, pitch=30), track(6, 9), track(4, 8, pitch=5), track(8, 9)]
    assert match_events(true, found[:2]) == []
    near = closest(true, found, 0)
    assert near is not None
    assert (near.found, near.iou, round(near.error_deg, 6)) == (2, 0.5, 5)
    assert closest(true, found[:1], 0) is None
    assert closest(true, [], 0) is None


def test_score_of_known_numbers() -> None:
    matches = [Match(0, 0, 0.8, 1.0, -0.5, 0.25), Match(1, 2, 0.9, 2.0, 0.25, 0.5), Match(2, 1, 0.6, 6.0, 1.0, -2.0)]
    result = score(matches, n_true=4, n_found=6)
    assert (result.n_true, result.n_found, result.n_matched) == (4, 6, 3)
    assert (result.precision, result.recall, result.f1) == (0.5, 0.75, 0.6)
    assert (result.error_deg, result.start_error_s, result.end_error_s) == (2.0, 0.5, 0.5)


def test_score_without_events_has_no_values() -> None:
    nothing = score([], 0, 0)
    assert all(np.isnan([nothing.precision, nothing.recall, nothing.f1, nothing.error_deg]))
    missed = score([], 3, 0)
    assert np.isnan(missed.precision)
    assert (missed.recall, missed.f1) == (0, 0)
