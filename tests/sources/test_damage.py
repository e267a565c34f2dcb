"""Random damage to a valid gaze file gives the right table or an error that names the place, never a crash.

Right is: rows whose lines were not touched are all there with their values. What cannot be seen from the file alone
is no error: a digit that is another digit, whole lines that are gone.
"""

import json
import pickle
import re
from collections import Counter
from collections.abc import Callable
from itertools import accumulate, pairwise
from pathlib import Path

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from tsalv360.contracts.tables import FIXATIONS, as_table
from tsalv360.job.errors import InputError
from tsalv360.sources import (
    read_avtrack360,
    read_dsav360,
    read_em360,
    read_gaze_table,
    read_salient360,
    read_salient360_raw,
    read_vidstr88,
)
from tsalv360.sources.sports360 import read_sports360
from tsalv360.sources.vr_eyetracking import read_gaze_files

Damage = tuple[float, int, bytes]
Row = tuple[object, ...]

ROW = ["time_s", "frame", "yaw_deg", "pitch_deg", "observer"]  # what a line says, whatever stands in others


def parquet(checksums: bool) -> bytes:
    table = {"observer": ["a", "b"] * 20, "time_s": np.arange(40) / 20, "yaw_deg": np.arange(40) * 9 - 180.0}
    sink = pa.BufferOutputStream()
    pq.write_table(pa.table(table | {"pitch_deg": np.arange(40) / 2}), sink, write_page_checksum=checksums)
    return sink.getvalue().to_pybytes()


def points(protocol: int, as_array: bool) -> bytes:
    frames = [(np.arange(6).reshape(3, 2) + n) / 20 for n in range(9)]
    content = {
        f"{n + 21:04d}": frame if as_array else list(map(tuple, frame.tolist())) for n, frame in enumerate(frames)
    }
    return pickle.dumps({"217": {}, "218": content}, protocol)


def heads() -> bytes:
    """Two videos of an observer of AVTrack360, of which the second is read."""

    def samples(first: int) -> list[dict[str, float]]:
        return [{"pitch": n - first, "roll": n, "sec": n / 10 + 0.003, "yaw": 30 * n - 90} for n in range(1, 8)]

    videos = [{"filename": f"{n}.mp4", "pitch_yaw_roll_data_hmd": samples(n)} for n in (6, 7)]
    return json.dumps({"data": videos, "label": "10"}, indent=4).encode()


TEXT = {
    "p001/001._2017-10-1-11-38_ori_0.txt": "".join(
        f"frame,{n},forward,0.5121028,0.541275,eye,0.4962522,0.{n}684367\n" for n in (1, 2, 3, 5, 6)
    ),
    "ocean.csv": "# Idx, longitude, latitude, start timestamp, duration, start frame, end frame\n"
    + "".join(f"{n % 3},9.9255e-01,5.18e-01,{n * 300}.0,2.5e+02,{n * 9 + 1},{n * 9 + 8}\n" for n in range(6)),
    "gaze.csv": "observer,time_s,yaw_deg,pitch_deg\n" + "".join(f"a,{n / 10},{n * 20 - 90},{n}\n" for n in range(9)),
    "fixations.tsv": "pitch_deg\tyaw_deg\tframe\tduration_s\tobserver\n"
    + "".join(f"{n}.5\t{n * 20}\t{n * 12}\t0.{n + 1}\tobserver {n % 2}\n" for n in range(9)),
    "raw360.csv": "oculoTS,currFrame,cam_pitch,cam_yaw,cam_roll,sphere_yaw,"
    "meanGazeDir.x,meanGazeDir.y,meanGazeDir.z,Lval,Rval\n"
    + "".join(
        f"{600000 + 4 * n}000000,{n // 3},{350 + n},{3 * n},0.5,204.7,0.1,-0.1,0.{99 - n}True,True\n" for n in range(9)
    ),
    "dsav360.csv": "video,id,frame,t,u,v,fixation,valid_fix_classification\n"
    + "".join(f"0012,{'ab'[n % 2]},{n},{n / 60:.6f},0.{n + 1}5,0.{n + 1},1,True\n" for n in range(8)),
    "em.arff": "@RELATION gaze_360\n%@METADATA height_px 1080\n%@METADATA width_px 1920\n"
    + "".join(f"@ATTRIBUTE {name} NUMERIC\n" for name in ("time", "x", "y", "confidence"))
    + "@ATTRIBUTE labeller_1 {fixation,saccade}\n@DATA\n"
    + "".join(f"{n * 8000},{n * 190}.5,{n * 99}.25,1.00,fixation\n" for n in range(9)),
}
VALID = {name: text.encode() for name, text in TEXT.items()} | {
    "gaze.parquet": parquet(checksums=False),
    "checked.parquet": parquet(checksums=True),
    "python2/vinfo.pkl": points(protocol=2, as_array=False),
    "python3/vinfo.pkl": points(protocol=4, as_array=False),
    "arrays/vinfo.pkl": points(protocol=2, as_array=True),
    "10.json": heads(),
    "60.txt": b"0.0 0.1 0.2 0.3\n0.5 0.52 0.55 0.6\n-0.1 3.14 -3.14 0.25\n0.0 -1.0 0.1 0.2\n1.0 2.0 1.5 1.75\n",
}
READERS: dict[str, Callable[[Path], pd.DataFrame]] = {
    "raw360.csv": lambda path: read_salient360_raw([path], 25),
    "dsav360.csv": lambda path: read_dsav360([path], "12", 60),
    "em.arff": lambda path: read_em360([path], 25),
    "10.json": lambda path: read_avtrack360([path], "7", 25),
    "60.txt": lambda path: read_vidstr88(path, 25),
    "txt": lambda path: read_gaze_files([path], 25),
    "ocean.csv": lambda path: read_salient360(path, 30),
    "csv": lambda path: read_gaze_table(path, 30),
    "tsv": lambda path: read_gaze_table(path, 30),
    "parquet": lambda path: read_gaze_table(path, 30),
    "pkl": lambda path: read_sports360(path.parent, "218", 30),
}
DAMAGE = st.tuples(
    st.floats(0, 1),
    st.integers(0, 12),
    st.binary(max_size=8)
    | st.sampled_from([b",", b"\n", b"\r", b'"', b"\t", b" ", b"_", b"0", b"nan", b"-1", b"1e999", b"\xef\xbb\xbf"]),
)


