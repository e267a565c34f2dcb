"""People's records and the events of now: what carries over, what a person has to see again, what is gone."""

from collections.abc import Callable
from itertools import permutations

import numpy as np
import pandas as pd
import pytest
from judging import record

from tsalv360.curation.match import match_events
from tsalv360.job.errors import InputError

Make = Callable[..., pd.DataFrame]
TIMES = np.arange(200) / 16
SOON, LATER = "2026-01-01T10:00:00Z", "2026-01-02T10:00:00Z"


def test_a_record_holds_for_the_event_it_was_made_for(make_track: Make) -> None:
    track = make_track("001_1", list(range(20, 90)), yaw=150, step=0.9)  # over the seam
    judged = record(track)
    result = match_events([judged], track, TIMES)
    assert (result.matched, result.review, result.orphaned) == ({"001_1": judged}, {}, [])


def test_records_follow_events_whose_ids_have_shifted(make_track: Make) -> None:
    first, second = make_track("001_1", list(range(40))), make_track("001_2", list(range(60)), yaw=90)
    judged = [record(first), record(second, "reject")]
    now = [
        make_track("001_1", list(range(5)), yaw=-90),
        first.assign(event_id="001_2"),
        second.assign(event_id="001_3"),
    ]
    result = match_events(judged, pd.concat(now), TIMES)
    assert result.matched == {"001_2": judged[0], "001_3": judged[1]}
    assert not result.review and not result.orphaned


@pytest.mark.parametrize(
    ("n_frames", "becomes"), [(80, "matched"), (79, "review"), (30, "review"), (29, "orphaned"), (0, "orphaned")]
)
def test_overlap_decides(make_track: Make, n_frames: int, becomes: str) -> None:
    """The event was 100 frames long and has `n_frames` of them now: the limits of 0.8 and 0.3 are within."""
    judged = record(make_track("001_1", list(range(100))))
    now = make_track("001_1", list(range(n_frames)) or list(range(120, 160)))
    result = match_events([judged], now, TIMES)
    assert [bool(result.matched), bool(result.review), bool(result.orphaned)] == [
        becomes == name for name in ("matched", "review", "orphaned")
    ]
    if becomes == "review":
        (near,) = result.review["001_1"]
        assert (near.record, near.iou, near.error_deg) == (judged, n_frames / 100, 0)


@pytest.mark.parametrize(
    ("angle", "becomes"), [(3.0, "matched"), (3.1, "review"), (10.0, "review"), (10.1, "orphaned")]
)
@pytest.mark.parametrize("yaw", [0.0, 178.5])
def test_the_median_angle_decides_at_the_seam_too(make_track: Make, yaw: float, angle: float, becomes: str) -> None:
    judged = record(make_track("001_1", list(range(64)), yaw=yaw))
    result = match_events([judged], make_track("001_1", list(range(64)), yaw=yaw + angle), TIMES)
    assert [bool(result.matched), bool(result.review), bool(result.orphaned)] == [
        becomes == name for name in ("matched", "review", "orphaned")
    ]


def test_records_and_events_are_paired_for_the_largest_overlap_in_all(make_track: Make) -> None:
    """Greedily the first event would take the second record, with 0.98, and leave nothing for the first."""
    a, b = record(make_track("001_1", list(range(100)))), record(make_track("001_2", list(range(12, 100)), yaw=3.5))
    now = pd.concat([
        make_track("001_1", list(range(10, 100)), yaw=2),
        make_track("001_2", list(range(14, 104)), yaw=5),
    ])  # fmt: skip
    assert match_events([a, b], now, TIMES).matched == {"001_1": a, "001_2": b}


def test_of_several_records_of_one_event_the_one_decided_last_holds(make_track: Make) -> None:
    """Whatever their order in the file; and one who only skipped it later decided nothing."""
    track = make_track("001_1", list(range(64)), yaw=179)
    first, last = record(track, when=SOON), record(track.assign(yaw_deg=-179.0), "reject", when=LATER)
    skipped = record(track, None, when="2026-01-03T10:00:00Z")
    for records in permutations([first, last, skipped]):
        result = match_events(records, track, TIMES)
        assert (result.matched, result.review, result.orphaned) == ({"001_1": last}, {}, [])


def test_the_time_is_compared_as_a_time(make_track: Make) -> None:
    track = make_track("001_1", list(range(64)))
    first, last = record(track, when="2026-01-01T10:00:00Z"), record(track, "reject", when="2026-01-01T10:00:00.500Z")
    assert match_events([last, first], track, TIMES).matched == {"001_1": last}


def test_nothing_decided_holds_too_and_says_so(make_track: Make) -> None:
    track = make_track("001_1", list(range(64)))
    undecided = record(track, None)
    assert match_events([undecided], track, TIMES).matched == {"001_1": undecided}


def test_an_event_that_was_split_goes_to_a_person_twice_and_the_record_is_not_lost(make_track: Make) -> None:
    judged = record(make_track("001_1", list(range(100))))
    now = pd.concat([make_track("001_1", list(range(48))), make_track("001_2", list(range(50, 100)))])
    result = match_events([judged], now, TIMES)
    assert {event: [near.record for near in of] for event, of in result.review.items()} == {
        "001_1": [judged], "001_2": [judged]
    }  # fmt: skip
    assert not result.orphaned


def test_of_two_events_that_became_one_a_person_sees_the_nearer_first(make_track: Make) -> None:
    short, long = record(make_track("001_1", list(range(40)))), record(make_track("001_2", list(range(42, 100))))
    result = match_events([short, long], make_track("001_1", list(range(100))), TIMES)
    assert [near.record for near in result.review["001_1"]] == [long, short]
    assert not result.orphaned


def test_what_a_person_has_seen_again_is_settled(make_track: Make) -> None:
    """The old record of an event at review is neither held nor orphaned once the event of now was judged after it."""
    now = make_track("001_1", list(range(50)))
    old, new = record(make_track("001_1", list(range(100))), when=SOON), record(now, "edit", when=LATER)
    result = match_events([old, new], now, TIMES)
    assert (result.matched, result.review, result.orphaned) == ({"001_1": new}, {}, [])


def test_what_was_judged_after_the_one_that_holds_is_listed(make_track: Make) -> None:
    now = make_track("001_1", list(range(50)))
    old, new = record(make_track("001_1", list(range(100))), when=LATER), record(now, "edit", when=SOON)
    assert match_events([old, new], now, TIMES).orphaned == [old]


def test_a_record_from_where_no_frame_is_kept_is_orphaned(make_track: Make) -> None:
    gone = record(make_track("001_1", list(range(300, 360))))
    result = match_events([gone], make_track("001_1", list(range(50))), TIMES)
    assert (result.matched, result.orphaned) == ({}, [gone])


def test_without_records_or_events(make_track: Make) -> None:
    track = make_track("001_1", list(range(50)))
    judged = record(track)
    assert match_events([], track, TIMES).matched == {}
    assert match_events([judged], track[:0], TIMES).orphaned == [judged]


def test_a_track_that_cannot_be_read_is_refused(make_track: Make) -> None:
    track = make_track("001_1", list(range(50)))
    broken = record(track)
    object.__setattr__(broken, "track", "1.0 2.0")
    with pytest.raises(InputError, match="points `time yaw pitch`"):
        match_events([broken], track, TIMES)
