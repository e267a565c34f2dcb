"""Maps that know nothing of the clip, and what other observers' gaze foretells."""

from collections.abc import Iterable, Iterator

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from tsalv360.saliency import Map, points_map, saliency_map

Points = NDArray[np.bool_]

CENTRE_SIGMA = 30.0  # degrees, about half of a head-mounted display's view
_FLOOR = 0.01


def priors(targets: Iterable[Map]) -> dict[str, Map]:
    """Maps [H, W] by the predictors' names, of the training fold's saliency maps.

    `mean_map`, of targets scaled to sum 1 each, with a floor; `equator`, its means over all longitudes; `centre`, a
    density about yaw 0, pitch 0; `uniform`.
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


def with_floor(one: Map) -> Map:
    """A map [..., H, W] with a hundredth of its mean added everywhere.

    One look where the map is zero would else cost 36 nats or 52 bits, more than all others together.
    """
    return one + np.float32(_FLOOR) * one.mean((-2, -1), keepdims=True)


def halves(points: pd.DataFrame, sigma: float, size: tuple[int, int], rng: np.random.Generator) -> Map:
    """Saliency maps [2, H, W] of two halves of the observers; of an odd number the second half has one more.

    Parameters: `points` of a frame, columns of the points table, of two or more observers; `sigma` degrees.
    """
    return np.stack([_map(part, sigma, size) for part in _parts(points, 2, rng)])


def fifths(
    points: pd.DataFrame, sigma: float, size: tuple[int, int], rng: np.random.Generator
) -> Iterator[tuple[Map, Points, int]]:
    """For each fifth of the observers, or each of fewer: the map of all others, its fixations, how many these are."""
    for part in _parts(points, 5, rng):
        yield _map(points.drop(part.index), sigma, size), points_map(part.yaw_deg, part.pitch_deg, size), len(part)


def _parts(points: pd.DataFrame, n: int, rng: np.random.Generator) -> list[pd.DataFrame]:
    observers = rng.permutation(np.unique(points.observer))
    n = min(n, len(observers))
    edges = [k * len(observers) // n for k in range(1, n)]
    return [points[points.observer.isin(part)] for part in np.split(observers, edges)]


def _map(points: pd.DataFrame, sigma: float, size: tuple[int, int]) -> Map:
    return saliency_map(points.yaw_deg, points.pitch_deg, points.weight, sigma, size)
