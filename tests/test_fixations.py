"""Saccades are removed, fixations and pursuit are kept, and gaze is cut at the end of its video."""

import numpy as np
import pandas as pd
import pytest

from tsalv360.contracts.entries import GazeNotes, IndexEntry
from tsalv360.contracts.tables import FIXATIONS, as_table
from tsalv360.fixations import FixationSettings, find_fixations, fixations_of_video, within_video
from tsalv360.job.errors import InputError
from tsalv360.sources import Gaze
from tsalv360.sources.recording import fixations_table
from tsalv360.sphere.directions import wrap_yaw

SETTINGS = FixationSettings(max_velocity_deg_s=100, min_duration_ms=80, max_gap_ms=100)


def samples(
    yaw: list[float], fps: float = 25, observer: str = "a", pitch: float = 0, frames: list[int] | None = None
) -> pd.DataFrame:
    """Gaze samples at frame rate, in the columns of the fixations table."""
    frame = np.arange(len(yaw)) if frames is None else np.array(frames)
    return fixations_table([observer] * len(yaw), frame / fps, 1 / fps, frame, wrap_yaw(yaw), pitch)


def test_a_saccade_is_removed_and_separates_two_fixations() -> None:
    found = find_fixations(samples([0, 0, 0, 0, 25, 50, 50, 50, 50]), SETTINGS)
    assert found.frame.tolist() == [0, 1, 2, 3, 5, 6, 7, 8]
    assert found.fixation_id.tolist() == [0, 0, 0, 0, 1, 1, 1, 1]
    as_table(found, FIXATIONS, "found")


def test_every_sample_of_a_pursuit_stays_a_row_of_its_own() -> None:
    path = [2.0 * n for n in range(50)]  # 50 degrees per second
    found = find_fixations(samples(path), SETTINGS)
    assert found.yaw_deg.tolist() == path
    assert found.fixation_id.nunique() == 1
    assert found.duration_s.to_numpy() == pytest.approx(1 / 25)


def test_a_pursuit_over_the_seam_is_no_saccade() -> None:
    found = find_fixations(samples([170 + n for n in range(20)]), SETTINGS)
    assert len(found) == 20
    assert found.fixation_id.nunique() == 1


def test_speed_is_measured_on_the_sphere_and_not_in_yaw() -> None:
    beside_the_pole = samples([30.0 * n for n in range(12)], pitch=89)
    assert len(find_fixations(beside_the_pole, SETTINGS)) == 12
    with pytest.raises(InputError, match="none in 12 gaze samples"):
        find_fixations(samples([30.0 * n for n in range(12)]), SETTINGS)


@pytest.mark.parametrize("fps", [25, 60, 120])
def test_the_speed_limit_holds_at_any_sampling_rate(fps: float) -> None:
    def sweep(speed: float) -> pd.DataFrame:
        return samples([speed / fps * n for n in range(40)], fps)

    assert len(find_fixations(sweep(99), SETTINGS)) == 40
    with pytest.raises(InputError, match="none in 40 gaze samples"):
        find_fixations(sweep(101), SETTINGS)


def test_noise_at_a_high_rate_is_no_saccade() -> None:
    """0.3 degrees of noise at 250 Hz are 100 deg/s from sample to sample, but not over 25 ms."""
    noise = np.random.default_rng(0).normal(0, 0.3, 500)
    assert len(find_fixations(samples(noise.tolist(), 250), SETTINGS)) > 450


def test_gaze_sampled_five_times_a_second_keeps_its_fixations() -> None:
    assert len(find_fixations(samples([0, 0, 40, 80, 80, 80], 5), SETTINGS)) == 6


def test_two_samples_of_one_observer_at_one_time_are_refused() -> None:
    with pytest.raises(InputError, match="two samples at 0"):
        find_fixations(samples([0, 1, 2], frames=[0, 0, 1]), SETTINGS)


def test_short_fixations_are_removed_and_counted() -> None:
    notes = ["as read"]
    found = find_fixations(samples([0, 0, 0, 40, 80, 80, 80, 80]), FixationSettings(min_duration_ms=150), notes)
    assert found.frame.tolist() == [4, 5, 6, 7]
    assert found.fixation_id.tolist() == [0, 0, 0, 0]
    assert notes == ["as read", "4 of 8 gaze samples removed (saccades and short fixations)"]


def test_a_lone_sample_between_two_jumps_is_a_saccade_even_without_a_shortest_duration() -> None:
    found = find_fixations(samples([0, 0, 40, 80, 80]), FixationSettings(min_duration_ms=0))
    assert found.frame.tolist() == [0, 1, 3, 4]


def test_a_blink_ends_a_fixation_and_a_single_missing_sample_does_not() -> None:
    frames = [0, 1, 2, 4, 5, 6, 16, 17, 18]  # one sample missing, then nine
    found = find_fixations(samples([0] * 9, frames=frames), SETTINGS)
    assert found.fixation_id.tolist() == [0] * 6 + [1] * 3
    assert found.duration_s.tolist() == pytest.approx([0.04, 0.04, 0.08, 0.04, 0.04, 0.04, 0.04, 0.04, 0.04])


def test_observers_are_separated_in_any_order_of_rows() -> None:
    gaze = pd.concat([samples([0] * 6, observer="a"), samples([120] * 6, observer="b")], ignore_index=True)
    shuffled = gaze.sample(frac=1, random_state=3)
    found = find_fixations(shuffled, SETTINGS)
    assert found.groupby("observer").yaw_deg.agg(["min", "max", "size"]).to_numpy().tolist() == [
        [0, 0, 6],
        [120, 120, 6],
    ]
    assert found.time_s.tolist() == sorted(found.time_s[:6]) * 2
    pd.testing.assert_frame_equal(found, find_fixations(gaze, SETTINGS))


