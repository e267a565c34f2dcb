"""Maps as the metrics take them: checked, then judged one by one."""

from collections.abc import Callable, Iterator
from functools import cached_property
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from tsalv360.job.errors import InputError
from tsalv360.sphere.directions import Array

Values = NDArray[np.floating[Any]]
Points = NDArray[np.bool_]
Weights = Values | None  # of sum 1 over the map

_BLOCK = 1 << 16  # pixels: what is computed of them stays in the processor's cache


class Map:
    """A map [H, W] and what a look at all its pixels tells."""

    def __init__(self, values: Values, weights: Weights) -> None:
        self.values, self.weights = values, weights
        self.least, self.most = float(values.min()), float(values.max())

    @property
    def is_constant(self) -> bool:
        """Whether all pixels are the same."""
        return self.least == self.most

    @cached_property
    def mean(self) -> float:
        """The weighted mean of all pixels."""
        total = sum(dot(v, w) for v, w in blocks(self.values, self.weights))
        return total / self.values.size if self.weights is None else total


def judge(score: Callable[..., float], weights: ArrayLike | None = None, **maps: ArrayLike) -> Array:
    """The score of every map of a batch, called with one map of each kind and the weights.

    Maps named `fixations` become binary arrays, others a `Map` of a common type. Raises InputError for maps of another
    shape than the first, negative or infinite numbers, NaN, fixations but 0 and 1, weights that are not positive.
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
    share = None if weights is None else _shares(weights, shape[-2:]).astype(dtype)
    scores = np.empty(shape[:-2])
    for at in np.ndindex(scores.shape):
        where = str(list(at)) if at else ""
        ready = (
            _points(name + where, array[at])
            if name == "fixations"
            else _map(name + where, array[at].astype(dtype, copy=False), share)
            for name, array in arrays.items()
        )
        scores[at] = score(*ready, share)
    return scores[()]


def blocks(*arrays: NDArray[Any] | None) -> Iterator[tuple[Any, ...]]:
    """Runs of whole rows of arrays [H, W]; None stays None."""
    height, width = next(array.shape for array in arrays if array is not None)
    step = max(1, _BLOCK // width)
    for top in range(0, height, step):
        yield tuple(None if array is None else array[top : top + step] for array in arrays)


def dot(a: Values, b: Values | None) -> float:
    """The sum of products; of `a` alone without `b`."""
    return float(a.sum() if b is None else np.vecdot(a, b).sum(dtype=np.float64))


def _map(where: str, values: Values, weights: Weights) -> Map:
    one = Map(values, weights)
    if not (one.least >= 0 and one.most < np.inf):  # NaN is neither
        found = f"{np.isnan(values).sum()} NaN, {(values < 0).sum()} negative, {np.isinf(values).sum()} infinite"
        raise InputError(where, f"{found} of {values.size} pixels", "finite numbers from 0 on", "Mend the map.")
    usual = one.most == 0 or 1e-9 < one.most < 1e9
    return one if usual else Map(values / one.most, weights)  # or squares of float32 leave its range


def _points(where: str, values: NDArray[Any]) -> Points:
    points = values.astype(bool, copy=False)
    if values is not points and (points != values).any():
        odd = values[points != values][0]
        raise InputError(where, f"the number {odd}", "only 0 and 1", "Mark the pixels that were looked at by 1.")
    return points


def _shares(weights: ArrayLike, size: tuple[int, ...]) -> Array:
    array = np.asarray(weights, dtype=float)
    try:
        whole = np.broadcast_to(array, size)
    except ValueError:
        found, expected = f"the shape {list(array.shape)}", f"one that broadcasts to {list(size)}"
        raise InputError("weights", found, expected, "For one weight a row it is [H, 1].") from None
    if not (whole.min() > 0 and whole.max() < np.inf):
        found = f"{whole.min():g} to {whole.max():g}"
        raise InputError("weights", found, "positive, finite numbers", "`solid_angle` gives those of an ERP.")
    return whole / whole.sum()
