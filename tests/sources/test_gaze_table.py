"""Gaze tables as CSV or Parquet: the columns that they may have, and errors that name broken rows."""

from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from pydantic import ValidationError

from tsalv360.contracts.tables import FIXATIONS, as_table
from tsalv360.job.errors import InputError
from tsalv360.sources import GazeTableSettings, OwnVideo, read_gaze, read_gaze_table

ROWS = {
    "observer": ["a", "a", "b"],
    "time_s": [0.0, 0.1, 0.05],
    "yaw_deg": [10.0, -179, 170],
    "pitch_deg": [5.0, 0, -80],
}


def write(folder: Path, rows: dict[str, list] | pd.DataFrame, kind: str = "csv") -> Path:
    path = folder / f"gaze.{kind}"
    table = pd.DataFrame(rows)
    if kind != "parquet":
        table.to_csv(path, index=False, sep="\t" if kind == "tsv" else ",")
    else:
        table.to_parquet(path)
    return path


@pytest.mark.parametrize("kind", ["csv", "tsv", "parquet"])
def test_angles_and_times_are_read_from_every_format(tmp_path: Path, kind: str) -> None:
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
    table = read_gaze_table(path, 25, None, GazeTableSettings(origin=origin))
    assert (table.yaw_deg[0], table.pitch_deg[0]) == (90, pitch)
    with pytest.raises(InputError, match=r"gaze\.csv: found columns x and y without their origin; .*Set `origin`"):
        read_gaze_table(path, 25)


def test_yaw_from_0_to_360_is_wrapped(tmp_path: Path) -> None:
    assert read_gaze_table(write(tmp_path, ROWS | {"yaw_deg": [0, 270, 360]}), 25).yaw_deg.tolist() == [0, -90, 0]


def test_a_pitch_past_the_pole_by_a_rounding_error_is_clipped_and_noted(tmp_path: Path) -> None:
    notes: list[str] = []
    table = read_gaze_table(write(tmp_path, ROWS | {"pitch_deg": [90.2, 0, -90.1]}), 25, notes=notes)
    assert table.pitch_deg.tolist() == [90, 0, -90]
    assert notes == ["2 pitches beyond a pole by a rounding error, clipped"]


def test_rows_of_other_videos_are_left_alone(tmp_path: Path) -> None:
    path = write(tmp_path, ROWS | {"video": ["ocean", "reef", "ocean"]})
    assert read_gaze_table(path, 25, "ocean").observer.tolist() == ["a", "b"]
    assert read_gaze_table(path, 25, "desert").empty


@pytest.mark.parametrize("column", ["video", "observer"])
def test_ids_of_digits_keep_their_zeros(tmp_path: Path, column: str) -> None:
    path = write(tmp_path, ROWS | {"video": ["001", "010", "001"], "observer": ["01", "01", "02"]})
    table = read_gaze_table(path, 25, "001") if column == "video" else read_gaze_table(path, 25)
    assert table.observer.tolist() == (["01", "02"] if column == "video" else ["01", "01", "02"])


# Tables of other columns and units


def test_columns_of_other_names_and_units_are_read(tmp_path: Path) -> None:
    rows = {"subject": ["a", "a"], "timestamp": [0, 1500], "lon": [3.0, -1.0], "lat": [0.5, -1.5], "length": [200, 90]}
    columns = {"observer": "subject", "time_s": "timestamp", "yaw_deg": "lon", "pitch_deg": "lat"}
    settings = GazeTableSettings(
        columns=columns | {"duration_s": "length"}, time_unit="ms", angle_unit="rad", pitch="down"
    )
    table = read_gaze_table(write(tmp_path, rows), 25, None, settings)
    assert table.observer.tolist() == ["a", "a"]
    assert table.time_s.tolist() == [0, 1.5]
    assert table.duration_s.tolist() == [0.2, 0.09]
    assert table.yaw_deg.tolist() == pytest.approx([171.8873, -57.2958], abs=1e-4)
    assert table.pitch_deg.tolist() == pytest.approx([-28.6479, 85.9437], abs=1e-4)


