"""The curators' work in numbers: compared with counts by hand and with the closed form of kappa."""

import math

import pytest

from tsalv360.curation.records import Annotation, Decision, EventRecord
from tsalv360.explorer.curation import work_of

SKIP = "skip"


def annotation(
    who: str, what: str, caption: str, lead_time_s: float | None, when: str = "2026-01-01T10:00:00Z"
) -> Annotation:
    said = None if what == SKIP else Decision(what, caption)  # type: ignore[arg-type]
    return Annotation(f"{who}{when}{what}", who, when, lead_time_s, said, skipped=what == SKIP)


def event(k: int, *history: Annotation) -> EventRecord:
    return EventRecord(f"001_{k}", "hash", None, [], False, "", "0 0 0", list(history))


def test_numbers_of_each_curator() -> None:
    """Of two annotations of one event by one curator the last counts; a skipped task is no review."""
    records = [
        event(1, annotation("ann", "accept", "A.", 99), annotation("ann", "edit", "B.", 10, "2026-01-02T10:00:00Z")),
        event(2, annotation("ann", "reject", "", 20), annotation("ben", SKIP, "", 5)),
        event(3, annotation("ann", "accept", "A.", 60), annotation("ann", SKIP, "", 5, "2026-01-02T10:00:00Z")),
        event(4, annotation("ann", "accept", "A.", None)),
    ]
    ann, ben = work_of(records).curators
    assert (ann.name, ann.n_reviewed, ann.n_skipped) == ("ann", 4, 0)
    assert ann.verdicts == {"accept": 2, "edit": 1, "reject": 1}
    assert (ann.lead_s, ann.per_hour) == (20, pytest.approx(3 * 3600 / 90))
    assert (ben.n_reviewed, ben.n_skipped) == (0, 1)
    assert math.isnan(ben.lead_s) and math.isnan(ben.per_hour)


def test_agreement_of_each_pair_and_the_mean() -> None:
    """ann and ben agree on 3 of 4, by chance on 1/2·1/4 + 1/4·1/2 + 1/4·1/4 = 5/16: kappa is (12 − 5) / (16 − 5)."""
    verdicts = [("accept", "accept"), ("accept", "edit"), ("edit", "edit"), ("reject", "reject")]
    records = [
        event(k, annotation("ann", a, "A dog runs.", 1), annotation("ben", b, "A dog sits there.", 1))
        for k, (a, b) in enumerate(verdicts)
    ]
    records.append(event(9, annotation("ann", "accept", "A.", 1), annotation("cas", "reject", "", 1)))
    work = work_of(records)
    assert [pair.names for pair in work.pairs] == [("ann", "ben"), ("ann", "cas")]
    both, other = work.pairs
    assert (both.n_events, both.same) == (4, 0.75)
    assert both.kappa == pytest.approx(7 / 11)
    assert both.similarity == pytest.approx(2 * 2 / 7)
    assert (other.n_events, other.same, other.kappa) == (1, 0, 0)
    assert math.isnan(other.similarity)
    assert work.kappa == pytest.approx(7 / 22)


@pytest.mark.filterwarnings("error")
def test_kappa_of_one_and_the_same_verdict_is_left_open() -> None:
    work = work_of(
        [event(k, annotation("ann", "accept", "A.", 1), annotation("ben", "accept", "A.", 1)) for k in range(3)]
    )
    assert work.pairs[0].same == 1 and math.isnan(work.pairs[0].kappa) and math.isnan(work.kappa)


def test_without_records_there_is_nothing() -> None:
    work = work_of([])
    assert not work.curators and not work.pairs and math.isnan(work.kappa)