def test_recorded_fixations_stay_unchanged() -> None:
    recorded = fixations_table(["a", "a"], [0.0, 0.01], [0.005, 0.3], [0, 0], [0, 90], 0, [0, 1])
    notes: list[str] = []
    pd.testing.assert_frame_equal(find_fixations(recorded, SETTINGS, notes), recorded)
    assert notes == []


def test_gaze_without_rows_gives_no_fixations() -> None:
    assert as_table(find_fixations(samples([]), SETTINGS), FIXATIONS, "found").num_rows == 0


def test_an_index_one_or_two_past_the_end_is_dropped_and_noted() -> None:
    gaze = samples([0] * 62)
    notes = ["as read"]
    cut = within_video(gaze, duration_s=60 / 25, n_frames=60, where="gaze of video 127", notes=notes)
    assert cut.frame.tolist() == list(range(60))
    assert notes == ["as read", "rows past the end of the video dropped: 2"]


def test_gaze_within_the_video_stays_unchanged() -> None:
    gaze = samples([0] * 60)
    notes = ["as read"]
    cut = within_video(gaze, 60 / 25, 60, "gaze", notes)
    assert notes == ["as read"]
    pd.testing.assert_frame_equal(cut, gaze)


def test_gaze_up_to_half_a_second_past_the_end_is_cut_and_beyond_that_refused() -> None:
    within_video(samples([0] * 73), 60 / 25, 60, "gaze")
    with pytest.raises(InputError) as caught:
        within_video(samples([0] * 75), 60 / 25, 60, "gaze of video 127")
    for part in ("gaze of video 127", "observer a from 0.00 to 2.96 s", "2.40 s", "belong together", "frame rate"):
        assert part in str(caught.value)


def test_a_fixation_over_the_end_is_shortened_to_it() -> None:
    recorded = fixations_table(["a"], [2.0], [1.0], [60], [0], [0], [0])
    cut = within_video(recorded, 2.4, 60, "gaze")
    assert cut.duration_s.tolist() == pytest.approx([0.4])
    assert cut.frame.tolist() == [59]


def test_the_stage_writes_fixations_within_the_video_and_all_notes_on_its_gaze() -> None:
    video = IndexEntry(25, 6, 1920, 960, 2, 6 / 25, id="127", skip_first=0, size_bytes=0, sha256="")
    gaze = Gaze(samples([0, 0, 0, 40, 80, 80, 80]), ["as read"], 3)
    found, notes = fixations_of_video(gaze, video, FixationSettings(min_duration_ms=100))
    assert found.frame.tolist() == [0, 1, 2]
    assert notes == GazeNotes(
        3,
        [
            "as read",
            "rows past the end of the video dropped: 1",
            "3 of 6 gaze samples removed (saccades and short fixations)",
        ],
    )
    assert gaze.notes == ["as read"]
    far = Gaze(samples([0] * 75), [], None)
    with pytest.raises(
        InputError, match=r"^gaze of video 127: found gaze of observer a from 0\.00 to 2\.96 s.*table\.time_unit"
    ):
        fixations_of_video(far, video, SETTINGS)


def test_the_stage_says_what_looks_wrong_in_the_gaze_and_keeps_what_its_picture_shows() -> None:
    video = IndexEntry(25, 150, 1920, 960, 2, 6.0, id="127", skip_first=0, size_bytes=0, sha256="", cuts_s=[2.5])
    still = pd.concat([samples([0] * 150).assign(observer=name) for name in "abc"])
    _, notes = fixations_of_video(Gaze(still, [], 3), video, SETTINGS)
    (remark,) = notes.remarks
    assert "all gaze lies within" in remark.found and remark.shown == "directions"
    assert notes.summary is not None and np.sum(notes.summary.density) == 450 and notes.summary.cuts_s == [2.5]


# High rates


def recorded(time_s: np.ndarray, yaw: np.ndarray) -> pd.DataFrame:
    return fixations_table(["a"] * len(yaw), time_s, 0.004, np.floor(time_s * 25), wrap_yaw(yaw), 0.0)


def test_noise_at_250_hz_breaks_no_fixation_and_a_saccade_still_does() -> None:
    """Noise of 0.3° differs by 75°/s between neighbours on average, and by more than 100°/s every third time."""
    noise = np.random.default_rng(0).normal(0, 0.3, 500)
    jump = np.where(np.arange(500) < 250, 0, 20)
    found = find_fixations(recorded(np.arange(500) / 250, noise + jump), SETTINGS)
    assert found.fixation_id.nunique() == 2
    assert len(found) > 490


def test_a_pursuit_at_250_hz_keeps_its_path() -> None:
    time_s = np.arange(500) / 250
    yaw = 60 * time_s + np.random.default_rng(1).normal(0, 0.2, 500)
    found = find_fixations(recorded(time_s, yaw), SETTINGS)
    assert found.fixation_id.nunique() == 1
    assert found.yaw_deg.to_numpy() == pytest.approx(yaw)


def test_bursts_of_rows_with_nearly_one_time_are_no_saccades() -> None:
    """Three rows within 0.2 ms every 12 ms, as a recorder writes that empties a buffer."""
    time_s = np.repeat(np.arange(0, 2, 0.012), 3) + np.tile([0, 1e-4, 2e-4], 167)
    yaw = np.random.default_rng(2).normal(0, 0.1, len(time_s))
    found = find_fixations(recorded(time_s, yaw), SETTINGS)
    assert (len(found), found.fixation_id.nunique()) == (len(time_s), 1)
