"""Found events compared with known ones: which belong together, and how far apart they are in time and direction."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from tsalv360.contracts.grid import FPS
from tsalv360.sphere.directions import Array, angular_distance

if TYPE_CHECKING:
    import pandas as pd

MIN_IOU = 0.5  # least temporal intersection over union of an event that counts as found
MAX_ERROR_DEG = 10.0  # and its largest median angle over the common frames


@dataclass(frozen=True)
class Track:
    """Where an event is: increasing times [n] in seconds, directions [n] in degrees, one per frame of the 16 fps grid.

    Frames in which the event does not exist are left out.
    """

    time_s: Array
    yaw_deg: Array
    pitch_deg: Array

    @classmethod
    def of(cls, rows: "pd.DataFrame | Mapping[str, Sequence[float]]") -> "Track":
        """Return the track in the columns `time_s`, `yaw_deg` and `pitch_deg` of a table or a JSON object."""
        return cls(*(np.asarray(rows[name], dtype=float) for name in ("time_s", "yaw_deg", "pitch_deg")))


@dataclass(frozen=True)
class Match:
    """A known and a found event, as indices of their lists, and how well they agree.

    `iou` is the number of common frames over that of all frames of the two, `error_deg` the median angle over the
    common frames (NaN without any), the errors of start and end are found minus known, in seconds.
    """

    true: int
    found: int
    iou: float
    error_deg: float
    start_error_s: float
    end_error_s: float

    @property
    def admissible(self) -> bool:
        """Whether the known event may count as found by this one: IoU ≥ 0.5 and median angle ≤ 10°."""
        return self.iou >= MIN_IOU and self.error_deg <= MAX_ERROR_DEG


@dataclass(frozen=True)
class Score:
    """How well known events were found: numbers of events, shares of 0 to 1, medians in degrees and seconds.

    The medians of start and end are of absolute errors. A value that is not defined, such as the precision where
    nothing was found, is NaN.
    """

    n_true: int
    n_found: int
    n_matched: int
    precision: float
    recall: float
    f1: float
    error_deg: float
    start_error_s: float
    end_error_s: float


def match_events(true: Sequence[Track], found: Sequence[Track]) -> list[Match]:
    """Return the one-to-one matches of known and found events with the largest sum of IoU, ordered by known event.

    Only pairs with IoU ≥ 0.5 and a median angle ≤ 10° can match.

    >>> time_s = np.arange(64) / 16
    >>> known, found = Track(time_s, 0 * time_s, 0 * time_s), Track(time_s[16:], 0 * time_s[16:] + 3, 0 * time_s[16:])
    >>> (match,) = match_events([known], [found])
    >>> match.iou, round(match.error_deg, 1), match.start_error_s
    (0.75, 3.0, 1.0)
    """
    if not true or not found:
        return []
    pairs = [[match_quality(true, found, t, f) for f in range(len(found))] for t in range(len(true))]
    iou = np.array([[pair.iou if pair.admissible else 0.0 for pair in row] for row in pairs])
    from scipy.optimize import linear_sum_assignment  # slow to import, and many need the classes of this module alone

    chosen = zip(*linear_sum_assignment(iou, maximize=True), strict=True)
    return [pairs[t][f] for t, f in chosen if pairs[t][f].admissible]


def closest(events: Sequence[Track], others: Sequence[Track], k: int) -> Match | None:
    """Return how event `k` agrees with that of the `others` of the largest IoU within 10° of it; None without one.

    That one may match another event. `true` of the answer is `k`, `found` the index of the other.
    """
    pairs = [match_quality(events, others, k, other) for other in range(len(others))]
    near = [pair for pair in pairs if pair.iou > 0 and pair.error_deg <= MAX_ERROR_DEG]
    return max(near, key=lambda pair: pair.iou, default=None)


def match_quality(true: Sequence[Track], found: Sequence[Track], t: int, f: int) -> Match:
    """Return how well known event `t` and found event `f` agree."""
    a, b = true[t], found[f]
    common, in_a, in_b = np.intersect1d(_grid(a), _grid(b), return_indices=True)
    angles = angular_distance(a.yaw_deg[in_a], a.pitch_deg[in_a], b.yaw_deg[in_b], b.pitch_deg[in_b])
    return Match(
        true=t,
        found=f,
        iou=len(common) / len(np.union1d(_grid(a), _grid(b))),
        error_deg=_median(angles),
        start_error_s=float(b.time_s[0] - a.time_s[0]),
        end_error_s=float(b.time_s[-1] - a.time_s[-1]),
    )


def score(matches: Sequence[Match], n_true: int, n_found: int) -> Score:
    """Return the score of `matches` among `n_true` known and `n_found` found events, of one or of many videos."""
    n = len(matches)
    return Score(
        n_true=n_true,
        n_found=n_found,
        n_matched=n,
        precision=n / n_found if n_found else np.nan,
        recall=n / n_true if n_true else np.nan,
        f1=2 * n / (n_true + n_found) if n_true + n_found else np.nan,
        error_deg=_median([match.error_deg for match in matches]),
        start_error_s=_median([abs(match.start_error_s) for match in matches]),
        end_error_s=_median([abs(match.end_error_s) for match in matches]),
    )


def _grid(track: Track) -> NDArray[np.int64]:
    """Return the grid frames of a track; native frame times lie up to half a native frame beside them."""
    return np.rint(np.asarray(track.time_s) * FPS).astype(np.int64)


def _median(values: Sequence[float] | Array) -> float:
    return float(np.median(values)) if len(values) else float("nan")
