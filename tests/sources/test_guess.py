"""Tables of every convention are written and the settings that read them guessed back."""

import gzip
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from tsalv360.job.errors import InputError
from tsalv360.sources.guess.columns import words_of
from tsalv360.sources.guess.form import read_form
from tsalv360.sources.guess.settings import guess_settings
from tsalv360.sphere.directions import to_vectors, wrap_yaw

PER_SECOND = {"s": 1.0, "ms": 1e3, "us": 1e6, "ticks": 1e7, "ns": 1e9}


def gaze(rate: int = 60, n: int = 5, seconds: float = 8.0, seed: int = 0) -> pd.DataFrame:
    """Observers who begin at the front and look around, mostly a little below the horizon."""
    rng = np.random.default_rng(seed)
    parts = []
    for k in range(n):
        time = np.arange(int(seconds * rate)) / rate
        look = np.minimum((time * 2.3).astype(int), 40)
        yaw = np.cumsum(np.r_[0, rng.normal(0, 50, 40)])[look] + rng.normal(0, 0.3, len(time))
        pitch = np.r_[0, rng.normal(-14, 6, 40)][look] + rng.normal(0, 0.3, len(time))
        parts.append(pd.DataFrame({"who": f"P{k}", "time": time, "yaw": wrap_yaw(yaw), "pitch": pitch.clip(-89, 89)}))
    return pd.concat(parts, ignore_index=True)


def columns_of(kind: str, table: pd.DataFrame) -> tuple[dict[str, Any], dict[str, Any]]:
    """Return the columns of a convention and the settings that read them."""
    yaw, pitch = table.yaw.to_numpy(), table.pitch.to_numpy()
    right, up, forward = (to_vectors(yaw, pitch)[:, axis] for axis in (1, 2, 0))
    x, down = yaw / 360 + 0.5, 0.5 - pitch / 180
    match kind:
        case "degrees":
            return {"yaw_deg": yaw, "pitch_deg": pitch}, {}
        case "degrees from 0":
            names = {"yaw_deg": "azimuth", "pitch_deg": "elevation"}
            return {"azimuth": yaw % 360, "elevation": pitch}, {"columns": names}
        case "radians":
            names = {"yaw_deg": "longitude", "pitch_deg": "latitude"}
            columns = {"longitude": np.radians(yaw), "latitude": np.radians(pitch)}
            return columns, {"columns": names, "angle_unit": "rad"}
        case "radians down":
            names = {"yaw_deg": "Gaze Yaw", "pitch_deg": "Gaze Pitch"}
            columns = {"Gaze Yaw": np.radians(yaw), "Gaze Pitch": -np.radians(pitch)}
            return columns, {"columns": names, "angle_unit": "rad", "pitch": "down"}
        case "fractions":
            return {"u": x, "v": down}, {"columns": {"x": "u", "y": "v"}, "origin": "top left"}
        case "pupil":
            names = {"x": "norm_pos_x", "y": "norm_pos_y"}
            return {"norm_pos_x": x, "norm_pos_y": 1 - down}, {"columns": names, "origin": "bottom left"}
        case "longitude in fractions":
            names = {"x": "longitude", "y": "latitude"}
            return {"longitude": x, "latitude": down}, {"columns": names, "origin": "top left"}
        case "pixels":
            columns = {"gazeX": 3840 * x, "gazeY": 1920 * down}
            names = {"x": "gazeX", "y": "gazeY"}
            return columns, {"columns": names, "width": 3840, "height": 1920, "origin": "top left"}
        case "unity":
            names = {"gaze_x": "GazeDirection.x", "gaze_y": "GazeDirection.y", "gaze_z": "GazeDirection.z"}
            return dict(zip(names.values(), (right, up, forward), strict=True)), {"columns": names, "axes": "unity"}
        case "openxr":
            names = {"gaze_x": "dir_x", "gaze_y": "dir_y", "gaze_z": "dir_z"}
            return dict(zip(names.values(), (right, up, -forward), strict=True)), {"columns": names, "axes": "openxr"}
        case "z up, x forward":
            return {"gaze_x": forward, "gaze_y": -right, "gaze_z": up}, {"axes": ["-y", "z", "x"]}
        case "z up, y forward":
            return {"gaze_x": right, "gaze_y": forward, "gaze_z": up}, {"axes": ["x", "z", "y"]}
    raise AssertionError(kind)


