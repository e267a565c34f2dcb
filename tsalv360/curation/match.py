"""Match reviewed events to the events of the current build, which other settings may have changed."""

from collections.abc import Sequence
from datetime import UTC, datetime
from typing import NamedTuple

import numpy as np
import pandas as pd
from scipy.optimize import linear_sum_assignment

from tsalv360.curation.records import EventRecord
from tsalv360.curation.tasks import read_track_text
from tsalv360.metrics.events import MAX_ERROR_DEG, Match, Track, match_quality
from tsalv360.sphere.directions import Array

SAME = 0.8, 3.0  # least temporal IoU and largest median angle (°) of an event that is the reviewed one
NEAR = 0.3, MAX_ERROR_DEG  # the same for one that may be it, which a curator has to review again
_ROUNDING_DEG = 1e-6


class NearRecord(NamedTuple):
    """The record of an event near a current one; `iou` and `error_deg` match_quality the two as `Match` does."""

    record: EventRecord
    iou: float
    error_deg: float


class MatchedRecords(NamedTuple):
    """The records of a video, matched to its current events.

    `matched`: the record, decided or not, of each event that has one. `review`: events that a curator has to review
    again, each with the records near it, the nearest first. `orphaned`: records that match no event, the one decided
    first in front.
    """

    matched: dict[str, EventRecord]
    review: dict[str, list[NearRecord]]
    orphaned: list[EventRecord]


def match_records(records: Sequence[EventRecord], tracks: pd.DataFrame, times: Array) -> MatchedRecords:
    """Match the records of a video, in any order, to its current events.

    A record and an event can match if their IoU is at least 0.8 and their median angle at most 3°; of all one-to-one
    matches, those with the largest sum of IoU are taken. If several records are of one event (by the same limits), only
    the one decided last counts. An event without a decided record needs a review if an unmatched record has IoU ≥ 0.3
    and a median angle ≤ 10°. A record that matches no event is orphaned, unless it is near an event that needs a review
    or was decided later.

    Parameters: the tracks table of the video, and `times` [n] of its kept frames in seconds. Raises InputError for a
    record whose track text cannot be read.
    """
    events = [(str(event), rows) for event, rows in tracks.groupby("event_id", sort=False)]
    found = [Track.of(rows) for _, rows in events]
    # decided records before undecided ones, the last decided first
    ordered = sorted(
        records, key=lambda one: (one.decision is not None, _when(one), one.event_id, one.event_hash), reverse=True
    )
    reviewed = [read_track_text(record.track, times) for record in ordered]
    covered = [k for k, track in enumerate(reviewed) if len(track.time_s)]
    rows = [
        k for k in covered if not any(_agree(match_quality(reviewed, reviewed, k, j), *SAME) for j in covered if j < k)
    ]

    pairs = {(k, column): match_quality(reviewed, found, k, column) for k in rows for column in range(len(found))}
    gain = np.array([pair.iou - 1e-4 * pair.error_deg if _agree(pair, *SAME) else 0.0 for pair in pairs.values()])
    gain = gain.reshape(len(rows), len(found))  # of equal IoU the nearer
    owner = {column: rows[row] for row, column in zip(*linear_sum_assignment(-gain), strict=True) if gain[row, column]}

    matched: dict[str, EventRecord] = {}
    review: dict[str, list[NearRecord]] = {}
    orphaned = {*range(len(ordered))} - ({*covered} - {*rows}) - {*owner.values()}
    for column, (event, _) in enumerate(events):
        near = [k for k in rows if k not in owner.values() and _agree(pairs[k, column], *NEAR)]
        if column in owner:
            matched[event] = ordered[owner[column]]
        if event in matched and matched[event].decision:
            near = [k for k in near if _when(ordered[k]) < _when(matched[event])]
        elif near:
            candidates = [NearRecord(ordered[k], pairs[k, column].iou, pairs[k, column].error_deg) for k in near]
            review[event] = sorted(candidates, key=lambda one: (-one.iou, one.error_deg))
        orphaned -= {*near}
    return MatchedRecords(matched, review, [ordered[k] for k in sorted(orphaned, reverse=True)])


def _agree(match: Match, least_iou: float, most_deg: float) -> bool:
    return match.iou >= least_iou and match.error_deg <= most_deg + _ROUNDING_DEG


def _when(record: EventRecord) -> datetime:
    """Return the time of the last annotation that agrees with the decision; of the last one if undecided."""
    agreeing = [one for one in record.history if one.curator in record.decided_by] or record.history
    return max(datetime.fromisoformat(one.when).replace(tzinfo=UTC) for one in agreeing)