@pytest.mark.parametrize(("unit", "one"), [("s", 1), ("ms", 1e3), ("us", 1e6), ("ns", 1e9)])
def test_times_come_in_any_unit(tmp_path: Path, unit: str, one: float) -> None:
    rows = ROWS | {"time_s": [0, 0.3 * one, 0.05 * one]}
    table = read_gaze_table(write(tmp_path, rows), 25, None, GazeTableSettings(time_unit=unit))
    assert table.time_s.tolist() == pytest.approx([0, 0.3, 0.05])
    assert table.duration_s.tolist() == pytest.approx([0.3, 0.3, 0.04])


def test_positions_in_pixels_are_continuous_from_the_edge(tmp_path: Path) -> None:
    rows = {"observer": ["a"] * 3, "time_s": [0, 1, 2], "x": [0, 960, 1920], "y": [0, 480, 960]}
    settings = GazeTableSettings(origin="top left", width=1920, height=960)
    table = read_gaze_table(write(tmp_path, rows), 25, None, settings)
    assert table.yaw_deg.tolist() == [-180, 0, -180]
    assert table.pitch_deg.tolist() == [90, 0, -90]


def test_frames_may_count_from_1(tmp_path: Path) -> None:
    rows = {"frame": [1, 30, 31], **{k: v for k, v in ROWS.items() if k != "time_s"}}
    table = read_gaze_table(write(tmp_path, rows), 30, None, GazeTableSettings(first_frame=1))
    assert table.frame.tolist() == [0, 29, 30]
    with pytest.raises(InputError, match=r"line 2: found '0' in column frame"):
        read_gaze_table(write(tmp_path, rows | {"frame": [0, 1, 2]}), 30, None, GazeTableSettings(first_frame=1))


def test_named_columns_win_over_others_of_our_names(tmp_path: Path) -> None:
    """Head angles beside gaze positions: the settings name the gaze."""
    rows = ROWS | {"gaze_x": [0.5, 0.5, 0.75], "gaze_y": [0.5, 1, 0.5], "frame": [3, 4, 5]}
    settings = GazeTableSettings(columns={"x": "gaze_x", "y": "gaze_y", "frame": "frame"}, origin="bottom left")
    notes: list[str] = []
    table = read_gaze_table(write(tmp_path, rows), 25, None, settings, notes)
    assert table.yaw_deg.tolist() == [0, 0, 90]
    assert table.pitch_deg.tolist() == [0, 90, 0]
    assert table.frame.tolist() == [3, 4, 5]
    assert notes == ["columns not used: time_s, yaw_deg, pitch_deg"]


def test_a_video_of_the_config_describes_its_table(tmp_path: Path) -> None:
    path = write(tmp_path, {"who": ["a"], "time_s": [40], "x": [960], "y": [480]})
    table = {"columns": {"observer": "who"}, "time_unit": "ms", "origin": "top left", "width": 1280, "height": 640}
    recording = OwnVideo(path=str(path), gaze=str(path), table=table).recording("ocean")
    read = read_gaze(recording, 25).samples
    assert read[["observer", "frame", "yaw_deg", "pitch_deg"]].to_numpy().tolist() == [["a", 1, 90, -45]]


def test_an_unknown_name_in_the_settings_is_refused_and_the_known_are_named() -> None:
    with pytest.raises(ValidationError, match=r"columns names tme; known are observer, video, time_s, frame"):
        GazeTableSettings(columns={"tme": "timestamp"})


def test_a_named_column_that_does_not_exist_is_refused(tmp_path: Path) -> None:
    settings = GazeTableSettings(columns={"duration_s": "dur"})
    with pytest.raises(InputError, match=r"found columns \['observer', .* without dur; expected the columns that"):
        read_gaze_table(write(tmp_path, ROWS), 25, None, settings)


