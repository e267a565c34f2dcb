"""Raw gaze of the Salient360! toolbox: head and eye in Unity's frame, the sphere's turn, time, validity, both forms."""

from pathlib import Path

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from scipy.spatial.transform import Rotation

from tsalv360.contracts.tables import FIXATIONS, as_table
from tsalv360.job.errors import InputError
from tsalv360.sources import Salient360RawSettings, read_salient360_raw
from tsalv360.sphere.directions import to_vectors, vector_angle

VIDEO = (
    "oculoTS,currFrame,cam_pitch,cam_yaw,cam_roll,sphere_yaw,"
    "meanGazeDir.x,meanGazeDir.y,meanGazeDir.z,binPor.y,Lval,Rval"
)
STILLS = (
    "OcutimeStamp,cameraRotation.x,cameraRotation.y,cameraRotation.z,cameraRotation.w,"
    "meanGazeDirection.x,meanGazeDirection.y,meanGazeDirection.z,"
    "leftEyeDirection.x,leftEyeDirection.y,leftEyeDirection.z,"
    "rightEyeDirection.x,rightEyeDirection.y,rightEyeDirection.z,valL,valR"
)
AHEAD = (0.0, 0.0, 1.0)


def row(
    k: int,
    frame: object = 1,
    head: tuple[float, float, float] = (0, 0, 0),
    sphere: float = 0,
    eye: tuple[object, ...] = AHEAD,
    valid: str = "True,True",
    comma: str = "",
) -> str:
    """A row 4 ms after the one before; head is yaw, pitch and roll as Unity counts them."""
    yaw, pitch, roll = head
    cells = [600_000_000_000 + k * 4_000_000, frame, pitch, yaw, roll, sphere, *eye]
    return ",".join(map(str, cells)) + f",660.5{comma}{valid}"


def write(path: Path, rows: list[str], header: str = VIDEO, end: str = "\r\n") -> Path:
    path.write_bytes(end.join([header, *rows, ""]).encode())
    return path


def direction(folder: Path, rows: list[str], **changes: float) -> tuple[float, float]:
    table = read_salient360_raw([write(folder / "P01.csv", rows)], 25, Salient360RawSettings(**changes))
    return table.yaw_deg[0], table.pitch_deg[0]


@pytest.mark.parametrize(
    ("head", "sphere", "eye", "yaw", "pitch"),
    [
        ((90, 0, 0), 0, AHEAD, 0, 0),  # the panorama's centre is at 90° of a sphere that is not turned
        ((294.7, 0, 0), 204.7, AHEAD, 0, 0),  # as observers start in the published files
        ((100, 0, 0), 0, AHEAD, 10, 0),  # the head turns right
        ((90, 0, 0), 10, AHEAD, -10, 0),  # the sphere turns right: what was ahead is to the right
        ((90, 350, 0), 0, AHEAD, 0, 10),  # 350 is −10 and up
        ((90, 0, 0), 0, (0.5, 0, 0.75**0.5), 30, 0),  # the eyes turn right in the head
        ((90, 0, 0), 0, (0, 0.5, 0.75**0.5), 0, 30),
        ((90, 0, 90), 0, (0.5, 0, 0.75**0.5), 0, 30),  # roll turns the head's right up
        ((269.9, 0, 0), 0, AHEAD, 179.9, 0),
        ((90, 270, 33), 0, AHEAD, None, 90),
    ],
)
def test_directions_are_those_of_closed_forms(
    tmp_path: Path,
    head: tuple[float, float, float],
    sphere: float,
    eye: tuple[float, float, float],
    yaw: float | None,
    pitch: float,
) -> None:
    found = direction(tmp_path, [row(k, head=head, sphere=sphere, eye=eye) for k in range(3)])
    assert found[1] == pytest.approx(pitch, abs=1e-6)
    assert yaw is None or found[0] == pytest.approx(yaw, abs=1e-6)


def test_the_sphere_may_turn_within_a_file_and_its_centre_be_elsewhere(tmp_path: Path) -> None:
    rows = [row(k, head=(40 + k, 0, 0), sphere=k) for k in range(4)]
    table = read_salient360_raw([write(tmp_path / "P01.csv", rows)], 25, Salient360RawSettings(centre_deg=40))
    assert table.yaw_deg.tolist() == pytest.approx([0, 0, 0, 0], abs=1e-9)


ANGLE = st.floats(-180, 360)


@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(ANGLE, st.floats(-90, 90), ANGLE, ANGLE, st.floats(-60, 60), st.floats(-60, 60))
def test_any_head_and_eye_agree_with_matrices_of_scipy(
    tmp_path: Path, yaw: float, pitch: float, roll: float, sphere: float, right: float, up: float
) -> None:
    forward, rightward, upward = to_vectors(right, up)
    rows = [row(k, head=(yaw, pitch, roll), sphere=sphere, eye=(rightward, upward, forward)) for k in range(2)]
    found = direction(tmp_path, rows)
    matrix = Rotation.from_euler("YXZ", [yaw - sphere - 90, pitch, roll], degrees=True).as_matrix()
    x, y, z = matrix @ [rightward, upward, forward]
    assert vector_angle(to_vectors(*found), [z, x, y]) < 1e-5


