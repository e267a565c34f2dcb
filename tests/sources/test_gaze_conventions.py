"""Gaze tables in the conventions of recorders: frames of reference, heads, clocks, blinks, files."""

import gzip
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from pydantic import ValidationError
from scipy.spatial.transform import Rotation

from tsalv360.job.errors import InputError
from tsalv360.sources import GazeTableSettings, OwnVideo, read_gaze, read_gaze_table
from tsalv360.sphere.directions import angular_distance, to_vectors


def read(folder: Path, columns: dict[str, object], notes: list[str] | None = None, **options: object) -> pd.DataFrame:
    """Write the columns as CSV, one observer every 40 ms unless they say more, and read them."""
    n = len(next(iter(columns.values())))  # type: ignore[arg-type]
    path = folder / "gaze.csv"
    pd.DataFrame({"observer": ["a"] * n, "time_s": np.arange(n) / 25} | columns).to_csv(path, index=False)
    return read_gaze_table(path, 25, None, GazeTableSettings(**options), notes)  # type: ignore[arg-type]


def angles(table: pd.DataFrame) -> list[tuple[float, float]]:
    return [(round(yaw, 6), round(pitch, 6)) for yaw, pitch in zip(table.yaw_deg, table.pitch_deg, strict=True)]


# Directions


@pytest.mark.parametrize(
    ("axes", "ahead", "right", "up"),
    [
        ("unity", (0, 0, 1), (1, 0, 0), (0, 1, 0)),
        ("openxr", (0, 0, -1), (1, 0, 0), (0, 1, 0)),
        (["x", "z", "y"], (0, 1, 0), (1, 0, 0), (0, 0, 1)),  # Blender, z up
        (["-y", "z", "x"], (1, 0, 0), (0, -1, 0), (0, 0, 1)),  # ROS
    ],
)
def test_vectors_are_read_in_the_stated_axes(tmp_path: Path, axes: object, ahead, right, up) -> None:
    vectors = np.array([ahead, right, up, np.negative(ahead), np.add(ahead, right)], dtype=float)
    table = read(tmp_path, dict(zip(["gaze_x", "gaze_y", "gaze_z"], vectors.T, strict=True)), axes=axes)
    assert angles(table) == [(0, 0), (90, 0), (0, 90), (-180, 0), (45, 0)]


def test_azimuth_may_grow_to_the_left_and_elevation_downward(tmp_path: Path) -> None:
    columns = {"yaw_deg": [90, -180, 350], "pitch_deg": [10, -90, 0]}
    assert angles(read(tmp_path, columns, yaw="left", pitch="down")) == [(-90, -10), (-180, 90), (10, 0)]


@pytest.mark.parametrize(
    ("axes", "yaw", "pitch"), [("unity", 90, -30), ("openxr", -90, 30)], ids=["clockwise", "counterclockwise"]
)
def test_a_quaternion_turns_the_head_in_its_own_axes(tmp_path: Path, axes: str, yaw: float, pitch: float) -> None:
    """90° about y, then 30° about the new x."""
    head = (Rotation.from_euler("y", 90, degrees=True) * Rotation.from_euler("x", 30, degrees=True)).as_quat()
    columns = {f"head_q{name}": [part] for name, part in zip("xyzw", head, strict=True)}
    table = read(tmp_path, columns, axes=axes, head_only=True)
    assert angles(table) == [(yaw, pitch)]
    eye = {"yaw_deg": [0.0], "pitch_deg": [5.0]}
    assert angles(read(tmp_path, columns | eye, axes=axes)) == [(yaw, pitch + 5)]


def test_head_angles_turn_the_gaze_about_the_turned_axes(tmp_path: Path) -> None:
    """A head that looks right, up and leans: each by itself is a closed form."""
    columns = {
        "head_yaw_deg": [90, 0, 0, 90],
        "head_pitch_deg": [0, 40, 0, 40],
        "head_roll_deg": [0, 0, 90, 0],
        "yaw_deg": [20, 0, 20, 0],
        "pitch_deg": [0, 10, 0, 0],
    }
    # a head that leans to the right shows what lies on its right below
    assert angles(read(tmp_path, columns)) == [(110, 0), (0, 50), (0, -20), (90, 40)]
    turned = read(tmp_path, columns, head_yaw="left", head_pitch="down", head_roll="left")
    assert angles(turned) == [(-70, 0), (0, -30), (0, 20), (-90, -40)]


