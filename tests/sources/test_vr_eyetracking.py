"""VR-EyeTracking's raw gaze: directions, the file that is used of several, and errors that name broken lines."""

from pathlib import Path

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from tsalv360.contracts.tables import FIXATIONS, as_table
from tsalv360.job.errors import InputError
from tsalv360.sources import read_gaze, read_vr_eyetracking
from tsalv360.sources.recording import Recording
from tsalv360.sources.vr_eyetracking import FORMAT, VrEyeTrackingSource, gaze_files

DATE = "2017-10-1-11-38"


def line(index: object = 1, x: object = 0.5, y: object = 0.5) -> str:
    return f"frame,{index},forward,0.5121028,0.541275,eye,{x},{y}"


def gaze(folder: Path, lines: list[str], observer: str = "p001", date: str = DATE, video: str = "127") -> Path:
    path = folder / observer / f"{video}._{date}_ori_0.txt"
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text("".join(f"{text}\n" for text in lines), encoding="ascii")
    return path


@pytest.mark.parametrize(
    ("x", "y", "yaw", "pitch"),
    [(0.5, 0.5, 0, 0), (0.75, 0.75, 90, 45), (0.25, 0.25, -90, -45), (0, 1, -180, 90), (1, 0, -180, -90)],
)
def test_positions_count_from_the_bottom_left(tmp_path: Path, x: float, y: float, yaw: float, pitch: float) -> None:
    gaze(tmp_path, [line(1, x, y)])
    notes: list[str] = []
    table = read_vr_eyetracking(tmp_path, "127", 25, notes)
    assert (table.yaw_deg[0], table.pitch_deg[0]) == (yaw, pitch)
    assert notes == []
    as_table(table, FIXATIONS, "read")


def test_a_published_line_is_read_as_published(tmp_path: Path) -> None:
    gaze(tmp_path, ["frame,1,forward,0.5121028,0.541275,eye,0.4962522,0.4684367"])
    row = read_vr_eyetracking(tmp_path, "127", 25).iloc[0]
    assert row.yaw_deg == pytest.approx(360 * 0.4962522 - 180)
    assert row.pitch_deg == pytest.approx(180 * 0.4684367 - 90)
    assert (row.observer, row.fixation_id, row.weight) == ("p001", -1, 1)


def test_time_and_frame_come_from_the_index_and_not_from_the_row(tmp_path: Path) -> None:
    gaze(tmp_path, [line(1), line(2), line(10), line(251)])
    table = read_vr_eyetracking(tmp_path, "127", 25)
    assert table.frame.tolist() == [0, 1, 9, 250]
    assert table.time_s.tolist() == pytest.approx([0, 0.04, 0.36, 10])
    assert table.duration_s.tolist() == pytest.approx([0.04] * 4)


def test_only_the_files_of_the_video_are_read(tmp_path: Path) -> None:
    gaze(tmp_path, [line()], "p002")
    gaze(tmp_path, [line()], "p001")
    gaze(tmp_path, [line()], "p003", video="128")
    (tmp_path / "p001" / "notes.txt").write_text("not gaze")
    assert [path.parent.name for path in gaze_files(tmp_path, "127")] == ["p001", "p002"]
    assert read_vr_eyetracking(tmp_path, "127", 25).observer.tolist() == ["p001", "p002"]


@pytest.mark.parametrize(
    ("first", "second"),
    [("2017-9-30-9-5", "2017-10-1-8-0"), ("2017-10-2-11-38", "2017-10-10-1-1"), ("2017-10-1-9-59", "2017-10-1-10-0")],
)
def test_of_two_recordings_by_one_observer_the_earlier_counts_and_the_later_is_noted(
    tmp_path: Path, first: str, second: str
) -> None:
    gaze(tmp_path, [line(1, 0.9)], "p033", second)
    gaze(tmp_path, [line(1, 0.1)], "p033", first)
    gaze(tmp_path, [line(1, 0.5)], "p034", second)
    notes: list[str] = []
    table = read_vr_eyetracking(tmp_path, "127", 25, notes)
    assert table.yaw_deg.tolist() == [-144, 0]
    assert notes == [f"p033 has two recordings: 127._{first}_ori_0.txt kept, 127._{second}_ori_0.txt dropped"]