def stills(k: int, step_us: int = 8000, valid: str = "True,True", right: tuple[object, ...] = (0.6, 0, 0.8)) -> str:
    """The head looks 30° right; the left eye straight ahead, what is called mean gaze down."""
    quaternion = Rotation.from_euler("y", 30, degrees=True).as_quat()
    return ",".join(map(str, [20_000_000 + k * step_us, *quaternion, 0, -1, 0, 0, 0, 1, *right])) + f",{valid}"


def test_the_form_with_quaternions_has_microseconds_and_a_direction_for_each_eye(tmp_path: Path) -> None:
    half = np.degrees(np.arctan2(0.6, 1.8))  # between both eyes
    rows = [stills(0), stills(1), stills(2, valid="True,False", right=("NaN",) * 3), stills(3, valid="False,True")]
    table = read_salient360_raw([write(tmp_path / "P01.csv", rows, STILLS)], 25)
    assert table.yaw_deg.tolist() == pytest.approx([30 + half, 30 + half, 30, 30 + np.degrees(np.arcsin(0.6))])
    assert table.time_s.tolist() == pytest.approx([0, 0.008, 0.016, 0.024])
    as_table(table, FIXATIONS, "read")


def test_time_starts_with_frame_1_and_observers_are_named_by_their_files(tmp_path: Path) -> None:
    numbers = [503, 503, 0, 0, 1, 1, 1, 2]
    rows = [row(k, frame) for k, frame in enumerate(numbers)]
    paths = [write(tmp_path / f"{name}.csv", rows) for name in ("P01", "Zoë 2")]
    notes: list[str] = []
    table = read_salient360_raw(paths, 25, notes=notes)
    assert table.observer.unique().tolist() == ["P01", "Zoë 2"]
    assert table.time_s[:4].tolist() == pytest.approx([0, 0.004, 0.008, 0.012])
    assert table.frame.tolist() == [0] * 8
    assert table.duration_s.to_numpy() == pytest.approx(0.004)
    assert notes[0] == "P01: of 8 rows dropped: 4 before the first frame"


def test_a_first_frame_that_the_player_skipped_moves_the_start(tmp_path: Path) -> None:
    table = read_salient360_raw([write(tmp_path / "P01.csv", [row(0, 0), row(1, 3), row(2, 3)])], 25)
    assert table.time_s.tolist() == pytest.approx([0.08, 0.084])


def test_rows_are_dropped_by_reason_and_counted(tmp_path: Path) -> None:
    rows = [row(k, valid="True,False" if k == 3 else "True,True") for k in range(6)]
    rows += [row(6, eye=("NaN",) * 3, valid="False,False"), row(7, eye=(0, 0, 0)), row(8), row(8), row(9)]
    notes: list[str] = []
    table = read_salient360_raw([write(tmp_path / "P01.csv", rows)], 25, notes=notes)
    assert len(table) == 8
    reasons = "1 without a valid eye, 1 without a direction, 1 at the time of the row before"
    assert notes == [f"P01: of 11 rows dropped: {reasons}"]


def test_a_player_that_stalls_is_remarked(tmp_path: Path) -> None:
    notes: list[str] = []
    read_salient360_raw([write(tmp_path / "P01.csv", [row(k) for k in range(200)])], 25, notes=notes)
    assert notes == ["P01: in 74 % of the rows another frame is shown than at 25 frames/s"]


@pytest.mark.parametrize("comma", ["", ","])
def test_the_comma_before_the_validity_may_be_missing(tmp_path: Path, comma: str) -> None:
    assert len(read_salient360_raw([write(tmp_path / "P01.csv", [row(k, comma=comma) for k in range(3)])], 25)) == 3


WRONG = {
    "a field too few": (row(1, comma=",").replace("True,True", "True"), "line 3: found '600004"),
    "no validity": (row(1, comma=",", valid="1,1"), "line 3: found '600004"),
    "letters": (row(1, head=(0, "left", 0)), "line 3: found '600004"),  # type: ignore[arg-type]
    "no head": (row(1).replace(",0,0,0,0,", ",0,NaN,0,0,"), "line 3: found no number"),
    "a time that goes back": (row(-1), "line 3: found a time before that of the previous row"),
    "a frame that goes back": (row(1, 0), "line 3: found frame 0 after 1"),
}


@pytest.mark.parametrize(("wrong", "message"), WRONG.values(), ids=WRONG.keys())
def test_a_row_that_cannot_be_read_is_named_by_file_and_line(tmp_path: Path, wrong: str, message: str) -> None:
    with pytest.raises(InputError) as caught:
        read_salient360_raw([write(tmp_path / "P01.csv", [row(0), wrong, row(2)])], 25)
    assert str(caught.value).startswith(f"{tmp_path / 'P01.csv'}, {message}")


def test_eyes_in_another_frame_other_columns_and_a_video_that_never_starts_are_refused(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="eyes that look behind the head in 3 of 3 rows"):
        direction(tmp_path, [row(k, eye=(0, 0.6, -0.8)) for k in range(3)])
    with pytest.raises(InputError, match="no row of frame 1"):
        direction(tmp_path, [row(k, 0) for k in range(3)])
    with pytest.raises(InputError, match=r"line 1: found 'oculoTS,.*expected oculoTS, the head"):
        read_salient360_raw([write(tmp_path / "P01.csv", [], VIDEO.replace("cam_yaw", "yaw"))], 25)
    with pytest.raises(InputError, match="20 to 2000 rows per second"):
        write(tmp_path / "P01.csv", [row(50_000 * k) for k in range(3)])
        read_salient360_raw([tmp_path / "P01.csv"], 25)