ANGLE = st.floats(-180, 180)


@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.lists(st.tuples(ANGLE, ANGLE, ANGLE, ANGLE, st.floats(-90, 90)), min_size=1, max_size=6))
def test_unity_angles_and_its_quaternion_give_one_direction(tmp_path: Path, rows: list[tuple[float, ...]]) -> None:
    """Unity: Euler angles in the order YXZ, positive right, down and left; the quaternion by SciPy."""
    yaw, pitch, roll, eye_yaw, eye_pitch = np.array(rows).T
    rotation = Rotation.from_euler("YXZ", np.stack([yaw, pitch, roll], axis=1), degrees=True)
    eye = {"yaw_deg": eye_yaw, "pitch_deg": eye_pitch}
    quaternion = {f"head_q{name}": part for name, part in zip("xyzw", rotation.as_quat().T, strict=True)}
    by_quaternion = read(tmp_path, quaternion | eye, axes="unity")
    euler = {"head_yaw_deg": yaw, "head_pitch_deg": pitch, "head_roll_deg": roll}
    by_angles = read(tmp_path, euler | eye, head_pitch="down", head_roll="left")
    forward, right, up = np.moveaxis(to_vectors(eye_yaw, eye_pitch), -1, 0)
    turned = rotation.apply(np.stack([right, up, forward], axis=1))
    world = {f"gaze_{name}": part for name, part in zip("xyz", turned.T, strict=True)}
    by_vector = read(tmp_path, world, axes="unity")
    for other in (by_angles, by_vector):
        off = angular_distance(by_quaternion.yaw_deg, by_quaternion.pitch_deg, other.yaw_deg, other.pitch_deg)
        assert off.max() < 1e-6


WORKED = [  # the rows of docs/gaze-tables.md
    ({"yaw_deg": -40, "pitch_deg": -30}, {"yaw": "left", "pitch": "down"}, (40, 30)),
    ({"x": 960, "y": 270}, {"origin": "top left", "width": 1920, "height": 1080}, (0, 45)),
    ({"gaze_x": 0.612, "gaze_y": 0.5, "gaze_z": 0.612}, {"axes": "unity"}, (45, 30)),
    ({"gaze_x": 0.612, "gaze_y": 0.5, "gaze_z": -0.612}, {"axes": "openxr"}, (45, 30)),
    (
        {"head_qx": 0, "head_qy": 0.5, "head_qz": 0, "head_qw": 0.866, "yaw_deg": -20, "pitch_deg": 25},
        {"axes": "unity"},
        (40, 25),
    ),
    ({"head_yaw_deg": 60, "head_pitch_deg": 0, "head_roll_deg": 0, "yaw_deg": -20, "pitch_deg": 25}, {}, (40, 25)),
    ({"head_yaw_deg": 60, "head_pitch_deg": 0, "head_roll_deg": 0}, {"head_only": True}, (60, 0)),
    ({"yaw_deg": 120, "pitch_deg": 0, "sphere_yaw_deg": 90}, {}, (30, 0)),
]


@pytest.mark.parametrize(("row", "options", "expected"), WORKED)
def test_the_worked_rows_of_the_documentation_are_right(
    tmp_path: Path, row: dict[str, float], options: dict[str, object], expected: tuple[float, float]
) -> None:
    (found,) = angles(read(tmp_path, {name: [cell] for name, cell in row.items()}, **options))
    assert found == pytest.approx(expected, abs=0.05)


def test_the_start_turn_of_the_sphere_is_taken_off(tmp_path: Path) -> None:
    columns = {"yaw_deg": [10, 10], "pitch_deg": [0, 80]}
    assert angles(read(tmp_path, columns, sphere_yaw=30.0)) == [(-20, 0), (-20, 80)]
    turned = {"sphere_yaw_deg": [30, -180]}
    assert angles(read(tmp_path, columns | turned)) == [(-20, 0), (-170, 80)]
    assert angles(read(tmp_path, columns | turned, yaw="left")) == [(20, 0), (170, 80)]


