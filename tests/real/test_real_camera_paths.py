"""All real gaze through the readers, and the events found in it beside the camera paths published for its videos."""

import os
from functools import cache
from pathlib import Path

import pandas as pd
import pytest

from tsalv360.contracts.grid import frame_numbers
from tsalv360.events import EventSettings, detect_events
from tsalv360.explorer.comparisons import NEAR_DEG, CameraPath, agreement_of, read_camera_path
from tsalv360.fixations import FixationSettings, find_fixations
from tsalv360.sources import read_salient360, read_vr_eyetracking
from tsalv360.sources.vr_eyetracking import gaze_files
from tsalv360.sphere.directions import angular_distance

pytestmark = [
    pytest.mark.slow,
    pytest.mark.skipif("TSALV360_REAL_DATA" not in os.environ, reason="TSALV360_REAL_DATA names no folder"),
]
DATA = Path(os.environ.get("TSALV360_REAL_DATA", "."))
GAZE = DATA / "vr_eyetracking" / "Gaze_txt_files"
FRAME_S = {"006": 0.03336666666666667, "011": 0.03336666666666667, "014": 0.033366652777777776, "146": 1 / 30}


@cache
def gaze_of(video: str) -> pd.DataFrame:
    return read_vr_eyetracking(GAZE, video, 1 / FRAME_S[video])


def paths_of(video: str) -> list[CameraPath]:
    return read_camera_path(DATA / "camera_paths" / f"{video}.txt")


def kept_frames(video: str) -> list[int]:
    """The video itself is not here, so its length is that of its gaze."""
    return frame_numbers(1 / FRAME_S[video], int(gaze_of(video).frame.max()) + 1, skip_first=20)


@cache
def tracks_of(video: str) -> pd.DataFrame:
    """The events that the default settings find."""
    fixations = find_fixations(gaze_of(video), FixationSettings())
    return detect_events(fixations, video, 1 / FRAME_S[video], frames=kept_frames(video)).tracks


def near(centres: pd.DataFrame, others: pd.DataFrame) -> pd.Series:
    """For each centre the share of `others` at its frame that lie near it."""
    pairs = centres.reset_index().merge(others, on="frame", suffixes=("", "_other"))
    away = angular_distance(pairs.yaw_deg, pairs.pitch_deg, pairs.yaw_deg_other, pairs.pitch_deg_other)
    return (pairs.assign(near=away <= NEAR_DEG)).groupby("index").near.mean().reindex(centres.index, fill_value=0)


def check(gaze: pd.DataFrame, n_rows: int, n_observers: int, duration_s: float) -> None:
    """Nothing lost, directions on the sphere and all around, times that go up for every observer."""
    assert len(gaze) == n_rows
    assert gaze.observer.nunique() == n_observers
    assert gaze.yaw_deg.between(-180, 180, inclusive="left").all()
    assert gaze.pitch_deg.between(-90, 90).all()
    assert gaze.yaw_deg.min() < -170 and gaze.yaw_deg.max() > 170
    assert (gaze.groupby("observer").time_s.diff().dropna() > 0).all()
    assert gaze.time_s.min() >= 0 and duration_s - 0.5 < gaze.time_s.max() < duration_s
    assert (gaze.duration_s > 0).all()


def n_rounded(notes: list[str]) -> int:
    """Return how many positions outside 0 to 1 by a rounding error the reader notes."""
    return sum(int(note.split()[0]) for note in notes if "rounding error" in note)


@pytest.mark.parametrize(
    ("video", "n_observers", "duration_s"), [("006", 33, 58.4), ("011", 33, 26.7), ("014", 33, 26.7), ("146", 32, 47.1)]
)
def test_vr_eyetracking_loses_nothing(video: str, n_observers: int, duration_s: float) -> None:
    first = {path.parent.name: path for path in reversed(gaze_files(GAZE, video))}  # of two recordings the first
    lines = pd.concat([pd.read_csv(path, header=None) for path in first.values()])
    notes: list[str] = []
    gaze = read_vr_eyetracking(GAZE, video, 1 / FRAME_S[video], notes)
    check(gaze, len(lines), n_observers, duration_s)
    x, y = lines[6], lines[7]
    assert n_rounded(notes) == (~(x.between(0, 1) & y.between(0, 1))).sum()
    assert gaze.duration_s.to_numpy() == pytest.approx(FRAME_S[video])


@pytest.mark.parametrize(
    ("file", "fps", "n_observers"),
    [
        ("HE/Scanpaths/L/4_Ocean", 30, 56),
        ("HE/Scanpaths/R/4_Ocean", 30, 55),
        ("HE/Scanpaths/L/10_Cows", 24, 55),
        ("HE/Scanpaths/L/16_Turtle", 30, 54),
        ("H/Scanpaths/8_Sofa", 24, 57),
    ],
)
def test_salient360_loses_nothing(file: str, fps: float, n_observers: int) -> None:
    path = DATA / "salient360" / f"{file}_fixations.csv"
    lines = pd.read_csv(path)
    notes: list[str] = []
    gaze = read_salient360(path, fps, notes)
    check(gaze, len(lines), n_observers, 20.0)
    x, y = lines.iloc[:, 1], lines.iloc[:, 2]
    assert n_rounded(notes) == (~(x.between(0, 1) & y.between(0, 1))).sum()
    assert (gaze.frame - gaze.time_s * fps).abs().mean() < 1  # the frame rate is that of the file


def test_every_file_of_salient360_is_tried() -> None:
    assert len(list((DATA / "salient360").rglob("*.csv"))) == 5


@pytest.mark.parametrize(
    ("video", "published_met", "ours_met"),
    [("006", 0.62, 0.71), ("011", 0.21, 0.59), ("014", 0.28, 0.60), ("146", 0.56, 0.50)],
)
def test_events_lie_where_camera_paths_were_published(video: str, published_met: float, ours_met: float) -> None:
    """Floors a little below what was measured (docs/gallery.md), and far above what as many events get by chance."""
    n_frames = int(gaze_of(video).frame.max()) + 1
    agreement = agreement_of(tracks_of(video), paths_of(video), 1 / FRAME_S[video], n_frames)
    assert agreement.published_met > max(published_met, 2.5 * agreement.published_by_chance)
    assert agreement.ours_met > max(ours_met, 2.5 * agreement.ours_by_chance)
    assert 1 < agreement.ours_at_once < 2.5


@pytest.mark.parametrize(("video", "met"), [("006", 0.82), ("011", 0.53), ("014", 0.70), ("146", 0.73)])
def test_published_centres_that_enough_people_watch_are_met_more_often(video: str, met: float) -> None:
    """Most of what was published, and is no event of ours, was looked at by fewer than an event takes."""
    centres = pd.concat([pd.DataFrame(vars(path)) for path in paths_of(video)])
    centres = centres[centres.frame.isin(kept_frames(video))].reset_index(drop=True)
    is_watched = near(centres, gaze_of(video)) >= EventSettings().min_share
    is_met = near(centres, tracks_of(video)) > 0
    assert is_met[is_watched].mean() > met
    assert is_watched[~is_met].mean() < 0.25
