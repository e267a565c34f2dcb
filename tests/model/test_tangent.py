"""The corrected geometry, and how far the published one is off."""

import math

import pytest
import torch
from torch import Tensor

from tsalv360.model import ModelSettings
from tsalv360.model.tangent import ErpToTangent, TangentToErp


def directions_of(height: int, width: int) -> Tensor:
    """Return the unit vectors [3, H, W] of a panorama's pixel centres."""
    phi = (((torch.arange(height) + 0.5) / height - 0.5) * math.pi)[:, None]
    lam = ((torch.arange(width) + 0.5) / width - 0.5) * math.tau
    return torch.stack([phi.cos() * lam.cos(), phi.cos() * lam.sin(), phi.sin().expand(-1, width)])


def round_trip_error(settings: ModelSettings) -> Tensor:
    """Return the angle [H, W], degrees, between the origin and the final place of a value projected there and back."""
    there = ErpToTangent(settings, size=settings.decoded_size)(directions_of(960, 1920)[None])[0]
    back = TangentToErp(settings)(there.transpose(0, 1))[:, 0]
    back = back / back.norm(dim=0)
    return (back * directions_of(*back.shape[1:])).sum(0).clamp(-1, 1).double().arccos().rad2deg()


def test_published_geometry_is_off_by_up_to_a_degree_and_the_corrected_is_not() -> None:
    published = round_trip_error(ModelSettings())
    corrected = round_trip_error(ModelSettings(geometry="corrected"))
    assert published.mean() > 0.4 and published.max() > 1
    assert corrected.mean() < 0.03 and corrected.max() < 0.5


def test_panoramas_are_the_same_where_there_are_no_sparse_matrices() -> None:
    to_erp = TangentToErp(ModelSettings.tiny())
    images = torch.rand(2, 18, 16, 16, requires_grad=True)
    outs = [to_erp.gather(images, sparse) for sparse in (True, False)]
    assert torch.allclose(*outs, atol=1e-6)
    gradients = [torch.autograd.grad(out.square().sum(), images)[0] for out in outs]
    assert torch.allclose(*gradients, atol=1e-4)


@pytest.mark.parametrize("rolls", [1, 2])
def test_corrected_geometry_has_no_seam(rolls: int) -> None:
    settings = ModelSettings(geometry="corrected", map_size=(120, 240))
    panorama = torch.rand(1, 3, 120, 240, generator=torch.Generator().manual_seed(0))
    to_tangent, to_erp = ErpToTangent(settings, size=56), TangentToErp(settings)

    def there_and_back(picture: Tensor) -> Tensor:
        return to_erp(to_tangent(picture)[0].transpose(0, 1))

    rolled = there_and_back(panorama.roll(80 * rolls, -1)).roll(-160 * rolls, -1)
    assert (rolled - there_and_back(panorama)).abs().max() < 1e-3
