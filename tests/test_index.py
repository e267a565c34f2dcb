"""The index entry of a video, and that a video that cannot be used has none."""

import hashlib
import json
from collections.abc import Callable
from pathlib import Path

import pytest

from tsalv360.errors import InputError
from tsalv360.index import index_video
from tsalv360.sources import Recording


@pytest.fixture
def gaze(tmp_path: Path) -> Path:
    path = tmp_path / "gaze.csv"
    path.write_text("observer,frame,yaw_deg,pitch_deg\na,0,1,2\nb,0,1,2\na,1,1,2\n")
    return path


def recording(video: Path, *gaze: Path) -> Recording:
    return Recording("ocean", "own", video, gaze, "gaze_table", "CC BY 4.0")


def test_an_entry_holds_what_all_stages_need(video: Path, gaze: Path) -> None:
    entry = index_video(recording(video, gaze), force_2to1=False)
    assert json.loads(json.dumps(entry)) == entry
    assert entry == {
        "id": "ocean",
        "source": "own",
        "path": str(video),
        "fps": 25.0,
        "n_frames": 60,
        "width": 192,
        "height": 96,
        "display_aspect": 2.0,
        "duration_s": 2.4,
        "n_observers": 2,
        "size_bytes": video.stat().st_size,
        "sha256": hashlib.sha256(video.read_bytes()).hexdigest(),
        "licence": "CC BY 4.0",
        "notes": [],
    }


def test_what_the_header_hides_is_noted(tmp_path: Path, write_video: Callable[..., Path], gaze: Path) -> None:
    path = write_video(tmp_path / "a.mp4", n_frames=20, options={"movflags": "frag_keyframe+empty_moov"})
    entry = index_video(recording(path, gaze), force_2to1=False)
    assert entry["n_frames"] == 20
    assert entry["notes"] == ["header says 0 frames, decoding gives 20"]


def test_a_video_without_gaze_is_refused(video: Path) -> None:
    with pytest.raises(InputError, match="video ocean: found no gaze"):
        index_video(recording(video), force_2to1=False)


def test_a_flat_video_is_refused_unless_forced(tmp_path: Path, write_video: Callable[..., Path], gaze: Path) -> None:
    path = write_video(tmp_path / "a.mp4", n_frames=3, size=(96, 128))
    with pytest.raises(InputError, match=r"frames\.force_2to1"):
        index_video(recording(path, gaze), force_2to1=False)
    assert index_video(recording(path, gaze), force_2to1=True)["display_aspect"] == 1.3333
