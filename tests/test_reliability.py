"""How reliable events are: what the other half of the observers finds, what is found where nothing is in common."""

import math
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from events.test_chance import FPS, joined, wanderers

from tsalv360.contracts.grid import frame_numbers
from tsalv360.contracts.tables import RELIABILITY, read_table, write_table
from tsalv360.events import EventSettings, detect_events
from tsalv360.reliability import (
    Bin,
    ReliabilitySettings,
    found_again,
    measure_reliability,
    split_observers,
    summarise,
    surrogate,
)

SECONDS = 12.0
WATCHED = joined(wanderers(0, SECONDS, 17), 17, 4, 10, yaw=60)  # by all observers
ALONE = wanderers(1, SECONDS, 17)  # observers with nothing in common
# The published method takes any bright place for an event.
DEFAULT, PUBLISHED = EventSettings(), EventSettings(method="tsv360")


def measure(gaze: pd.DataFrame, video: str = "v", events: EventSettings = DEFAULT, **changes: int) -> pd.DataFrame:
    frames = frame_numbers(FPS, round(SECONDS * FPS), skip_first=0)
    found = detect_events(gaze, video, FPS, events, frames).events
    return measure_reliability(gaze, found, video, FPS, frames, events, ReliabilitySettings(**changes))


@pytest.fixture(scope="module")
def watched() -> pd.DataFrame:
    """The trials of a video with one event."""
    return measure(WATCHED)


def test_what_all_watch_is_found_in_both_halves_and_in_no_surrogate(watched: pd.DataFrame) -> None:
    assert watched.gaze.tolist() == ["all", "half", "half", "surrogate"]
    assert watched.n_observers.tolist() == [17, 8, 9, 17]
    assert [len(row) for row in watched.confidence] == [1, 1, 1, 0]
    assert watched.found.tolist() == [[], [True], [True], []]
    summary = summarise(watched)
    assert (summary.agreement.value, summary.events_of_half, summary.chance.value) == (1, 1, 0)
    assert (summary.n_videos, summary.n_not_measured) == (1, 0)


def test_a_table_on_disk_says_the_same(watched: pd.DataFrame, tmp_path: Path) -> None:
    write_table(tmp_path / "v.parquet", watched, RELIABILITY)
    assert summarise(read_table(tmp_path / "v.parquet", RELIABILITY)) == summarise(watched)


def test_gaze_with_nothing_in_common_has_as_many_events_as_its_surrogates() -> None:
    trials = pd.concat([measure(wanderers(seed, SECONDS, 20), f"{seed}", PUBLISHED, splits=0) for seed in range(3)])
    assert trials[trials.gaze == "all"].confidence.map(len).sum() > 5
    assert 0.5 < summarise(trials).chance.value < 2


def test_without_events_there_is_no_agreement_and_no_rate() -> None:
    none = summarise(measure(ALONE))
    assert math.isnan(none.chance.value) and math.isnan(none.agreement.value), "0 of 0"
    assert none.n_videos == 1 and none.events_of_half == 0 and str(none.chance) == "–"


def test_halves_that_find_different_things_do_not_agree() -> None:
    one, other = joined(ALONE, 17, 2, 9, yaw=60), joined(ALONE, 17, 2, 9, yaw=-60)
    tracks = [detect_events(gaze, "v", FPS).tracks for gaze in (one, other)]
    assert found_again(*tracks) == ([False], [False])
    assert found_again(tracks[0], tracks[0]) == ([True], [True])
    assert found_again(tracks[0], tracks[0][:0]) == ([False], [])


def test_a_split_gives_every_observer_to_one_half() -> None:
    first, second = split_observers(WATCHED, np.random.default_rng(1))
    a, b = set(first.observer), set(second.observer)
    assert (len(a), len(b)) == (8, 9) and a | b == set(WATCHED.observer) and not a & b
    assert len(first) + len(second) == len(WATCHED)
    assert a != set(split_observers(WATCHED, np.random.default_rng(2))[0].observer)


