"""Events of simulated scenes whose truth is known: found, placed, numbered, assigned, and the same when rotated."""

from dataclasses import dataclass

import numpy as np
import pandas as pd
import pytest
from numpy.typing import NDArray

from tsalv360.contracts.grid import frame_numbers
from tsalv360.contracts.tables import ASSIGNMENTS, DROPPED, EVENTS, FIXATIONS, TRACKS, as_table, empty
from tsalv360.events import DetectedEvents, EventSettings, detect_events
from tsalv360.events.clusters import cluster
from tsalv360.sources.recording import fixations_table
from tsalv360.sphere.directions import angular_distance, normalise, to_angles, to_vectors, vector_angle, wrap_yaw

FPS = 25
OBSERVERS = 15
SETTINGS = EventSettings(
    min_share=0.12, min_observers=3, fill_gap_s=0.8, max_gap_s=2.0, min_duration_s=2.0, merge_deg=12, assign_deg=12
)


@dataclass(frozen=True)
class Target:
    """Something on a great circle, watched by `watchers` from `start_s` to `end_s` but not during `pause_s`."""

    start_s: float
    end_s: float
    yaw: float
    pitch: float
    heading: float
    speed: float
    watchers: range
    pause_s: tuple[float, float] = (np.inf, np.inf)

    def at(self, time_s: NDArray) -> NDArray:
        """Unit vectors at times since the start of the video."""
        start, turn = to_vectors(self.yaw, self.pitch), np.radians(self.heading)
        east = np.array([-np.sin(np.radians(self.yaw)), np.cos(np.radians(self.yaw)), 0])
        way = np.cos(turn) * east + np.sin(turn) * np.cross(start, east)
        angle = np.radians(self.speed * (time_s - self.start_s))[:, None]
        return np.cos(angle) * start + np.sin(angle) * way

    def watched(self, time_s: NDArray) -> NDArray:
        pause = (time_s >= self.pause_s[0]) & (time_s < self.pause_s[1])
        return (time_s >= self.start_s) & (time_s < self.end_s) & ~pause


SCENE = [
    Target(0.0, 6.0, 165, 5, 10, 8, range(5)),  # over the seam
    Target(0.5, 10.0, -60, -20, -30, 8, range(10, 15)),
    Target(1.0, 9.0, 40, 70, 60, 6, range(5, 10)),  # near the pole
]


def simulate(targets: list[Target], seconds: float, seed: int = 2, noise: float = 0.2) -> pd.DataFrame:
    """Samples of 15 observers: at their target with an error of 1 degree, or anywhere for a quarter of a second."""
    rng = np.random.default_rng(seed)
    time = np.arange(round(seconds * FPS)) / FPS
    parts = []
    for observer in range(OBSERVERS):
        quarter = (time * 4).astype(int)
        vectors = normalise(rng.normal(size=(quarter[-1] + 1, 3)))[quarter]
        attentive = (rng.random(quarter[-1] + 1) >= noise)[quarter]
        for target in targets:
            if observer in target.watchers:
                on_target = attentive & target.watched(time)
                near = normalise(target.at(time) + rng.normal(0, np.radians(1.0), (len(time), 3)))
                vectors[on_target] = near[on_target]
        yaw, pitch = to_angles(vectors)
        frame = np.arange(len(time))
        parts.append(fixations_table([f"p{observer:02d}"] * len(time), time, 1 / FPS, frame, yaw, pitch))
    return pd.concat(parts, ignore_index=True)


def track_of(found: DetectedEvents, event: str) -> pd.DataFrame:
    return found.tracks[found.tracks.event_id == event].reset_index(drop=True)


def overlap(target: Target, track: pd.DataFrame) -> tuple[float, float]:
    """Intersection over union of the frames and the median error in degrees."""
    grid = np.array(frame_numbers(FPS, 100 * FPS, 0)) / FPS
    true = grid[target.watched(grid)]
    common = np.intersect1d(true.round(3), track.time_s.round(3))
    if not len(common):
        return 0.0, 180.0
    own = track[track.time_s.round(3).isin(common)]
    error = vector_angle(target.at(own.time_s.to_numpy()), to_vectors(own.yaw_deg, own.pitch_deg))
    return len(common) / len(np.union1d(true.round(3), track.time_s.round(3))), float(np.median(error))


