"""Information gain over a baseline map."""

import math

import numpy as np
from numpy.typing import ArrayLike

from tsalv360.metrics.densities import EPSILON, shares
from tsalv360.metrics.maps import Map, Points, Weights, judge
from tsalv360.sphere.directions import Array


def information_gain(
    prediction: ArrayLike, fixations: ArrayLike, baseline: ArrayLike, weights: ArrayLike | None = None
) -> Array:
    """How much better the map foretells a fixation than a baseline, such as the mean map of the training data.

    Kümmerer et al. 2015, "Information-theoretic model comparison unifies saliency metrics", PNAS 112(52).

    Parameters: maps and binary map [..., H, W]; `weights` broadcasts to [H, W] and multiplies the maps before they are
    scaled to sum 1.
    Returns: the mean over fixations of log₂((P + ε) / (B + ε)) in bits, ε = 2⁻⁵², 0 where the prediction is no better
    than the baseline, within ±52; a map of zeros is uniform, NaN without a fixation.

    >>> float(information_gain([[0, 0], [0, 1]], [[0, 0], [0, 1]], baseline=[[1, 1], [1, 1]]).round(4))
    2.0
    """
    return judge(_information_gain, weights, prediction=prediction, fixations=fixations, baseline=baseline)


def _information_gain(prediction: Map, fixations: Points, baseline: Map, weights: Weights) -> float:
    if not fixations.any():
        return math.nan
    w = None if weights is None else weights[fixations]
    p, b = (shares(one, weights)(one.values[fixations], w).astype(np.float64) for one in (prediction, baseline))
    return float(np.log2((p + EPSILON) / (b + EPSILON)).mean())
