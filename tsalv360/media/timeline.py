"""Where events lie on the time line of a video, in percent of its length."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

_MAX_TICKS = 8


@dataclass(frozen=True)
class Bar:
    """A bar: left end and width in percent of the video, and solid parts (left, width) in percent of the bar."""

    left: float
    width: float
    parts: list[tuple[float, float]]


def bar(start_s: float, end_s: float, segments: Sequence[tuple[float, float]], duration_s: float) -> Bar:
    """Return the bar from `start_s` to `end_s` that is solid in `segments` (starts and ends), all in seconds."""
    length = max(end_s - start_s, 1e-9)
    parts = [(_percent(a - start_s, length), _percent(b - a, length)) for a, b in segments]
    return Bar(_percent(start_s, duration_s), _percent(end_s - start_s, duration_s), parts)


def lanes(spans: Sequence[tuple[float, float]]) -> list[int]:
    """Return the lane of each span (start, end): the lowest in which it touches no span that starts earlier."""
    lane = [0] * len(spans)
    ends: list[float] = []
    for k in sorted(range(len(spans)), key=lambda k: spans[k]):
        start, end = spans[k]
        lane[k] = next((n for n, last in enumerate(ends) if last < start), len(ends))
        ends[lane[k] : lane[k] + 1] = [end]
    return lane


def ticks(duration_s: float) -> list[tuple[float, float]]:
    """Return at most about eight round times in seconds, each with its place in percent."""
    steps = (base * unit for unit in (1.0, 10.0, 60.0, 600.0, 3600.0, 36000.0) for base in (1, 2, 3, 5))
    step = next(step for step in steps if duration_s / step <= _MAX_TICKS)
    return [(time, _percent(time, duration_s)) for time in np.arange(0.0, duration_s + 1e-9, step).tolist()]


def _percent(part: float, whole: float) -> float:
    return round(100.0 * part / whole, 3)
