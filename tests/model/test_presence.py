"""What the peak of a map tells: shares of prompts that nothing fits, and of right ones."""

from dataclasses import asdict
from pathlib import Path

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from tsalv360.job.errors import InputError
from tsalv360.model import ModelSettings, TSalV360, load_checkpoint, save_checkpoint
from tsalv360.model.presence import FALSE_ALARMS, Presence

PEAKS = st.lists(st.floats(0, 1, width=32), min_size=1, max_size=300)


@given(PEAKS, PEAKS, st.floats(-0.5, 1.5))
def test_false_alarms_are_the_share_that_peaks_as_high(right: list[float], absent: list[float], peak: float) -> None:
    """Between two quantiles of a small sample the share is interpolated: it lies within a sample and a percent."""
    presence = Presence.measured(np.array(right), np.array(absent))
    expected = [np.mean(np.array(absent) > peak), np.mean(np.array(absent) >= peak)]
    margin = 1 / len(absent) + 0.0101
    assert min(expected) - margin <= presence.false_alarms(peak) <= max(expected) + margin
    assert 0 <= presence.found <= 1


def test_a_model_that_tells_and_one_that_does_not() -> None:
    rng = np.random.default_rng(0)
    absent = rng.uniform(0, 0.6, 2000)
    telling = Presence.measured(rng.uniform(0.4, 1, 2000), absent)
    assert telling.is_telling and telling.found == pytest.approx((1 - 0.54) / 0.6, abs=0.03)
    assert telling.false_alarms(0.54) == pytest.approx(FALSE_ALARMS, abs=0.02)
    assert telling.false_alarms(0.7) == 0 and telling.false_alarms(0) == 1
    same = Presence.measured(rng.uniform(0, 0.6, 2000), absent)
    assert not same.is_telling and same.found == pytest.approx(FALSE_ALARMS, abs=0.03)


def test_a_checkpoint_holds_it_and_one_that_cannot_be_is_refused(tmp_path: Path) -> None:
    torch.manual_seed(0)
    model, presence = TSalV360(ModelSettings.tiny()), Presence.measured(np.array([0.9, 0.8]), np.array([0.1, 0.2]))
    save_checkpoint(model, tmp_path / "best.pt", {"presence": asdict(presence)})
    assert load_checkpoint(tmp_path / "best.pt").presence == presence
    save_checkpoint(model, tmp_path / "best.pt", {"fold": 0})
    assert load_checkpoint(tmp_path / "best.pt").presence is None
    for wrong in ({"right": [0.5], "absent": [0.1]}, {"right": [float("nan")] * 101, "absent": [0.1] * 101}, 3):
        save_checkpoint(model, tmp_path / "best.pt", {"presence": wrong})
        with pytest.raises(InputError, match="a presence that cannot be"):
            load_checkpoint(tmp_path / "best.pt")
