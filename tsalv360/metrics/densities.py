"""Metrics of two maps as densities: each is scaled to sum 1."""

import math
from collections.abc import Callable

import numpy as np
from numpy.typing import ArrayLike

from tsalv360.metrics.maps import Map, Values, Weights, blocks, dot, judge
from tsalv360.sphere.directions import Array

EPSILON = float(np.finfo(np.float64).eps)  # keeps logarithms finite; published values depend on it


def sim(prediction: ArrayLike, target: ArrayLike, weights: ArrayLike | None = None) -> Array:
    """Similarity: how much of two densities is shared, their histogram intersection.

    As published, each map's minimum is subtracted first: a map's offset does not matter.

    Parameters: maps [..., H, W]; `weights` broadcasts to [H, W] and multiplies the maps before they are scaled.
    Returns: Σ min(P, T) in [0, 1], 1 at best, symmetric but for zeros; a constant map is uniform, NaN for a target of
    zeros.

    >>> float(sim([[0, 1], [1, 2]], [[0, 2], [1, 1]]))
    0.75
    """
    return judge(_sim, weights, prediction=prediction, target=target)


def kld(prediction: ArrayLike, target: ArrayLike, weights: ArrayLike | None = None) -> Array:
    """Kullback–Leibler divergence KL(target || prediction): what is lost where the target is and the prediction is not.

    The direction of training and of the literature; logs of the published code call it `KLD2`.

    Parameters: maps [..., H, W]; `weights` broadcasts to [H, W] and multiplies the maps before they are scaled.
    Returns: Σ T ln((T + ε) / (P + ε)) in nats, ε = 2⁻⁵², from 0, the best, to 36; a prediction of zeros is uniform, NaN
    for a target of zeros.

    >>> float(kld([[1, 1], [1, 1]], [[0, 0], [1, 1]]).round(4))
    0.6931
    """
    return judge(_kld, weights, prediction=prediction, target=target)


def kld_reversed(prediction: ArrayLike, target: ArrayLike, weights: ArrayLike | None = None) -> Array:
    """KL(prediction || target), the other direction than `kld`; logs of the published code call it `KLD`.

    Parameters and results as those of `kld`. It depends on ε wherever the target is zero: values compare only on maps
    of one size.

    >>> float(kld_reversed([[0, 0], [1, 1]], [[1, 1], [1, 1]]).round(4))
    0.6931
    """
    return judge(_kld_reversed, weights, prediction=prediction, target=target)


def shares(one: Map, weights: Weights, offset: float = 0.0) -> Callable[[Values, Weights], Values]:
    """Gives of some pixels of a map, less the offset, and of their weights their shares in the sum of all.

    Those of zeros are uniform.
    """
    size = one.values.size if weights is None else 1
    total = (one.mean - offset) * size

    def share(values: Values, w: Weights) -> Values:
        if one.most == offset:
            density = np.full_like(values, 1 / size)
        else:
            density = (values - offset if offset else values) / total
        return density if w is None else density * w

    return share


def _sim(prediction: Map, target: Map, weights: Weights) -> float:
    if not target.most:
        return math.nan
    p_share, t_share = (shares(one, weights, one.least) for one in (prediction, target))
    shared = 0.0
    for p, t, w in blocks(prediction.values, target.values, weights):
        if not t.max() == target.least < target.most:  # else it has no share here
            shared += dot(np.minimum(p_share(p, w), t_share(t, w)), None)
    return shared


def _kld(prediction: Map, target: Map, weights: Weights) -> float:
    return _divergence(target, prediction, weights) if target.most else math.nan


def _kld_reversed(prediction: Map, target: Map, weights: Weights) -> float:
    return _divergence(prediction, target, weights) if target.most else math.nan


def _divergence(first: Map, second: Map, weights: Weights) -> float:
    """KL(first || second)."""
    p_share, q_share, divergence = shares(first, weights), shares(second, weights), 0.0
    for a, b, w in blocks(first.values, second.values, weights):
        if a.max() == 0 < first.most:
            continue
        p, q = p_share(a, w), q_share(b, w)
        ratio = p + EPSILON
        q += EPSILON
        ratio /= q
        np.log(ratio, out=ratio)
        divergence += dot(ratio, p)
    return divergence
