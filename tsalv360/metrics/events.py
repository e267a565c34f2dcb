"""Found events against known ones: which belong together, and how far apart they are in time and direction."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from tsalv360.contracts.grid import FPS
from tsalv360.sphere.directions import Array, angular_distance

MIN_IOU = 0.5  # temporal overlap over union from which an event can count as found
MAX_ERROR_DEG = 10.0  # median angle over the common frames up to which it can


@dataclass(frozen=True)
class Track:
    """Where an event is: increasing times [n] in seconds, directions [n] in degrees, one per frame of the 16 fps grid.

    Frames in which the event does not exist are left out.
    """

    time_s: Array
    yaw_deg: Array
    pitch_deg: Array


@dataclass(frozen=True)
class Match:
    """A known and a found event, as places in their lists, that are held against each other.

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

    The medians of start and end are of absolute errors. What has no value, such as the precision where nothing was
    found, is NaN.
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
    """The known and found events that belong together, one to one, ordered by known event.

    Of all ways to pair them, among pairs with IoU ≥ 0.5 and a median angle ≤ 10°, the one of the largest sum of IoU.
    """
    pairs = [[compare(true, found, t, f) for f in range(len(found))] for t in range(len(true))]
    if not true or not found:
        return []
    gain = np.array([[pair.iou if pair.admissible else 0.0 for pair in row] for row in pairs])
    from scipy.optimize import linear_sum_assignment  # slow to import, and tasks need the classes of this module alone

    chosen = zip(*linear_sum_assignment(gain, maximize=True), strict=True)
    return [pairs[t][f] for t, f in chosen if pairs[t][f].admissible]


def closest(events: Sequence[Track], others: Sequence[Track], k: int) -> Match | None:
    """Event `k` held against that of the `others` with the largest IoU among those within 10° of it, if any.

    Whether that one belongs to another event does not matter. `true` of the answer is `k`, `found` the other's place.
    """
    pairs = [compare(events, others, k, other) for other in range(len(others))]
    near = [pair for pair in pairs if pair.iou > 0 and pair.error_deg <= MAX_ERROR_DEG]
    return max(near, key=lambda pair: pair.iou, default=None)


def compare(true: Sequence[Track], found: Sequence[Track], t: int, f: int) -> Match:
    """Known event `t` held against found event `f`."""
    a, b = true[t], found[f]
    common, in_a, in_b = np.intersect1d(_grid(a), _grid(b), return_indices=True)
    angles = angular_distance(a.yaw_deg[in_a], a.pitch_deg[in_a], b.yaw_deg[in_b], b.pitch_deg[in_b])
    return Match(
        true=t,
        found=f,
        iou=len(common) / len(np.union1d(_grid(a), _grid(b))),
        error_deg=float(np.median(angles)) if len(common) else float("nan"),
        start_error_s=float(b.time_s[0] - a.time_s[0]),
        end_error_s=float(b.time_s[-1] - a.time_s[-1]),
    )


def score(matches: Sequence[Match], n_true: int, n_found: int) -> Score:
    """The score of `matches` among `n_true` known and `n_found` found events, of one video or of many together."""
    n = len(matches)
    return Score(
        n_true=n_true,
        n_found=n_found,
        n_matched=n,
        precision=_share(n, n_found),
        recall=_share(n, n_true),
        f1=_share(2 * n, n_true + n_found),
        error_deg=_median([match.error_deg for match in matches]),
        start_error_s=_median([abs(match.start_error_s) for match in matches]),
        end_error_s=_median([abs(match.end_error_s) for match in matches]),
    )


def _grid(track: Track) -> NDArray[np.int64]:
    """Places of a track's frames on the 16 fps grid; native frame times lie up to half a native frame beside it."""
    return np.rint(np.asarray(track.time_s) * FPS).astype(np.int64)


def _share(part: int, whole: int) -> float:
    return part / whole if whole else float("nan")


def _median(values: list[float]) -> float:
    return float(np.median(values)) if values else float("nan")
