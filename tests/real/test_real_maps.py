"""Maps of real gaze: half of the observers' predict where the others look, at least as well as a plain Gaussian."""

import os
from collections.abc import Callable

import pandas as pd
import pytest

pytestmark = [
    pytest.mark.slow,
    pytest.mark.skipif("TSALV360_REAL_DATA" not in os.environ, reason="TSALV360_REAL_DATA names no folder"),
]


@pytest.fixture(scope="module")
def runs(measured: Callable[[str, int], pd.DataFrame]) -> pd.DataFrame:
    return measured("real_maps.py", 2)


@pytest.mark.parametrize("place", ["on the sphere", "in the cap"])
def test_default_maps_predict_other_observers_at_least_as_well_as_a_gaussian_on_the_path(
    runs: pd.DataFrame, place: str
) -> None:
    gain = runs[f"default {place}"] - runs[f"Gaussian of 5° on the path {place}"]
    assert gain.mean() >= 0
    assert (gain.groupby(runs.video).mean() >= -0.03).all()
    assert (runs[f"default {place}"] - runs[f"looks only {place}"]).mean() >= 0.03
