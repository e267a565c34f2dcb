"""Anyone's own gaze as CSV or Parquet: the columns it may have, and how broken rows are named."""

from pathlib import Path

import pandas as pd
import pytest

from tsalv360.errors import InputError
from tsalv360.sources import read_gaze_table
from tsalv360.tables import FIXATIONS, as_table

ROWS = {
    "observer": ["a", "a", "b"],
    "time_s": [0.0, 0.1, 0.05],
    "yaw_deg": [10.0, -179, 170],
    "pitch_deg": [5.0, 0, -80],
}


def write(folder: Path, rows: dict[str, list], kind: str = "csv") -> Path:
    path = folder / f"gaze.{kind}"
    table = pd.DataFrame(rows)
    if kind == "csv":
        table.to_csv(path, index=False)
    else:
        table.to_parquet(path)
    return path


@pytest.mark.parametrize("kind", ["csv", "parquet"])
def test_angles_and_times_are_read_from_either_format(tmp_path: Path, kind: str) -> None:
    table = read_gaze_table(write(tmp_path, ROWS, kind), 25)
    assert table.observer.tolist() == ["a", "a", "b"]
    assert table.yaw_deg.tolist() == [10, -179, 170]
    assert table.pitch_deg.tolist() == [5, 0, -80]
    assert table.time_s.tolist() == [0, 0.1, 0.05]
    assert table.frame.tolist() == [0, 2, 1]
    assert table.duration_s.tolist() == [0.1, 0.1, 0.04]  # each observer's own step; one frame of the video if alone
    assert table.fixation_id.tolist() == [-1] * 3
    as_table(table, FIXATIONS, "read")


def test_frames_count_from_0_and_give_the_time(tmp_path: Path) -> None:
    rows = {"frame": [0, 29, 30], **{k: v for k, v in ROWS.items() if k != "time_s"}}
    table = read_gaze_table(write(tmp_path, rows), 29.97)
    assert table.frame.tolist() == [0, 29, 30]
    assert table.time_s.tolist() == pytest.approx([0, 29 / 29.97, 30 / 29.97])


def test_a_duration_makes_rows_fixations_counted_per_observer(tmp_path: Path) -> None:
    table = read_gaze_table(write(tmp_path, ROWS | {"duration_s": [0.1, 0.3, 0.2]}), 25)
    assert table.duration_s.tolist() == [0.1, 0.3, 0.2]
    assert table.fixation_id.tolist() == [0, 1, 0]


@pytest.mark.parametrize(("origin", "pitch"), [("bottom left", -45), ("top left", 45)])
def test_fractions_need_their_origin(tmp_path: Path, origin: str, pitch: float) -> None:
    path = write(tmp_path, {"observer": ["a"], "time_s": [0], "x": [0.75], "y": [0.25]})
    table = read_gaze_table(path, 25, origin=origin)
    assert (table.yaw_deg[0], table.pitch_deg[0]) == (90, pitch)
    with pytest.raises(InputError, match=r"gaze\.csv: found columns x and y with origin None; .*gaze_origin"):
        read_gaze_table(path, 25)


def test_yaw_from_0_to_360_is_wrapped(tmp_path: Path) -> None:
    assert read_gaze_table(write(tmp_path, ROWS | {"yaw_deg": [0, 270, 360]}), 25).yaw_deg.tolist() == [0, -90, 0]


def test_a_pitch_past_the_pole_by_a_rounding_error_is_clipped_and_noted(tmp_path: Path) -> None:
    table = read_gaze_table(write(tmp_path, ROWS | {"pitch_deg": [90.2, 0, -90.1]}), 25)
    assert table.pitch_deg.tolist() == [90, 0, -90]
    assert table.attrs["notes"] == ["2 pitches beyond a pole by a rounding error, clipped"]


def test_rows_of_other_videos_are_left_alone(tmp_path: Path) -> None:
    path = write(tmp_path, ROWS | {"video": ["ocean", "reef", "ocean"]})
    assert read_gaze_table(path, 25, "ocean").observer.tolist() == ["a", "b"]
    assert read_gaze_table(path, 25, "desert").empty


@pytest.mark.parametrize("column", ["video", "observer"])
def test_ids_of_digits_keep_their_zeros(tmp_path: Path, column: str) -> None:
    path = write(tmp_path, ROWS | {"video": ["001", "010", "001"], "observer": ["01", "01", "02"]})
    table = read_gaze_table(path, 25, "001") if column == "video" else read_gaze_table(path, 25)
    assert table.observer.tolist() == (["01", "02"] if column == "video" else ["01", "01", "02"])