def test_pixels_of_a_panorama_that_is_not_2_to_1_cover_the_sphere(tmp_path: Path) -> None:
    table = read(tmp_path, {"x": [960, 1440], "y": [540, 0]}, origin="top left", width=1920, height=1080)
    assert angles(table) == [(0, 0), (90, 90)]


@pytest.mark.parametrize(
    ("columns", "missing"),
    [
        ({"gaze_x": [0], "gaze_y": [0], "gaze_z": [1]}, "vectors without their axes.*Set `axes`"),
        ({"head_yaw_deg": [0], "head_pitch_deg": [1]}, "of the head and none of the eyes.*table.head_only"),
        ({"gaze_x": [0], "gaze_y": [0]}, "without gaze_z"),
    ],
)
def test_what_a_direction_lacks_is_named(tmp_path: Path, columns: dict[str, object], missing: str) -> None:
    with pytest.raises(InputError, match=missing):
        read(tmp_path, columns)


def test_what_is_no_direction_is_named(tmp_path: Path) -> None:
    with pytest.raises(InputError, match=r"line 3: found a gaze vector of length 0"):
        read(tmp_path, {"gaze_x": [1, 0], "gaze_y": [0, 0], "gaze_z": [0, 0]}, axes="unity")
    head = {"head_qx": [0, 2], "head_qy": [0, 0], "head_qz": [0, 0], "head_qw": [1, 0]}
    with pytest.raises(InputError, match=r"line 3: found a head quaternion of norm 2"):
        read(tmp_path, head, axes="unity", head_only=True)


# Blinks


def test_rows_that_are_not_valid_are_left_out_and_counted(tmp_path: Path) -> None:
    notes: list[str] = []
    columns = {
        "observer": ["a", "a", "b", "b", "b"],
        "yaw_deg": [1, "", 3, 4, 999],
        "pitch_deg": [0] * 5,
        "eyes": [2, 0, 2, 0, 0],
    }
    table = read(tmp_path, columns, notes, validity={"column": "eyes", "keep": [1, 2]})
    assert table.yaw_deg.tolist() == [1, 3]
    assert notes == [
        "3 rows left out, not valid by eyes: b 2, a 1",
        "observers with less than 50% valid samples: b 33%",
    ]


def test_confidence_and_empty_cells_mark_blinks(tmp_path: Path) -> None:
    columns = {"yaw_deg": [1, "", 3, 4], "pitch_deg": [0, "", 0, 0], "conf": [0.9, 0.1, "", 0.6]}
    table = read(tmp_path, columns, confidence={"column": "conf", "at_least": 0.6})
    assert table.yaw_deg.tolist() == [1, 4]
    assert read(tmp_path, columns, validity={"column": "yaw_deg"}).yaw_deg.tolist() == [1, 3, 4]
    with pytest.raises(InputError, match=r"line 3: found '.*' in column yaw_deg; .*table.validity or table.confidence"):
        read(tmp_path, columns)


@pytest.mark.parametrize("written", [["True", "false"], [1, 0], ["1.0", "0.0"]])
@pytest.mark.parametrize("keep", [True, 1])
def test_true_and_1_are_one_value(tmp_path: Path, written: list[object], keep: object) -> None:
    columns = {"yaw_deg": [1, 2], "pitch_deg": [0, 0], "ok": written}
    assert read(tmp_path, columns, validity={"column": "ok", "keep": keep}).yaw_deg.tolist() == [1]


def test_a_value_or_confidence_that_never_occurs_is_refused(tmp_path: Path) -> None:
    columns = {"yaw_deg": [1, 2], "pitch_deg": [0, 0], "ok": ["valid", "lost"], "conf": [0.2, 0.3]}
    with pytest.raises(InputError, match=r"found the values 'valid', 'lost' in column ok"):
        read(tmp_path, columns, validity={"column": "ok", "keep": "good"})
    with pytest.raises(InputError, match=r"no confidence above 0\.3 in column conf"):
        read(tmp_path, columns, confidence={"column": "conf"})


# Clocks

GAZE = {"observer": ["a", "a", "b", "b"], "yaw_deg": [1, 2, 3, 4], "pitch_deg": [0] * 4}


