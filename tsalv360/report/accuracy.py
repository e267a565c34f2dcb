"""Found events held against the known ones, where these are told (the demo)."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from tsalv360.metrics.events import Match, Score, Track, closest, match_events, score
from tsalv360.report.inputs import Video


@dataclass(frozen=True)
class Known:
    """A known event: its name, start and end in seconds, and, where it was found, the found event and how well.

    Where it was not found, `near` is the nearest event that came too short, if any.
    """

    name: str
    start_s: float
    end_s: float
    track: Track
    found: str | None = None
    match: Match | None = None
    near: str | None = None


@dataclass(frozen=True)
class Unmatched:
    """A found event that matches no known one: start and end in seconds, and the nearest known event, if any."""

    start_s: float
    end_s: float
    near: str | None
    match: Match | None


@dataclass(frozen=True)
class Accuracy:
    """How the events of one video were found; `false` are the found events, by id, that match no known one."""

    video: str
    score: Score
    known: list[Known]
    false: dict[str, Unmatched]

    @property
    def misses(self) -> list[Known]:
        """The known events that were not found."""
        return [known for known in self.known if known.found is None]

    @property
    def by_event(self) -> dict[str, Known]:
        """The known events that were found, by the id of the found one."""
        return {known.found: known for known in self.known if known.found is not None}


def accuracy_of(video: Video) -> Accuracy:
    """The accuracy of one video whose known events are told."""
    ids = video.events.event_id.tolist()
    found = [_found_track(video, event) for event in ids]
    known = [_known(event) for event in video.truth or []]
    tracks = [event.track for event in known]
    matches = match_events(tracks, found)
    for match in matches:
        known[match.true] = replace(known[match.true], found=ids[match.found], match=match)
    for k, event in enumerate(known):
        if event.found is None and (near := closest(tracks, found, k)):
            known[k] = replace(event, near=ids[near.found], match=near)
    extra = sorted(set(range(len(ids))) - {match.found for match in matches})
    false = {ids[k]: _unmatched(found, known, k) for k in extra}
    return Accuracy(video.id, score(matches, len(known), len(ids)), known, false)


def overall(accuracies: Sequence[Accuracy]) -> Score:
    """The score of all videos together: every event counts the same."""
    matches = [known.match for one in accuracies for known in one.known if known.found and known.match]
    return score(matches, sum(one.score.n_true for one in accuracies), sum(one.score.n_found for one in accuracies))


def _found_track(video: Video, event: str) -> Track:
    rows = video.tracks[video.tracks.event_id == event]
    return Track(rows.time_s.to_numpy(), rows.yaw_deg.to_numpy(), rows.pitch_deg.to_numpy())


def _known(event: dict[str, Any]) -> Known:
    track = Track(*(np.array(event[name], dtype=float) for name in ("time_s", "yaw_deg", "pitch_deg")))
    return Known(event["object"], event["start_s"], event["end_s"], track)


def _unmatched(found: list[Track], known: list[Known], k: int) -> Unmatched:
    near = closest(found, [event.track for event in known], k)
    start, end = float(found[k].time_s[0]), float(found[k].time_s[-1])
    return Unmatched(start, end, known[near.found].name if near else None, near)
