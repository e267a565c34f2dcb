"""What the metrics share: checks of their arguments, and sums over blocks of rows.

They are several times faster than NumPy passes over whole maps: blocks of rows stay in the processor's cache, pixels in
single precision where the maps are, and blocks that contribute nothing are skipped. Sums are in double precision.
"""

from collections.abc import Callable, Iterator
from functools import cached_property
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from tsalv360.job.errors import InputError
from tsalv360.sphere.directions import Array

Maps = NDArray[Any]
Values = NDArray[np.floating[Any]]
Fixations = NDArray[np.bool_]
Weights = Values | None  # of sum 1 over the map

EPSILON = float(np.finfo(np.float64).eps)  # keeps logarithms finite; published values depend on it
_BLOCK = 1 << 16  # pixels
_BINS = 4096  # of a map's range, for AUC-Judd; its maximum has one more


class Map:
    """A map [H, W] with its weights, minimum, maximum and mean."""

    def __init__(self, values: Values, weights: Weights) -> None:
        self.values, self.weights = values, weights
        self.min, self.max = float(values.min()), float(values.max())
        self.total_weight = values.size if weights is None else 1

    @property
    def is_constant(self) -> bool:
        """Whether all pixels are equal."""
        return self.min == self.max

    @cached_property
    def mean(self) -> float:
        """The weighted mean of all pixels."""
        return sum(dot(v, w) for v, w in blocks(self.values, self.weights)) / self.total_weight


def score_each(score: Callable[..., float], weights: ArrayLike | None, **maps: ArrayLike) -> Array:
    """Return the scores [...] of maps [..., H, W] by the function `score` of one map each.

    `score` takes a `Map` for every one of `maps`, and a binary array for `fixations`. Raises InputError for maps of
    another shape than the first, negative or infinite numbers or NaN, fixations other than 0 and 1, and weights that
    are not positive.
    """
    arrays = {name: np.asarray(values) for name, values in maps.items()}
    first, shape = next((name, array.shape) for name, array in arrays.items())
    for name, array in arrays.items():
        if array.dtype.kind not in "biuf":
            raise InputError(name, f"the type {array.dtype}", "real numbers", "Convert it to a NumPy array of numbers.")
        if array.ndim < 2 or 0 in array.shape[-2:] or array.shape != shape:
            expected = "[..., H, W]" if name == first else f"that of the {first}, {list(shape)}"
            raise InputError(name, f"the shape {list(array.shape)}", expected, "Give all maps one shape.")
    dtype = np.result_type(np.float32, *(array for name, array in arrays.items() if name != "fixations"))
    scaled = None if weights is None else _weights(weights, shape[-2:]).astype(dtype)
    scores = np.empty(shape[:-2])
    for index in np.ndindex(scores.shape):
        where = str(list(index)) if index else ""
        scores[index] = score(
            *(
                _fixations(name + where, array[index])
                if name == "fixations"
                else _map(name + where, array[index].astype(dtype, copy=False), scaled)
                for name, array in arrays.items()
            )
        )
    return scores[()]


def _map(where: str, values: Maps, weights: Weights) -> Map:
    one = Map(values, weights)
    if not (one.min >= 0 and one.max < np.inf):  # false for NaN
        found = f"{np.isnan(values).sum()} NaN, {(values < 0).sum()} negative, {np.isinf(values).sum()} infinite"
        raise InputError(where, f"{found} of {values.size} pixels", "finite numbers from 0 on", "Correct the map.")
    usual = one.max == 0 or 1e-9 < one.max < 1e9
    return one if usual else Map(values / one.max, weights)  # squares would leave the range of float32


def _fixations(where: str, values: Maps) -> NDArray[np.bool_]:
    fixations = values.astype(bool, copy=False)
    if fixations is not values and (fixations != values).any():
        found = f"the number {values[fixations != values][0]}"
        raise InputError(where, found, "only 0 and 1", "Set fixated pixels to 1 and all others to 0.")
    return fixations


