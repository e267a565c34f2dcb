"""AVTrack360 and the 88-video set: head directions in any of their forms, and head only wherever it is told."""

import json
import math
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from tsalv360.contracts.tables import FIXATIONS, as_table
from tsalv360.job.errors import InputError
from tsalv360.sources import OwnVideo, Recording, read_avtrack360, read_gaze, read_vidstr88
from tsalv360.sources.avtrack360 import AvTrack360Source
from tsalv360.sources.vidstr88 import VidStr88Source
from tsalv360.sphere.directions import to_vectors, vector_angle


def sample(sec: object, pitch: object = 0, yaw: object = 0, roll: object = 3) -> dict[str, object]:
    return {"pitch": pitch, "roll": roll, "sec": sec, "yaw": yaw}


def observer(path: Path, **videos: list[Any]) -> Path:
    data = [
        {"filename": f"{name.strip('_')}.mp4", "hmd": "vive", "pitch_yaw_roll_data_hmd": samples}
        for name, samples in videos.items()
    ]
    path.write_text(json.dumps({"data": data, "label": "10"}, indent=4), encoding="utf-8")
    return path


def test_pitch_up_and_yaw_left_are_negative_in_avtrack360(tmp_path: Path) -> None:
    path = observer(tmp_path / "10.json", _6=[sample(0.1, -20, -90), sample(0.2, 20, 90), sample(0.31, 0, 180)])
    table = read_avtrack360([path], "6", 25)
    assert table.yaw_deg.tolist() == [-90, 90, -180]
    assert table.pitch_deg.tolist() == [20, -20, 0]
    assert table.time_s.tolist() == [0.1, 0.2, 0.31]
    assert table.frame.tolist() == [2, 5, 7]
    assert table.duration_s.to_numpy() == pytest.approx(0.105)
    as_table(table, FIXATIONS, "read")


def test_observers_of_avtrack360_are_files_and_one_may_lack_a_video(tmp_path: Path) -> None:
    one = observer(tmp_path / "10.json", _6=[sample(0)], _7=[sample(0), sample(0.1)])
    two = observer(tmp_path / "11.json", _7=[sample(0)])
    notes: list[str] = []
    assert read_avtrack360([one, two], "7", 25).observer.tolist() == ["10", "10", "11"]
    assert read_avtrack360([one, two], "6", 25, notes).observer.tolist() == ["10"]
    assert notes == ["11 has no gaze of video 6"]
    with pytest.raises(InputError, match="found videos 6, 7; expected also '8'"):
        read_avtrack360([one, two], "8", 25)


def test_a_second_sample_at_one_time_is_dropped_and_counted(tmp_path: Path) -> None:
    path, notes = observer(tmp_path / "10.json", _6=[sample(0), sample(0, 1), sample(0.1)]), list[str]()
    assert len(read_avtrack360([path], "6", 25, notes)) == 2
    assert notes == ["10: of 3 samples dropped: 1 at the time of the one before"]


@pytest.mark.parametrize(
    ("wrong", "found"),
    [
        (sample(0.05), "a time before"),
        (sample(0.2, "4"), "'{'pitch': '4'"),
        (sample(0.2, float("nan")), "'{'pitch': nan"),
        ({"sec": 0.2}, "'{'sec': 0.2}'"),
        (sample(0.2, -91), "the pitch 91"),
        (sample(0.2, 0, 400), "the yaw 400"),
        (7, "'7'"),
    ],
)
def test_a_sample_that_cannot_be_read_is_named(tmp_path: Path, wrong: object, found: str) -> None:
    path = observer(tmp_path / "10.json", _6=[sample(0.1), wrong])
    with pytest.raises(InputError) as caught:
        read_avtrack360([path], "6", 25)
    assert str(caught.value).startswith(f"{path}, video 6, sample 2: found {found}")


@pytest.mark.parametrize("content", ["", "[]", "{}", '{"data": [{"filename": "6.mp4"}]}', '{"data": 3}', "\xff"])
def test_another_content_than_avtrack360_is_refused(tmp_path: Path, content: str) -> None:
    path = tmp_path / "10.json"
    path.write_text(content, encoding="latin-1")
    with pytest.raises(InputError, match=r'10\.json: found .*expected {"data": \[{"filename"'):
        read_avtrack360([path], "6", 25)


def test_lines_of_the_88_videos_are_times_then_pitch_and_yaw_of_each_viewing(tmp_path: Path) -> None:
    path = tmp_path / "60.txt"
    path.write_text("0.0 0.1 0.2\n0.5 0.6 0.7\n-0.1 3.14 -3.14\n0.0 -1.0\n1.0 2.0\n", encoding="utf-8")
    table = read_vidstr88(path, 25)
    assert table.observer.tolist() == ["60-01"] * 3 + ["60-02"] * 2
    assert np.radians(table.pitch_deg).tolist() == pytest.approx([0.5, 0.6, 0.7, 0, -1])
    assert np.radians(table.yaw_deg).tolist() == pytest.approx([-0.1, 3.14, -3.14, 1, 2])
    assert table.time_s.tolist() == pytest.approx([0, 0.1, 0.2, 0, 0.1])
    assert table.duration_s.to_numpy() == pytest.approx(0.1)
    as_table(table, FIXATIONS, "read")