@pytest.mark.parametrize(
    ("zero", "expected"),
    [
        ("first sample", [0, 0.5, 2, 2.5]),
        ("first of each observer", [0, 0.5, 0, 0.5]),
        (1000, [0, 0.5, 2, 2.5]),
        (500, [0.5, 1, 2.5, 3]),
    ],
)
def test_a_clock_may_start_before_the_video(tmp_path: Path, zero: object, expected: list[float]) -> None:
    columns = GAZE | {"time_s": [1000, 1500, 3000, 3500]}
    assert read(tmp_path, columns, time_unit="ms", time_zero=zero).time_s.tolist() == expected


def test_rows_before_the_video_are_left_out_and_counted(tmp_path: Path) -> None:
    notes: list[str] = []
    columns = GAZE | {"time_s": [10.0, 10.5, 12, 12.5]}
    assert read(tmp_path, columns, notes, time_zero=10.4).yaw_deg.tolist() == [2, 3, 4]
    assert notes == ["1 rows left out, before the start of the video: a 1"]
    with pytest.raises(InputError, match=r"line 2: found '-1.*table\.time_zero"):
        read(tmp_path, columns | {"time_s": [-1, 0, 1, 2]})


def test_a_marker_starts_the_video_of_each_observer(tmp_path: Path) -> None:
    columns = GAZE | {"time_s": [3, 4, 70, 71], "event": ["", "play", "play", "play"]}
    marker = {"column": "event", "equals": "play"}
    table = read(tmp_path, columns, start_marker=marker)
    assert (table.yaw_deg.tolist(), table.time_s.tolist()) == ([2, 3, 4], [0, 0, 1])
    with pytest.raises(InputError, match=r"no start marker of a in column event"):
        read(tmp_path, columns | {"event": ["", "", "play", ""]}, start_marker=marker)


@pytest.mark.parametrize(
    ("unit", "times"),
    [
        ("ticks", [63_700_000_000_000_000 + ticks for ticks in (0, 5_000_000, 5_000_000, 10_000_000)]),
        ("iso", [f"2026-03-29T{time}Z" for time in ("00:59:59.5", "01:00:00", "01:00:00", "01:00:00.5")]),
        ("iso", [f"2026-03-29 {time}" for time in ("02:59:59.5+02", "01:00Z", "00:30:00-00:30", "01:00:00,5Z")]),
        ("iso", ["00:00:59.5", "00:01:00", "0:01:00,0", "00:01:00.5"]),
    ],
)
def test_ticks_and_dates_are_times(tmp_path: Path, unit: str, times: list[object]) -> None:
    table = read(tmp_path, GAZE | {"time_s": times}, time_unit=unit, time_zero="first sample")
    assert table.time_s.tolist() == pytest.approx([0, 0.5, 0.5, 1], abs=1e-5)
    if unit == "iso":
        table = read(tmp_path, GAZE | {"time_s": times}, time_unit=unit, time_zero=times[1])
        assert table.time_s.tolist() == pytest.approx([0, 0, 0.5], abs=1e-5)


def test_durations_beside_dates_are_seconds(tmp_path: Path) -> None:
    columns = {"time_s": ["12:00:01", "12:00:02"], "yaw_deg": [0, 1], "pitch_deg": [0, 1], "duration_s": [0.2, 0.3]}
    table = read(tmp_path, columns, time_unit="iso", time_zero="12:00:00")
    assert (table.time_s.tolist(), table.duration_s.tolist()) == ([1, 2], [0.2, 0.3])


@pytest.mark.parametrize("unit", ["s", "iso"])
def test_a_column_without_any_time_is_named(tmp_path: Path, unit: str) -> None:
    columns = {"time_s": ["soon", "later"], "yaw_deg": [0, 1], "pitch_deg": [0, 1]}
    with pytest.raises(InputError, match="line 2: found 'soon' in column time_s; expected a "):
        read(tmp_path, columns, time_unit=unit, time_zero="first sample")


def test_exact_copies_are_dropped_and_other_rows_of_one_time_are_refused(tmp_path: Path) -> None:
    notes: list[str] = []
    columns = {"time_s": [0, 0, 1], "yaw_deg": [5, 5, 6], "pitch_deg": [0, 0, 0]}
    assert read(tmp_path, columns, notes).yaw_deg.tolist() == [5, 6]
    assert notes == ["1 rows left out, exact copies of others: a 1"]
    with pytest.raises(InputError, match=r"line 3: found '0' in column time_s; expected one sample per observer"):
        read(tmp_path, columns | {"yaw_deg": [5, 5.5, 6]})


