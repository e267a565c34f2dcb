"""Ids, fractions of the panorama, and the common columns of all sources."""

from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from tsalv360.contracts.tables import FIXATIONS, as_table
from tsalv360.job.errors import InputError
from tsalv360.sources import READERS, Gaze, OwnVideo, read_gaze
from tsalv360.sources.recording import (
    Recording,
    check_id,
    directions_from_degrees,
    directions_from_fractions,
    fixations_table,
)


@pytest.mark.parametrize("name", ["001", "ocean", "Ocean-2", "a-b-c", "360"])
def test_letters_digits_and_single_hyphens_make_an_id(name: str) -> None:
    assert check_id(name, "videos") == name


@pytest.mark.parametrize(
    "name", ["a/b", "/etc", "a.b", "..", "a b", " a", "a_b", "a--b", "-a", "a-", "", "ä", "a\n", "a:b"]
)
def test_anything_else_is_refused_with_an_example(name: str) -> None:
    with pytest.raises(InputError, match=r"letters, digits and hyphens, like ocean-2\. Rename the video") as caught:
        check_id(name, "clips/a.mp4")
    assert str(caught.value).startswith(f"clips/a.mp4: found the id '{name}'")


def test_fractions_turn_into_directions_by_origin() -> None:
    notes: list[str] = []
    yaw, up = directions_from_fractions([0, 0.25, 1], [0, 0.25, 1], "bottom left", ["a"] * 3, notes)
    _, down = directions_from_fractions([0, 0.25, 1], [0, 0.25, 1], "top left", ["a"] * 3, notes)
    assert yaw.tolist() == [-180, -90, -180]
    assert up.tolist() == [-90, -45, 90]
    assert down.tolist() == [90, 45, -90]
    assert notes == []


def test_the_worst_values_of_vr_eyetracking_are_rounding_errors_and_a_bit_more_is_not() -> None:
    notes: list[str] = []
    yaw, pitch = directions_from_fractions([-0.00098, 1.0009], [1.0009, -0.00098], "bottom left", ["a", "b"], notes)
    np.testing.assert_allclose(yaw, [179.6472, -179.676])
    assert pitch.tolist() == [90, -90]
    assert len(notes) == 1
    for x, y in [(1.003, 0.5), (-0.003, 0.5), (0.5, 1.003), (0.5, -0.003), (np.nan, 0.5), (0.5, np.nan)]:
        with pytest.raises(InputError, match=r"row 9: found the position"):
            directions_from_fractions([0.5, x], [0.5, y], "bottom left", ["row 8", "row 9"], [])


def test_degrees_are_wrapped_and_those_out_of_range_named_by_their_row() -> None:
    notes: list[str] = []
    yaw, pitch = directions_from_degrees([190, 360, -180, -180.4], [90.3, -90, 0, 1], ["a"] * 4, notes)
    np.testing.assert_allclose(yaw, [-170, 0, -180, 179.6])
    assert pitch.tolist() == [90, -90, 0, 1]
    assert notes == ["1 pitches beyond a pole by a rounding error, clipped"]
    for yaw_deg, pitch_deg, found in [(361, 0, "yaw 361"), (-181, 0, "yaw -181"), (0, 91, "pitch 91")]:
        with pytest.raises(InputError, match=rf"row 9: found the {found}; expected degrees from"):
            directions_from_degrees([0, yaw_deg], [0, pitch_deg], ["row 8", "row 9"], [])
    with pytest.raises(InputError, match="row 9: found the pitch nan"):
        directions_from_degrees([0, 0], [0, np.nan], ["row 8", "row 9"], [])


def test_one_value_serves_all_rows() -> None:
    table = fixations_table(["a", "b"], [0, 1], 0.04, [0, 25], 10, -20)
    assert list(table) == list(FIXATIONS)
    assert table.pitch_deg.tolist() == [-20, -20]
    assert table.weight.tolist() == [1, 1]
    as_table(table, FIXATIONS, "made")


