"""Published camera paths: what a file says, and how events agree with it, in cases whose answer is known."""

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from tsalv360.contracts.tables import TRACKS, empty
from tsalv360.explorer.comparisons import CameraPath, agreement_of, draw, read_camera_path
from tsalv360.explorer.settings import ExplorerSettings
from tsalv360.job.errors import InputError

MakeTrack = Callable[..., pd.DataFrame]


def path_at(first: int, last: int, yaw: float, pitch: float = 0.0) -> CameraPath:
    """A published path that stands still from frame `first` to `last`."""
    frame = np.arange(first, last + 1)
    return CameraPath(frame, np.full(len(frame), yaw), np.full(len(frame), pitch))


def test_a_file_is_one_event_after_another(tmp_path: Path) -> None:
    path = tmp_path / "006.txt"
    path.write_text("(960, 480) 20\n(1919, 0) 21\n(1920, 959) 22\n(0, 480) 24\n(480, 240) 20\n(480, 240) 21\n")
    found = read_camera_path(path)
    assert [part.frame.tolist() for part in found] == [[20, 21, 22], [24], [20, 21]]
    half = 180 / 1920  # a pixel's centre
    assert found[0].yaw_deg == pytest.approx([half, 180 - half, -180 + half])  # 1920 is 0 again
    assert found[0].pitch_deg == pytest.approx([-half, 90 - half, -90 + half])
    assert (found[2].yaw_deg[0], found[2].pitch_deg[0]) == pytest.approx((-90 + half, 45 - half))


@pytest.mark.parametrize("line", ["(960, 480)", "(960, 480) 2.5", "960, 480, 21", "", "(960, 960) 21", "(3840, 0) 21"])
def test_damage_names_the_line(tmp_path: Path, line: str) -> None:
    path = tmp_path / "006.txt"
    path.write_text(f"(960, 480) 20\n{line}\n(960, 480) 22\n")
    with pytest.raises(InputError, match=r"006\.txt, line 2: found '.*'; expected \(<x>, <y>\) <frame>"):
        read_camera_path(path)


def test_an_empty_file_is_refused(tmp_path: Path) -> None:
    (tmp_path / "006.txt").touch()
    with pytest.raises(InputError, match="empty file"):
        read_camera_path(tmp_path / "006.txt")


def test_shares_count_both_ways(make_track: MakeTrack) -> None:
    """Two published paths, one of them met for half its time; ours lasts longer than both."""
    tracks = make_track("1_1", list(range(50, 120)), yaw=10)
    agreement = agreement_of(tracks, [path_at(0, 99, 0), path_at(0, 99, 90)], 16, 160)
    assert agreement.published_met == 50 / 200
    assert agreement.ours_met == 1  # frames 100 to 119 have nothing published
    assert agreement.published_at_once == 2
    assert agreement.ours_at_once == 50 / 100
    assert agreement.ours_at_once_overall == 70 / 160


@pytest.mark.parametrize(
    ("ours", "published", "met"),
    [
        ((0, 0), (14.9, 0), 1),
        ((0, 0), (15.1, 0), 0),
        ((0, 0), (0, -15.1), 0),
        ((0, 75), (50, 75), 1),  # near a pole yaw hardly counts
        ((175, 0), (-175, 0), 1),  # over the seam
        ((0, 0), (180, 0), 0),
    ],
)
def test_near_is_15_degrees_on_the_sphere(
    make_track: MakeTrack, ours: tuple[float, float], published: tuple[float, float], met: float
) -> None:
    agreement = agreement_of(make_track("1_1", list(range(10)), *ours), [path_at(0, 9, *published)], 16, 10)
    assert (agreement.published_met, agreement.ours_met) == (met, met)


def test_between_kept_frames_an_event_goes_on_but_not_over_gaps(make_track: MakeTrack) -> None:
    kept = [round(i / 16 * 30) for i in range(40)]
    tracks = make_track("1_1", kept[:10] + kept[20:], yaw=0)
    tracks["time_s"] = tracks.frame / 30
    agreement = agreement_of(tracks, [path_at(0, kept[-1], 0)], 30, 75)
    gone = kept[20] - kept[9] - 1
    assert agreement.published_met == pytest.approx(1 - gone / (kept[-1] + 1))


def test_an_event_that_moves_is_followed_between_kept_frames(make_track: MakeTrack) -> None:
    """At 60 fps, where every fourth frame is kept, and 40° from one to the next, the frames between are on the way."""
    tracks = make_track("1_1", [0, 4], yaw=0, step=40)
    tracks["time_s"] = tracks.frame / 60
    assert agreement_of(tracks, [path_at(2, 2, 20)], 60, 5).published_met == 1


def test_chance_is_what_the_sphere_gives_and_grows_with_the_number_of_events(make_track: MakeTrack) -> None:
    published = [path_at(0, 9, 3)]
    one = make_track("1_1", list(range(10)), yaw=0)
    assert agreement_of(one, published, 16, 10).published_by_chance == pytest.approx(30 / 360, abs=1 / 72)
    many = pd.concat([make_track(f"1_{k}", list(range(10)), yaw=k * 30) for k in range(12)])
    crowd = agreement_of(many, published, 16, 10)
    assert crowd.published_by_chance == crowd.published_met == 1
    assert crowd.ours_by_chance == pytest.approx(crowd.ours_met) == 1 / 12
    assert crowd.ours_at_once == 12


def test_without_events_nothing_is_met() -> None:
    agreement = agreement_of(empty(TRACKS), [path_at(0, 9, 0)], 16, 10)
    assert (agreement.published_met, agreement.published_by_chance, agreement.ours_at_once) == (0, 0, 0)
    assert np.isnan(agreement.ours_met) and np.isnan(agreement.ours_by_chance)
    assert draw("1", empty(TRACKS), [path_at(0, 9, 0)], 16, 10).ndim == 3


def test_the_picture_shows_ours_in_colour_and_the_published_dark(make_track: MakeTrack) -> None:
    """Ours turns from yaw 100 over the seam to −62, the published one stands at −90."""
    ours = make_track("1_1", list(range(100)), yaw=100, step=2)
    picture = draw("1", ours, [path_at(0, 99, -90)], 16, 100)[:, 200:].astype(int)  # without the numbers of the axes
    yaw = picture[: int(0.6 * len(picture))]
    blue, dark = yaw[..., 2] - yaw[..., 0] > 120, yaw.max(axis=2) < 140
    assert blue[: len(yaw) // 3].any() and blue[-len(yaw) // 3 :].any()
    assert not blue[len(yaw) // 2 - 10 : len(yaw) // 2 + 10].any()  # no line from one side of the seam to the other
    (rows,) = np.nonzero(dark.sum(axis=1) > 500)
    assert rows.size and rows.min() > 0.6 * len(yaw)


def test_the_files_of_the_videos_that_have_one(tmp_path: Path) -> None:
    for name in ("006.txt", "999.txt"):
        (tmp_path / name).touch()
    assert ExplorerSettings().camera_path_files(["006", "011"]) == []
    assert ExplorerSettings(camera_paths=str(tmp_path)).camera_path_files(["006", "011"]) == [tmp_path / "006.txt"]
    with pytest.raises(InputError, match=r"no file of any of the videos; expected files like 011\.txt"):
        ExplorerSettings(camera_paths=str(tmp_path)).camera_path_files(["011"])
    with pytest.raises(InputError, match=r"explorer\.camera_paths: found '.*nowhere', which does not exist"):
        ExplorerSettings(camera_paths=str(tmp_path / "nowhere")).camera_path_files(["006"])