WRONG_CELLS = {
    "letters for a time": ("time_s", [0.0, "soon", 0.1], "soon"),
    "no time": ("time_s", [0.0, None, 0.1], "''"),
    "a time before the start": ("time_s", [0.0, -0.5, 0.1], "-0.5"),
    "letters for an angle": ("yaw_deg", [0.0, "left", 0.1], "left"),
    "degrees out of range": ("yaw_deg", [0.0, 1000.0, 0.1], "1000.0"),
    "no pitch": ("pitch_deg", [0.0, None, 0.1], "''"),
    "a pitch past the pole": ("pitch_deg", [0.0, 91.0, 0.1], "91.0"),
    "an infinite angle": ("pitch_deg", [0.0, float("inf"), 0.1], "inf"),
    "no duration": ("duration_s", [0.1, 0.0, 0.1], "0.0"),
}


@pytest.mark.parametrize(("column", "cells", "found"), WRONG_CELLS.values(), ids=WRONG_CELLS.keys())
def test_a_wrong_cell_is_named_by_file_row_and_column(tmp_path: Path, column: str, cells: list, found: str) -> None:
    with pytest.raises(InputError) as caught:
        read_gaze_table(write(tmp_path, ROWS | {column: cells}), 25)
    assert "gaze.csv, row 2: found " in str(caught.value)
    assert found in str(caught.value)
    assert column.split("_")[0] in str(caught.value)
    assert "Correct or remove the row." in str(caught.value)


def test_rows_are_counted_in_the_file_and_not_in_the_selection(tmp_path: Path) -> None:
    path = write(tmp_path, ROWS | {"video": ["reef", "reef", "ocean"], "time_s": [0, 0, "late"]})
    with pytest.raises(InputError, match="row 3"):
        read_gaze_table(path, 25, "ocean")


def test_a_row_without_observer_is_named(tmp_path: Path) -> None:
    with pytest.raises(InputError, match=r"gaze\.csv, row 3: found no observer"):
        read_gaze_table(write(tmp_path, ROWS | {"observer": ["a", "b", None]}), 25)


def test_fractions_out_of_range_are_named(tmp_path: Path) -> None:
    path = write(tmp_path, {"observer": ["a", "a"], "time_s": [0, 1], "x": [0.5, 640], "y": [0.5, 0.5]})
    with pytest.raises(InputError, match=r"row 2: found the position \(640, 0\.5\)"):
        read_gaze_table(path, 25, origin="top left")


@pytest.mark.parametrize("gone", ROWS)
def test_a_missing_column_is_named(tmp_path: Path, gone: str) -> None:
    rows = {name: values for name, values in ROWS.items() if name != gone}
    with pytest.raises(InputError, match=r"gaze\.csv: found columns .*; expected also \[") as caught:
        read_gaze_table(write(tmp_path, rows), 25)
    assert {"time_s": "frame", "yaw_deg": "x"}.get(gone, gone) in str(caught.value)


@pytest.mark.parametrize(
    ("name", "content"),
    [
        ("gaze.csv", None),
        ("gaze.csv", b""),
        ("gaze.csv", b"\xff\xfe\x00\x01"),
        ("gaze.parquet", b"observer,time_s\n"),
        ("gaze.csv", b"observer,time_s,yaw_deg,pitch_deg\na,0,1,2\na,0.1,1,2,3\n"),
    ],
    ids=["missing", "empty", "binary", "csv named parquet", "a field too many in a later row"],
)
def test_a_file_that_is_no_table_is_named(tmp_path: Path, name: str, content: bytes | None) -> None:
    if content is not None:
        (tmp_path / name).write_bytes(content)
    with pytest.raises(InputError, match=rf"{name}(, row \d+)?: found "):
        read_gaze_table(tmp_path / name, 25)


def test_a_row_with_a_field_too_few_is_named(tmp_path: Path) -> None:
    (tmp_path / "gaze.csv").write_text("observer,time_s,yaw_deg,pitch_deg\na,0,1,2\na,0.1,1\n")
    with pytest.raises(InputError, match=r"row 2: found 3 fields; expected 4, as in the header"):
        read_gaze_table(tmp_path / "gaze.csv", 25)


@pytest.mark.parametrize("observer", ["1", "a"])
def test_a_field_too_many_in_every_row_is_refused(tmp_path: Path, observer: str) -> None:
    (tmp_path / "gaze.csv").write_text(f"observer,time_s,yaw_deg,pitch_deg\n{observer},0.0,10,5,7\n")
    with pytest.raises(InputError):
        read_gaze_table(tmp_path / "gaze.csv", 25)
