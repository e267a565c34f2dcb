"""Whether a model found what a prompt says: the peak of its map, beside the peaks of prompts that nothing fits."""

from bisect import bisect_left
from typing import Annotated

import numpy as np
from pydantic import Field
from pydantic.dataclasses import dataclass

from tsalv360.contracts.settings import STRICT
from tsalv360.sphere.directions import Array

FALSE_ALARMS = 0.1  # share of prompts for other videos that count as found
_STEPS = 100
_TELLING = 2.0  # times as often as by chance
Peak = Annotated[float, Field(ge=0, allow_inf_nan=False)]
Quantiles = Annotated[list[Peak], Field(min_length=_STEPS + 1, max_length=_STEPS + 1)]


@dataclass(frozen=True, config=STRICT)
class Presence:
    """Quantiles, at every percent, of the highest values of maps: of right prompts, and of captions of other videos."""

    right: Quantiles
    absent: Quantiles

    @classmethod
    def measured(cls, right: Array, absent: Array) -> "Presence":
        """Return the quantiles of peaks [n]."""
        steps = np.linspace(0, 1, _STEPS + 1)
        return cls(*(np.quantile(peaks.astype(float), steps).tolist() for peaks in (right, absent)))

    @property
    def is_telling(self) -> bool:
        """Whether peaks tell: at `FALSE_ALARMS`, right prompts are found at least twice as often as absent ones."""
        return self.found >= _TELLING * FALSE_ALARMS

    @property
    def found(self) -> float:
        """Share of right prompts that are found at `FALSE_ALARMS`."""
        threshold = self.absent[round((1 - FALSE_ALARMS) * _STEPS)]
        return _share_from(self.right, threshold)

    def false_alarms(self, peak: float) -> float:
        """Return the share of captions of other videos whose map peaks at least as high."""
        return _share_from(self.absent, peak)


def _share_from(quantiles: list[float], value: float) -> float:
    """Return the share of a sample, of which the quantiles are given, that is at least `value`."""
    k = bisect_left(quantiles, value)
    if k in (0, len(quantiles)):
        return 1.0 if k == 0 else 0.0
    low, high = quantiles[k - 1], quantiles[k]
    return 1 - (k - 1 + (value - low) / (high - low)) / _STEPS
