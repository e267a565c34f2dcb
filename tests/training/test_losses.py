"""The loss: published values and gradients, and maps without anything to correlate."""

import json
from pathlib import Path

import numpy as np
import pytest
import torch
from torch import Tensor

from tsalv360 import metrics
from tsalv360.training.train import cc_loss, kl_loss

GOLDEN = json.loads((Path(__file__).parents[1] / "data" / "golden" / "losses.json").read_text("utf-8"))
ROWS, COLUMNS = (np.arange(48) + 0.5)[:, None] / 48, (np.arange(96) + 0.5) / 96


def blob(y: float, x: float, height: float, width: float) -> np.ndarray:
    aside = np.minimum(abs(COLUMNS - x), 1 - abs(COLUMNS - x))
    return np.exp(-((ROWS - y) ** 2) / (2 * height**2) - aside**2 / (2 * width**2))


PAIRS = {
    "P1_overlap": (0.1 + 0.8 * blob(0.5, 0.5, 0.10, 0.08), blob(0.48, 0.55, 0.08, 0.06)),
    "P2_disjoint": (0.05 + 0.9 * blob(0.3, 0.2, 0.06, 0.05), blob(0.7, 0.75, 0.05, 0.05)),
    "P3_same": (blob(0.4, 0.6, 0.1, 0.1), blob(0.4, 0.6, 0.1, 0.1)),
}


def maps(name: str) -> tuple[Tensor, Tensor]:
    prediction, target = (torch.tensor(part, dtype=torch.float32)[None, None] for part in PAIRS[name])
    return prediction.requires_grad_(), target


@pytest.mark.parametrize("name", PAIRS)
def test_values_and_gradients_are_the_published_ones(name: str) -> None:
    prediction, target = maps(name)
    kl, cc = kl_loss(prediction, target), cc_loss(prediction, target)
    assert kl.item() == pytest.approx(GOLDEN[name]["KL_loss"], abs=1e-6)
    assert cc.item() == pytest.approx(GOLDEN[name]["CC_loss"], abs=1e-6)
    total = (kl + 0.05 * cc).sum()
    assert total.item() == pytest.approx(GOLDEN[name]["total"], abs=1e-6)
    total.backward()
    gradient = prediction.grad
    assert gradient is not None
    assert gradient.sum().item() == pytest.approx(GOLDEN[name]["grad_sum"], rel=1e-5)
    assert gradient.abs().sum().item() == pytest.approx(GOLDEN[name]["grad_abs_sum"], rel=1e-5)
    assert gradient[0, 0, 24, 48].item() == pytest.approx(GOLDEN[name]["grad_24_48"], abs=1e-7)
    assert gradient[0, 0, 0, 0].item() == pytest.approx(GOLDEN[name]["grad_0_0"], abs=1e-7)


def test_a_perfect_prediction_costs_nothing_at_any_scale() -> None:
    _, target = maps("P1_overlap")
    assert kl_loss(0.3 * target, target).item() == pytest.approx(0, abs=1e-6)
    assert cc_loss(0.3 * target + 0.1, target).item() == pytest.approx(0, abs=1e-6)


def test_a_batch_gives_the_loss_of_each_map_and_they_are_those_of_the_metrics() -> None:
    predictions, targets = (torch.cat(parts) for parts in zip(*(maps(name) for name in PAIRS), strict=True))
    p, t = predictions.detach().numpy()[:, 0], targets.numpy()[:, 0]
    cc, kl = cc_loss(predictions, targets).detach().numpy(), kl_loss(predictions, targets).detach().numpy()
    np.testing.assert_allclose(1 - cc, metrics.cc(p, t), atol=1e-5)
    np.testing.assert_allclose(kl, metrics.kld(p, t), atol=1e-3)


def test_a_constant_prediction_has_a_finite_loss_and_gradient() -> None:
    _, target = maps("P1_overlap")
    prediction = torch.full_like(target, 0.5, requires_grad=True)
    loss = kl_loss(prediction, target) + cc_loss(prediction, target)
    loss.sum().backward()
    assert prediction.grad is not None and torch.isfinite(loss).all() and torch.isfinite(prediction.grad).all()
    assert cc_loss(prediction, target).item() == 1