def best(target: Target, found: DetectedEvents) -> tuple[str, float, float]:
    """The event that shares most frames with a target while close to it."""
    scores = [(event, *overlap(target, track_of(found, event))) for event in found.events.event_id]
    return max((s for s in scores if s[2] < 10), key=lambda s: s[1], default=("", 0.0, 180.0))


@pytest.fixture(scope="module")
def gaze() -> pd.DataFrame:
    return simulate(SCENE, 10.5)


@pytest.fixture(scope="module")
def found(gaze: pd.DataFrame) -> DetectedEvents:
    return detect_events(gaze, "127", FPS, SETTINGS)


def test_all_tables_keep_their_contract(found: DetectedEvents) -> None:
    for name, table in {"events": EVENTS, "tracks": TRACKS, "assignments": ASSIGNMENTS, "dropped": DROPPED}.items():
        as_table(getattr(found, name), table, name)


def test_every_target_is_found_where_and_when_it_was(found: DetectedEvents) -> None:
    matches = [best(target, found) for target in SCENE]
    assert len({event for event, *_ in matches}) == 3
    for _, iou, error in matches:
        assert iou >= 0.5
        assert error < 3
    assert len(found.events) == 3, "noise is no event"


def test_events_are_numbered_by_their_start(found: DetectedEvents) -> None:
    assert found.events.event_id.tolist() == ["127_1", "127_2", "127_3"]
    assert found.events.start_s.is_monotonic_increasing
    assert [best(target, found)[0] for target in SCENE] == ["127_1", "127_2", "127_3"]


def test_events_can_be_counted_from_0(gaze: pd.DataFrame, found: DetectedEvents) -> None:
    from_0 = detect_events(gaze, "127", FPS, SETTINGS, first_event=0)
    for name in ("events", "tracks", "assignments"):
        ours, theirs = getattr(from_0, name), getattr(found, name)
        counted = theirs.event_id.map({"127_1": "127_0", "127_2": "127_1", "127_3": "127_2"})
        pd.testing.assert_frame_equal(ours, theirs.assign(event_id=counted))


def test_events_sum_up_their_tracks(found: DetectedEvents) -> None:
    assert found.tracks.event_id.unique().tolist() == found.events.event_id.tolist()
    for event in found.events.itertuples():
        track = track_of(found, event.event_id)
        assert track.frame.is_monotonic_increasing
        assert (event.start_frame, event.end_frame) == (track.frame.iloc[0], track.frame.iloc[-1])
        assert (event.start_s, event.end_s) == (track.time_s.iloc[0], track.time_s.iloc[-1])
        centre = to_angles(to_vectors(track.yaw_deg, track.pitch_deg).sum(axis=0))
        assert angular_distance(event.yaw_deg, event.pitch_deg, *centre) < 1e-6
        assert event.video == "127"
        assert track.n_observers.max() <= event.n_observers <= OBSERVERS


def test_tracks_lie_on_the_kept_frames(found: DetectedEvents) -> None:
    assert set(found.tracks.frame) <= set(frame_numbers(FPS, round(10.5 * FPS), 0))
    np.testing.assert_allclose(found.tracks.time_s, found.tracks.frame / FPS)
    later = detect_events(simulate(SCENE, 10.5), "127", FPS, SETTINGS, frame_numbers(FPS, 200, 20))
    assert later.tracks.frame.min() > 20
    assert later.tracks.frame.max() < 200


def test_the_camera_stays_close_to_its_event(found: DetectedEvents) -> None:
    tracks = found.tracks
    away = angular_distance(tracks.yaw_deg, tracks.pitch_deg, tracks.camera_yaw_deg, tracks.camera_pitch_deg)
    assert np.median(away) < 1
    assert away.max() < 8
    assert (tracks.camera_hfov_deg == SETTINGS.camera_hfov_deg).all()


