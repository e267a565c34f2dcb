"""Which drafts are the same event.

Doubles are dropped; what goes on as another event is joined to it; what followed one thing and then another is parted;
two that were exchanged where they passed each other are changed back.
"""

import numpy as np
from scipy.ndimage import minimum_filter1d

from tsalv360.contracts.gaze_grid import Looks
from tsalv360.events.hypothesis import Draft, Dropped, squares
from tsalv360.sphere.directions import vector_angle

_JOIN_DEG = 20.0  # farthest apart that two ends can lie; both are extrapolated from few looks
_MARGIN_S = 1.5  # time before and after that tells whether one path explains both
_JOIN_RATIO = 1.5  # to which the looks' distance from their path may grow by that
_PART_RATIO = 1.14  # by which one path is farther from the looks before and after a moment than two are
_PART_WIDTH_S = 0.4  # σ over time of such paths at the least: a narrower one follows a jump
_PART_STEP = 4  # frames between moments at which an event may be two
_PART_LOOKS = 8.0  # looks before and after it that are needed to tell
_CROSS_RATIO = 0.9  # to which the looks' distance from smooth paths falls where two events that pass are swapped
_CROSS_WIDTH_S = 1.6  # σ over time of such a path: nearly straight
_LOOK_S = 0.4  # frames within the length of a look are one


def drop_doubles(drafts: list[Draft], merge_deg: float) -> None:
    """Of two drafts that stay close for most of the shorter one's time, the one with fewer looks is to be dropped."""
    drafts = sorted((draft for draft in drafts if not draft.dropped), key=lambda draft: -int(draft.own.sum()))
    for place, weak in enumerate(drafts):
        for strong in drafts[:place]:
            both = weak.on & strong.on
            close = (vector_angle(weak.path[both], strong.path[both]) < merge_deg).sum()
            if not strong.dropped and close > min(weak.on.sum(), strong.on.sum()) / 2:
                weak.dropped = Dropped("merge_deg", f"stays within {merge_deg:g}° of a stronger event")
                break


def join(looks: Looks, drafts: list[Draft], max_gap_s: float) -> list[Draft]:
    """The drafts, with those joined where one goes on, in time and place, about where another ends."""
    joined: list[Draft] = []
    for draft in sorted(drafts, key=lambda draft: draft.ends):
        for place, earlier in enumerate(joined):
            last, first = earlier.ends[1], draft.ends[0]
            near = last < draft.ends[1] and abs(first - last) <= max_gap_s * looks.rate
            if near and _is_one(looks, earlier, draft, min(first, last), max(first, last)):
                joined[place] = earlier.then(draft, (first + last) // 2 + 1)
                break
        else:
            joined.append(draft)
    return joined


def _is_one(looks: Looks, a: Draft, b: Draft, first: int, last: int) -> bool:
    """Whether one path explains the looks at both, around the frames `first` to `last`, about as well as two do."""
    between = slice(first, last + 1)
    if np.median(vector_angle(a.path[between], b.path[between])) > _JOIN_DEG:
        return False
    around, near = _around(looks, first, last + 1)
    width = max(a.width_s, b.width_s)
    apart = squares(around, a.own[near], width) + squares(around, b.own[near], width)
    return squares(around, (a.own | b.own)[near], width) <= _JOIN_RATIO**2 * apart


def part(looks: Looks, drafts: list[Draft], max_gap_s: float) -> list[Draft]:
    """The drafts, with those parted that have a longer gap, or that first followed one thing and then another.

    There one smooth path lies farther from the looks than one that ends and another that begins.
    """
    parts: list[Draft] = []
    for draft in drafts:
        frames = np.flatnonzero(draft.on)
        gaps = frames[1:][np.diff(frames) > max_gap_s * looks.rate + 1]
        if len(gaps):
            parts += part(looks, [draft.until(gaps[0]), draft.since(gaps[0])], max_gap_s)
            continue
        first, last = draft.ends
        moments = np.arange(first + _PART_STEP, last, _PART_STEP)
        ratios = [_gain_of_parting(looks, draft, int(moment)) for moment in moments]
        if max(ratios, default=0.0) > _PART_RATIO:
            moment = int(moments[int(np.argmax(ratios))])
            parts += part(looks, [p for p in (draft.until(moment), draft.since(moment)) if p.on.any()], max_gap_s)
        else:
            parts.append(draft)
    return parts


def _gain_of_parting(looks: Looks, draft: Draft, moment: int) -> float:
    """Root mean square distance of the looks around a moment from one path, to that from two; 0 with few looks."""
    around, near = _around(looks, moment, moment)
    own = draft.own[near]
    before = own & (np.arange(len(own)) < moment - near.start)[:, None]
    after = own & ~before
    if min(before.sum(), after.sum()) < _PART_LOOKS * _LOOK_S * looks.rate:
        return 0.0
    width = max(draft.width_s, _PART_WIDTH_S)
    two = squares(around, before, width) + squares(around, after, width)
    return float(np.sqrt(squares(around, own, width) / two)) if two else 0.0


def untangle(looks: Looks, drafts: list[Draft], merge_deg: float) -> None:
    """Where two drafts pass each other, let each go on as the other if smooth paths explain the looks better then."""
    for place, one in enumerate(drafts):
        for other in drafts[:place]:
            both = one.on & other.on
            apart = np.where(both, vector_angle(one.path, other.path), np.inf)
            nearest = minimum_filter1d(apart, 2 * round(_MARGIN_S * looks.rate) + 1)
            for moment in np.flatnonzero((apart == nearest) & (apart < merge_deg)):
                if _crossed(looks, one, other, int(moment)) < _CROSS_RATIO:
                    one.swap(other, int(moment))


def _crossed(looks: Looks, one: Draft, other: Draft, moment: int) -> float:
    """Root mean square distance of the looks around a moment from their paths if they swap there, to that if not."""
    around, near = _around(looks, moment, moment)
    before = (np.arange(near.start, near.start + len(around.time_s)) < moment)[:, None]

    def distance(a: Draft, b: Draft) -> float:
        return squares(around, np.where(before, a.own[near], b.own[near]), _CROSS_WIDTH_S)

    stay = distance(one, one) + distance(other, other)
    return float(np.sqrt((distance(one, other) + distance(other, one)) / stay)) if stay else 1.0


def _around(looks: Looks, first: int, end: int) -> tuple[Looks, slice]:
    """The looks from 1.5 s before frame `first` to 1.5 s after `end`, and these frames."""
    margin = round(_MARGIN_S * looks.rate)
    near = slice(max(0, first - margin), end + margin)
    return Looks(looks.time_s[near], looks.vectors[near], looks.weights[near]), near
