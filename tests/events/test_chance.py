"""What is chance and what is an event: observers with nothing in common, weak events, long events, the common start."""

import numpy as np
import pandas as pd
import pytest

from tsalv360.contracts.gaze_grid import GazeGrid
from tsalv360.events import EventSettings, detect_events
from tsalv360.events.chance import chance_of, evidence, expected_by_chance
from tsalv360.sources.recording import fixations_table
from tsalv360.sphere.directions import normalise, to_vectors

FPS = 16.0


def wanderers(seed: int, seconds: float = 25.0, n: int = 33) -> pd.DataFrame:
    """Fixations of observers who have nothing in common but to look ahead, near the horizon, as real ones do."""
    rng, rows = np.random.default_rng([19, seed]), []
    for observer in range(n):
        time = yaw = pitch = 0.0
        while time < seconds:
            length = float(np.clip(0.27 * np.exp(rng.normal(0, 0.7)), 0.1, 2.5))
            rows.append((f"p{observer:02d}", time, min(length, seconds - time) - 0.03, yaw, pitch))
            time += length
            yaw, pitch = 0.92 * yaw + rng.normal(0, 15), 0.75 * pitch + rng.normal(0, 7.5)
    table = pd.DataFrame(rows, columns=["observer", "time_s", "duration_s", "yaw", "pitch"])
    table = table[table.duration_s > 0.02]
    frame = (table.time_s * FPS).astype(int)
    return fixations_table(
        table.observer, table.time_s, table.duration_s, frame, (table.yaw + 180) % 360 - 180, table.pitch
    )


def joined(gaze: pd.DataFrame, n: int, start_s: float, end_s: float, yaw: float, spread: float = 2.0) -> pd.DataFrame:
    """The gaze, in which the first `n` observers watch one place from start to end."""
    rng, gaze = np.random.default_rng(1), gaze.copy()
    own = gaze.observer.isin(gaze.observer.unique()[:n]) & gaze.time_s.between(start_s, end_s)
    gaze.loc[own, "yaw_deg"] = yaw + rng.normal(0, spread, own.sum())
    gaze.loc[own, "pitch_deg"] = rng.normal(0, spread, own.sum())
    return gaze


def test_observers_with_nothing_in_common_make_no_events() -> None:
    assert [len(detect_events(wanderers(seed), "v", FPS).events) for seed in range(6)] == [0] * 6


def test_what_some_of_them_watch_together_is_an_event() -> None:
    found = detect_events(joined(wanderers(0), 8, 10, 18, yaw=60), "v", FPS).events
    assert len(found) == 1
    assert found.start_s[0] == pytest.approx(10, abs=0.7) and found.end_s[0] == pytest.approx(18, abs=0.7)
    assert found.yaw_deg[0] == pytest.approx(60, abs=2) and found.by_chance[0] < 0.01


def test_events_as_weak_as_chance_are_dropped_with_the_reason() -> None:
    gaze = joined(wanderers(0), 6, 10, 12.5, yaw=20)
    every = detect_events(gaze, "v", FPS, EventSettings(false_discovery_rate=1.0)).events
    weak = every[every.start_s > 9]
    assert len(weak) == 1 and weak.by_chance.item() > 0.1
    found = detect_events(gaze, "v", FPS)
    assert found.events.empty
    reasons = found.dropped.reason[found.dropped.rule == "false_discovery_rate"]
    assert any(reason.startswith(f"{weak.by_chance.item():.2g} as strong by chance") for reason in reasons)


def test_that_all_begin_in_one_direction_is_no_event() -> None:
    ahead = joined(wanderers(1), 33, 0, 2.6, yaw=0)
    assert detect_events(ahead, "v", FPS).events.empty
    elsewhere = joined(joined(wanderers(1), 33, 0, 0.6, yaw=0), 33, 0.6, 3.2, yaw=60)
    assert len(detect_events(elsewhere, "v", FPS).events) == 1, "they left the start together"


def test_long_events_are_cut_at_the_same_times_wherever_they_begin() -> None:
    def parts(start_s: float, end_s: float) -> list[tuple[float, float]]:
        found = detect_events(joined(wanderers(2, 62), 20, start_s, end_s, yaw=80), "v", FPS)
        assert found.tracks.groupby("event_id").time_s.agg(lambda t: len(t)).sum() == len(
            found.tracks.drop_duplicates("frame")
        )
        return [(round(e.start_s, 1), round(e.end_s, 1)) for e in found.events.itertuples()]

    assert len(parts(5, 24)) == 1, "of less than 20 s"
    for start in (1.0, 9.0):
        inner = parts(start, 58)
        assert [end for _, end in inner[:-1]] == [19.9, 39.9]
        assert [begin for begin, _ in inner[1:]] == [20.0, 40.0]
    assert [end for _, end in parts(18, 43)[:-1]] == [], "ends of less than a quarter of 20 s stay"