def test_a_column_that_comes_twice_is_refused(tmp_path: Path) -> None:
    (tmp_path / "gaze.csv").write_text("observer,time_s,yaw_deg,pitch_deg,yaw_deg\na,0,1,2,3\n")
    with pytest.raises(InputError, match=r"gaze\.csv: found columns .*; expected \['yaw_deg'\] once"):
        read_gaze_table(tmp_path / "gaze.csv", 25)


def test_the_index_of_a_parquet_table_hides_no_column_and_shifts_no_row(tmp_path: Path) -> None:
    table = pd.DataFrame(ROWS | {"pitch_deg": [0.0, 0.0, 99.0]})
    for saved in (table.set_index("observer"), table.set_index(pd.Index([5, 7, 900]))):
        saved.to_parquet(tmp_path / "gaze.parquet")
        with pytest.raises(InputError, match=r"row 3: found the pitch 99"):
            read_gaze_table(tmp_path / "gaze.parquet", 25)


def test_lines_and_columns_are_those_of_an_editor(tmp_path: Path) -> None:
    """The header counts, and so do empty lines, whatever ends a line."""
    for end in ("\n", "\r\n", "\r"):
        lines = ["", "observer,time_s,yaw_deg,pitch_deg", "a,0,1,2", "", "a,1,1,99", ""]
        (tmp_path / "gaze.csv").write_bytes(end.join(lines).encode())
        with pytest.raises(InputError, match=r"gaze\.csv, line 5: found the pitch 99"):
            read_gaze_table(tmp_path / "gaze.csv", 25)
        (tmp_path / "gaze.csv").write_bytes(end.join(lines).encode().replace(b"a,1,1", b"a,1,\xe9"))
        with pytest.raises(InputError, match=r"gaze\.csv, line 5, column 5: found b'\\xe9'"):
            read_gaze_table(tmp_path / "gaze.csv", 25)


@pytest.mark.parametrize(
    ("header", "advice"),
    [
        ("observer,time_s,yaw,pitch", "{columns: {yaw_deg: yaw, pitch_deg: pitch}}"),
        ("observer,time,yaw_deg,pitch_deg", "{columns: {time_s: time}}"),
        ("observer,Time [s],yaw_deg,pitch_deg", "{columns: {time_s: 'Time [s]'}}"),
        ("observer,time_s,Gaze Yaw,Gaze Pitch", "{columns: {yaw_deg: Gaze Yaw, pitch_deg: Gaze Pitch}}"),
        ("Observer,time_s,yaw_deg,pitch_deg", "{columns: {observer: Observer}}"),
        ("observer,frame_,yaw_deg,pitch_deg", "{columns: {frame: frame_}}"),
        ("observer,time_s,yaw_deg,pich_deg", "{columns: {pitch_deg: pich_deg}}"),
        ("who,when,yaw_deg,pitch_deg", "Name the columns in the video's table.columns."),
    ],
)
def test_wrong_columns_are_told_what_to_set(tmp_path: Path, header: str, advice: str) -> None:
    (tmp_path / "gaze.csv").write_text(f"{header}\na,0,1,2\n")
    with pytest.raises(InputError) as caught:
        read_gaze_table(tmp_path / "gaze.csv", 25)
    assert advice in str(caught.value)
    assert header.split(",")[0] in str(caught.value)  # the columns that are there
    assert "`tsalv360 data import` suggests the settings" in str(caught.value)


# Wrong cells

WRONG_CELLS = {
    "letters for a time": ("time_s", [0.0, "soon", 0.1], "soon"),
    "no time": ("time_s", [0.0, None, 0.1], "''"),
    "a time before the start": ("time_s", [0.0, -0.5, 0.1], "-0.5"),
    "letters for an angle": ("yaw_deg", [0.0, "left", 0.1], "left"),
    "degrees out of range": ("yaw_deg", [0.0, 1000.0, 0.1], "the yaw 1000"),
    "no pitch": ("pitch_deg", [0.0, None, 0.1], "''"),
    "a pitch past the pole": ("pitch_deg", [0.0, 91.0, 0.1], "the pitch 91"),
    "an infinite angle": ("pitch_deg", [0.0, float("inf"), 0.1], "inf"),
    "no duration": ("duration_s", [0.1, 0.0, 0.1], "0.0"),
    "seconds since 1970": ("time_s", [0.0, 1.7e9, 0.1], "1700000000.0"),
    "a sample that comes twice": ("time_s", [0.0, 0.0, 0.1], "0.0"),
    "an endless duration": ("duration_s", [0.1, 1e300, 0.1], "1e+300"),
    "half a frame": ("frame", [0, 1.5, 2], "1.5"),
}


