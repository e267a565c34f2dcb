"""The metrics: a prediction compared with a target map or with fixations; see `tsalv360.metrics` for the conventions.

The inner function of each scores one map; its sums are over blocks of rows, in double precision.
"""

import math

import numpy as np

from tsalv360.metrics.blocked import (
    EPSILON,
    Fixations,
    Map,
    Maps,
    area_by_thresholds,
    blocks,
    covariances,
    density,
    divergence,
    dot,
    score_each,
)
from tsalv360.sphere.directions import Array


def cc(prediction: Maps, target: Maps, weights: Maps | None = None) -> Array:
    """Return Pearson's correlation coefficient of two saliency maps.

    Parameters: maps [..., H, W]; `weights` broadcasts to [H, W] and weights means, variances and covariance.
    Returns: cov(P, T) / √(var P · var T) in [−1, 1], best 1, symmetric; 0 for a constant prediction, NaN for a constant
    target.

    >>> float(cc([[0, 1], [2, 3]], [[1, 3], [5, 7]]))
    1.0
    """

    def score(prediction: Map, target: Map) -> float:
        if target.is_constant:
            return math.nan
        if prediction.is_constant:
            return 0.0
        (variance_p, covariance), (_, variance_t) = covariances(prediction, target)
        return float(covariance / np.sqrt(variance_p) / np.sqrt(variance_t))

    return score_each(score, weights, prediction=prediction, target=target)


def sim(prediction: Maps, target: Maps, weights: Maps | None = None) -> Array:
    """Return the similarity of two saliency maps: the histogram intersection of their densities.

    As published, each map's minimum is subtracted first: an offset does not matter.

    Parameters: maps [..., H, W]; `weights` broadcasts to [H, W] and multiplies the maps before they are scaled.
    Returns: Σ min(P, T) of maps scaled to sum 1, in [0, 1], best 1, symmetric but for zeros; a constant map is uniform,
    NaN for a target of zeros.

    >>> float(sim([[0, 1], [1, 2]], [[0, 2], [1, 1]]))
    0.75
    """

    def score(prediction: Map, target: Map) -> float:
        if not target.max:
            return math.nan
        p_density, t_density = (density(one, one.min) for one in (prediction, target))
        similarity = 0.0
        for p, t, w in blocks(prediction.values, target.values, prediction.weights):
            if target.is_constant or t.max() > target.min:  # else the target is zero in this block
                similarity += dot(np.minimum(p_density(p, w), t_density(t, w)), None)
        return similarity

    return score_each(score, weights, prediction=prediction, target=target)


def kld(prediction: Maps, target: Maps, weights: Maps | None = None) -> Array:
    """Return the Kullback–Leibler divergence KL(target ‖ prediction), high where the prediction misses the target.

    This is the direction of training and of the literature; logs of the published code call it `KLD2`.

    Parameters: maps [..., H, W]; `weights` broadcasts to [H, W] and multiplies the maps before they are scaled.
    Returns: Σ T ln((T + ε) / (P + ε)) of maps scaled to sum 1, in nats, ε = 2⁻⁵², from 0, the best, to 36; a prediction
    of zeros is uniform, NaN for a target of zeros.

    >>> float(kld([[1, 1], [1, 1]], [[0, 0], [1, 1]]).round(4))
    0.6931
    """

    def score(prediction: Map, target: Map) -> float:
        return divergence(target, prediction) if target.max else math.nan

    return score_each(score, weights, prediction=prediction, target=target)


def kld_reversed(prediction: Maps, target: Maps, weights: Maps | None = None) -> Array:
    """Return KL(prediction ‖ target), the reverse of `kld`; logs of the published code call it `KLD`.

    Parameters and results are as those of `kld`. It depends on ε wherever the target is zero, so compare it only
    between maps of one size.

    >>> float(kld_reversed([[0, 0], [1, 1]], [[1, 1], [1, 1]]).round(4))
    0.6931
    """

    def score(prediction: Map, target: Map) -> float:
        return divergence(prediction, target) if target.max else math.nan

    return score_each(score, weights, prediction=prediction, target=target)


def nss(prediction: Maps, fixations: Maps, weights: Maps | None = None) -> Array:
    """Return the normalised scanpath saliency: the mean standard score (z-score) of the map at the fixations.

    Parameters: map and binary map [..., H, W]; `weights` broadcasts to [H, W] and weights the map's mean and deviation.
    Returns: the mean over fixations of (P − mean P) / std P, 0 by chance, higher is better; 0 for a constant
    prediction, NaN without a fixation.

    >>> float(nss([[0, 0], [0, 4]], [[0, 0], [0, 1]]).round(4))
    1.7321
    """

    def score(prediction: Map, fixations: Fixations) -> float:
        if not fixations.any():
            return math.nan
        if prediction.is_constant:
            return 0.0
        at_fixations = prediction.values[fixations].mean(dtype=np.float64)
        return float((at_fixations - prediction.mean) / np.sqrt(covariances(prediction)[0, 0]))

    return score_each(score, weights, prediction=prediction, fixations=fixations)