def test_own_videos_find_the_gaze_of_their_format(tmp_path: Path) -> None:
    (tmp_path / "a.mp4").touch()
    folder = tmp_path / "gaze" / "p001"
    folder.mkdir(parents=True)
    file = folder / "127._2017-10-1-11-38_ori_0.txt"
    file.write_text("frame,1,forward,0.5,0.5,eye,0.75,0.5\n")
    own = OwnVideo(
        path=str(tmp_path / "a.mp4"), gaze=str(tmp_path / "gaze"), gaze_format="vr_eyetracking", gaze_id="127"
    )
    recording = own.recording("beach")
    assert (recording.video_id, recording.gaze) == ("beach", (file,))
    assert read_gaze(recording, 25).samples.yaw_deg.tolist() == [90]


def test_every_format_has_a_reader_and_a_table_with_other_videos_only_is_no_gaze(tmp_path: Path) -> None:
    assert set(READERS) >= {"vr_eyetracking", "salient360", "gaze_table", "sports360", "fixation_maps", "saliency_maps"}
    path = tmp_path / "gaze.csv"
    path.write_text("observer,video,time_s,yaw_deg,pitch_deg\na,reef,0,1,2\n")
    recording = Recording("ocean", "own", tmp_path / "a.mp4", (path,), "gaze_table", "none", 0, "ocean")
    with pytest.raises(InputError, match=r"video ocean: found no gaze in .*gaze\.csv.*format gaze_table"):
        read_gaze(recording, 25)


# The table of any reader is checked


def read(monkeypatch: pytest.MonkeyPatch, table: pd.DataFrame, n_files: int = 1) -> Gaze:
    """Return the gaze of video "ocean", whose reader returns `table`."""
    monkeypatch.setitem(READERS, "gaze_table", lambda recording, fps, notes: notes.append("read") or table)
    files = tuple(Path("eye", f"{n}.json") for n in range(n_files))
    return read_gaze(Recording("ocean", "own", Path("a.mp4"), files, "gaze_table", "none"), 25)


@pytest.mark.parametrize(
    ("column", "value", "found"),
    [
        ("yaw_deg", 190.0, "190.0 in column yaw_deg, row 1"),
        ("pitch_deg", -90.1, "-90.1 in column pitch_deg, row 1"),
        ("duration_s", np.nan, "nothing in column duration_s, row 1"),
        ("time_s", -0.04, "-0.04 in column time_s, row 1"),
        ("frame", -1, "-1 in column frame, row 1"),
    ],
)
def test_a_table_out_of_its_contract_names_video_file_column_and_value(
    monkeypatch: pytest.MonkeyPatch, column: str, value: float, found: str
) -> None:
    table = fixations_table(["a"] * 3, [0, 0.04, 0.08], 0.04, [0, 1, 2], 0, 0)
    table.loc[1, column] = value
    with pytest.raises(InputError) as caught:
        read(monkeypatch, table)
    assert str(caught.value).startswith(f"video ocean, gaze eye/0.json: found {found}; expected ")


@pytest.mark.parametrize("fixation_id", [-1, [0, 1, 2]], ids=["samples", "fixations"])
def test_two_rows_of_one_observer_at_one_time_are_refused(
    monkeypatch: pytest.MonkeyPatch, fixation_id: int | list[int]
) -> None:
    table = fixations_table(["a3", "a4", "a3"], [0.5, 0.5, 0.5], 0.04, 12, 0, 0, fixation_id)
    with pytest.raises(InputError) as caught:
        read(monkeypatch, table, n_files=5)
    files = "eye/0.json, eye/1.json, eye/2.json and 2 more"
    assert str(caught.value).startswith(f"video ocean, gaze {files}: found two rows of observer a3 at 0.5 s")
    gaze = read(monkeypatch, table[:2])
    assert (len(gaze.samples), gaze.notes, gaze.n_observers) == (2, ["read"], 2)
    assert gaze.samples.attrs == {}
