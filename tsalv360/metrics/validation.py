"""What every metric does with its arguments: check them, then compute one map after the other."""

import inspect
from collections.abc import Callable
from functools import wraps
from typing import Any, ParamSpec

import numpy as np
from numpy.typing import ArrayLike, NDArray

from tsalv360.job.errors import InputError
from tsalv360.metrics.blocked import Map, Weights
from tsalv360.sphere.directions import Array

Maps = NDArray[Any]
P = ParamSpec("P")


def computed_by(fast: Callable[..., float]) -> Callable[[Callable[P, float]], Callable[P, Array]]:
    """Decorate the formula of one map: the metric takes maps [..., H, W], checks them, and computes each by `fast`.

    `fast` takes a `Map` for every map of the formula, and a binary array for `fixations`. Raises InputError for maps of
    another shape than the first, negative or infinite numbers or NaN, fixations other than 0 and 1, and weights that
    are not positive. The formula stays available as the metric's `__wrapped__`.
    """

    def decorate(formula: Callable[P, float]) -> Callable[P, Array]:
        signature = inspect.signature(formula)

        @wraps(formula)
        def metric(*args: P.args, **kwargs: P.kwargs) -> Array:
            return _compute(fast, **signature.bind(*args, **kwargs).arguments)

        metric.__signature__ = signature.replace(return_annotation=Array)  # type: ignore[attr-defined]
        return metric

    return decorate


def _compute(fast: Callable[..., float], weights: ArrayLike | None = None, **maps: ArrayLike) -> Array:
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
        scores[index] = fast(
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
