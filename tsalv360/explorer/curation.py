"""The curators' work in numbers: how much, how fast, and how well they agree."""

import difflib
from collections.abc import Iterable, Sequence
from itertools import combinations
from math import nan
from typing import NamedTuple, get_args

import pandas as pd

from tsalv360.curation.records import Decision, EventRecord, Verdict


class Curator(NamedTuple):
    """One curator: events reviewed, how many with which verdict, how many skipped, and how fast.

    `lead_s` is the median time per event, `per_hour` the number of events per hour at the mean time; NaN where no time
    was recorded.
    """

    name: str
    n_reviewed: int
    verdicts: dict[str, int]
    n_skipped: int
    lead_s: float
    per_hour: float


class Pair(NamedTuple):
    """Two curators on the events that both reviewed: share of equal verdicts, Cohen's kappa, similarity of captions.

    `kappa` is NaN where both gave one and the same verdict throughout: chance alone would agree too. `similarity` is
    the mean `difflib` ratio of the words of the captions of events that neither rejected, NaN without any.
    """

    names: tuple[str, str]
    n_events: int
    same: float
    kappa: float
    similarity: float


class Work(NamedTuple):
    """All curators, all pairs of them with events in common, both by name, and the mean kappa of the pairs."""

    curators: list[Curator]
    pairs: list[Pair]
    kappa: float


def work_of(records: Sequence[EventRecord]) -> Work:
    """Return the curators' work in the records of all videos.

    Of several annotations of an event by one curator the last decision counts; without any, the event was skipped.
    """
    last = [
        {
            one.curator: one
            for one in sorted(record.history, key=lambda one: one.decision is not None)
            if one.decision or one.skipped
        }
        for record in records
    ]
    names = sorted({name for of_event in last for name in of_event})
    curators = []
    for name in names:
        own = [of_event[name] for of_event in last if name in of_event]
        verdicts = [one.decision.verdict for one in own if one.decision]
        times = pd.Series([one.lead_time_s for one in own if one.decision and one.lead_time_s], dtype=float)
        curators.append(
            Curator(
                name,
                len(verdicts),
                {verdict: verdicts.count(verdict) for verdict in get_args(Verdict)},
                sum(one.skipped for one in own),
                float(times.median()),
                float(3600 / times.mean()),
            )
        )
    decisions = [{name: one.decision for name, one in of_event.items() if one.decision} for of_event in last]
    pairs = [
        _pair((a, b), both)
        for a, b in combinations(names, 2)
        if (both := [(of_event[a], of_event[b]) for of_event in decisions if a in of_event and b in of_event])
    ]
    return Work(curators, pairs, _mean(pair.kappa for pair in pairs))


def _pair(names: tuple[str, str], both: Sequence[tuple[Decision, Decision]]) -> Pair:
    verdicts = [[decision.verdict for decision in decisions] for decisions in zip(*both, strict=True)]
    kappa = nan
    if len({*verdicts[0], *verdicts[1]}) > 1:
        from sklearn.metrics import cohen_kappa_score  # takes time to import

        kappa = float(cohen_kappa_score(*verdicts))
    texts = [(a.caption or "", b.caption or "") for a, b in both if "reject" not in (a.verdict, b.verdict)]
    alike = [difflib.SequenceMatcher(None, a.split(), b.split(), autojunk=False).ratio() for a, b in texts]
    return Pair(names, len(both), _mean(a.verdict == b.verdict for a, b in both), kappa, _mean(alike))


def _mean(values: Iterable[float]) -> float:
    """Return the mean of those values that are not NaN; NaN without any."""
    return float(pd.Series(values, dtype=float).mean())
