"""Maps that several tests of the metrics use."""

import numpy as np
from numpy.typing import NDArray

Array = NDArray[np.float64]
SIZE = (48, 96)
Y, X = ((np.arange(n) + 0.5) / n for n in SIZE)


def bump(y: float, x: float, sigma_y: float, sigma_x: float) -> Array:
    """Return a Gaussian of maximum 1 that wraps at the seam; positions and widths in fractions of the map."""
    across = np.minimum(np.abs(X - x), 1 - np.abs(X - x))
    return np.exp(-((Y[:, None] - y) ** 2 / (2 * sigma_y**2) + across**2 / (2 * sigma_x**2)))


GOLDEN = {
    "P1_overlap": (0.1 + 0.8 * bump(0.5, 0.5, 0.10, 0.08), bump(0.48, 0.55, 0.08, 0.06)),
    "P2_disjoint": (0.05 + 0.9 * bump(0.3, 0.2, 0.06, 0.05), bump(0.7, 0.75, 0.05, 0.05)),
    "P3_same": (bump(0.4, 0.6, 0.1, 0.1), bump(0.4, 0.6, 0.1, 0.1)),
}

WAVES = 1 + np.sin(37 * Y[:, None] + 11 * X**2) * np.cos(23 * X)
PREDICTIONS = np.stack(  # all values differ, and the lowest is 0
    [one - one.min() for one in (bump(0.4, 0.3, 0.2, 0.1) + 0.1 * WAVES, bump(0.6, 0.7, 0.1, 0.3) + 0.2 * WAVES)]
)
TARGETS = np.stack([bump(0.45, 0.35, 0.15, 0.1), bump(0.5, 0.8, 0.1, 0.2)])
TARGETS -= TARGETS.min(axis=(1, 2), keepdims=True)
BASELINES = np.stack([bump(0.5, 0.5, 0.2, 1.0), bump(0.5, 0.4, 0.3, 0.8)])


def places(n: int, seed: int) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """Return rows and columns of n points around the equator."""
    k = np.arange(n) + seed
    return 8 + (7 * k**2 + 3 * k) % 31, (11 * k**2 + 5 * k + k**3) % SIZE[1]


def counts(rows: NDArray[np.int64], columns: NDArray[np.int64]) -> NDArray[np.int64]:
    found = np.zeros(SIZE, dtype=np.int64)
    np.add.at(found, (rows, columns), 1)
    return found


FIXATIONS = np.stack([counts(*places(23, 1)) > 0, counts(*places(17, 40)) > 0])
OTHERS = np.stack([counts(*places(60, 100)), counts(*places(45, 300))])
