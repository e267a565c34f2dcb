"""Metrics of mean and deviation: a map's scale and offset do not matter."""

import math

import numpy as np
from numpy.typing import ArrayLike

from tsalv360.metrics.maps import Map, Points, Weights, blocks, dot, judge
from tsalv360.sphere.directions import Array


def cc(prediction: ArrayLike, target: ArrayLike, weights: ArrayLike | None = None) -> Array:
    """Pearson's correlation coefficient of two saliency maps: how linear their relation is.

    Parameters: maps [..., H, W]; `weights` broadcasts to [H, W], for means, variances and covariance.
    Returns: cov(P, T) / √(var P · var T) in [−1, 1], 1 at best, symmetric; 0 for a constant prediction, NaN for a
    constant target.

    >>> float(cc([[0, 1], [2, 3]], [[1, 3], [5, 7]]))
    1.0
    """
    return judge(_cc, weights, prediction=prediction, target=target)


def nss(prediction: ArrayLike, fixations: ArrayLike, weights: ArrayLike | None = None) -> Array:
    """Normalised scanpath saliency: how many standard deviations above its mean the map is where people looked.

    Parameters: map and binary map [..., H, W]; `weights` broadcasts to [H, W], for mean and deviation of the map.
    Returns: the mean over fixations of (P − mean P) / std P, 0 by chance, more is better; 0 for a constant prediction,
    NaN without a fixation.

    >>> float(nss([[0, 0], [0, 4]], [[0, 0], [0, 1]]).round(4))
    1.7321
    """
    return judge(_nss, weights, prediction=prediction, fixations=fixations)


def _cc(prediction: Map, target: Map, weights: Weights) -> float:
    if target.is_constant:
        return math.nan
    if prediction.is_constant:
        return 0.0
    (variance_p, covariance), (_, variance_t) = _covariances(prediction, target, weights=weights)
    return float(covariance / np.sqrt(variance_p) / np.sqrt(variance_t))


def _nss(prediction: Map, fixations: Points, weights: Weights) -> float:
    if not fixations.any():
        return math.nan
    if prediction.is_constant:
        return 0.0
    variance = _covariances(prediction, weights=weights)[0, 0]
    at_fixations = prediction.values[fixations].mean(dtype=np.float64)
    return float((at_fixations - prediction.mean) / np.sqrt(variance))


def _covariances(*maps: Map, weights: Weights) -> Array:
    """Covariances [n, n] of n maps; the upper triangle."""
    products = np.zeros((len(maps), len(maps)))
    for *parts, w in blocks(*(one.values for one in maps), weights):
        centred = [part - one.mean for part, one in zip(parts, maps, strict=True)]
        weighted = centred if w is None else [part * w for part in centred]
        products += [[dot(a, b) if i <= j else 0 for j, b in enumerate(centred)] for i, a in enumerate(weighted)]
    return products / (maps[0].values.size if weights is None else 1)
