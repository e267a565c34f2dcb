"""Maps of real gaze: half of the observers' predict where the others look, at least as well as a plain Gaussian."""

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
    """Two splits of four videos, measured by the benchmark."""
    out = tmp_path_factory.mktemp("real") / "runs.json"
    gaze = Path(os.environ["TSALV360_REAL_DATA"]) / "vr_eyetracking" / "Gaze_txt_files"
    command = [sys.executable, ROOT / "benchmarks" / "real_maps.py", gaze, "--splits", "2", "--json", out]
    done = subprocess.run(command, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    return pd.DataFrame(json.loads(out.read_text(encoding="utf-8")))


@pytest.mark.parametrize("place", ["on the sphere", "in the cap"])
def test_default_maps_predict_other_observers_at_least_as_well_as_a_gaussian_on_the_path(
    runs: pd.DataFrame, place: str
) -> None:
    gain = runs[f"default {place}"] - runs[f"Gaussian of 5° on the path {place}"]
    assert gain.mean() >= 0
    assert (gain.groupby(runs.video).mean() >= -0.03).all()
    assert (runs[f"default {place}"] - runs[f"looks only {place}"]).mean() >= 0.03
