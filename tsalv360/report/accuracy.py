"""Found events compared with the known events of a video, where the source provides these (the demo)."""

from collections.abc import Iterable, Mapping, Sequence
from typing import NamedTuple

import pandas as pd

from tsalv360.metrics.events import Match, Score, Track, closest, match_events, score
from tsalv360.report.inputs import NamedTrack, Video


class Compared(NamedTuple):
    """A known event compared with the found ones, or a found event with the known ones.

    `other` names the event that it matches, else the one within 10° with the largest overlap in time, if any.
    """

    event: NamedTrack
    is_matched: bool
    other: str | None
    match: Match | None


class Accuracy(NamedTuple):
    """How well the events of one video were found: its score, all known events, and all found events by id."""

    video: str
    score: Score
    known: list[Compared]
    found: dict[str, Compared]


def accuracy_of(video: Video) -> Accuracy:
    """Return the accuracy of one video with known events."""
    known = video.truth or []
    found = [_found_event(name, video.tracks[video.tracks.event_id == name]) for name in video.events.event_id]
    matches = match_events([event.track for event in known], [event.track for event in found])
    of_known = _compare(known, found, {match.true: (match.found, match) for match in matches})
    of_found = _compare(found, known, {match.found: (match.true, match) for match in matches})
    by_id = {one.event.name: one for one in of_found}
    return Accuracy(video.index.id, score(matches, len(known), len(found)), of_known, by_id)


def overall(accuracies: Iterable[Accuracy]) -> Score:
    """Return the score of all videos together: every event counts the same."""
    accuracies = list(accuracies)
    known = [event for one in accuracies for event in one.known]
    matches = [event.match for event in known if event.is_matched and event.match]
    return score(matches, len(known), sum(len(one.found) for one in accuracies))


def _found_event(name: str, rows: pd.DataFrame) -> NamedTrack:
    track = Track.of(rows)
    return NamedTrack(name, float(track.time_s[0]), float(track.time_s[-1]), track)


def _compare(
    events: Sequence[NamedTrack], others: Sequence[NamedTrack], matched: Mapping[int, tuple[int, Match]]
) -> list[Compared]:
    """Return each event beside its match, which `matched` has by position, or else beside the nearest event."""
    compared = []
    for k, event in enumerate(events):
        position, match = matched.get(k, (None, None))
        if match is None and (match := closest([one.track for one in events], [one.track for one in others], k)):
            position = match.found
        compared.append(Compared(event, k in matched, None if position is None else others[position].name, match))
    return compared