@pytest.mark.parametrize(("column", "cells", "found"), WRONG_CELLS.values(), ids=WRONG_CELLS.keys())
def test_a_wrong_cell_is_named_by_file_row_and_column(tmp_path: Path, column: str, cells: list, found: str) -> None:
    rows = {name: values for name, values in ROWS.items() if (column, name) != ("frame", "time_s")}
    with pytest.raises(InputError) as caught:
        read_gaze_table(write(tmp_path, rows | {column: cells}), 25)
    assert "gaze.csv, line 3: found " in str(caught.value)
    assert found in str(caught.value)
    assert column.split("_")[0] in str(caught.value)
    assert "Correct or remove the row." in str(caught.value)


@pytest.mark.parametrize(
    "cell", ["1_0", "1\u0665", "\uff11", "0x1F", "1e", "1e999", "True", "1 0", "--1", "NaN", "1\x00"]
)
@pytest.mark.parametrize("column", ["time_s", "yaw_deg"])
def test_text_that_only_python_reads_as_a_number_is_refused(tmp_path: Path, column: str, cell: str) -> None:
    path = tmp_path / "gaze.csv"
    row = {"observer": "a", "time_s": "0.1", "yaw_deg": "1", "pitch_deg": "2"} | {column: cell}
    path.write_text(f"{','.join(ROWS)}\na,0,1,2\n{','.join(row.values())}\n", encoding="utf-8")
    with pytest.raises(InputError, match=rf"gaze\.csv, line 3: found '.*' in column {column}; expected a number"):
        read_gaze_table(path, 25)


@pytest.mark.parametrize("values", [[True, False], pd.to_datetime([0, 1]), pd.to_timedelta([0, 1]), [[0.0], [0.1]]])
def test_cells_of_a_parquet_table_that_are_no_numbers_are_refused(tmp_path: Path, values: list) -> None:
    rows = {"observer": ["a", "a"], "time_s": values, "yaw_deg": [0, 1], "pitch_deg": [0, 1]}
    with pytest.raises(InputError, match=r"gaze\.parquet, row 1: found '.*' in column time_s; expected a number"):
        read_gaze_table(write(tmp_path, rows, "parquet"), 25)


@pytest.mark.parametrize("observer", ["", "  ", "a\x00", "a\ufeff"])
def test_an_observer_without_a_readable_name_is_refused(tmp_path: Path, observer: str) -> None:
    with pytest.raises(InputError, match=r"line 3: found no observer"):
        read_gaze_table(write(tmp_path, ROWS | {"observer": ["a", observer, "b"]}), 25)


def test_rows_are_counted_in_the_file_and_not_in_the_selection(tmp_path: Path) -> None:
    path = write(tmp_path, ROWS | {"video": ["reef", "reef", "ocean"], "time_s": [0, 0, "late"]})
    with pytest.raises(InputError, match="line 4"):
        read_gaze_table(path, 25, "ocean")


def test_a_row_without_observer_is_named(tmp_path: Path) -> None:
    with pytest.raises(InputError, match=r"gaze\.csv, line 4: found no observer"):
        read_gaze_table(write(tmp_path, ROWS | {"observer": ["a", "b", None]}), 25)


def test_fractions_out_of_range_are_named(tmp_path: Path) -> None:
    path = write(tmp_path, {"observer": ["a", "a"], "time_s": [0, 1], "x": [0.5, 640], "y": [0.5, 0.5]})
    with pytest.raises(InputError, match=r"line 3: found the position \(640, 0\.5\)"):
        read_gaze_table(path, 25, settings=GazeTableSettings(origin="top left"))


