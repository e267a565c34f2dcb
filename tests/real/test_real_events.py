"""Events of real gaze: what other observers confirm, and what observers with nothing in common give."""

import json
import os
import subprocess
import sys
from pathlib import Path

import pandas as pd
import pytest
from running import ROOT

pytestmark = [
    pytest.mark.slow,
    pytest.mark.skipif("TSALV360_REAL_DATA" not in os.environ, reason="TSALV360_REAL_DATA names no folder"),
]


@pytest.fixture(scope="module")
def runs(tmp_path_factory: pytest.TempPathFactory) -> pd.DataFrame:
    """Three splits of four videos, measured by the benchmark."""
    out = tmp_path_factory.mktemp("real") / "runs.json"
    gaze = Path(os.environ["TSALV360_REAL_DATA"]) / "vr_eyetracking" / "Gaze_txt_files"
    command = [sys.executable, ROOT / "benchmarks" / "real_events.py", gaze, "--splits", "3", "--json", out]
    done = subprocess.run(command, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    return pd.DataFrame(json.loads(out.read_text(encoding="utf-8")))


def test_half_of_the_observers_find_the_events_of_the_other_half(runs: pd.DataFrame) -> None:
    assert 2 * runs.matched.sum() / runs["of halves"].sum() >= 0.4
    assert runs["of halves"].sum() / 2 / 3 >= 20, "not by finding few"
    assert runs.near.sum() / runs.gaze.sum() >= 0.36


def test_observers_with_nothing_in_common_have_few_events(runs: pd.DataFrame) -> None:
    assert runs.turned.sum() <= 0.1 * runs.events.sum()
    assert runs.blurred.sum() <= 0.15 * runs.events.sum()
