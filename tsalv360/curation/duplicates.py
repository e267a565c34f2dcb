"""Which events are one, since people called one a duplicate of the other."""

from collections.abc import Mapping, Sequence

from tsalv360.curation.records import EventRecord, Judged


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
