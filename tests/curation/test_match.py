"""Records and current events: which match, which a curator has to review again, and which are orphaned."""

from collections.abc import Callable
from itertools import permutations

import numpy as np
import pandas as pd
import pytest
from curation.annotating import record

from tsalv360.curation.match import match_records
from tsalv360.job.errors import InputError

Make = Callable[..., pd.DataFrame]
TIMES = np.arange(200) / 16
SOON, LATER = "2026-01-01T10:00:00Z", "2026-01-02T10:00:00Z"


def test_a_record_matches_the_event_it_was_made_for(make_track: Make) -> None:
    track = make_track("001_1", list(range(20, 90)), yaw=150, step=0.9)  # over the seam
    reviewed = record(track)
    matches = match_records([reviewed], track, TIMES)
    assert (matches.matched, matches.review, matches.orphaned) == ({"001_1": reviewed}, {}, [])


def test_records_follow_events_whose_ids_have_shifted(make_track: Make) -> None:
    first, second = make_track("001_1", list(range(40))), make_track("001_2", list(range(60)), yaw=90)
    reviewed = [record(first), record(second, "reject")]
    now = [
        make_track("001_1", list(range(5)), yaw=-90),
        first.assign(event_id="001_2"),
        second.assign(event_id="001_3"),
    ]
    matches = match_records(reviewed, pd.concat(now), TIMES)
    assert matches.matched == {"001_2": reviewed[0], "001_3": reviewed[1]}
    assert not matches.review and not matches.orphaned


@pytest.mark.parametrize(
    ("n_frames", "becomes"), [(80, "matched"), (79, "review"), (30, "review"), (29, "orphaned"), (0, "orphaned")]
)
def test_overlap_decides(make_track: Make, n_frames: int, becomes: str) -> None:
    """The event was 100 frames long and has `n_frames` of them now: the limits of 0.8 and 0.3 are within."""
    reviewed = record(make_track("001_1", list(range(100))))
    now = make_track("001_1", list(range(n_frames)) or list(range(120, 160)))
    matches = match_records([reviewed], now, TIMES)
    assert [bool(matches.matched), bool(matches.review), bool(matches.orphaned)] == [
        becomes == name for name in ("matched", "review", "orphaned")
    ]
    if becomes == "review":
        (near,) = matches.review["001_1"]
        assert (near.record, near.iou, near.error_deg) == (reviewed, n_frames / 100, 0)


@pytest.mark.parametrize(
    ("angle", "becomes"), [(3.0, "matched"), (3.1, "review"), (10.0, "review"), (10.1, "orphaned")]
)
@pytest.mark.parametrize("yaw", [0.0, 178.5])
def test_the_median_angle_decides_at_the_seam_too(make_track: Make, yaw: float, angle: float, becomes: str) -> None:
    reviewed = record(make_track("001_1", list(range(64)), yaw=yaw))
    matches = match_records([reviewed], make_track("001_1", list(range(64)), yaw=yaw + angle), TIMES)
    assert [bool(matches.matched), bool(matches.review), bool(matches.orphaned)] == [
        becomes == name for name in ("matched", "review", "orphaned")
    ]


def test_records_and_events_match_with_the_largest_sum_of_overlap(make_track: Make) -> None:
    """Greedily the first event would take the second record, with 0.98, and leave nothing for the first."""
    a, b = record(make_track("001_1", list(range(100)))), record(make_track("001_2", list(range(12, 100)), yaw=3.5))
    now = pd.concat([
        make_track("001_1", list(range(10, 100)), yaw=2),
        make_track("001_2", list(range(14, 104)), yaw=5),
    ])  # fmt: skip
    assert match_records([a, b], now, TIMES).matched == {"001_1": a, "001_2": b}


def test_of_several_records_of_one_event_the_one_decided_last_counts(make_track: Make) -> None:
    """In any order of the file; a curator who only skipped it later decided nothing."""
    track = make_track("001_1", list(range(64)), yaw=179)
    first, last = record(track, when=SOON), record(track.assign(yaw_deg=-179.0), "reject", when=LATER)
    skipped = record(track, None, when="2026-01-03T10:00:00Z")
    for records in permutations([first, last, skipped]):
        matches = match_records(records, track, TIMES)
        assert (matches.matched, matches.review, matches.orphaned) == ({"001_1": last}, {}, [])


def test_the_time_is_compared_as_a_time(make_track: Make) -> None:
    track = make_track("001_1", list(range(64)))
    first, last = record(track, when="2026-01-01T10:00:00Z"), record(track, "reject", when="2026-01-01T10:00:00.500Z")
    assert match_records([last, first], track, TIMES).matched == {"001_1": last}


def test_an_undecided_record_matches_too(make_track: Make) -> None:
    track = make_track("001_1", list(range(64)))
    undecided = record(track, None)
    assert match_records([undecided], track, TIMES).matched == {"001_1": undecided}


def test_both_parts_of_a_split_event_are_reviewed_again_and_the_record_is_not_orphaned(make_track: Make) -> None:
    reviewed = record(make_track("001_1", list(range(100))))
    now = pd.concat([make_track("001_1", list(range(48))), make_track("001_2", list(range(50, 100)))])
    matches = match_records([reviewed], now, TIMES)
    assert {event: [near.record for near in of] for event, of in matches.review.items()} == {
        "001_1": [reviewed], "001_2": [reviewed]
    }  # fmt: skip
    assert not matches.orphaned


def test_of_two_events_that_became_one_the_nearer_record_comes_first(make_track: Make) -> None:
    short, long = record(make_track("001_1", list(range(40)))), record(make_track("001_2", list(range(42, 100))))
    matches = match_records([short, long], make_track("001_1", list(range(100))), TIMES)
    assert [near.record for near in matches.review["001_1"]] == [long, short]
    assert not matches.orphaned


def test_a_record_near_an_event_that_was_decided_later_is_done(make_track: Make) -> None:
    """The record of the former event neither matches nor is orphaned once the current event has a later decision."""
    now = make_track("001_1", list(range(50)))
    old, new = record(make_track("001_1", list(range(100))), when=SOON), record(now, "edit", when=LATER)
    matches = match_records([old, new], now, TIMES)
    assert (matches.matched, matches.review, matches.orphaned) == ({"001_1": new}, {}, [])


def test_a_record_decided_after_the_one_that_matches_is_orphaned(make_track: Make) -> None:
    now = make_track("001_1", list(range(50)))
    old, new = record(make_track("001_1", list(range(100))), when=LATER), record(now, "edit", when=SOON)
    assert match_records([old, new], now, TIMES).orphaned == [old]


def test_a_record_at_times_without_kept_frames_is_orphaned(make_track: Make) -> None:
    gone = record(make_track("001_1", list(range(300, 360))))
    matches = match_records([gone], make_track("001_1", list(range(50))), TIMES)
    assert (matches.matched, matches.orphaned) == ({}, [gone])


def test_without_records_or_events(make_track: Make) -> None:
    track = make_track("001_1", list(range(50)))
    reviewed = record(track)
    assert match_records([], track, TIMES).matched == {}
    assert match_records([reviewed], track[:0], TIMES).orphaned == [reviewed]


def test_a_track_that_cannot_be_read_is_refused(make_track: Make) -> None:
    track = make_track("001_1", list(range(50)))
    broken = record(track)
    object.__setattr__(broken, "track", "1.0 2.0")
    with pytest.raises(InputError, match="points `time yaw pitch`"):
        match_records([broken], track, TIMES)
