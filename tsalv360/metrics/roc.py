"""Areas under ROC curves: the map as a classifier of what was looked at. Only the order of its values matters."""

import math

import numpy as np
from numpy.typing import ArrayLike, NDArray

from tsalv360.metrics.maps import Map, Points, Values, Weights, blocks, dot, judge
from tsalv360.sphere.directions import Array

_BINS = 4096  # and one for the maximum


def auc_judd(prediction: ArrayLike, fixations: ArrayLike, weights: ArrayLike | None = None) -> Array:
    """AUC of fixated pixels against all others, with the values at the fixations as thresholds.

    Riche et al. 2013, "Saliency and human fixations: state-of-the-art and study of comparison metrics", ICCV. The curve
    goes straight from each threshold to the next, from (0, 0) to (1, 1). Equal values cross a threshold together: no
    random jitter.

    Parameters: map and binary map [..., H, W]; `weights` broadcasts to [H, W] and weights the pixels not looked at, the
    false positive rate.
    Returns: the area in [0, 1], 1 at best; 0.5 for a constant prediction, NaN without a fixation or with nothing else.

    >>> float(auc_judd([[1, 2], [3, 4]], [[0, 0], [1, 0]]).round(4))
    0.8333
    """
    return judge(_auc_judd, weights, prediction=prediction, fixations=fixations)


def auc_shuffled(prediction: ArrayLike, fixations: ArrayLike, others: ArrayLike) -> Array:
    """Shuffled AUC (sAUC): how often the map is higher at a fixation than at one of other clips. A tie counts half.

    A prior that all clips share, such as the equator's, gains nothing.

    Parameters: map, binary map and `others` [..., H, W]: how many fixations of other clips fell into each pixel.
    Nothing is summed over pixels, so there are no weights.
    Returns: P(value > value of another) + ½ P(equal) in [0, 1], 1 at best; 0.5 for a constant prediction, NaN without a
    fixation or without others.

    >>> float(auc_shuffled([[1, 2], [3, 4]], [[0, 0], [1, 0]], others=[[1, 0], [0, 3]]))
    0.25
    """
    return judge(_auc_shuffled, prediction=prediction, fixations=fixations, others=others)


def _auc_judd(prediction: Map, fixations: Points, weights: Weights) -> float:
    values = prediction.values[fixations]
    thresholds, n = np.sort(values), len(values)
    if n in (0, fixations.size):
        return math.nan
    area = _area_by_thresholds(thresholds, prediction, weights)
    reached = np.searchsorted(thresholds, values, side="right")
    area -= np.bincount(reached, None if weights is None else weights[fixations], n + 1)  # of pixels looked at
    false = np.append(0, np.cumsum(area[::-1])) / area.sum()
    true = 1 - np.searchsorted(thresholds, thresholds[::-1], side="left") / n
    return float(np.trapezoid([0, *true, 1], false))


def _area_by_thresholds(thresholds: Values, prediction: Map, weights: Weights) -> Array:
    """How much of the map reaches 0, 1, … all n thresholds [n + 1], which ascend.

    Pixels are counted in bins, and compared only in those with a threshold: half the time of a binary search.
    """
    n, extent = len(thresholds), prediction.most - prediction.least
    factor = 0.0 if prediction.is_constant else _BINS / extent

    def binned(values: Values) -> NDArray[np.intp]:
        places = values - prediction.least
        places *= factor
        return places.astype(np.intp)

    bin_of = binned(thresholds)
    mixed = np.bincount(bin_of, minlength=_BINS + 1) > 0
    whole, area = np.zeros(_BINS + 1), np.zeros(n + 1)
    for p, w in blocks(prediction.values, weights):
        if p.max() < thresholds[0]:
            area[0] += p.size if w is None else dot(w, None)
            continue
        bins, w = binned(p).ravel(), None if w is None else w.ravel()
        unsure = mixed[bins]
        reached = np.searchsorted(thresholds, p.ravel()[unsure], side="right")
        whole += np.bincount(bins, w, _BINS + 1)
        area += np.bincount(reached, None if w is None else w[unsure], n + 1)
    return area + np.bincount(np.searchsorted(bin_of, np.arange(_BINS + 1)), np.where(mixed, 0, whole), n + 1)


def _auc_shuffled(prediction: Map, fixations: Points, others: Map, _: Weights) -> float:
    values, there = prediction.values[fixations], others.values > 0
    if not (len(values) and others.most):
        return math.nan
    other_values, counts = prediction.values[there], others.values[there].astype(np.float64)
    order = np.argsort(other_values)
    below = np.concatenate([[0.0], np.cumsum(counts[order])])
    less, not_more = (below[np.searchsorted(other_values[order], values, side)] for side in ("left", "right"))
    return float((less + not_more).mean() / 2 / below[-1])