def test_the_order_of_rows_does_not_matter(gaze: pd.DataFrame, found: DetectedEvents) -> None:
    order = np.random.default_rng(5).permutation(len(gaze))
    again = detect_events(gaze.iloc[order].reset_index(drop=True), "127", FPS, SETTINGS)
    pd.testing.assert_frame_equal(again.events, found.events)
    pd.testing.assert_frame_equal(again.tracks, found.tracks)
    pd.testing.assert_frame_equal(again.dropped, found.dropped)
    rows = again.assignments.assign(row=order[again.assignments.row]).sort_values("row", ignore_index=True)
    pd.testing.assert_frame_equal(rows, found.assignments)


def test_a_rotated_scene_has_the_same_events_rotated(gaze: pd.DataFrame, found: DetectedEvents) -> None:
    rotated = detect_events(gaze.assign(yaw_deg=wrap_yaw(gaze.yaw_deg + 137)), "127", FPS, SETTINGS)
    for column in ("event_id", "frame", "n_observers"):
        assert rotated.tracks[column].tolist() == found.tracks[column].tolist()
    for where in ("", "camera_"):
        yaw, pitch = f"{where}yaw_deg", f"{where}pitch_deg"
        away = angular_distance(
            rotated.tracks[yaw], rotated.tracks[pitch], found.tracks[yaw] + 137, found.tracks[pitch]
        )
        assert away.max() < 0.01
    assert rotated.assignments[["row", "event_id"]].equals(found.assignments[["row", "event_id"]])


def test_the_name_of_the_video_changes_names_only(gaze: pd.DataFrame, found: DetectedEvents) -> None:
    other = detect_events(gaze, "ocean-2", FPS, SETTINGS)
    assert other.events.event_id.tolist() == ["ocean-2_1", "ocean-2_2", "ocean-2_3"]
    pd.testing.assert_frame_equal(other.tracks.drop(columns="event_id"), found.tracks.drop(columns="event_id"))


def test_assignments_point_to_rows_near_the_event(gaze: pd.DataFrame, found: DetectedEvents) -> None:
    assignments = found.assignments
    assert assignments.row.is_unique
    assert assignments.distance_deg.max() <= SETTINGS.assign_deg
    rows = gaze.iloc[assignments.row].reset_index(drop=True)
    for event, own in rows.groupby(assignments.event_id):
        track = track_of(found, event)
        at = np.abs(own.time_s.to_numpy()[:, None] + 0.5 / FPS - track.time_s.to_numpy()).argmin(axis=1)
        assert (np.abs(own.time_s + 0.5 / FPS - track.time_s.to_numpy()[at]) < 1.5 / 16).all()
        away = angular_distance(
            own.yaw_deg, own.pitch_deg, track.yaw_deg.to_numpy()[at], track.pitch_deg.to_numpy()[at]
        )
        np.testing.assert_allclose(away, assignments.distance_deg[own.index], atol=1e-6)


def test_nearly_all_gaze_on_a_target_is_assigned_to_its_event_and_noise_is_not(
    gaze: pd.DataFrame, found: DetectedEvents
) -> None:
    event = dict(zip(found.assignments.row, found.assignments.event_id, strict=True))
    middle = gaze[(gaze.time_s > 3) & (gaze.time_s < 4.5)]
    away = vector_angle(to_vectors(middle.yaw_deg, middle.pitch_deg), SCENE[0].at(middle.time_s.to_numpy()))
    assigned = np.array([event.get(row) for row in middle.index])
    assert (assigned[away < 4] == "127_1").mean() > 0.95
    assert (assigned[away > 20] == "127_1").sum() == 0


