"""What holds where several people judged an event, or one person did so more than once.

Which events are one, since people called one a duplicate of the other.
"""

from collections import Counter
from collections.abc import Mapping, Sequence
from typing import NamedTuple

from tsalv360.curation.records import EventRecord, Judged, Judgement
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


def group_duplicates(
    ids: Sequence[str], holds: Mapping[str, EventRecord]
) -> tuple[list[list[str]], set[str], list[tuple[str, str]]]:
    """Events that belong together, in chains and rings too, and the rejected ones, which are in no group.

    A duplicate that is rejected as well goes with the event that it repeats. Where that one is rejected or cannot be
    told, the two are not merged and the rest of the judgement holds.

    Parameters: all events of the video in their order, and their records. Returns the groups, each in the order of
    `ids`; the rejected events; and problems: the id of an event and what is wrong with its duplicate.
    """
    said = {event: record.decided for event, record in holds.items() if record.decided}
    repeats: dict[str, str] = {}
    problems = []
    for event in ids:
        if event in said and (named := _named(said[event])) is not None:
            target = _event_of_now(event, named, ids, holds)
            if target is None:
                what = f"{named!r:.40}, which is not among the events" if named else "no event"
                problems.append((event, f"is called a duplicate of {what}"))
            else:
                repeats[event] = target
    rejected = {event for event, one in said.items() if one.verdict == "reject" and event not in repeats}
    while lost := [event for event, target in repeats.items() if target in rejected]:
        for event in lost:
            problems.append((event, f"is called a duplicate of {repeats.pop(event)}, which is rejected"))
            if said[event].verdict == "reject":
                rejected.add(event)
    group = {event: [event] for event in ids if event not in rejected}
    for event, target in repeats.items():
        if group[event] is not group[target]:
            both = sorted(group[event] + group[target], key=ids.index)
            group |= dict.fromkeys(both, both)
    return [members for event, members in group.items() if members[0] == event], rejected, problems


def _named(said: Judged) -> str | None:
    """What an event is a duplicate of, as a person wrote it; empty where the flag stands alone."""
    return said.duplicate_of if said.duplicate_of is not None else "" if "duplicate" in said.flags else None


def _event_of_now(event: str, named: str, ids: Sequence[str], holds: Mapping[str, EventRecord]) -> str | None:
    """The event that had the id `named` when `event` was judged; None where there is none or it cannot be told.

    It is the one that a record of this id holds for, or, where `event` has the id that it had then, that of this id.
    """
    meant = {now for now, record in holds.items() if record.event_id == named}
    if named in ids and event == holds[event].event_id:
        meant.add(named)
    return meant.pop() if len(meant) == 1 and meant != {event} else None
