"""What the benchmarks measure on real gaze."""

import json
import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pandas as pd
import pytest
from running import ROOT


@pytest.fixture(scope="module")
def measured(tmp_path_factory: pytest.TempPathFactory) -> Callable[[str, int], pd.DataFrame]:
    """Runs a benchmark on the gaze of four videos; returns its rows, one for each video and split."""

    def run(script: str, splits: int) -> pd.DataFrame:
        out = tmp_path_factory.mktemp("real") / "runs.json"
        gaze = Path(os.environ["TSALV360_REAL_DATA"]) / "vr_eyetracking" / "Gaze_txt_files"
        command = [sys.executable, ROOT / "benchmarks" / script, gaze, "--splits", str(splits), "--json", out]
        done = subprocess.run(command, capture_output=True, text=True)
        assert done.returncode == 0, done.stderr
        return pd.DataFrame(json.loads(out.read_text(encoding="utf-8")))

    return run
