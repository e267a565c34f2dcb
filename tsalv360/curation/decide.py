"""What holds where several people judged an event, or one person did so more than once."""

from collections import Counter
from typing import NamedTuple

from tsalv360.curation.records import Judged, Judgement
from tsalv360.curation.settings import Resolve


class Decision(NamedTuple):
    """What was decided, by whom, and whether people disagree. Nothing is decided without a verdict, or by a tie."""

    decided: Judged | None
    by: list[str]
    disagreement: bool


def decide(history: list[Judgement], rule: Resolve) -> Decision:
    """The decision on an event.

    Each person's last judgement counts, and none of an earlier round where the event was sent back. `latest`: the last
    of all holds. `majority`: keeping or rejecting by the most, then the caption that most of those give, of several
    the last; a tie between keeping and rejecting decides nothing.
    """
    votes = current(history)
    if not votes:
        return Decision(None, [], False)
    if rule == "majority":
        rejected = sum(_said(vote).verdict == "reject" for vote in votes)
        if 2 * rejected == len(votes):
            return Decision(None, [], True)
        side = [vote for vote in votes if (_said(vote).verdict == "reject") == (2 * rejected > len(votes))]
        captions = Counter(_said(vote).caption for vote in side)
        most = max(captions.values())
        holds = [vote for vote in side if captions[_said(vote).caption] == most][-1]
    else:
        holds = votes[-1]
    agreeing = [vote.who for vote in votes if _opinion(vote) == _opinion(holds)]
    return Decision(holds.said, agreeing, len(agreeing) < len(votes))


def current(history: list[Judgement]) -> list[Judgement]:
    """The judgements that count, one per person, the earliest first."""
    latest_version: dict[str, Judgement] = {}
    for judgement in sorted(history, key=lambda judgement: judgement.when):
        latest_version[judgement.annotation] = judgement
    counting = [judgement for judgement in latest_version.values() if judgement.said is not None]
    last_round = max((judgement.round for judgement in counting), default=0)
    by_person = {
        judgement.who: judgement
        for judgement in sorted(counting, key=lambda judgement: judgement.when)
        if judgement.round == last_round
    }
    return sorted(by_person.values(), key=lambda judgement: judgement.when)


def _opinion(judgement: Judgement) -> str | None:
    """What people can disagree on: that an event is none, or its caption."""
    said = _said(judgement)
    return None if said.verdict == "reject" else said.caption


def _said(judgement: Judgement) -> Judged:
    assert judgement.said is not None
    return judgement.said
