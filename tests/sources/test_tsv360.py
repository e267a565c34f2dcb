"""TSV360 as published: its videos, where its lists disagree, and which videos a source selects."""

from pathlib import Path

import pytest

from tsalv360.sources import tsv360
from tsalv360.sources.vr_eyetracking import VrEyeTrackingSource


def test_161_videos_are_known_and_160_of_them_are_tested_once() -> None:
    known = [*tsv360.ids(tsv360.VR_EYETRACKING), *tsv360.ids(tsv360.SPORTS360)]
    tested = [video for fold in tsv360.folds() for video in fold]
    assert (len(known), len(set(known))) == (161, 161)
    assert (len(tested), len(set(tested))) == (160, 160)
    assert set(known) - set(tested) == {"286"}


def test_the_two_videos_in_which_the_lists_disagree_are_noted() -> None:
    inferred, in_none = tsv360.remarks(["006", "282", "286"])
    assert inferred.startswith("282") and "Sports-360 by inference" in inferred
    assert in_none.startswith("286") and "in no fold" in in_none
    assert tsv360.remarks(["006"]) == []
    assert tsv360.source_of("282") == "Sports-360" and tsv360.source_of("006") == "VR-EyeTracking"
    assert tsv360.source_of("001") is None


def test_rates_and_map_counts_are_those_of_the_videos() -> None:
    assert tsv360.vr_eyetracking_fps("127") == 60
    assert tsv360.vr_eyetracking_fps("006") == pytest.approx(29.97, abs=1e-3)
    assert tsv360.vr_eyetracking_fps("218") is None
    assert tsv360.map_counts()["006"] == (1749, 1731)
    assert sum(frames > maps for frames, maps in tsv360.map_counts().values()) == 140


@pytest.fixture
def folders(tmp_path: Path) -> tuple[Path, Path]:
    videos, maps = tmp_path / "videos", tmp_path / "saliency"
    for folder in (videos / "004", maps / "003", maps / "004"):
        folder.mkdir(parents=True)
    for video in ("001", "003"):
        (videos / f"{video}.mp4").touch()
    return videos, maps


def test_a_source_selects_the_videos_of_tsv360_or_all(folders: tuple[Path, Path]) -> None:
    videos, maps = map(str, folders)
    subset = VrEyeTrackingSource(videos=videos, gaze=maps, gaze_format="saliency_maps", subset="tsv360")
    assert [recording.video_id for recording in subset.recordings()] == ["003", "004"]
    assert len(subset.missing()) == 109
    everything = VrEyeTrackingSource(videos=videos, gaze=maps, gaze_format="saliency_maps")
    assert [recording.video_id for recording in everything.recordings()] == ["001", "003", "004"]


def test_maps_and_ready_frames_are_planned_with_what_their_readers_need(folders: tuple[Path, Path]) -> None:
    videos, maps = folders
    source = VrEyeTrackingSource(videos=str(videos), gaze=str(maps), gaze_format="saliency_maps", subset="tsv360")
    film, ready = source.recordings()
    assert (film.video, film.gaze, film.fps) == (videos / "003.mp4", (maps / "003",), None)
    assert film.gaze_settings["sigma_deg"] == 9.35
    assert (ready.video, ready.skip_first) == (videos / "004", 20)
    assert ready.fps == tsv360.vr_eyetracking_fps("004")
