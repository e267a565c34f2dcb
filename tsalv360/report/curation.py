"""How people judged: how much, how fast, and how far they agree."""

import difflib
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import combinations
from statistics import mean, median

from tsalv360.curation.records import Decision, EventRecord, Verdict

VERDICTS: tuple[Verdict, ...] = ("accept", "edit", "reject")
_NONE = float("nan")


@dataclass(frozen=True)
class Curator:
    """One person: events judged, how many with which verdict, how many skipped, and how fast.

    `lead_s` is the median time an event took, `per_hour` the number of events in an hour of such times; NaN where no
    time was recorded.
    """

    name: str
    n_judged: int
    verdicts: dict[str, int]
    n_skipped: int
    lead_s: float
    per_hour: float


@dataclass(frozen=True)
class Pair:
    """Two people who judged the same events: the share of equal verdicts, Cohen's kappa, and how alike captions are.

    `kappa` is NaN where both gave one and the same verdict throughout: chance alone would agree too. `similarity` is
    the mean ratio (`difflib`) of the words of the captions of events that neither rejected, NaN without any.
    """

    names: tuple[str, str]
    n_events: int
    same: float
    kappa: float
    similarity: float


@dataclass(frozen=True)
class Work:
    """All curators and all pairs of them with events in common, by name, and the mean of the pairs' kappa."""

    curators: list[Curator]
    pairs: list[Pair]
    kappa: float


def work_of(records: Sequence[EventRecord]) -> Work:
    """What the records of all videos tell.

    Of several judgements of an event by one person the last one counts; it was skipped where there is none.
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
        times = [one.lead_time_s for one in own if one.decision and one.lead_time_s]
        curators.append(
            Curator(
                name=name,
                n_judged=len(verdicts),
                verdicts={verdict: verdicts.count(verdict) for verdict in VERDICTS},
                n_skipped=sum(one.skipped for one in own),
                lead_s=median(times) if times else _NONE,
                per_hour=3600 / mean(times) if times else _NONE,
            )
        )
    said = [{name: one.decision for name, one in of_event.items() if one.decision} for of_event in last]
    pairs = []
    for a, b in combinations(names, 2):
        if both := [(of_event[a], of_event[b]) for of_event in said if a in of_event and b in of_event]:
            pairs.append(_pair((a, b), both))
    kappas = [pair.kappa for pair in pairs if pair.kappa == pair.kappa]
    return Work(curators, pairs, mean(kappas) if kappas else _NONE)


def _pair(names: tuple[str, str], both: Sequence[tuple[Decision, Decision]]) -> Pair:
    verdicts = [[said.verdict for said in one] for one in zip(*both, strict=True)]
    kappa = _NONE
    if len({*verdicts[0], *verdicts[1]}) > 1:
        from sklearn.metrics import cohen_kappa_score  # takes time to import

        kappa = float(cohen_kappa_score(*verdicts))
    texts = [(a.caption or "", b.caption or "") for a, b in both if "reject" not in (a.verdict, b.verdict)]
    alike = [difflib.SequenceMatcher(None, a.split(), b.split(), autojunk=False).ratio() for a, b in texts]
    same = mean(a == b for a, b in zip(*verdicts, strict=True))
    return Pair(names, len(both), same, kappa, mean(alike) if alike else _NONE)