@pytest.mark.parametrize(("pause", "events", "segments"), [(0.5, 1, 1), (1.5, 1, 2), (4.0, 2, 1)])
def test_a_pause_is_filled_or_splits_the_event_into_segments_or_ends_it(
    pause: float, events: int, segments: int
) -> None:
    target = Target(0.5, 11.0, 100, 10, 0, 2, range(13), pause_s=(4.0, 4.0 + pause))
    found = detect_events(simulate([target], 11.5), "v", FPS, SETTINGS)
    assert found.events.n_segments.tolist() == [segments] * events
    gaps = np.diff(track_of(found, "v_1").time_s)
    assert (gaps > 0.3).sum() == segments - 1
    if segments == 2:
        assert gaps.max() == pytest.approx(pause, abs=0.6)


@pytest.mark.parametrize("share", [1.0, 0.6, 0.3])
def test_a_group_whose_gaze_is_at_one_place_is_a_cluster_wherever_the_others_look(share: float) -> None:
    missed = []
    for seed in range(20):
        rng = np.random.default_rng(seed)
        group = round(share * OBSERVERS)
        vectors = np.repeat(normalise(rng.normal(size=(OBSERVERS, 3)))[None], 7, axis=0)
        vectors[:, :group] = normalise(to_vectors(0, 0) + rng.normal(0, np.radians(1), (7, group, 3)))
        if not any(vector_angle(centre, [1, 0, 0]) < 3 for centre in cluster(vectors, SETTINGS)):
            missed.append(seed)
    assert missed == []


def test_targets_are_found_whatever_the_noise() -> None:
    for seed in range(1, 4):
        found = detect_events(simulate(SCENE, 10.5, seed), "v", FPS, SETTINGS)
        assert min(best(target, found)[1] for target in SCENE) >= 0.5


def test_two_targets_side_by_side_stay_two_events() -> None:
    pair = [Target(0, 6, -170, 0, 90, 0, range(6)), Target(0, 6, 165, 0, 90, 0, range(6, 12))]
    found = detect_events(simulate(pair, 6.0), "v", FPS, SETTINGS)
    assert len(found.events) == 2
    for target in pair:
        _, iou, error = best(target, found)
        assert iou > 0.8
        assert error < 2


def test_an_event_that_is_too_short_is_dropped_with_the_reason() -> None:
    target = Target(2, 4, 0, 0, 0, 0, range(13))
    settings = EventSettings(min_duration_s=3.5, fill_gap_s=0.8, max_gap_s=2.0)
    found = detect_events(simulate([target], 6.0), "v", FPS, settings)
    assert found.events.empty
    assert found.tracks.empty
    assert found.assignments.empty
    short = found.dropped[found.dropped.rule == "min_duration_s"]
    (dropped,) = short[angular_distance(short.yaw_deg, short.pitch_deg, 0, 0) < 3].itertuples()
    assert dropped.video == "v"
    assert dropped.start_s == pytest.approx(2, abs=0.5)
    assert dropped.end_s == pytest.approx(4, abs=0.5)
    assert dropped.n_observers >= 13
    assert dropped.reason.endswith("less than 3.5 s")


def test_an_event_that_too_few_watch_on_average_is_dropped_with_the_reason() -> None:
    glances = [Target(k, k + 0.5, 0, 0, 0, 0, range(13)) for k in range(6)]
    settings = EventSettings(min_share=0.6, fill_gap_s=0.8, max_gap_s=2.0, window_s=0.4, min_duration_s=2)
    found = detect_events(simulate(glances, 6.0, noise=0), "v", FPS, settings)
    assert found.events.empty
    (dropped,) = found.dropped[found.dropped.rule == "min_share"].itertuples()
    assert 0.3 < dropped.share < 0.6
    assert dropped.reason == f"{dropped.share:.3f} of the observers, less than 0.6"


def test_a_target_of_too_few_observers_is_no_event() -> None:
    gaze = simulate([Target(0, 6, 0, 0, 0, 0, range(13))], 6.0, noise=0)
    for fewest, events in [(13, 1), (14, 0)]:
        settings = EventSettings(min_observers=fewest, min_share=0.12)
        assert len(detect_events(gaze, "v", FPS, settings).events) == events