KINDS = ["degrees", "degrees from 0", "radians", "radians down", "fractions", "pupil", "longitude in fractions"]
KINDS += ["pixels", "unity", "openxr", "z up, x forward", "z up, y forward"]


@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    kind=st.sampled_from(KINDS),
    unit=st.sampled_from(list(PER_SECOND)),
    named=st.booleans(),
    rate=st.sampled_from([50, 60, 90, 120, 250]),
    clock=st.sampled_from([0.0, 0.0, 1512.337]),
    observer=st.sampled_from(["observer", "Participant", "subjectID", "user"]),
    separator=st.sampled_from([",", ";", "\t", "|"]),
    comma=st.booleans(),
    encoding=st.sampled_from(["utf-8", "utf-8-sig", "utf-16"]),
    end=st.sampled_from(["\n", "\r\n"]),
    zipped=st.booleans(),
    known=st.booleans(),
    seed=st.integers(0, 50),
)
def test_what_was_written_is_guessed_back(
    tmp_path: Path,
    kind: str,
    unit: str,
    named: bool,
    rate: int,
    clock: float,
    observer: str,
    separator: str,
    comma: bool,
    encoding: str,
    end: str,
    zipped: bool,
    known: bool,
    seed: int,
) -> None:
    table = gaze(rate, seed=seed)
    directions, expected = columns_of(kind, table)
    time = f"timestamp_{unit}" if named else "timestamp"
    starts = table.who.str[1:].astype(int) * 40.0 + clock if clock else 0.0
    written = pd.DataFrame({observer: table.who, time: (table.time + starts) * PER_SECOND[unit], **directions})
    text = written.to_csv(index=False, sep=separator, decimal="," if comma else ".", lineterminator=end)
    path = tmp_path / ("gaze.csv.gz" if zipped else "gaze.csv")
    path.write_bytes(gzip.compress(text.encode(encoding)) if zipped else text.encode(encoding))

    form = read_form(path)
    assert form.settings.get("separator", ",") == {"\t": "tab"}.get(separator, separator)
    assert form.settings.get("decimal", ".") == ("," if comma else ".")
    assert list(form.cells) == list(written) and len(form.cells) == len(written)
    seconds = 8.0 if known else None
    guess = guess_settings(form.cells, form.settings.get("decimal") == ",", seconds=seconds)
    found = guess.settings()
    names = {"observer": observer, "time_s": time} | expected.pop("columns", {})
    assert guess.columns == names | {name: column for name, column in guess.columns.items() if name == column}
    if (guessed := found.pop("time_unit", "s")) != unit:  # 120 Hz in ticks are 12 Hz in microseconds
        assert not (named or known) and any(f"{unit} (" in doubt for doubt in guess.doubts), guessed
    assert found.pop("time_zero", None) == ("first of each observer" if clock else None)
    found.pop("columns", None)
    assert found == expected


def test_columns_of_validity_are_found_with_the_value_that_is_kept() -> None:
    table = gaze()
    rows = pd.DataFrame({"observer": table.who, "time_s": table.time, "x": table.yaw / 360 + 0.5, "y": 0.53})
    lost = np.arange(len(rows)) % 50 < 4
    for kept, dropped in (("1", "0"), ("True", "False"), ("valid", "blink")):
        cells = rows.assign(x=rows.x.where(~lost), validity=np.where(lost, dropped, kept))
        guess = guess_settings(cells.astype("str").fillna(""))
        assert guess.table["validity"] == {"column": "validity", "keep": int(kept) if kept == "1" else kept}
        assert any(dropped in doubt for doubt in guess.doubts)
    guess = guess_settings(rows.assign(confidence=np.where(lost, 0.1, 0.93)).astype("str"))
    assert guess.table["confidence"] == {"column": "confidence", "at_least": 0.6}