def test_samples_of_one_frame_are_spread_over_it(tmp_path: Path) -> None:
    path, notes = tmp_path / "gaze.csv", list[str]()
    rows = {"observer": ["a"] * 5, "frame": [0, 0, 1, 1, 1], "yaw_deg": range(5), "pitch_deg": [0] * 5}
    pd.DataFrame(rows).to_csv(path, index=False)
    table = read_gaze_table(path, 10, notes=notes)
    assert table.time_s.tolist() == pytest.approx([0, 0.05, 0.1, 0.1 + 0.1 / 3, 0.1 + 0.2 / 3])
    assert table.frame.tolist() == [0, 0, 1, 1, 1]
    assert notes == ["up to 3 rows of an observer in one frame, spread evenly over it"]
    pd.DataFrame(rows | {"frame": [0, 1, 0, 2, 3]}).to_csv(path, index=False)
    with pytest.raises(InputError, match="one sample per observer"):  # two recordings under one name
        read_gaze_table(path, 10)


def test_picture_numbers_of_a_variable_rate_meet_their_time_stamps(tmp_path: Path) -> None:
    path = tmp_path / "gaze.csv"
    pd.DataFrame({"observer": "a", "frame": [0, 1, 2, 3], "yaw_deg": 0, "pitch_deg": 0}).to_csv(path, index=False)
    table = read_gaze_table(path, 30, picture_times_s=[0.0, 0.5, 0.6])
    assert table.time_s.tolist() == pytest.approx([0, 0.5, 0.6, 0.6 + 1 / 30])
    assert table.frame.tolist() == [0, 15, 18, 19]


# Files


def text(rows: list[list[object]], separator: str = ",", decimal: str = ".") -> str:
    return "".join(separator.join(str(cell).replace(".", decimal) for cell in row) + "\n" for row in rows)


ROWS: list[list[object]] = [
    ["observer", "time_s", "yaw_deg", "pitch_deg"],
    ["观察者 1", 0.5, 10.25, -3.5],
    ["Zoë", 0.5, 1e-2, 4.0],
]


@pytest.mark.parametrize(
    ("content", "options"),
    [
        (text(ROWS, ";", ",").encode(), {"separator": ";", "decimal": ","}),
        (text(ROWS, "|").encode("utf-16"), {"separator": "|"}),
        (text(ROWS, "\t").encode("utf-8-sig"), {"separator": "tab"}),
        (gzip.compress(text(ROWS).replace("\n", "\r\n").encode()), {}),
        (text([[f'"{cell}"' for cell in row] for row in ROWS]).encode("gb18030"), {"encoding": "gb18030"}),
        (text([[str(cell).replace(" ", "_") for cell in row] for row in ROWS], "   ").encode(), {"separator": "space"}),
    ],
    ids=["semicolons", "UTF-16", "tabs and a byte order mark", "gzip", "quotes in GB18030", "spaces"],
)
def test_text_is_read_as_the_settings_say(tmp_path: Path, content: bytes, options: dict[str, object]) -> None:
    (tmp_path / "gaze.csv").write_bytes(content)
    table = read_gaze_table(tmp_path / "gaze.csv", 25, settings=GazeTableSettings(**options))  # type: ignore[arg-type]
    assert [name.replace("_", " ") for name in table.observer] == ["观察者 1", "Zoë"]
    assert angles(table) == [(10.25, -3.5), (0.01, 4)]