def information_gain(prediction: Maps, fixations: Maps, baseline: Maps, weights: Maps | None = None) -> Array:
    """Return how much better the map predicts a fixation than a baseline, such as the mean map of the training data.

    Kümmerer et al. 2015, "Information-theoretic model comparison unifies saliency metrics", PNAS 112(52).

    Parameters: maps and binary map [..., H, W]; `weights` broadcasts to [H, W] and multiplies the maps before they are
    scaled to sum 1.
    Returns: the mean over fixations of log₂((P + ε) / (B + ε)) in bits, ε = 2⁻⁵², 0 where the prediction is no better
    than the baseline, within ±52; a map of zeros is uniform, NaN without a fixation.

    >>> float(information_gain([[0, 0], [0, 1]], [[0, 0], [0, 1]], baseline=[[1, 1], [1, 1]]).round(4))
    2.0
    """

    def score(prediction: Map, fixations: Fixations, baseline: Map) -> float:
        if not fixations.any():
            return math.nan
        w = None if prediction.weights is None else prediction.weights[fixations]
        p, b = (density(one)(one.values[fixations], w).astype(np.float64) for one in (prediction, baseline))
        return float(np.log2((p + EPSILON) / (b + EPSILON)).mean())

    return score_each(score, weights, prediction=prediction, fixations=fixations, baseline=baseline)


def auc_judd(prediction: Maps, fixations: Maps, weights: Maps | None = None) -> Array:
    """Return the area under the ROC curve of the map as a classifier of fixated pixels against all others.

    The values at the fixations are the thresholds, and only the order of values matters.

    Riche et al. 2013, "Saliency and human fixations: state-of-the-art and study of comparison metrics", ICCV. The curve
    is straight from each threshold to the next, from (0, 0) to (1, 1). Equal values pass a threshold together, without
    random jitter.

    Parameters: map and binary map [..., H, W]; `weights` broadcasts to [H, W] and weights the other pixels, that is the
    false positive rate.
    Returns: the area in [0, 1], best 1; 0.5 for a constant prediction, NaN without a fixation or without other pixels.

    >>> float(auc_judd([[1, 2], [3, 4]], [[0, 0], [1, 0]]).round(4))
    0.8333
    """

    def score(prediction: Map, fixations: Fixations) -> float:
        values, w = prediction.values[fixations], prediction.weights
        thresholds, n = np.sort(values), len(values)
        if n in (0, fixations.size):
            return math.nan
        area = area_by_thresholds(thresholds, prediction)
        passed = np.searchsorted(thresholds, values, side="right")
        area -= np.bincount(passed, None if w is None else w[fixations], n + 1)  # of the fixated pixels
        false_positives = np.append(0, np.cumsum(area[::-1])) / area.sum()
        true_positives = 1 - np.searchsorted(thresholds, thresholds[::-1], side="left") / n
        return float(np.trapezoid([0, *true_positives, 1], false_positives))

    return score_each(score, weights, prediction=prediction, fixations=fixations)


def auc_shuffled(prediction: Maps, fixations: Maps, others: Maps) -> Array:
    """Return the shuffled AUC (sAUC): how often the map is higher at a fixation than at a fixation of other clips.

    A prior that all clips share, such as the equator's, gains nothing. Nothing is summed over pixels, so there are no
    weights.

    Parameters: map, binary map and `others` [..., H, W]: how many fixations of other clips fell into each pixel.
    Returns: P(value > other value) + ½ P(equal) in [0, 1], best 1; 0.5 for a constant prediction, NaN without a
    fixation or without others.

    >>> float(auc_shuffled([[1, 2], [3, 4]], [[0, 0], [1, 0]], others=[[1, 0], [0, 3]]))
    0.25
    """

    def score(prediction: Map, fixations: Fixations, others: Map) -> float:
        values, is_other = prediction.values[fixations], others.values > 0
        if not (len(values) and others.max):
            return math.nan
        other_values, counts = prediction.values[is_other], others.values[is_other].astype(np.float64)
        order = np.argsort(other_values)
        below = np.concatenate([[0.0], np.cumsum(counts[order])])
        less, not_more = (below[np.searchsorted(other_values[order], values, side)] for side in ("left", "right"))
        return float((less + not_more).mean() / 2 / below[-1])

    return score_each(score, None, prediction=prediction, fixations=fixations, others=others)
