"""Resolve several annotations of an event into one decision, and duplicates into one event."""

from collections import Counter
from collections.abc import Mapping, Sequence
from typing import NamedTuple

from tsalv360.curation.records import Annotation, Decision, EventRecord
from tsalv360.curation.settings import Resolve


class Resolution(NamedTuple):
    """The decision (None: no verdict, or a tie), whose annotations agree with it, and whether curators disagree."""

    decided: Decision | None
    by: list[str]
    disagreement: bool


def resolve(history: list[Annotation], rule: Resolve) -> Resolution:
    """Return the decision on an event.

    The last annotation of each curator counts, none from before the event was sent back for another round. With
    `latest` the last annotation decides. With `majority` most votes keep or reject the event, then the caption that
    most of these curators gave wins, the last one of several; a tie between keeping and rejecting decides nothing.
    """
    votes = current(history)
    if not votes:
        return Resolution(None, [], False)
    if rule == "majority":
        rejected = sum(_said(vote).verdict == "reject" for vote in votes)
        if 2 * rejected == len(votes):
            return Resolution(None, [], True)
        side = [vote for vote in votes if (_said(vote).verdict == "reject") == (2 * rejected > len(votes))]
        captions = Counter(_said(vote).caption for vote in side)
        most = max(captions.values())
        winner = [vote for vote in side if captions[_said(vote).caption] == most][-1]
    else:
        winner = votes[-1]
    agreeing = [vote.who for vote in votes if _opinion(vote) == _opinion(winner)]
    return Resolution(winner.said, agreeing, len(agreeing) < len(votes))


def current(history: list[Annotation]) -> list[Annotation]:
    """Return the annotations that count, one per curator, the earliest first."""
    latest_version: dict[str, Annotation] = {}
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


def _opinion(judgement: Annotation) -> str | None:
    """What curators can disagree on: whether an event is one, and its caption (None: rejected)."""
    said = _said(judgement)
    return None if said.verdict == "reject" else said.caption


def _said(judgement: Annotation) -> Decision:
    assert judgement.said is not None
    return judgement.said


def group_duplicates(
    ids: Sequence[str], matched: Mapping[str, EventRecord]
) -> tuple[list[list[str]], set[str], list[tuple[str, str]]]:
    """Group events that curators marked as duplicates, chains and rings included.

    A rejected duplicate joins the group of the event that it repeats. Where that event is rejected or unknown, the two
    are not merged and the rest of the decision stands.

    Parameters: all events of the video in their order, and the records matched to them. Returns the groups, each in the
    order of `ids`; the rejected events, which are in no group; and problems, each an event id and what is wrong.
    """
    decisions = {event: record.decided for event, record in matched.items() if record.decided}
    repeats: dict[str, str] = {}
    problems = []
    for event in ids:
        if event in decisions and (named := _named(decisions[event])) is not None:
            target = _current_event(event, named, ids, matched)
            if target is None:
                what = f"{named!r:.40}, which is not among the events" if named else "no event"
                problems.append((event, f"is called a duplicate of {what}"))
            else:
                repeats[event] = target
    rejected = {event for event, one in decisions.items() if one.verdict == "reject" and event not in repeats}
    while lost := [event for event, target in repeats.items() if target in rejected]:
        for event in lost:
            problems.append((event, f"is called a duplicate of {repeats.pop(event)}, which is rejected"))
            if decisions[event].verdict == "reject":
                rejected.add(event)
    group = {event: [event] for event in ids if event not in rejected}
    for event, target in repeats.items():
        if group[event] is not group[target]:
            both = sorted(group[event] + group[target], key=ids.index)
            group |= dict.fromkeys(both, both)
    return [members for event, members in group.items() if members[0] == event], rejected, problems


def _named(decision: Decision) -> str | None:
    """The event that a decision names as the original; empty where only the flag is set, None without the flag."""
    if decision.duplicate_of is not None:
        return decision.duplicate_of
    return "" if "duplicate" in decision.flags else None


def _current_event(event: str, named: str, ids: Sequence[str], matched: Mapping[str, EventRecord]) -> str | None:
    """The current event that had the id `named` when `event` was reviewed; None where there is none or several.

    It is the one matched to a record of this id, or the event of this id where `event` still has its own id.
    """
    meant = {current for current, record in matched.items() if record.event_id == named}
    if named in ids and event == matched[event].event_id:
        meant.add(named)
    return meant.pop() if len(meant) == 1 and meant != {event} else None
