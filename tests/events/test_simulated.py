"""Events of simulated observers: harder scenes than the demo's, none of which was used for tuning."""

import numpy as np
import pandas as pd
import pytest

from tsalv360.contracts.tables import FIXATIONS, as_table
from tsalv360.events import DetectedEvents, EventSettings, detect_events
from tsalv360.metrics.events import Match, Score, Track, match_events, score
from tsalv360.sources.demo.scenarios import KINDS, Scenario, draw_scenario, simulate_gaze
from tsalv360.sphere.directions import angular_distance, vector_angle, wrap_yaw

SEEDS = range(5000, 5008)


def tracks(found: DetectedEvents) -> list[Track]:
    return [Track.of(track) for _, track in found.tracks.groupby("event_id", sort=False)]


def total(method: str) -> tuple[Score, list[Match]]:
    n_true = n_found = 0
    matches: list[Match] = []
    for seed in SEEDS:
        scenario = draw_scenario(seed)
        found = tracks(detect_events(simulate_gaze(scenario), "v", scenario.fps, EventSettings(method=method)))
        n_true, n_found = n_true + len(scenario.events), n_found + len(found)
        matches += match_events(scenario.tracks(), found)
    return score(matches, n_true, n_found), matches


@pytest.mark.slow
def test_nearly_all_events_are_found_where_and_when_they_are() -> None:
    result, _ = total("clusters")
    assert result.n_true > 25
    assert result.f1 >= 0.96
    assert result.error_deg <= 1
    assert result.start_error_s <= 0.3
    assert result.end_error_s <= 0.2


@pytest.mark.slow
def test_most_events_that_the_published_method_finds_are_true() -> None:
    result, _ = total("regions")
    assert result.precision >= 0.7
    assert 0.5 <= result.recall < 0.9  # what is watched by few is not bright
    assert result.error_deg <= 2


@pytest.fixture(scope="module")
def scenario() -> Scenario:
    return next(s for s in map(draw_scenario, range(6000, 6100)) if 2 <= len(s.events) <= 4 and s.duration_s < 15)


@pytest.mark.parametrize(
    ("method", "rotation"),
    [("clusters", 0.0), ("clusters", 90.0), ("clusters", 133.7), ("regions", 0.0), ("regions", 90.0)],
)
def test_shuffled_rows_and_a_rotated_scene_give_the_same_events(
    scenario: Scenario, method: str, rotation: float
) -> None:
    """The published method works on pixels of a degree, so its scene is rotated by whole ones."""
    settings = EventSettings(method=method)
    gaze = simulate_gaze(scenario)
    plain = detect_events(gaze, "v", scenario.fps, settings)
    shuffled = gaze.sample(frac=1, random_state=1).reset_index(drop=True)
    shuffled["yaw_deg"] = wrap_yaw(shuffled.yaw_deg + rotation)
    other = detect_events(shuffled, "v", scenario.fps, settings)
    assert len(plain.events) >= (2 if method == "clusters" else 1)
    pd.testing.assert_frame_equal(
        plain.tracks[["event_id", "frame", "n_observers"]], other.tracks[["event_id", "frame", "n_observers"]]
    )
    rotated = wrap_yaw(plain.tracks.yaw_deg + rotation)
    away = angular_distance(rotated, plain.tracks.pitch_deg, other.tracks.yaw_deg, other.tracks.pitch_deg)
    assert away.max() < 0.01
    camera = wrap_yaw(plain.tracks.camera_yaw_deg + rotation)
    found = other.tracks.camera_yaw_deg, other.tracks.camera_pitch_deg
    assert angular_distance(camera, plain.tracks.camera_pitch_deg, *found).max() < 0.01


def test_scenarios_keep_their_limits() -> None:
    kinds = set()
    for seed in range(60):
        scenario = draw_scenario(seed)
        assert 1 <= len(scenario.events) <= 7
        assert 10 <= scenario.duration_s <= 45
        assert 14 <= scenario.n_observers <= 31
        for event, track in zip(scenario.events, scenario.tracks(), strict=True):
            kinds.add(event.kind)
            assert event.speed <= 18 and event.spread_deg <= 6
            path = event.at(np.arange(event.start_s, event.end_s, 0.5))
            assert vector_angle(path[1:], path[:-1]) == pytest.approx(event.speed * 0.5, abs=1e-6)
            if event.kind == "pole":
                assert np.abs(track.pitch_deg).max() > 80
            if event.kind == "seam":
                assert np.abs(track.yaw_deg).max() > 160
    assert kinds == set(KINDS)


def test_simulated_gaze_is_a_fixations_table_of_all_observers() -> None:
    for seed in (1, 2, 3, 4):
        scenario = draw_scenario(seed)
        gaze = simulate_gaze(scenario)
        as_table(gaze, FIXATIONS, "simulated")
        assert gaze.observer.nunique() == scenario.n_observers
        assert (gaze.groupby("observer").time_s.diff().dropna() > 0).all()
        assert gaze.time_s.between(0, scenario.duration_s).all()
        pd.testing.assert_frame_equal(gaze, simulate_gaze(draw_scenario(seed)))
