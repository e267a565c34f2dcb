"""Salient360!'s fixation files: milliseconds, top left origin, frames from 1, observers by restarting index."""

from pathlib import Path

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from tsalv360.contracts.tables import FIXATIONS, as_table
from tsalv360.job.errors import InputError
from tsalv360.sources import read_salient360

HEADER = "# Idx, longitude, latitude, start timestamp, duration, start frame, end frame"


def row(
    index: object = 0, x: object = 0.5, y: object = 0.5, start: object = 0, length: object = 200, frame: object = 1
) -> str:
    numbers = [f"{v:.18e}" if isinstance(v, int | float) else str(v) for v in (index, x, y, start, length, frame, 6)]
    return ", ".join(numbers)


def write(folder: Path, lines: list[str], header: str = HEADER) -> Path:
    path = folder / "1_PortoRiverside_fixations.csv"
    path.write_text("\n".join([header, *lines]) + "\n", encoding="utf-8")
    return path


@pytest.mark.parametrize(
    ("x", "y", "yaw", "pitch"),
    [(0.5, 0.5, 0, 0), (0.75, 0.25, 90, 45), (0.25, 0.75, -90, -45), (0, 0, -180, 90), (1, 1, -180, -90)],
)
def test_positions_count_from_the_top_left(tmp_path: Path, x: float, y: float, yaw: float, pitch: float) -> None:
    table = read_salient360(write(tmp_path, [row(0, x, y)]), 25)
    assert (table.yaw_deg[0], table.pitch_deg[0]) == (yaw, pitch)
    as_table(table, FIXATIONS, "read")


def test_times_are_milliseconds_and_frames_count_from_1(tmp_path: Path) -> None:
    table = read_salient360(write(tmp_path, [row(0, start=0, length=160), row(1, start=240, length=400, frame=7)]), 25)
    assert table.time_s.tolist() == [0, 0.24]
    assert table.duration_s.tolist() == [0.16, 0.4]
    assert table.frame.tolist() == [0, 6]
    assert table.fixation_id.tolist() == [0, 1]


def test_an_index_of_0_starts_a_new_observer(tmp_path: Path) -> None:
    lines = [row(0), row(1, start=300), row(0, start=50), row(0), row(1, start=500)]
    observer = read_salient360(write(tmp_path, lines), 25).observer
    assert observer.nunique() == 3
    assert observer[0] == observer[1] != observer[2] != observer[3] == observer[4]


def test_left_and_right_files_have_different_observers(tmp_path: Path) -> None:
    left, right = tmp_path / "L_fixations.csv", tmp_path / "R_fixations.csv"
    for path in (left, right):
        write(tmp_path, [row(0)]).rename(path)
    assert read_salient360(left, 25).observer[0] != read_salient360(right, 25).observer[0]


def test_a_rounding_error_is_noted(tmp_path: Path) -> None:
    notes: list[str] = []
    table = read_salient360(write(tmp_path, [row(0, 1.001, -0.001)]), 25, notes)
    assert (table.yaw_deg[0], table.pitch_deg[0]) == (pytest.approx(-179.64), 90)
    assert notes == ["1 positions outside 0 to 1 by a rounding error, wrapped or clipped"]


WRONG = {
    "letters": row(1, "left"),
    "a field too few": row(1).rsplit(",", 1)[0],
    "a field too many": row(1) + ", 1",
    "not a number": row(1, float("nan")),
    "infinite": row(1, length=float("inf")),
    "negative duration": row(1, length=-5),
    "negative time": row(1, start=-5),
    "nothing": "",
    "no duration": row(1, length=0),
    "half a frame": row(1, frame=1.5),
    "a frame beyond all videos": row(1, frame=1e300),
    "a time beyond all videos": row(1, start=5e12),
    "a number to Python alone": row(1, "0._5"),
    "digits of another script": row(1, "\u0661"),
}


@pytest.mark.parametrize("wrong", WRONG.values(), ids=WRONG.keys())
def test_a_line_that_cannot_be_read_is_named_by_file_and_number(tmp_path: Path, wrong: str) -> None:
    path = write(tmp_path, [row(0), wrong, row(2)])
    with pytest.raises(InputError) as caught:
        read_salient360(path, 25)
    assert f"{path}, line 3: found '{wrong[:80]}'" in str(caught.value)
    assert "7 numbers, none negative" in str(caught.value)


def test_a_position_out_of_range_is_named_by_file_and_number(tmp_path: Path) -> None:
    path = write(tmp_path, [row(0), row(1, 0.5, 1.2)])
    with pytest.raises(InputError, match=r"fixations\.csv, line 3: found the position \(0\.5, 1\.2\)"):
        read_salient360(path, 25)


@pytest.mark.parametrize("header", ["", "Idx, longitude", HEADER.replace("latitude", "lat"), row(0)])
def test_another_header_is_refused(tmp_path: Path, header: str) -> None:
    with pytest.raises(InputError, match=r"line 1: found .*Use the file as published"):
        read_salient360(write(tmp_path, [row(0)], header), 25)


def test_a_fixation_that_starts_before_the_previous_one_is_refused(tmp_path: Path) -> None:
    path = write(tmp_path, [row(0, start=100), row(1, start=400), row(2, start=300), row(0, start=0)])
    with pytest.raises(InputError, match=r"line 4: found a start at 300 ms; expected one after the start of the prev"):
        read_salient360(path, 25)


@pytest.mark.parametrize("index", [1, 3, 1.5])
def test_an_index_that_is_neither_the_next_nor_0_is_refused(tmp_path: Path, index: float) -> None:
    path = write(tmp_path, [row(0), row(1, start=300), row(index, start=310), row(2, start=400)])
    with pytest.raises(InputError, match=f"line 4: found index {index} after 1; expected the next one, or 0"):
        read_salient360(path, 25)


# Any recording

FRACTION = st.floats(-0.002, 1.002) | st.sampled_from([0.0, 1.0, 0.5])
FIXATION = st.tuples(st.integers(0, 20_000), FRACTION, FRACTION, st.integers(1, 2000), st.integers(1, 501))
OBSERVERS = st.lists(st.lists(FIXATION, min_size=1, max_size=6), min_size=1, max_size=4)


@settings(max_examples=100, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(OBSERVERS)
def test_written_fixations_are_read_unchanged(
    tmp_path: Path, observers: list[list[tuple[int, float, float, int, int]]]
) -> None:
    """The seam, the poles, rounding errors, observers with one fixation."""
    fixations = [(who, k, *fixation) for who, own in enumerate(observers) for k, fixation in enumerate(sorted(own))]
    table = read_salient360(
        write(tmp_path, [row(k, x, y, start, length, frame) for _, k, start, x, y, length, frame in fixations]), 25
    )
    who, k, start, x, y, length, frame = (np.array(column) for column in zip(*fixations, strict=True))
    names = list(dict.fromkeys(table.observer))
    assert len(names) == len(observers)
    assert table.observer.tolist() == [names[n] for n in who]
    assert table.fixation_id.tolist() == k.tolist()
    assert table.frame.tolist() == (frame - 1).tolist()
    np.testing.assert_allclose(table.time_s, start / 1000)
    np.testing.assert_allclose(table.duration_s, length / 1000)
    np.testing.assert_allclose((table.yaw_deg - 360 * x) % 360, 180, atol=1e-9)
    np.testing.assert_allclose(table.pitch_deg, 90 - 180 * np.clip(y, 0, 1), atol=1e-9)
