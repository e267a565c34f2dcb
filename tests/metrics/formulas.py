"""The metrics as formulas in plain NumPy, for one map [H, W] of float64; weights broadcast to it."""

import math
from typing import Any

import numpy as np
from numpy.typing import NDArray

Maps = NDArray[Any]
EPSILON = 2.0**-52


def cc(prediction: Maps, target: Maps, weights: Maps | None = None) -> float:
    if np.ptp(target) == 0:
        return math.nan
    if np.ptp(prediction) == 0:
        return 0.0
    p, t = prediction - mean(prediction, weights), target - mean(target, weights)
    return mean(p * t, weights) / math.sqrt(mean(p**2, weights) * mean(t**2, weights))


def sim(prediction: Maps, target: Maps, weights: Maps | None = None) -> float:
    if not target.any():
        return math.nan
    p, t = density(prediction - prediction.min(), weights), density(target - target.min(), weights)
    return np.minimum(p, t).sum()


def kld(prediction: Maps, target: Maps, weights: Maps | None = None) -> float:
    if not target.any():
        return math.nan
    p, t = density(prediction, weights), density(target, weights)
    return np.sum(t * np.log((t + EPSILON) / (p + EPSILON)))


def kld_reversed(prediction: Maps, target: Maps, weights: Maps | None = None) -> float:
    if not target.any():
        return math.nan
    p, t = density(prediction, weights), density(target, weights)
    return np.sum(p * np.log((p + EPSILON) / (t + EPSILON)))


def nss(prediction: Maps, fixations: Maps, weights: Maps | None = None) -> float:
    if not fixations.any():
        return math.nan
    if np.ptp(prediction) == 0:
        return 0.0
    p = prediction - mean(prediction, weights)
    return p[fixations].mean() / math.sqrt(mean(p**2, weights))


def information_gain(prediction: Maps, fixations: Maps, baseline: Maps, weights: Maps | None = None) -> float:
    if not fixations.any():
        return math.nan
    p, b = density(prediction, weights)[fixations], density(baseline, weights)[fixations]
    return float(np.log2((p + EPSILON) / (b + EPSILON)).mean())


def auc_judd(prediction: Maps, fixations: Maps, weights: Maps | None = None) -> float:
    if not fixations.any() or fixations.all():
        return math.nan
    thresholds = np.sort(prediction[fixations])[::-1]
    others = ~fixations * (1 if weights is None else weights)
    true_positives = [np.mean(prediction[fixations] >= threshold) for threshold in thresholds]
    false_positives = [others[prediction >= threshold].sum() / others.sum() for threshold in thresholds]
    return np.trapezoid([0, *true_positives, 1], [0, *false_positives, 1])


def auc_shuffled(prediction: Maps, fixations: Maps, others: Maps) -> float:
    if not fixations.any() or not others.any():
        return math.nan
    values, other_values = prediction[fixations][:, None], prediction[others > 0]
    higher = (values > other_values) + (values == other_values) / 2
    return np.average(higher.mean(axis=0), weights=others[others > 0])


def mean(values: Maps, weights: Maps | None) -> float:
    """Return the mean of the pixels, weighted by `weights` where they are given."""
    return float(np.average(values, weights=None if weights is None else np.broadcast_to(weights, values.shape)))


def density(saliency: Maps, weights: Maps | None) -> Maps:
    """Return a map, times its weights, scaled to sum 1; zeros become uniform."""
    mass = (saliency if saliency.any() else np.ones_like(saliency)) * (1 if weights is None else weights)
    return mass / mass.sum()