@pytest.mark.parametrize("gone", ROWS)
def test_a_missing_column_is_named(tmp_path: Path, gone: str) -> None:
    rows = {name: values for name, values in ROWS.items() if name != gone}
    with pytest.raises(InputError, match=rf"gaze\.csv: found columns .* without .*{gone}.*; expected "):
        read_gaze_table(write(tmp_path, rows), 25)


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
    with pytest.raises(InputError, match=rf"{name}(, line \d+(, column \d+)?)?: found "):
        read_gaze_table(tmp_path / name, 25)


def test_a_row_with_a_field_too_few_is_named(tmp_path: Path) -> None:
    (tmp_path / "gaze.csv").write_text("observer,time_s,yaw_deg,pitch_deg\na,0,1,2\na,0.1,1\n")
    with pytest.raises(InputError, match=r"line 3: found 3 fields; expected 4, as in the header"):
        read_gaze_table(tmp_path / "gaze.csv", 25)


@pytest.mark.parametrize(
    ("rows", "at"),
    [
        (b'a,0,1,2\na,0.1,1,"2\na,0.2,1,2\n', 2),
        (b'a,0,1,2\n"a,0.1,1,2\na",0.2,1,2\n', 2),
        (b"a,0,1,2\n\xe9,0,1,2\n", 2),
    ],
    ids=["an open quote", "a quote over two rows", "Latin-1"],
)
def test_damage_that_would_swallow_rows_is_named(tmp_path: Path, rows: bytes, at: int) -> None:
    (tmp_path / "gaze.csv").write_bytes(b"observer,time_s,yaw_deg,pitch_deg\n" + rows)
    with pytest.raises(InputError, match=rf"gaze\.csv, line {at + 1}(, column \d+)?: found "):
        read_gaze_table(tmp_path / "gaze.csv", 25)


def test_a_parquet_table_that_lost_rows_is_refused(tmp_path: Path) -> None:
    """One byte in its metadata counts 39 rows instead of 40."""
    rows = {"observer": ["a"] * 40, "time_s": np.arange(40.0), "yaw_deg": np.zeros(40), "pitch_deg": np.zeros(40)}
    path = write(tmp_path, rows, "parquet")
    whole, contents = path.read_bytes(), path.stat().st_size - 8 - int.from_bytes(path.read_bytes()[-8:-4], "little")
    lost = 0
    for place in (n for n in range(contents, len(whole)) if whole[n] == 2 * 40):
        path.write_bytes(whole[:place] + bytes([2 * 39]) + whole[place + 1 :])
        try:
            assert len(read_gaze_table(path, 25)) == 40
        except InputError as error:
            lost += "columns with more values than rows" in str(error)
    assert lost


def test_text_of_a_parquet_table_that_is_not_utf_8_is_refused(tmp_path: Path) -> None:
    path = write(tmp_path, ROWS | {"observer": ["anna", "anna", "bert"]}, "parquet")
    path.write_bytes(path.read_bytes().replace(b"bert", b"\xff\xfert"))
    with pytest.raises(InputError, match=r"gaze\.parquet: found "):
        read_gaze_table(path, 25)


@pytest.mark.parametrize("end", ["\n", "\r\n", "\r"])
def test_any_line_end_and_a_byte_order_mark_are_read(tmp_path: Path, end: str) -> None:
    text = end.join(["\ufeffobserver, time_s, yaw_deg, pitch_deg", "a, 0, 10, 5", "", "b, 0.1, 20, 6", ""])
    (tmp_path / "gaze.csv").write_text(text, encoding="utf-8", newline="")
    notes: list[str] = []
    table = read_gaze_table(tmp_path / "gaze.csv", 25, notes=notes)
    assert table[["observer", "yaw_deg"]].to_numpy().tolist() == [["a", 10], ["b", 20]]
    assert notes == []


