"""Match reviewed events to the events of the current build, which other settings may have changed."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime

import numpy as np
import pandas as pd
from scipy.optimize import linear_sum_assignment

from tsalv360.curation.records import EventRecord
from tsalv360.curation.tasks import as_track
from tsalv360.metrics.events import MAX_ERROR_DEG, Match, Track, match_quality
from tsalv360.sphere.directions import Array

SAME_IOU = 0.8  # temporal overlap over union from which an event is the reviewed one
SAME_DEG = 3.0  # median angle up to which it is the reviewed one
NEAR_IOU = 0.3  # temporal overlap over union from which a curator must say whether it is
NEAR_DEG = MAX_ERROR_DEG  # the limit of all event matching; farther off, curators saw something else
_ROUNDING = 1e-6


@dataclass(frozen=True)
class NearbyRecord:
    """An earlier record and how close its event is to a current one; `iou` and `error_deg` are those of `Match`."""

    record: EventRecord
    iou: float
    error_deg: float


@dataclass(frozen=True)
class MatchResult:
    """The records of a video, matched to its current events.

    `matched` holds the record, decided or not, of each event that has one. `review` lists the events that a curator has
    to review again, each with the nearby earlier records, the nearest first. `orphaned` are the records of events that
    no longer exist, the one decided first at the front.
    """

    matched: dict[str, EventRecord]
    review: dict[str, list[NearbyRecord]]
    orphaned: list[EventRecord]


def match_events(records: Sequence[EventRecord], tracks: pd.DataFrame, times: Array) -> MatchResult:
    """Match the records of a video to its current events.

    A record matches an event with IoU ≥ 0.8 and median angle ≤ 3°; records and events are paired one to one with the
    largest sum of IoU. Of several records of the same event (by the same limits) only the one decided last counts.
    An event without a decided record needs review where an unmatched record has IoU ≥ 0.3 and median angle ≤ 10° to
    it. A record that matches no current event is kept as orphaned, unless a nearby event has been decided since.

    Parameters: the tracks table of the video, and `times` [n] of its kept frames in seconds. The order of the records
    does not matter. Raises InputError for a record whose track cannot be read.
    """
    ids = [str(event) for event in tracks.event_id.unique()]
    found = [_track(tracks[tracks.event_id == event]) for event in ids]
    ordered = sorted(records, key=_decided_last, reverse=True)
    reviewed = [as_track(record.track, times) for record in ordered]
    there = [k for k, track in enumerate(reviewed) if len(track.time_s)]
    open_ = [k for k in there if not any(_same(match_quality(reviewed, reviewed, k, j)) for j in there if j < k)]

    matches = [[match_quality(reviewed, found, k, event) for event in range(len(found))] for k in open_]
    gain = np.zeros((len(open_), len(found)))
    for row, column in np.ndindex(*gain.shape):
        match = matches[row][column]
        gain[row, column] = match.iou - 1e-4 * match.error_deg if _same(match) else 0.0  # of equal IoU the nearer
    pairs = zip(*linear_sum_assignment(gain, maximize=True), strict=True)
    holder = {column: row for row, column in pairs if gain[row, column] > 0}

    review: dict[str, list[NearbyRecord]] = {}
    explained = set(holder.values())
    for column, event in enumerate(ids):
        by = ordered[open_[holder[column]]] if column in holder else None
        near = [row for row in range(len(open_)) if row not in holder.values() and _near(matches[row][column])]
        if by is None or by.decided is None:
            explained.update(near)
            close = [(ordered[open_[row]], matches[row][column]) for row in near]
            nearby = [NearbyRecord(record, match.iou, match.error_deg) for record, match in close]
            if nearby:
                review[event] = sorted(nearby, key=lambda one: (-one.iou, one.error_deg))
        else:
            explained.update(row for row in near if _when(ordered[open_[row]]) < _when(by))
    gone = {k for row, k in enumerate(open_) if row not in explained} | (set(range(len(ordered))) - set(there))
    return MatchResult(
        matched={ids[column]: ordered[open_[row]] for column, row in sorted(holder.items())},
        review=review,
        orphaned=[ordered[k] for k in sorted(gone, reverse=True)],
    )


def _track(rows: pd.DataFrame) -> Track:
    return Track(rows.time_s.to_numpy(), rows.yaw_deg.to_numpy(), rows.pitch_deg.to_numpy())


def _same(match: Match) -> bool:
    return match.iou >= SAME_IOU and match.error_deg <= SAME_DEG + _ROUNDING


def _near(match: Match) -> bool:
    return match.iou >= NEAR_IOU and match.error_deg <= NEAR_DEG + _ROUNDING


def _decided_last(record: EventRecord) -> tuple[bool, datetime, str, str]:
    """A sort key: decided records after undecided ones, later ones after earlier ones."""
    return record.decided is not None, _when(record), record.event_id, record.event_hash


def _when(record: EventRecord) -> datetime:
    """The time of the last annotation behind the decision; where nothing is decided, of the last annotation."""
    whose = [one for one in record.history if one.who in record.decided_by] or record.history
    return max(datetime.fromisoformat(one.when).replace(tzinfo=UTC) for one in whose)
