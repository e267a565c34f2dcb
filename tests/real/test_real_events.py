"""Events of real gaze: what other observers confirm, and what observers with nothing in common give."""

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
    return measured("real_events.py", 3)


def test_half_of_the_observers_find_the_events_of_the_other_half(runs: pd.DataFrame) -> None:
    assert 2 * runs.matched.sum() / runs["of halves"].sum() >= 0.4
    assert runs["of halves"].sum() / 2 / 3 >= 20, "not by finding few"
    assert runs.near.sum() / runs.gaze.sum() >= 0.36


def test_observers_with_nothing_in_common_have_few_events(runs: pd.DataFrame) -> None:
    assert runs.turned.sum() <= 0.1 * runs.events.sum()
    assert runs.blurred.sum() <= 0.15 * runs.events.sum()