def test_a_head_and_the_eyes_in_it_are_told_apart() -> None:
    table = gaze()
    half = np.radians(table.yaw) / 2
    quaternion = {"head_rot_x": 0.0, "head_rot_y": np.sin(half), "head_rot_z": 0.0, "head_rot_w": np.cos(half)}
    base = pd.DataFrame({"subject": table.who, "t_ms": 1000 * table.time, **quaternion})
    eyes = base.assign(eye_h_deg=3 * np.sin(table.time), eye_v_deg=2 * np.cos(table.time))
    guess = guess_settings(eyes.astype("str"))
    assert {"head_qx", "head_qy", "head_qz", "head_qw"} <= guess.columns.keys()
    assert (guess.columns["yaw_deg"], guess.columns["pitch_deg"]) == ("eye_h_deg", "eye_v_deg")
    assert guess.table["axes"] == "unity"
    ray = to_vectors(3 * np.sin(table.time), 2 * np.cos(table.time))
    local = base.assign(eyeDirX=ray[:, 1], eyeDirY=ray[:, 2], eyeDirZ=-ray[:, 0])
    assert guess_settings(local.astype("str")).table["axes"] == "openxr"  # eyes look along -z
    world = to_vectors(table.yaw, table.pitch)
    everywhere = base.assign(gaze_x=world[:, 1], gaze_y=world[:, 2], gaze_z=world[:, 0])
    guess = guess_settings(everywhere.astype("str"))
    assert "head_qx" not in guess.columns and guess.table["axes"] == "unity"
    assert guess_settings(base.astype("str")).table["head_only"] is True
    angles = {"head_yaw": table.yaw, "head_pitch": table.pitch, "head_roll": 0.0}
    guess = guess_settings(pd.DataFrame({"id": table.who, "time": table.time, **angles}).astype("str"))
    assert guess.columns["head_yaw_deg"] == "head_yaw" and "head_pitch" not in guess.table
    unity = {"cam_yaw": table.yaw % 360, "cam_pitch": -table.pitch % 360, "cam_roll": 0.0}
    guess = guess_settings(pd.DataFrame({"id": table.who, "time": table.time, **unity}).astype("str"))
    assert guess.table["head_pitch"] == "down" and guess.table["head_only"] is True


EXPORTS = {
    "screen": (
        lambda g: {
            "Recording timestamp [μs]": (1e6 * g.time).astype(int),
            "Recording name": g.who,
            "Gaze point X": 4096 * (g.yaw / 360 + 0.5),
            "Gaze point Y": 2048 * (0.5 - g.pitch / 180),
        },
        {"observer": "Recording name", "time_s": "Recording timestamp [μs]", "x": "Gaze point X", "y": "Gaze point Y"},
        {"time_unit": "us", "width": 4096, "height": 2048, "origin": "top left"},
    ),
    "numbers of rows": (
        lambda g: {"id": range(len(g)), "user": g.who, "t": g.time, "lon": g.yaw, "lat": g.pitch},
        {"observer": "user", "time_s": "t", "yaw_deg": "lon", "pitch_deg": "lat"},
        {},
    ),
    "fixations": (
        lambda g: {
            "Subject": g.who,
            "FixationStart_ms": 4000 * g.time,
            "FixationDuration_ms": 220,
            "lon": g.yaw,
            "lat": g.pitch,
        },
        {
            "observer": "Subject",
            "time_s": "FixationStart_ms",
            "duration_s": "FixationDuration_ms",
            "yaw_deg": "lon",
            "pitch_deg": "lat",
        },
        {"time_unit": "ms"},
    ),
    "Unix time": (
        lambda g: {"observer": g.who, "unix_ms": 1.7e12 + 1000 * g.time, "yaw": g.yaw, "pitch": g.pitch},
        {"observer": "observer", "time_s": "unix_ms", "yaw_deg": "yaw", "pitch_deg": "pitch"},
        {"time_unit": "ms", "time_zero": "first sample"},
    ),
    "frames from 1": (
        lambda g: {"subject": g.who, "frame": (30 * g.time).astype(int) + 1, "theta": g.yaw, "phi": g.pitch},
        {"observer": "subject", "frame": "frame", "yaw_deg": "theta", "pitch_deg": "phi"},
        {"first_frame": 1},
    ),
}