def test_a_surrogate_keeps_how_each_observer_looks_around() -> None:
    turned = surrogate(WATCHED, np.random.default_rng(1), 30.0, shifted=True)
    assert turned.pitch_deg.equals(WATCHED.pitch_deg) and turned.duration_s.equals(WATCHED.duration_s)
    by = (turned.yaw_deg - WATCHED.yaw_deg + 180) % 360 - 180
    later = (turned.time_s - WATCHED.time_s) % (WATCHED.time_s + WATCHED.duration_s).max()
    assert turned.time_s.between(0, SECONDS).all() and turned.yaw_deg.between(-180, 180).all()
    for values in (by, later):
        own = values.groupby(WATCHED.observer)
        assert own.std().max() < 1e-6 and own.first().nunique() == 17
    assert 15 < by.groupby(WATCHED.observer).first().std() < 45
    still = surrogate(WATCHED, np.random.default_rng(1), None, shifted=False)
    assert still.time_s.equals(WATCHED.time_s)


def test_the_trials_of_a_video_depend_on_its_gaze_id_and_seed_alone(watched: pd.DataFrame) -> None:
    shuffled = measure(WATCHED.sample(frac=1, random_state=3, ignore_index=True), surrogates=0)
    pd.testing.assert_frame_equal(shuffled, watched[:3])
    more = measure(WATCHED, splits=2, surrogates=0)
    pd.testing.assert_frame_equal(more[:3], watched[:3], obj="the first split, whatever follows")
    assert more.confidence[1] != more.confidence[3]
    for other in (measure(WATCHED, "w", surrogates=0), measure(WATCHED, seed=1, surrogates=0)):
        assert other.confidence[1] != watched.confidence[1], "other halves"


def test_a_video_that_cannot_be_split_says_so_by_having_no_trial() -> None:
    few = WATCHED[WATCHED.observer.isin(WATCHED.observer.unique()[:5])].reset_index(drop=True)
    assert measure(few).gaze.tolist() == ["all"], "halves of two and three cannot have an event of three"
    found = detect_events(WATCHED, "v", FPS).events
    frames, settings = frame_numbers(FPS, round(SECONDS * FPS), 0), ReliabilitySettings()
    hidden = measure_reliability(WATCHED, found, "v", FPS, frames, EventSettings(), settings, has_observers=False)
    assert hidden.gaze.tolist() == ["all"] and len(hidden.confidence[0]) == 1
    summary = summarise(pd.concat([hidden, measure(few, "w")]))
    assert (summary.n_videos, summary.n_not_measured, summary.bins) == (0, 2, [])
    assert str(summary.agreement) == str(summary.chance) == "–"


def trial(video: str, gaze: str, confidence: list[float], found: list[bool] | None = None) -> dict[str, object]:
    row = {"video": video, "gaze": gaze, "number": 0, "n_observers": 9}
    return row | {"confidence": confidence, "found": found or []}


def test_trials_add_up_over_videos() -> None:
    trials = pd.DataFrame(
        [
            trial("a", "all", [0.9, 0.9, 0.5]),
            trial("a", "half", [0.9, 0.3], [True, False]),
            trial("a", "half", [0.7], [True]),
            trial("a", "surrogate", [0.1]),
            trial("b", "all", [0.4]),
            trial("b", "half", [0.2], [True]),
            trial("b", "half", [0.8, 1.0], [True, False]),
            trial("b", "surrogate", []),
            trial("c", "all", [0.5] * 40),  # not measured
        ]
    )
    summary = summarise(trials)
    assert (summary.n_videos, summary.n_not_measured) == (2, 1)
    assert summary.agreement.value == pytest.approx(4 / 6)
    assert summary.agreement.low == summary.agreement.high == pytest.approx(2 / 3), "both videos have two of three"
    assert summary.events_of_half == 1.5
    assert (summary.chance.value, summary.chance.low, summary.chance.high) == pytest.approx((1 / 4, 0, 1 / 3))
    assert str(summary.chance) == "0.25 (0.00 to 0.33)"
    assert summary.bins == [
        Bin(0.2, 0.4, 2, pytest.approx(0.25), 0.5),
        Bin(0.6, 0.8, 1, 0.7, 1.0),
        Bin(0.8, 1.0, 3, pytest.approx(0.9), pytest.approx(2 / 3)),
    ]
