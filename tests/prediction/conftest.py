"""Fixtures of the tests of predictions: a tiny model, and one that predicts given maps."""

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
import torch
from numpy.typing import NDArray

from tsalv360.model import ModelSettings, TSalV360, save_checkpoint


@pytest.fixture(scope="session")
def model() -> TSalV360:
    torch.manual_seed(0)
    return TSalV360(ModelSettings.tiny()).eval()


@pytest.fixture(scope="session")
def checkpoint(model: TSalV360, tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("checkpoint") / "tiny.pt"
    save_checkpoint(model, path)
    return path


@pytest.fixture
def planted(monkeypatch: pytest.MonkeyPatch) -> Callable[..., TSalV360]:
    """Return a function that makes a model which decodes every clip to the given maps [H, W], one for each prompt."""

    def plant(*maps: NDArray[np.float32]) -> TSalV360:
        model = TSalV360(ModelSettings.tiny()).eval()
        monkeypatch.setattr(model, "decode", lambda clips, text: torch.from_numpy(np.stack(maps))[:, None])
        return model

    return plant
