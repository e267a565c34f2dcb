"""Baselines: maps that do not depend on the clip, and predictions by the gaze of other observers."""

from collections.abc import Iterable, Iterator

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from tsalv360.saliency import Map, points_map, saliency_map

CENTRE_SIGMA = 30.0  # degrees, about half of a head-mounted display's view
_FLOOR = 0.01


def priors(targets: Iterable[Map]) -> dict[str, Map]:
    """Return maps [H, W], by predictor, made from the saliency maps of the training fold.

    `mean_map`, the mean of the targets scaled to sum 1 each, with a floor; `equator`, its mean over all longitudes;
    `centre`, a density around yaw 0, pitch 0; `uniform`.
    """
    total, n = np.zeros((1, 1)), 0
    for target in targets:
        total = total + target / target.sum(dtype=np.float64)
        n += 1
    mean = with_floor((total / n).astype(np.float32))
    return {
        "mean_map": mean,
        "equator": np.broadcast_to(mean.mean(1, keepdims=True), mean.shape),
        "centre": saliency_map(0, 0, sigma=CENTRE_SIGMA, size=(mean.shape[0], mean.shape[1])),
        "uniform": np.ones_like(mean),
    }


def with_floor(maps: Map) -> Map:
    """Return maps [..., H, W] with a hundredth of their mean added everywhere.

    Without it, one fixation where a map is zero costs 36 nats or 52 bits, more than all others together.
    """
    return maps + np.float32(_FLOOR) * maps.mean((-2, -1), keepdims=True)


def halves(points: pd.DataFrame, sigma: float, size: tuple[int, int], rng: np.random.Generator) -> Map:
    """Return the saliency maps [2, H, W] of two halves of the observers; of an odd number the second has one more.

    Parameters: `points` of a frame, with the columns of the points table, by two or more observers; `sigma` in degrees.
    """
    return np.stack([_map(part, sigma, size) for part in _split_observers(points, 2, rng)])


def fifths(
    points: pd.DataFrame, sigma: float, size: tuple[int, int], rng: np.random.Generator
) -> Iterator[tuple[Map, NDArray[np.bool_], int]]:
    """Yield, for each fifth of the observers: the map of all others, the fifth's fixation map, its number of fixations.

    Fewer than five observers make as many parts. Parameters: as `halves`.
    """
    for part in _split_observers(points, 5, rng):
        yield _map(points.drop(part.index), sigma, size), points_map(part.yaw_deg, part.pitch_deg, size), len(part)


def _split_observers(points: pd.DataFrame, n: int, rng: np.random.Generator) -> list[pd.DataFrame]:
    observers = rng.permutation(np.unique(points.observer))
    n = min(n, len(observers))
    edges = [k * len(observers) // n for k in range(1, n)]
    return [points[points.observer.isin(part)] for part in np.split(observers, edges)]


def _map(points: pd.DataFrame, sigma: float, size: tuple[int, int]) -> Map:
    return saliency_map(points.yaw_deg, points.pitch_deg, points.weight, sigma, size)