def test_a_table_that_may_have_been_cut_off_is_noted(tmp_path: Path) -> None:
    (tmp_path / "gaze.csv").write_text("observer,time_s,yaw_deg,pitch_deg\na,0,10,5\na,0.1,10,1")
    notes: list[str] = []
    read_gaze_table(tmp_path / "gaze.csv", 25, notes=notes)
    assert notes == ["no line end after the last row: it may have been cut off"]


@pytest.mark.parametrize("observer", ["1", "a"])
def test_a_field_too_many_in_every_row_is_refused(tmp_path: Path, observer: str) -> None:
    (tmp_path / "gaze.csv").write_text(f"observer,time_s,yaw_deg,pitch_deg\n{observer},0.0,10,5,7\n")
    with pytest.raises(InputError):
        read_gaze_table(tmp_path / "gaze.csv", 25)


# Any recording, in any columns and units

SAMPLES = st.dictionaries(
    st.tuples(st.sampled_from(["01", "1", "a b", "Zoë"]), st.integers(0, 5000)),  # observer and frame
    st.tuples(st.floats(-180, 180, exclude_max=True), st.floats(-90, 90))
    | st.sampled_from([(-180.0, 90.0), (0.0, -90.0)]),
    min_size=1,
    max_size=12,
)


@settings(max_examples=100, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.data(), SAMPLES)
def test_written_gaze_is_read_unchanged(
    tmp_path: Path, data: st.DataObject, samples: dict[tuple[str, int], tuple[float, float]]
) -> None:
    """Observers in any order, the seam, the poles; another video's rows between them."""
    keys = data.draw(st.permutations(sorted(samples)))
    observer, frame = (list(column) for column in zip(*keys, strict=True))
    yaw, pitch = np.array([samples[key] for key in keys]).T
    fps, unit = 25, data.draw(st.sampled_from(["s", "ms", "us", "ns", "frame from 0", "frame from 1"]))
    columns: dict[str, object] = {"observer": observer}
    options: dict[str, object] = {}
    if unit.startswith("frame"):
        options["first_frame"] = int(unit[-1])
        columns["frame"] = np.array(frame) + int(unit[-1])
    else:
        options["time_unit"] = unit
        columns["time_s"] = np.array(frame) / fps * {"s": 1, "ms": 1e3, "us": 1e6, "ns": 1e9}[unit]
    form = data.draw(st.sampled_from(["deg", "deg from 0", "rad", "top left", "bottom left"]))
    if form in ("top left", "bottom left"):
        width, height = data.draw(st.sampled_from([(None, None), (3840, 1920)]))
        options |= {"origin": form, "width": width, "height": height}
        columns["x"] = (yaw / 360 + 0.5) * (width or 1)
        columns["y"] = (0.5 + pitch / 180 * (1 if form == "bottom left" else -1)) * (height or 1)
    else:
        options |= {"angle_unit": form[:3], "pitch": data.draw(st.sampled_from(["up", "down"]))}
        scale = np.pi / 180 if form == "rad" else 1
        columns["yaw_deg"] = (yaw % 360 if form == "deg from 0" else yaw) * scale
        columns["pitch_deg"] = pitch * scale * (1 if options["pitch"] == "up" else -1)
    if data.draw(st.booleans()):
        columns["video"] = ["007"] * len(keys)
    table = pd.DataFrame(columns)
    if "video" in columns:
        table = pd.concat([table, table.assign(video="7")], ignore_index=True)
    if data.draw(st.booleans()):
        options["columns"] = {name: f"their {name}" for name in table}
        table = table.rename(columns=options["columns"])
    path = write(tmp_path, table, data.draw(st.sampled_from(["csv", "tsv", "parquet"])))
    notes: list[str] = []
    read = read_gaze_table(path, fps, "007", GazeTableSettings(**options), notes)
    assert notes == []
    assert (read.observer.tolist(), read.frame.tolist()) == (observer, frame)
    np.testing.assert_allclose(read.time_s, np.array(frame) / fps, atol=1e-9)
    np.testing.assert_allclose((read.yaw_deg - yaw + 180) % 360, 180, atol=1e-9)
    np.testing.assert_allclose(read.pitch_deg, pitch, atol=1e-9)