@pytest.mark.parametrize(
    ("lines", "message"),
    [
        (["0 0.1", "0 0", "0 x"], "line 3: found '0 x'"),
        (["0 0.1", "0 0", "0"], "line 3: found 1 yaws, 2 pitches"),
        (["0 0.1", "0 0 0", "0 0 0"], "line 3: found 3 yaws, 3 pitches, 2 times"),
        (["0 0.1", "0 0", "0 0", "0 0"], "line 4: found 3 lines after that of the times"),
        (["0 0.1 0.15 0.3", "0 0", "0 0"], "line 1: found other times"),
        (["0.1 0.2", "0 0", "0 0"], "line 1: found other times"),
        (["0 0.1", "0 0", "0 170"], "line 3: found the yaw 170; expected radians"),
        (["0 0.1", "0 90", "0 0"], "line 2: found the pitch"),
        (["0 0.1", "0  0", "0 0"], "line 2: found '0  0'"),
    ],
)
def test_damage_of_the_88_videos_is_named_by_its_line(tmp_path: Path, lines: list[str], message: str) -> None:
    path = tmp_path / "60.txt"
    path.write_text("\n".join(lines) + "\n", encoding="utf-8")
    with pytest.raises(InputError) as caught:
        read_vidstr88(path, 25)
    assert str(caught.value).startswith(f"{path}, {message}")


HEADS = st.lists(st.tuples(st.integers(-90, 90), st.integers(-180, 180)), min_size=2, max_size=8)


@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(HEADS)
def test_written_head_directions_are_read_in_both_forms(tmp_path: Path, heads: list[tuple[int, int]]) -> None:
    pitch, yaw = zip(*heads, strict=True)
    samples = [sample(k / 10, -up, right) for k, (up, right) in enumerate(heads)]
    one = read_avtrack360([observer(tmp_path / "10.json", _6=samples)], "6", 25)
    lines = [[k / 10 for k in range(len(heads))], list(map(math.radians, pitch)), list(map(math.radians, yaw))]
    path = tmp_path / "6.txt"
    path.write_text("".join(" ".join(map(str, line)) + "\n" for line in lines), encoding="utf-8")
    for table in (one, read_vidstr88(path, 25)):
        angle = vector_angle(to_vectors(table.yaw_deg, table.pitch_deg), to_vectors(yaw, pitch))
        assert angle.max() < 1e-9
        assert table.time_s.tolist() == pytest.approx(lines[0])


def test_a_recording_says_whether_it_is_head_only(tmp_path: Path) -> None:
    path = observer(tmp_path / "10.json", _6=[sample(0), sample(0.1)])
    recording = Recording("6", gaze=(path,), gaze_format="avtrack360")
    assert recording.head_only and recording.origin.gaze == "head"
    assert Recording("6", gaze_format="vidstr88").head_only
    assert Recording("6", gaze_format="gaze_table", gaze_settings={"head_only": True}).head_only
    assert Recording("6", gaze_format="salient360_raw").origin.gaze == "eye"


def test_both_data_sets_are_sources_and_formats_of_own_videos(tmp_path: Path) -> None:
    videos, gaze = tmp_path / "videos", tmp_path / "gaze"
    for folder in (videos, gaze):
        folder.mkdir()
    for name in ("6", "7"):
        (videos / f"{name}.mp4").touch()
    observer(gaze / "10.json", _6=[sample(0)])
    observer(gaze / "9.json", _6=[sample(0)])
    (gaze / "6.txt").write_text("0 0.1\n0 0\n0 0\n", encoding="utf-8")
    six, _ = AvTrack360Source(videos=str(videos), gaze=str(gaze)).recordings()
    assert (six.video_id, [path.name for path in six.gaze]) == ("6", ["10.json", "9.json"])
    six, seven = VidStr88Source(videos=str(videos), gaze=str(gaze)).recordings()
    assert ([path.name for path in six.gaze], seven.gaze) == (["6.txt"], ())
    own = OwnVideo(path=str(videos / "7.mp4"), gaze=str(gaze), gaze_format="vidstr88", gaze_id="6").recording("mine")
    assert read_gaze(own, 25).n_observers == 1
    own = OwnVideo(path=str(videos / "7.mp4"), gaze=str(gaze), gaze_format="avtrack360", gaze_id="6").recording("mine")
    assert read_gaze(own, 25).n_observers == 2
