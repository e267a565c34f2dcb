"""Metrics that compare a prediction with a target map or with its own values at the fixations.

Each body is the formula for one map [H, W]; see `tsalv360.metrics` for the conventions.
"""

import math

import numpy as np

from tsalv360.metrics import blocked
from tsalv360.metrics.blocked import EPSILON
from tsalv360.metrics.validation import Maps, computed_by


@computed_by(blocked.cc)
def cc(prediction: Maps, target: Maps, weights: Maps | None = None) -> float:
    """Return Pearson's correlation coefficient of two saliency maps.

    Parameters: maps [..., H, W]; `weights` broadcasts to [H, W] and weights means, variances and covariance.
    Returns: cov(P, T) / √(var P · var T) in [−1, 1], best 1, symmetric; 0 for a constant prediction, NaN for a constant
    target.

    >>> float(cc([[0, 1], [2, 3]], [[1, 3], [5, 7]]))
    1.0
    """
    if np.ptp(target) == 0:
        return math.nan
    if np.ptp(prediction) == 0:
        return 0.0
    p, t = prediction - mean(prediction, weights), target - mean(target, weights)
    return mean(p * t, weights) / math.sqrt(mean(p**2, weights) * mean(t**2, weights))


@computed_by(blocked.sim)
def sim(prediction: Maps, target: Maps, weights: Maps | None = None) -> float:
    """Return the similarity of two saliency maps: the histogram intersection of their densities.

    As published, each map's minimum is subtracted first: an offset does not matter.

    Parameters: maps [..., H, W]; `weights` broadcasts to [H, W] and multiplies the maps before they are scaled.
    Returns: Σ min(P, T) of maps scaled to sum 1, in [0, 1], best 1, symmetric but for zeros; a constant map is uniform,
    NaN for a target of zeros.

    >>> float(sim([[0, 1], [1, 2]], [[0, 2], [1, 1]]))
    0.75
    """
    if not target.any():
        return math.nan
    p, t = density(prediction - prediction.min(), weights), density(target - target.min(), weights)
    return np.minimum(p, t).sum()


@computed_by(blocked.kld)
def kld(prediction: Maps, target: Maps, weights: Maps | None = None) -> float:
    """Return the Kullback–Leibler divergence KL(target ‖ prediction), high where the prediction misses the target.

    This is the direction of training and of the literature; logs of the published code call it `KLD2`.

    Parameters: maps [..., H, W]; `weights` broadcasts to [H, W] and multiplies the maps before they are scaled.
    Returns: Σ T ln((T + ε) / (P + ε)) of maps scaled to sum 1, in nats, ε = 2⁻⁵², from 0, the best, to 36; a prediction
    of zeros is uniform, NaN for a target of zeros.

    >>> float(kld([[1, 1], [1, 1]], [[0, 0], [1, 1]]).round(4))
    0.6931
    """
    if not target.any():
        return math.nan
    p, t = density(prediction, weights), density(target, weights)
    return np.sum(t * np.log((t + EPSILON) / (p + EPSILON)))


@computed_by(blocked.kld_reversed)
def kld_reversed(prediction: Maps, target: Maps, weights: Maps | None = None) -> float:
    """Return KL(prediction ‖ target), the reverse of `kld`; logs of the published code call it `KLD`.

    Parameters and results are as those of `kld`. It depends on ε wherever the target is zero, so compare it only
    between maps of one size.

    >>> float(kld_reversed([[0, 0], [1, 1]], [[1, 1], [1, 1]]).round(4))
    0.6931
    """
    if not target.any():
        return math.nan
    p, t = density(prediction, weights), density(target, weights)
    return np.sum(p * np.log((p + EPSILON) / (t + EPSILON)))


@computed_by(blocked.nss)
def nss(prediction: Maps, fixations: Maps, weights: Maps | None = None) -> float:
    """Return the normalised scanpath saliency: the mean standard score (z-score) of the map at the fixations.

    Parameters: map and binary map [..., H, W]; `weights` broadcasts to [H, W] and weights the map's mean and deviation.
    Returns: the mean over fixations of (P − mean P) / std P, 0 by chance, higher is better; 0 for a constant
    prediction, NaN without a fixation.

    >>> float(nss([[0, 0], [0, 4]], [[0, 0], [0, 1]]).round(4))
    1.7321
    """
    if not fixations.any():
        return math.nan
    if np.ptp(prediction) == 0:
        return 0.0
    p = prediction - mean(prediction, weights)
    return p[fixations].mean() / math.sqrt(mean(p**2, weights))


@computed_by(blocked.information_gain)
def information_gain(prediction: Maps, fixations: Maps, baseline: Maps, weights: Maps | None = None) -> float:
    """Return how much better the map predicts a fixation than a baseline, such as the mean map of the training data.

    Kümmerer et al. 2015, "Information-theoretic model comparison unifies saliency metrics", PNAS 112(52).

    Parameters: maps and binary map [..., H, W]; `weights` broadcasts to [H, W] and multiplies the maps before they are
    scaled to sum 1.
    Returns: the mean over fixations of log₂((P + ε) / (B + ε)) in bits, ε = 2⁻⁵², 0 where the prediction is no better
    than the baseline, within ±52; a map of zeros is uniform, NaN without a fixation.

    >>> float(information_gain([[0, 0], [0, 1]], [[0, 0], [0, 1]], baseline=[[1, 1], [1, 1]]).round(4))
    2.0
    """
    if not fixations.any():
        return math.nan
    p, b = density(prediction, weights)[fixations], density(baseline, weights)[fixations]
    return float(np.log2((p + EPSILON) / (b + EPSILON)).mean())


def mean(values: Maps, weights: Maps | None) -> float:
    """Return the mean of the pixels, weighted by `weights` where they are given."""
    return float(np.average(values, weights=None if weights is None else np.broadcast_to(weights, values.shape)))


def density(saliency: Maps, weights: Maps | None) -> Maps:
    """Return a map, times its weights, scaled to sum 1; zeros become uniform."""
    mass = (saliency if saliency.any() else np.ones_like(saliency)) * (1 if weights is None else weights)
    return mass / mass.sum()