@pytest.mark.parametrize("kind", EXPORTS)
def test_exports_as_recorders_name_them(kind: str) -> None:
    make, columns, table = EXPORTS[kind]
    guess = guess_settings(pd.DataFrame(make(gaze())).astype("str"))
    assert (guess.columns, guess.table) == (columns, table)


def test_dates_are_times() -> None:
    table = gaze(n=1)
    stamps = [str(pd.Timestamp("2026-03-01T10:00:00") + pd.Timedelta(seconds=second)) for second in table.time]
    cells = pd.DataFrame({"observer": table.who, "when": stamps, "yaw_deg": table.yaw, "pitch_deg": table.pitch})
    guess = guess_settings(cells.astype("str"))
    assert guess.columns["time_s"] == "when"
    assert (guess.table["time_unit"], guess.table["time_zero"]) == ("iso", "first of each observer")


def test_what_is_no_table_is_refused(tmp_path: Path) -> None:
    for content, said in (
        (b"", "no columns"),
        (b"one\ntwo\nthree\n", "no columns"),
        (b"1,2,3\n4,5,6\n", "a header"),
        (b'{"gaze": [1, 2]}\n', "JSON"),
        (b"\x1f\x8bbroken", "gz"),
    ):
        path = tmp_path / "gaze.csv"
        path.write_bytes(content)
        with pytest.raises(InputError, match=said):
            read_form(path)


def test_rows_of_another_length_and_an_unknown_encoding_are_doubts(tmp_path: Path) -> None:
    path = tmp_path / "gaze.csv"
    path.write_bytes(
        "observer,time_s,yaw_deg,pitch_deg\nJos\xe9,0,1,2\nJos\xe9,0.1,1,2\nJos\xe9,0.2\n".encode("latin-1")
    )
    form = read_form(path)
    assert form.settings["encoding"] == "cp1252" and form.cells.observer.tolist() == ["José", "José"]
    assert len(form.doubts) == 2


@pytest.mark.parametrize(
    "name, words",
    [
        ("norm_pos_x", ["norm", "pos", "x"]),
        ("GazeDirection.x", ["gaze", "direction", "x"]),
        ("gazeX", ["gaze", "x"]),
        ("qw", ["q", "w"]),
        ("time (ms)", ["time", "ms"]),
        ("oculoTS", ["oculo", "ts"]),
    ],
)
def test_words_of_a_name(name: str, words: list[str]) -> None:
    assert words_of(name) == words


NAMES = ["observer", "time", "t_ms", "frame", "x", "y", "z", "qx", "qy", "qz", "qw", "yaw", "pitch", "lon", "lat", "id"]
NAMES += [
    "head_yaw",
    "head_pitch",
    "validity",
    "confidence",
    "gaze_x",
    "gaze_y",
    "gaze_z",
    "duration",
    "sphere_yaw",
    "",
]
CELLS = ["", "0", "1", "-1", "0.5", "nan", "1e9", "P1", "2026-01-01T10:00:00", "true", "179", "1,5", "inf"]


@settings(max_examples=150, deadline=None)
@given(
    names=st.lists(st.sampled_from(NAMES), min_size=1, max_size=9),
    rows=st.integers(1, 6),
    data=st.data(),
    seconds=st.sampled_from([None, 8.0]),
)
def test_any_table_is_guessed_at(names: list[str], rows: int, data: st.DataObject, seconds: float | None) -> None:
    cells = [[data.draw(st.sampled_from(CELLS)) for _ in names] for _ in range(rows)]
    guess = guess_settings(pd.DataFrame(cells, columns=pd.Index(names), dtype="str"), seconds=seconds)
    assert set(guess.columns.values()) <= set(names)
    assert len(set(guess.columns.values())) == len(guess.columns), "one column, one role"
