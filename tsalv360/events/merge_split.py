"""Hypotheses that are not one event each.

Duplicates are dropped; a hypothesis that continues another is joined to it; one that followed two targets in turn is
split; two that were swapped where they passed each other are swapped back.
"""

import numpy as np
from numpy.typing import NDArray
from scipy.ndimage import minimum_filter1d

from tsalv360.contracts.gaze_grid import GazeGrid
from tsalv360.contracts.grid import runs
from tsalv360.events.hypothesis import Dropped, Hypothesis, squared_error
from tsalv360.sphere.directions import vector_angle

_MARGIN_S = 1.5  # time before and after a moment whose gaze decides
_JOIN_DEG = 20.0  # farthest apart that two ends can lie; both are extrapolated from little gaze
_JOIN_RATIO = 1.5  # by which joining may multiply the root mean square distance of the gaze from its path
_SPLIT_RATIO = 1.4  # by which one path must be farther from the gaze around a moment than two are
_SPLIT_WIDTH_S = 0.4  # least σ over time of these paths: a narrower one follows a jump
_SPLIT_STEP = 4  # frames between moments at which a hypothesis may be split
_SPLIT_GAZE_S = 3.2  # gaze of all observers together that is needed before and after such a moment
_SWAP_RATIO = 0.9  # by which swapping must multiply the root mean square distance of the gaze from smooth paths
_SWAP_WIDTH_S = 1.6  # σ over time of these paths: nearly straight


def drop_duplicates(hypotheses: list[Hypothesis], merge_deg: float) -> None:
    """Mark as dropped what stays close to a hypothesis with more gaze for most of the shorter one's time."""
    ranked = sorted((h for h in hypotheses if not h.dropped), key=lambda h: -int(h.assigned.sum()))
    for rank, weak in enumerate(ranked):
        for strong in ranked[:rank]:
            both = weak.active & strong.active
            close = (vector_angle(weak.path[both], strong.path[both]) < merge_deg).sum()
            if not strong.dropped and close > min(weak.active.sum(), strong.active.sum()) / 2:
                weak.dropped = Dropped("merge_deg", f"stays within {merge_deg:g}° of a stronger event")
                break


def join(grid: GazeGrid, hypotheses: list[Hypothesis], max_gap_s: float) -> list[Hypothesis]:
    """Return the hypotheses, of which those that begin about when and where another ends are joined to it."""
    joined: list[Hypothesis] = []
    for later in sorted(hypotheses, key=lambda h: h.ends):
        for place, earlier in enumerate(joined):
            end, start = earlier.ends[1], later.ends[0]
            near = end < later.ends[1] and abs(start - end) <= max_gap_s * grid.rate
            if near and _is_one(grid, earlier, later, min(start, end), max(start, end)):
                joined[place] = earlier.followed_by(later, (start + end) // 2 + 1)
                break
        else:
            joined.append(later)
    return joined


def _is_one(grid: GazeGrid, a: Hypothesis, b: Hypothesis, first: int, last: int) -> bool:
    """Return whether one path fits the gaze of both, around the frames `first` to `last`, about as well as two do."""
    between = slice(first, last + 1)
    if np.median(vector_angle(a.path[between], b.path[between])) > _JOIN_DEG:
        return False
    around, frames = _around(grid, first, last + 1)
    width, of_a, of_b = max(a.width_s, b.width_s), a.assigned[frames], b.assigned[frames]
    one, *two = (squared_error(around, gaze, width) for gaze in (of_a | of_b, of_a, of_b))
    return one <= _JOIN_RATIO**2 * sum(two)


def split(grid: GazeGrid, hypotheses: list[Hypothesis], max_gap_s: float) -> list[Hypothesis]:
    """Return the hypotheses, of which those with too long a gap, or that followed two targets in turn, are split.

    There one smooth path lies farther from the gaze than one that ends and another that begins.
    """
    parts: list[Hypothesis] = []
    for hypothesis in hypotheses:
        frames = np.flatnonzero(hypothesis.active)
        segments = runs(frames, max_gap_s * grid.rate + 1)
        moment = int(frames[segments[1].start]) if len(segments) > 1 else _moment_of_split(grid, hypothesis)
        parts += split(grid, hypothesis.cut(moment), max_gap_s) if moment else [hypothesis]
    return parts


def _moment_of_split(grid: GazeGrid, hypothesis: Hypothesis) -> int:
    """Return the frame before and after which two paths fit the gaze much better than one does; 0 for none."""
    first, last = hypothesis.ends
    moments = np.arange(first + _SPLIT_STEP, last, _SPLIT_STEP)
    gains = [_gain_of_split(grid, hypothesis, int(moment)) for moment in moments]
    return int(moments[int(np.argmax(gains))]) if max(gains, default=0.0) > _SPLIT_RATIO else 0


def _gain_of_split(grid: GazeGrid, hypothesis: Hypothesis, moment: int) -> float:
    """Return how many times as far the gaze around a moment lies from one path as from two; 0 if there is little."""
    around, frames = _around(grid, moment, moment)
    assigned, earlier = hypothesis.assigned[frames], (frames < moment)[:, None]
    before, after = assigned & earlier, assigned & ~earlier
    if min(before.sum(), after.sum()) < _SPLIT_GAZE_S * grid.rate:
        return 0.0
    width = max(hypothesis.width_s, _SPLIT_WIDTH_S)
    one, *two = (squared_error(around, gaze, width) for gaze in (assigned, before, after))
    return float(np.sqrt(one / sum(two))) if sum(two) else 0.0


def resolve_swaps(grid: GazeGrid, hypotheses: list[Hypothesis], merge_deg: float) -> list[Hypothesis]:
    """Return the hypotheses; two that pass each other go on as each other if smooth paths then fit the gaze better."""
    resolved = list(hypotheses)
    for k in range(len(resolved)):
        for j in range(k):
            both = resolved[k].active & resolved[j].active
            apart = np.where(both, vector_angle(resolved[k].path, resolved[j].path), np.inf)
            nearest = minimum_filter1d(apart, 2 * round(_MARGIN_S * grid.rate) + 1)
            for moment in np.flatnonzero((apart == nearest) & (apart < merge_deg)).tolist():
                one, other = resolved[k], resolved[j]
                if _gain_of_swap(grid, one, other, moment) < _SWAP_RATIO:
                    resolved[k], resolved[j] = one.followed_by(other, moment), other.followed_by(one, moment)
    return resolved


def _gain_of_swap(grid: GazeGrid, one: Hypothesis, other: Hypothesis, moment: int) -> float:
    """Return how many times as far the gaze around a moment lies from paths that swap there as from others."""
    around, frames = _around(grid, moment, moment)

    def error(a: Hypothesis, b: Hypothesis) -> float:
        gaze = np.where((frames < moment)[:, None], a.assigned[frames], b.assigned[frames])
        return squared_error(around, gaze, _SWAP_WIDTH_S)

    stay = error(one, one) + error(other, other)
    return float(np.sqrt((error(one, other) + error(other, one)) / stay)) if stay else 1.0


def _around(grid: GazeGrid, first: int, end: int) -> tuple[GazeGrid, NDArray[np.int64]]:
    """Return the gaze from 1.5 s before frame `first` to 1.5 s after `end`, and its frames."""
    margin = round(_MARGIN_S * grid.rate)
    frames = np.arange(max(0, first - margin), min(end + margin, len(grid.time_s)))
    return GazeGrid(grid.time_s[frames], grid.vectors[frames], grid.weights[frames]), frames