def test_values_outside_by_a_rounding_error_are_wrapped_or_clipped_and_noted(tmp_path: Path) -> None:
    gaze(tmp_path, [line(1, -0.00098, 0.5), line(2, 1.0009, 0.5), line(3, 0.5, 1.0009), line(4, 0.5, -0.00098)])
    notes: list[str] = []
    table = read_vr_eyetracking(tmp_path, "127", 25, notes)
    assert table.yaw_deg.tolist() == pytest.approx([180 - 0.3528, -180 + 0.324, 0, 0])
    assert table.pitch_deg.tolist() == [0, 0, 90, -90]
    assert notes == ["4 positions outside 0 to 1 by a rounding error, wrapped or clipped"]
    as_table(table, FIXATIONS, "read")


WRONG_FIELDS = {
    "a field too few": line()[:-4],
    "a field too many": line() + ",0.5",
    "half a line": "frame,1,forw",
    "nothing": "",
    "letters for the index": line("one"),
    "a broken index": line(1.5),
    "letters for a position": line(1, "left"),
    "no position": line(1, ""),
    "other words": line().replace("eye", "head"),
    "decimal commas": line(1, "0,5", "0,5"),
    "a header": "word,index,word,hx,hy,word,x,y",
}


@pytest.mark.parametrize("wrong", WRONG_FIELDS.values(), ids=WRONG_FIELDS.keys())
def test_a_line_that_cannot_be_read_is_named_by_file_and_number(tmp_path: Path, wrong: str) -> None:
    path = gaze(tmp_path, [line(1), line(2), wrong, line(4)])
    with pytest.raises(InputError) as caught:
        read_vr_eyetracking(tmp_path, "127", 25)
    assert f"{path}, line 3: found '{wrong}'" in str(caught.value)
    assert "frame,<index>,forward,<x>,<y>,eye,<x>,<y>" in str(caught.value)
    assert "Correct or remove the line." in str(caught.value)


@pytest.mark.parametrize(
    "position", [("nan", 0.5), (0.5, "nan"), ("inf", 0.5), (1.01, 0.5), (0.5, -0.01), (-179, 0), (480, 270)]
)
def test_a_position_out_of_range_is_named_by_file_and_number(tmp_path: Path, position: tuple[object, object]) -> None:
    gaze(tmp_path, [line(1)], "p001")
    path = gaze(tmp_path, [line(1), line(7, *position)], "p002")
    with pytest.raises(InputError) as caught:
        read_vr_eyetracking(tmp_path, "127", 25)
    assert f"{path}, line 2: found the position (" in str(caught.value)
    assert "fractions from 0 to 1" in str(caught.value)


@pytest.mark.parametrize(("indices", "at"), [([0, 1], 1), ([-3], 1), ([1, 2, 2], 3), ([5, 9, 7], 3)])
def test_an_index_below_1_or_not_increasing_is_named_by_file_and_number(
    tmp_path: Path, indices: list[int], at: int
) -> None:
    path = gaze(tmp_path, [line(index) for index in indices])
    with pytest.raises(InputError) as caught:
        read_vr_eyetracking(tmp_path, "127", 25)
    assert f"{path}, line {at}: found index {indices[at - 1]}" in str(caught.value)
    assert "increases" in str(caught.value)


@pytest.mark.parametrize("cell", ["1_0", "0._5", "0x1F", "1e", "--1", "0.5\x00", "True"])
@pytest.mark.parametrize("field", [1, 3, 6, 7])
def test_text_that_only_python_reads_as_a_number_is_refused(tmp_path: Path, field: int, cell: str) -> None:
    fields = line(2).split(",")
    fields[field] = cell
    path = gaze(tmp_path, [line(1), ",".join(fields), line(3)])
    with pytest.raises(InputError, match=rf"{path.name}, line 2: found 'frame,.*Correct or remove the line\."):
        read_vr_eyetracking(tmp_path, "127", 25)


def test_an_index_beyond_all_frames_is_refused(tmp_path: Path) -> None:
    gaze(tmp_path, [line(1), line("9" * 30)])
    with pytest.raises(InputError, match="line 2: found 'frame,999"):
        read_vr_eyetracking(tmp_path, "127", 25)


def test_a_file_that_may_have_been_cut_off_is_noted(tmp_path: Path) -> None:
    gaze(tmp_path, [line(1)], "p001")
    path = gaze(tmp_path, [line(1), line(2)], "p002")
    path.write_text(path.read_text()[:-3])  # of y = 0.5 the 0 is left
    notes: list[str] = []
    read_vr_eyetracking(tmp_path, "127", 25, notes)
    assert notes == [f"p002/{path.name} ends without a line end: it may have been cut off"]


@pytest.mark.parametrize("end", ["\r\n", "\r"])
def test_line_ends_of_other_systems_are_read(tmp_path: Path, end: str) -> None:
    path = gaze(tmp_path, [])
    path.write_text(f"{line(1)}{end}{line(5)}{end}", newline="")
    assert read_vr_eyetracking(tmp_path, "127", 25).frame.tolist() == [0, 4]