@pytest.mark.parametrize("seed", [1, 2])
def test_gaze_anywhere_is_no_event(seed: int) -> None:
    found = detect_events(simulate([], 8.0, seed), "v", FPS, SETTINGS)
    assert found.events.empty
    for name, table in {"events": EVENTS, "tracks": TRACKS, "assignments": ASSIGNMENTS, "dropped": DROPPED}.items():
        assert list(getattr(found, name)) == list(table)
        as_table(getattr(found, name), table, name)


@pytest.mark.parametrize("frames", [None, [], [0, 2, 3]])
def test_no_fixation_gives_four_empty_tables_with_their_columns(frames: list[int] | None) -> None:
    found = detect_events(empty(FIXATIONS), "v", FPS, SETTINGS, frames)
    for name, table in {"events": EVENTS, "tracks": TRACKS, "assignments": ASSIGNMENTS, "dropped": DROPPED}.items():
        assert as_table(getattr(found, name), table, name).num_rows == 0


def test_one_observer_alone_is_no_event() -> None:
    gaze = simulate([Target(0, 6, 0, 0, 0, 0, range(1))], 6.0, noise=0)
    assert detect_events(gaze[gaze.observer == "p00"].reset_index(drop=True), "v", FPS, SETTINGS).events.empty


def test_recorded_fixations_of_any_length_work_as_well() -> None:
    rng = np.random.default_rng(3)
    rows = [
        (
            f"p{observer}",
            start,
            0.5,
            *(rng.normal([-179, 10], 1) if observer < 12 else rng.uniform(-60, 60, 2)),
        )
        for observer in range(15)
        for start in np.arange(0, 5, 0.5)
    ]
    observer, time, length, yaw, pitch = zip(*rows, strict=True)
    gaze = fixations_table(observer, time, length, 0, wrap_yaw(yaw), pitch, 0)
    found = detect_events(gaze, "v", FPS, SETTINGS)
    assert len(found.events) == 1
    assert angular_distance(found.events.yaw_deg[0], found.events.pitch_deg[0], -179, 10) < 1.5
    assert found.events.end_s[0] - found.events.start_s[0] > 4


def test_below_16_fps_durations_are_real_seconds() -> None:
    fps = 8
    frame = np.tile(np.arange(80), 8)
    observer = [f"p{k}" for k in np.repeat(np.arange(8), 80)]
    noise = np.random.default_rng(1).normal(0, 1, (2, len(frame)))
    together = (frame >= 16) & (frame < 40)  # for 3 seconds; before and after, everyone looks elsewhere
    yaw = np.where(together, noise[0], wrap_yaw(45 * np.repeat(np.arange(8), 80) + 60 * frame))
    gaze = fixations_table(observer, frame / fps, 1 / fps, frame, yaw, noise[1])
    found = detect_events(gaze, "v", fps, SETTINGS)
    assert len(found.events) == 1
    assert found.events.end_s[0] == pytest.approx(5, abs=0.6)


def test_rows_outside_the_kept_frames_belong_to_no_event() -> None:
    gaze = simulate([Target(0, 6, 0, 0, 0, 0, range(9))], 6.0)
    found = detect_events(gaze, "v", FPS, SETTINGS, frame_numbers(FPS, 150, 30))
    times = gaze.time_s[found.assignments.row] + 0.5 / FPS
    assert times.min() > 31 / FPS - 0.1


def test_a_gap_longer_than_allowed_starts_a_new_event() -> None:
    """Most leave for six seconds and come back; the one who stays all the time must not join the two."""
    away = (4.0, 10.0)
    crowd = Target(0, 14, 40, 10, 0, 0, range(13), pause_s=away)
    few = Target(0, 14, 40, 10, 0, 0, range(13, 14))
    found = detect_events(simulate([crowd, few], 14.0, noise=0.0), "127", FPS, SETTINGS)
    gaps = [np.diff(track.time_s).max() for _, track in found.tracks.groupby("event_id")]
    assert max(gaps) <= SETTINGS.max_gap_s + 2 / 16
    assert len(found.events) == 2