def read(folder: Path, name: str, content: bytes) -> pd.DataFrame:
    path = folder / name
    path.parent.mkdir(exist_ok=True)
    path.write_bytes(content)
    gaze = READERS[name if name in READERS else path.suffix[1:]](path)
    as_table(gaze, FIXATIONS, path)
    return gaze


def rows(gaze: pd.DataFrame, name: str) -> list[Row]:
    # Observers of the first are numbered by the lines before; times of the second count from the first row of frame 1.
    columns = {"ocean.csv": ROW[:-1], "raw360.csv": ROW[2:]}.get(name, ROW)
    return list(gaze[columns].itertuples(index=False, name=None))


def extents(name: str, n: int) -> list[tuple[int, int]]:
    """Where the n rows lie in the file: for text their lines with the line ends before and after them."""
    whole = VALID[name]
    if name in TEXT:
        stops = list(accumulate(map(len, whole.splitlines(keepends=True)), initial=0))
        return [(begin - 1, stop) for begin, stop in pairwise(stops)][-n:]
    if name in ("python2/vinfo.pkl", "python3/vinfo.pkl"):
        keys = [whole.index(f"{21 + frame:04d}".encode()) for frame in range(n // 3)]
        return [(begin - 6, stop) for begin, stop in pairwise([*keys, len(whole)]) for _ in range(3)]
    return [(0, 0) if name == "checked.parquet" else (0, len(whole))] * n


def check(folder: Path, name: str, whole: list[Row], damage: Damage) -> None:
    place, length, replacement = damage
    start = int(place * len(VALID[name]))
    end = min(start + length, len(VALID[name]))
    content = VALID[name][:start] + replacement + VALID[name][end:]
    try:
        found = rows(read(folder, name, content), name)
    except InputError as error:
        message = str(error)
        assert message.startswith(str(folder / name))
        if name in TEXT and start > TEXT[name].index("\n"):
            number = re.match(r", line (\d+)(, column \d+)?: ", message.removeprefix(str(folder / name)))
            assert number, message
            assert int(number[1]) > TEXT[name].count("\n", 0, start), message
    else:
        if name == "em.arff" and start < TEXT[name].index("@ATTRIBUTE"):
            return  # the size of the panorama, one digit of which places all rows elsewhere
        parts = zip(whole, extents(name, len(whole)), strict=True)
        untouched = Counter(row for row, (begin, stop) in parts if stop <= start or begin >= end)
        assert not untouched - Counter(found), content
        shorter = name == "60.txt"  # a viewing may be: its reader notes it
        assert name in TEXT or len(found) == len(whole) or shorter, content


@pytest.mark.parametrize("name", VALID)
def test_the_undamaged_file_is_read(tmp_path: Path, name: str) -> None:
    assert len(read(tmp_path, name, VALID[name])) >= 5


@pytest.mark.parametrize("examples", [300, pytest.param(10_000, marks=pytest.mark.soak)])
@pytest.mark.parametrize("name", VALID)
def test_damage_gives_the_right_table_or_a_named_error(
    tmp_path: Path, name: str, examples: int, capsys: pytest.CaptureFixture[str]
) -> None:
    whole, tried = rows(read(tmp_path, name, VALID[name]), name), Counter[str]()

    @settings(max_examples=examples, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
    @given(DAMAGE)
    def check_all(damage: Damage) -> None:
        tried[name] += 1
        check(tmp_path, name, whole, damage)

    check_all()
    if examples > 300:
        with capsys.disabled():
            print(f" {name}: {tried[name]} examples")
