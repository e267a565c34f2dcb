"""Random damage to a valid gaze file gives the right kind of table or an error that names the file, never a crash."""

from collections.abc import Callable
from pathlib import Path

import pandas as pd
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from tsalv360.errors import InputError
from tsalv360.sources import read_gaze_table, read_salient360
from tsalv360.sources.vr_eyetracking import read_files
from tsalv360.tables import FIXATIONS, as_table

VALID = {
    "p001/001._2017-10-1-11-38_ori_0.txt": "".join(
        f"frame,{n},forward,0.5121028,0.541275,eye,0.4962522,0.{n}684367\n" for n in (1, 2, 3, 5, 6)
    ),
    "ocean.csv": "# Idx, longitude, latitude, start timestamp, duration, start frame, end frame\n"
    + "".join(f"{n % 3},9.9255e-01,5.18e-01,{n * 300}.0,2.5e+02,{n * 9 + 1},{n * 9 + 8}\n" for n in range(6)),
    "gaze.csv": "observer,time_s,yaw_deg,pitch_deg\n" + "".join(f"a,{n / 10},{n * 20 - 90},{n}\n" for n in range(9)),
}
READERS: dict[str, Callable[[Path], pd.DataFrame]] = {
    "p001/001._2017-10-1-11-38_ori_0.txt": lambda path: read_files([path], 25),
    "ocean.csv": lambda path: read_salient360(path, 30),
    "gaze.csv": lambda path: read_gaze_table(path, 30),
}
DAMAGE = st.tuples(
    st.floats(0, 1), st.integers(0, 12), st.binary(max_size=8) | st.sampled_from([b",", b"\n", b"nan", b"-1", b"1e999"])
)


def read_damaged(folder: Path, name: str, damage: tuple[float, int, bytes]) -> None:
    place, length, replacement = damage
    whole = VALID[name].encode()
    start = int(place * len(whole))
    path = folder / name
    path.parent.mkdir(exist_ok=True)
    path.write_bytes(whole[:start] + replacement + whole[start + length :])
    try:
        gaze = READERS[name](path)
    except InputError as error:
        assert str(path) in str(error)
    else:
        as_table(gaze, FIXATIONS, path)


@pytest.mark.parametrize("name", VALID)
def test_the_undamaged_file_is_read(tmp_path: Path, name: str) -> None:
    (tmp_path / name).parent.mkdir(exist_ok=True)
    (tmp_path / name).write_text(VALID[name])
    assert len(READERS[name](tmp_path / name)) >= 5


@pytest.mark.parametrize("examples", [300, pytest.param(50_000, marks=pytest.mark.soak)])
@pytest.mark.parametrize("name", VALID)
def test_damage_gives_a_table_or_a_named_error(tmp_path: Path, name: str, examples: int) -> None:
    @settings(max_examples=examples, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
    @given(DAMAGE)
    def check(damage: tuple[float, int, bytes]) -> None:
        read_damaged(tmp_path, name, damage)

    check()
