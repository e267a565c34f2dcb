"""Real files of three more data sets: raw head and eyes at 250 Hz, and heads only at 10 Hz."""

import os
from pathlib import Path

import pandas as pd
import pytest

from tsalv360.contracts.tables import FIXATIONS, as_table
from tsalv360.fixations import FixationSettings, find_fixations
from tsalv360.sources import read_salient360_raw
from tsalv360.sources.avtrack360 import read_avtrack360
from tsalv360.sources.plausibility import plausibility_remarks
from tsalv360.sources.vidstr88 import read_vidstr88

pytestmark = pytest.mark.skipif("TSALV360_REAL_DATA" not in os.environ, reason="TSALV360_REAL_DATA names no folder")
DATA = Path(os.environ.get("TSALV360_REAL_DATA", "."), "more_gaze")


def read(name: str, notes: list[str]) -> pd.DataFrame:
    if name == "salient360_raw":
        return read_salient360_raw([DATA / "salient360toolbox_rawDataDyn1.csv"], 30, notes=notes)
    if name == "avtrack360":
        return read_avtrack360([DATA / "avtrack360_10.json"], "6", 30, notes)
    return read_vidstr88(DATA / "360vidstr_60.txt", 30, notes)


@pytest.mark.parametrize(
    ("name", "rate", "still"),
    [("salient360_raw", 250, (0.15, 0.8)), ("avtrack360", 10, (0.3, 60)), ("vidstr88", 10, (0.3, 60))],
)
def test_real_files_give_fixations_as_people_have_them(name: str, rate: float, still: tuple[float, float]) -> None:
    """`still` bounds, in s, how long the fixation of a median sample lasts: eyes rest for a part of a second."""
    notes: list[str] = []
    samples = read(name, notes)
    as_table(samples, FIXATIONS, name)
    assert samples.duration_s.median() == pytest.approx(1 / rate, rel=0.05)
    assert samples.pitch_deg.abs().median() < 30
    fixations = find_fixations(samples, FixationSettings(), notes)
    assert len(fixations) > 0.6 * len(samples)
    length = fixations.groupby(["observer", "fixation_id"]).duration_s.transform("sum")
    assert still[0] < length.median() < still[1]
    assert not plausibility_remarks(samples, samples.time_s.max() + 0.01, True, []), notes