def _weights(weights: ArrayLike, size: tuple[int, ...]) -> Array:
    """Return the weights [H, W], scaled to sum 1."""
    array = np.asarray(weights, dtype=float)
    try:
        whole = np.broadcast_to(array, size)
    except ValueError:
        found, expected = f"the shape {list(array.shape)}", f"one that broadcasts to {list(size)}"
        raise InputError("weights", found, expected, "Use the shape [H, 1] for one weight per row.") from None
    if not (whole.min() > 0 and whole.max() < np.inf):
        found = f"{whole.min():g} to {whole.max():g}"
        raise InputError("weights", found, "positive, finite numbers", "For an ERP use `solid_angle`.")
    return whole / whole.sum()


def blocks(*arrays: NDArray[Any] | None) -> Iterator[tuple[Any, ...]]:
    """Yield runs of whole rows of arrays [H, W]; None stays None."""
    height, width = next(array.shape for array in arrays if array is not None)
    step = max(1, _BLOCK // width)
    for top in range(0, height, step):
        yield tuple(None if array is None else array[top : top + step] for array in arrays)


def dot(a: Values, b: Values | None) -> float:
    """Return the sum of the products, or the sum of `a` without `b`."""
    return float(a.sum() if b is None else np.vecdot(a, b).sum(dtype=np.float64))


def covariances(*maps: Map) -> Array:
    """Return the upper triangle of the covariances [n, n] of n maps."""
    products = np.zeros((len(maps), len(maps)))
    for *values, w in blocks(*(one.values for one in maps), maps[0].weights):
        centred = [value - one.mean for value, one in zip(values, maps, strict=True)]
        weighted = centred if w is None else [value * w for value in centred]
        products += [[dot(a, b) if i <= j else 0 for j, b in enumerate(centred)] for i, a in enumerate(weighted)]
    return products / maps[0].total_weight


def density(one: Map, offset: float = 0.0) -> Callable[[Values, Weights], Values]:
    """Return a function that normalises pixels of this map to probabilities: (value − offset) · weight / map's sum.

    A map that equals the offset everywhere is uniform.
    """
    total = (one.mean - offset) * one.total_weight

    def density(values: Values, w: Weights) -> Values:
        if one.max == offset:
            found = np.full_like(values, 1 / one.total_weight)
        else:
            found = (values - offset if offset else values) / total
        return found if w is None else found * w

    return density


def divergence(first: Map, second: Map) -> float:
    """Return KL(first ‖ second)."""
    p_density, q_density, divergence = density(first), density(second), 0.0
    for p, q, w in blocks(first.values, second.values, first.weights):
        if p.max() == 0 < first.max:
            continue
        p, q = p_density(p, w), q_density(q, w)
        ratio = p + EPSILON
        q += EPSILON
        ratio /= q
        np.log(ratio, out=ratio)
        divergence += dot(ratio, p)
    return divergence


def area_by_thresholds(thresholds: Values, prediction: Map) -> Array:
    """Return how much of the map passes exactly 0, 1, … all n increasing thresholds [n + 1].

    Pixels are counted in bins and compared only in bins that hold a threshold: half the time of a binary search.
    """
    n, extent = len(thresholds), prediction.max - prediction.min
    factor = 0.0 if prediction.is_constant else _BINS / extent

    def binned(values: Values) -> NDArray[np.intp]:
        places = values - prediction.min
        places *= factor
        return places.astype(np.intp)

    bin_of_threshold = binned(thresholds)
    is_mixed = np.bincount(bin_of_threshold, minlength=_BINS + 1) > 0
    whole, area = np.zeros(_BINS + 1), np.zeros(n + 1)
    for p, w in blocks(prediction.values, prediction.weights):
        if p.max() < thresholds[0]:
            area[0] += p.size if w is None else dot(w, None)
            continue
        bins, w = binned(p).ravel(), None if w is None else w.ravel()
        mixed = is_mixed[bins]
        passed = np.searchsorted(thresholds, p.ravel()[mixed], side="right")
        whole += np.bincount(bins, w, _BINS + 1)
        area += np.bincount(passed, None if w is None else w[mixed], n + 1)
    whole[is_mixed] = 0
    return area + np.bincount(np.searchsorted(bin_of_threshold, np.arange(_BINS + 1)), whole, n + 1)