def test_binary_garbage_is_named_and_not_a_crash(tmp_path: Path) -> None:
    path = gaze(tmp_path, [line(1)])
    path.write_bytes(b"\x89PNG\r\n\x1a\n\xff\xfe")
    with pytest.raises(InputError, match="line 1"):
        read_vr_eyetracking(tmp_path, "127", 25)


def test_a_file_name_without_a_date_is_refused(tmp_path: Path) -> None:
    gaze(tmp_path, [line()], date="yesterday")
    with pytest.raises(InputError, match=r"127\._yesterday_ori_0\.txt: found this name; .*Rename the file"):
        read_vr_eyetracking(tmp_path, "127", 25)


def test_an_observer_whose_file_is_empty_is_refused_or_noted(tmp_path: Path) -> None:
    gaze(tmp_path, [line()], "p001")
    gaze(tmp_path, [], "p002")
    notes: list[str] = []
    try:
        read_vr_eyetracking(tmp_path, "127", 25, notes)
    except InputError as error:
        notes.append(str(error))
    assert any("p002" in note for note in notes)


def test_a_video_without_gaze_is_refused_by_name(tmp_path: Path) -> None:
    recording = Recording("127", "VR-EyeTracking", tmp_path / "127.mp4", (), FORMAT, "none")
    with pytest.raises(
        InputError, match=r"video 127: found no gaze file.*Add the gaze, or correct its path in the config"
    ):
        read_gaze(recording, 25)


def test_the_source_lists_the_videos_of_its_folder_with_their_gaze(tmp_path: Path) -> None:
    (tmp_path / "videos").mkdir()
    for name in ("127.mp4", "003.mp4", "notes.mp4", "12.mp4", "127.txt"):
        (tmp_path / "videos" / name).touch()
    mine = gaze(tmp_path / "gaze", [line()], "p004")
    recordings = VrEyeTrackingSource(videos=str(tmp_path / "videos"), gaze=str(tmp_path / "gaze")).recordings()
    assert [(r.video_id, r.gaze, r.skip_first) for r in recordings] == [("003", (), 20), ("127", (mine,), 20)]


def test_a_source_without_videos_is_refused(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="no video"):
        VrEyeTrackingSource(videos=str(tmp_path), gaze=str(tmp_path)).recordings()


# Any recording

FRACTION = st.floats(-0.002, 1.002) | st.sampled_from([0.0, 1.0, 0.5, 5.34e-05])
SAMPLES = st.dictionaries(st.integers(1, 3600), st.tuples(FRACTION, FRACTION), min_size=1, max_size=12)
OBSERVERS = st.dictionaries(st.integers(1, 45), st.lists(SAMPLES, min_size=1, max_size=2), min_size=1, max_size=4)


@settings(max_examples=200, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(OBSERVERS, st.sampled_from([23.97, 25.0, 29.97, 59.94]))
def test_written_samples_are_read_unchanged(
    tmp_path_factory: pytest.TempPathFactory, observers: dict[int, list[dict[int, tuple[float, float]]]], fps: float
) -> None:
    """Gaps, the seam, the poles, rounding errors, and observers with two recordings, in any order of writing."""
    folder = tmp_path_factory.mktemp("gaze")
    truth = []
    for number, recordings in observers.items():
        for day, samples in enumerate(recordings):
            lines = [line(index, x, y) for index, (x, y) in sorted(samples.items())]
            gaze(folder, lines, f"p{number:03d}", f"2017-10-{9 + day}-9-5")
        truth += [(f"p{number:03d}", index - 1, x, y) for index, (x, y) in sorted(recordings[0].items())]
    truth.sort(key=lambda row: row[:2])
    notes: list[str] = []
    table = read_vr_eyetracking(folder, "127", fps, notes)
    observer, frame, x, y = zip(*truth, strict=True)
    assert (table.observer.tolist(), table.frame.tolist()) == (list(observer), list(frame))
    np.testing.assert_allclose(table.time_s, np.array(frame) / fps)
    np.testing.assert_allclose((table.yaw_deg - 360 * np.array(x)) % 360, 180, atol=1e-9)
    np.testing.assert_allclose(table.pitch_deg, 180 * np.clip(y, 0, 1) - 90, atol=1e-9)
    assert len(notes) == sum(len(r) == 2 for r in observers.values()) + (min(*x, *y) < 0 or max(*x, *y) > 1)
