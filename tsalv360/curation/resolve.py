"""One decision per event: from the annotations of several curators, and for events that are duplicates."""

from collections import Counter
from collections.abc import Mapping, Sequence
from operator import attrgetter
from typing import NamedTuple

from tsalv360.contracts.entries import Remarks
from tsalv360.curation.records import Annotation, Decision, EventRecord
from tsalv360.curation.settings import Resolve


class Resolution(NamedTuple):
    """The decision on an event (None: undecided), the curators who agree with it, and whether others disagree."""

    decision: Decision | None
    curators: list[str]
    disagreement: bool


def resolve(history: list[Annotation], rule: Resolve) -> Resolution:
    """Return the decision that follows from the annotations of an event.

    Only each curator's last annotation counts, and only those of the last round if the event was sent back. `latest`
    takes the last of all. `majority` first decides whether the event is rejected, undecided on a tie, then takes the
    most frequent caption of that side, the last one on a tie.
    """
    votes = [(one.curator, one.decision) for one in counting(history) if one.decision]
    if not votes:
        return Resolution(None, [], False)
    decision = votes[-1][1]
    if rule == "majority":
        rejections = sum(vote.verdict == "reject" for _, vote in votes)
        if 2 * rejections == len(votes):
            return Resolution(None, [], True)
        side = [vote for _, vote in votes if (vote.verdict == "reject") == (2 * rejections > len(votes))]
        captions = Counter(vote.caption for vote in side)
        decision = [vote for vote in side if captions[vote.caption] == max(captions.values())][-1]
    agreeing = [curator for curator, vote in votes if _opinion(vote) == _opinion(decision)]
    return Resolution(decision, agreeing, len(agreeing) < len(votes))


def counting(history: list[Annotation]) -> list[Annotation]:
    """Return the annotations with a decision that count, one per curator, the earliest first."""
    when = attrgetter("when")
    versions = {one.id: one for one in sorted(history, key=when)}  # of each annotation the last one
    decided = sorted((one for one in versions.values() if one.decision), key=when)
    last_round = max((one.round for one in decided), default=0)
    return sorted({one.curator: one for one in decided if one.round == last_round}.values(), key=when)


def _opinion(decision: Decision) -> str | None:
    """Return what curators can disagree on: the caption, None for a rejection."""
    return None if decision.verdict == "reject" else decision.caption


def group_duplicates(
    ids: Sequence[str], matched: Mapping[str, EventRecord]
) -> tuple[list[list[str]], set[str], Remarks]:
    """Group the events that curators marked as duplicates of each other, in chains and rings too.

    A rejected duplicate joins the event that it duplicates. If that one is rejected or cannot be identified, the two
    stay apart and the rest of the decision counts.

    Parameters: all events of the video in order, and their records. Returns the groups of events that stay, each in the
    order of `ids`; the rejected events; and problems: event ids, each with what is wrong with its duplicate.
    """
    decisions = {event: record.decision for event, record in matched.items() if record.decision}
    original: dict[str, str] = {}
    problems: Remarks = []
    for event in (event for event in ids if event in decisions):
        named = decisions[event].duplicate_of
        if named is None and "duplicate" not in decisions[event].flags:
            continue
        # Ids may have shifted since: a record shows which event had the id, or that this event still has its own.
        meant = {current for current, record in matched.items() if record.event_id == named}
        if named in ids and event == matched[event].event_id:
            meant.add(str(named))
        if len(meant) == 1 and meant != {event}:
            original[event] = meant.pop()
        else:
            what = f"{named!r:.40}, which is not among the events" if named else "an event that is not named"
            problems.append((event, f"is marked as a duplicate of {what}"))
    rejected = {event for event, one in decisions.items() if one.verdict == "reject" and event not in original}
    while lost := [event for event, target in original.items() if target in rejected]:
        for event in lost:
            problems.append((event, f"is marked as a duplicate of {original.pop(event)}, which is rejected"))
            if decisions[event].verdict == "reject":
                rejected.add(event)
    group = {event: [event] for event in ids if event not in rejected}
    for event, target in original.items():
        if group[event] is not group[target]:
            both = sorted(group[event] + group[target], key=ids.index)
            group |= dict.fromkeys(both, both)
    return [members for event, members in group.items() if members[0] == event], rejected, problems
