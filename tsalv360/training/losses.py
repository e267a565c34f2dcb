"""The loss of a saliency map: Kullback–Leibler divergence and correlation, differentiable, one number per map."""

import torch
from torch import Tensor

EPSILON = torch.finfo(torch.float32).eps  # keeps logarithms finite; published values depend on it


def kl_loss(prediction: Tensor, target: Tensor) -> Tensor:
    """KL(target ‖ prediction) [B] in nats of maps [B, 1, H, W], each scaled to sum 1."""
    p, t = (maps.float().flatten(1) for maps in (prediction, target))
    p, t = p / p.sum(1, keepdim=True), t / t.sum(1, keepdim=True)
    return (t * ((t + EPSILON) / (p + EPSILON)).log()).sum(1)


def cc_loss(prediction: Tensor, target: Tensor) -> Tensor:
    """1 − Pearson's correlation [B] of maps [B, 1, H, W]; 1 for a constant prediction."""
    p, t = (maps.float().flatten(1) for maps in (prediction, target))
    p, t = p - p.mean(1, keepdim=True), t - t.mean(1, keepdim=True)
    least = torch.finfo(torch.float32).tiny
    return 1 - (p * t).sum(1) / (p.square().sum(1) * t.square().sum(1)).clamp_min(least).sqrt()
