"""Areas under ROC curves: the map as a classifier of fixated pixels. Only the order of its values matters.

Each body is the formula for one map [H, W]; see `tsalv360.metrics` for the conventions.
"""

import math

import numpy as np

from tsalv360.metrics import blocked
from tsalv360.metrics.validation import Maps, computed_by


@computed_by(blocked.auc_judd)
def auc_judd(prediction: Maps, fixations: Maps, weights: Maps | None = None) -> float:
    """Return the AUC of fixated pixels against all others, with the values at the fixations as thresholds.

    Riche et al. 2013, "Saliency and human fixations: state-of-the-art and study of comparison metrics", ICCV. The curve
    is straight from each threshold to the next, from (0, 0) to (1, 1). Equal values pass a threshold together, without
    random jitter.

    Parameters: map and binary map [..., H, W]; `weights` broadcasts to [H, W] and weights the other pixels, that is the
    false positive rate.
    Returns: the area in [0, 1], best 1; 0.5 for a constant prediction, NaN without a fixation or without other pixels.

    >>> float(auc_judd([[1, 2], [3, 4]], [[0, 0], [1, 0]]).round(4))
    0.8333
    """
    if not fixations.any() or fixations.all():
        return math.nan
    thresholds = np.sort(prediction[fixations])[::-1]
    others = ~fixations * (1 if weights is None else weights)
    true_positives = [np.mean(prediction[fixations] >= threshold) for threshold in thresholds]
    false_positives = [others[prediction >= threshold].sum() / others.sum() for threshold in thresholds]
    return np.trapezoid([0, *true_positives, 1], [0, *false_positives, 1])


@computed_by(blocked.auc_shuffled)
def auc_shuffled(prediction: Maps, fixations: Maps, others: Maps) -> float:
    """Return the shuffled AUC (sAUC): how often the map is higher at a fixation than at a fixation of other clips.

    A prior that all clips share, such as the equator's, gains nothing. Nothing is summed over pixels, so there are no
    weights.

    Parameters: map, binary map and `others` [..., H, W]: how many fixations of other clips fell into each pixel.
    Returns: P(value > other value) + ½ P(equal) in [0, 1], best 1; 0.5 for a constant prediction, NaN without a
    fixation or without others.

    >>> float(auc_shuffled([[1, 2], [3, 4]], [[0, 0], [1, 0]], others=[[1, 0], [0, 3]]))
    0.25
    """
    if not fixations.any() or not others.any():
        return math.nan
    values, other_values = prediction[fixations][:, None], prediction[others > 0]
    higher = (values > other_values) + (values == other_values) / 2
    return np.average(higher.mean(axis=0), weights=others[others > 0])