@pytest.mark.parametrize(
    ("content", "said"),
    [
        (text(ROWS, ";"), r"separated by semicolons.*Set the video's table.separator: ';'"),
        (text(ROWS, "\t"), r"separated by tabs.*table.separator: 'tab'"),
        (
            text(ROWS[1:]).replace("观察者 1", "1").replace("Zoë", "2"),
            r"numbers in the first row.*names of the columns",
        ),
        ('{"data": [1, 2]}\n', "found JSON"),
        ('{"data":[\n{"filename":"6.mp4",\n"pitch_yaw_roll_data_hmd":[\n', "AVTrack360.*gaze_format: avtrack360"),
        ("a b\n" * 3, "separated by spaces"),
        (text(ROWS, ",", ","), "decimal mark a comma"),
        ("a," * 4000 + "b\n", "without observer, time_s or frame, a direction"),
    ],
)
def test_a_table_of_another_form_is_named_with_what_to_set(tmp_path: Path, content: str, said: str) -> None:
    (tmp_path / "gaze.csv").write_text(content, encoding="utf-8")
    with pytest.raises(InputError, match=said) as caught:
        read_gaze_table(tmp_path / "gaze.csv", 25)
    assert len(str(caught.value)) < 1000


def recording(folder: Path, gaze: str, **table: object):
    (folder / "v.mp4").touch()
    return OwnVideo(path=str(folder / "v.mp4"), gaze=str(folder / gaze), table=table).recording("harbour")  # type: ignore[arg-type]


@pytest.fixture
def one_per_observer(tmp_path: Path) -> Path:
    for session, name in enumerate(["harbour_P 01.csv", "harbour_Łukasz.csv", "market_P02.csv"]):
        pd.DataFrame({"time_s": [0, 1], "yaw_deg": [session, 5], "pitch_deg": 0}).to_csv(tmp_path / name, index=False)
    (tmp_path / "notes.md").write_text("no gaze")
    return tmp_path


def test_files_name_their_observers(one_per_observer: Path) -> None:
    read = read_gaze(recording(one_per_observer, "harbour_*.csv"), 25).samples
    assert read.observer.unique().tolist() == ["P 01", "Łukasz"]
    read = read_gaze(recording(one_per_observer, "*_*.csv", observer_from=r"_([^_]+)\.csv$"), 25).samples
    assert read.observer.unique().tolist() == ["P 01", "Łukasz", "P02"]
    read = read_gaze(recording(one_per_observer, "."), 25).samples  # a folder: tables alone
    assert read.observer.unique().tolist() == ["harbour_P 01", "harbour_Łukasz", "market_P02"]


def test_a_wrong_row_in_one_of_many_files_is_named(one_per_observer: Path) -> None:
    path = one_per_observer / "harbour_Łukasz.csv"
    path.write_text(path.read_text().replace("1,5,0", "1,left,0"))
    with pytest.raises(InputError, match=r"harbour_Łukasz\.csv, line 3: found 'left'"):
        read_gaze(recording(one_per_observer, "harbour_*.csv"), 25)


def test_a_column_of_observers_wins_over_names_of_files(tmp_path: Path) -> None:
    for n in (1, 2):
        rows = {"observer": [f"O{n}"], "time_s": [0], "yaw_deg": [0], "pitch_deg": [0]}
        pd.DataFrame(rows).to_csv(tmp_path / f"session{n}.csv", index=False)
    assert read_gaze(recording(tmp_path, "session*.csv"), 25).samples.observer.tolist() == ["O1", "O2"]


def test_a_pattern_without_a_file_and_a_path_without_an_observer_are_refused(one_per_observer: Path) -> None:
    with pytest.raises(InputError, match=r"videos\.harbour\.gaze: found '.*/beach_\*\.csv', which matches no file"):
        recording(one_per_observer, "beach_*.csv")
    with pytest.raises(InputError, match=r"harbour_P 01\.csv: found this path; expected an observer, by table"):
        read_gaze(recording(one_per_observer, "harbour_*.csv", observer_from="(S[0-9]+)"), 25)


@pytest.mark.parametrize(
    ("options", "said"),
    [
        ({"time_zero": "soon"}, "time_zero is 'soon'; write video, first sample"),
        ({"axes": ["x", "x", "z"]}, "names x, y and z once each"),
        ({"observer_from": "(a)(b)"}, "has 2 groups"),
        ({"observer_from": "(a"}, "no regular expression"),
        ({"encoding": "utf8000"}, "encoding is 'utf8000', which is unknown"),
        ({"start_marker": {"column": "event"}}, "needs both column and equals"),
    ],
)
def test_settings_that_cannot_be_are_refused(options: dict[str, object], said: str) -> None:
    with pytest.raises(ValidationError, match=said):
        GazeTableSettings(**options)  # type: ignore[arg-type]