def test_an_event_ends_with_the_gaze() -> None:
    gaze = joined(wanderers(3, 12), 20, 6, 12, yaw=-70)
    gaze = gaze[gaze.time_s + gaze.duration_s < 11.5].reset_index(drop=True)
    found = detect_events(gaze, "v", FPS, frames=list(range(12 * 16)))
    assert len(found.events) == 1
    assert found.tracks.n_observers.iloc[-1] > 0 and found.events.end_s[0] < 11.5


def test_gaze_spread_evenly_within_reach_is_too_diffuse_for_an_event() -> None:
    gaze = joined(wanderers(4), 25, 8, 18, yaw=90)
    own = gaze.observer.isin(gaze.observer.unique()[:25]) & gaze.time_s.between(8, 18)
    rng = np.random.default_rng(5)
    distance, angle = 12 * np.sqrt(rng.random(own.sum())), rng.uniform(0, 2 * np.pi, own.sum())
    gaze.loc[own, "yaw_deg"] = 90 + distance * np.cos(angle)
    gaze.loc[own, "pitch_deg"] = distance * np.sin(angle)
    found = detect_events(gaze, "v", FPS)
    assert "max_spread_deg" in found.dropped.rule.tolist()


def anywhere(n_frames: int, n_observers: int, dwell: int, seed: int = 0) -> GazeGrid:
    """Observers at places anywhere on the sphere, each for `dwell` frames."""
    rng = np.random.default_rng(seed)
    places = normalise(rng.normal(size=(n_frames // dwell + 2, n_observers, 3)))
    shift = rng.integers(0, dwell, n_observers)
    index = (np.arange(n_frames)[:, None] + shift) // dwell
    vectors = places[index, np.arange(n_observers)]
    return GazeGrid(np.arange(n_frames) / FPS, vectors, np.ones(vectors.shape[:2]))


@pytest.mark.parametrize(("yaw", "pitch"), [(0, 0), (180, 10), (-120, -45), (30, 88), (0, -90)])
def test_gaze_anywhere_is_at_any_place_in_proportion_to_its_area(yaw: float, pitch: float) -> None:
    chance = chance_of(anywhere(2000, 60, 4))
    for reach in (6.0, 12.0):
        share = chance.share(to_vectors([yaw], [pitch]), reach)[0]
        assert share == pytest.approx((1 - np.cos(np.radians(reach))) / 2, rel=0.15, abs=8e-4)


def test_chance_is_larger_where_observers_prefer_to_look() -> None:
    rng = np.random.default_rng(3)
    yaw, pitch = rng.normal(0, 38, (800, 40)), rng.normal(0, 11, (800, 40))
    chance = chance_of(GazeGrid(np.arange(800) / FPS, to_vectors(yaw, pitch), np.ones(yaw.shape)))
    ahead, aside, up = chance.share(to_vectors([0, 90, 0], [0, 0, 40]), 10.0)
    near = np.mean(np.cos(np.radians(10)) <= to_vectors(yaw, pitch) @ to_vectors(0, 0))
    assert ahead == pytest.approx(near, rel=0.3) and ahead > 3 * aside and ahead > 20 * up


@pytest.mark.parametrize("dwell", [8, 16, 32])
def test_a_look_lasts_as_long_as_gaze_stays(dwell: int) -> None:
    assert chance_of(anywhere(4000, 40, dwell)).look_s == pytest.approx(dwell / FPS, rel=0.1)


def test_evidence_is_the_log_likelihood_ratio_of_independent_looks() -> None:
    from scipy.stats import binom

    watching, tracked, chance = np.array([3.0, 5.0, 4.0]), np.array([10.0, 10.0, 12.0]), np.array([0.1, 0.2, 0.1])
    expected = (binom.logpmf(watching, tracked, 12 / 32) - binom.logpmf(watching, tracked, chance)).sum()
    assert evidence(watching, tracked, chance, 1.0) == pytest.approx(expected)
    assert evidence(np.zeros(3), tracked, chance, 1.0) == 0
    assert evidence(np.array([1.0, 1.0, 1.0]), tracked, np.full(3, 0.4), 1.0) == 0, "fewer than by chance"


def test_events_by_chance_are_the_rarer_the_stronger_and_the_more_the_longer_the_video() -> None:
    rates = [expected_by_chance(strength, 30, 1.0) for strength in (10, 20, 30)]
    assert rates[0] > 5 * rates[1] > 25 * rates[2]
    assert expected_by_chance(10, 60, 1.0) == pytest.approx(2 * rates[0])
