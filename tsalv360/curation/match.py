"""Which of people's records hold for the events of now, which may have been made anew with other settings."""

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

SAME_IOU = 0.8  # temporal overlap over union from which an event is the one that was judged
SAME_DEG = 3.0  # median angle up to which it is
NEAR_IOU = 0.3  # temporal overlap over union from which it can be the same thing, for a person to say
NEAR_DEG = MAX_ERROR_DEG  # up to here an event counts as found elsewhere too; farther off, people saw something else
_ROUNDING = 1e-6


@dataclass(frozen=True)
class Near:
    """An earlier record, and what its event has in common with one of now: `iou` and `error_deg` as in `Match`."""

    record: EventRecord
    iou: float
    error_deg: float


@dataclass(frozen=True)
class Carried:
    """What became of the records of a video.

    `holds`: the record, decided or not, of those events of now that have one. `review`: the events that a person has to
    look at again, each with the earlier records because of which, the nearest first. `orphaned`: records of events that
    are gone, the one decided first at the front.
    """

    holds: dict[str, EventRecord]
    review: dict[str, list[Near]]
    orphaned: list[EventRecord]


def carry(records: Sequence[EventRecord], tracks: pd.DataFrame, times: Array) -> Carried:
    """Match the records of a video to its events of now.

    A record holds for an event with IoU ≥ 0.8 and median angle ≤ 3°; of all ways to pair them one to one, that of the
    largest sum of IoU. Of several records of one event (IoU and angle of the records to each other as above) only the
    one decided last counts. An event for which nothing decided holds needs a person where a record that holds for
    nothing has IoU ≥ 0.3 and median angle ≤ 10° to it. What holds for nothing else is orphaned, unless such a nearby
    event was decided since.

    Parameters: the tracks table of the video, and `times` [n] of its kept frames in seconds. The order of the records
    does not matter. InputError for a record whose track cannot be read.
    """
    ids = [str(event) for event in tracks.event_id.unique()]
    found = [_track(tracks[tracks.event_id == event]) for event in ids]
    ordered = sorted(records, key=_decided_last, reverse=True)
    judged = [as_track(record.track, times) for record in ordered]
    there = [k for k, track in enumerate(judged) if len(track.time_s)]
    open_ = [k for k in there if not any(_same(match_quality(judged, judged, k, j)) for j in there if j < k)]

    matches = [[match_quality(judged, found, k, event) for event in range(len(found))] for k in open_]
    gain = np.zeros((len(open_), len(found)))
    for row, column in np.ndindex(*gain.shape):
        match = matches[row][column]
        gain[row, column] = match.iou - 1e-4 * match.error_deg if _same(match) else 0.0  # of equal IoU the nearer
    pairs = zip(*linear_sum_assignment(gain, maximize=True), strict=True)
    holder = {column: row for row, column in pairs if gain[row, column] > 0}

    review: dict[str, list[Near]] = {}
    settled = set(holder.values())
    for column, event in enumerate(ids):
        by = ordered[open_[holder[column]]] if column in holder else None
        near = [row for row in range(len(open_)) if row not in holder.values() and _near(matches[row][column])]
        if by is None or by.decided is None:
            settled.update(near)
            again = [Near(ordered[open_[row]], m.iou, m.error_deg) for row in near for m in [matches[row][column]]]
            if again:
                review[event] = sorted(again, key=lambda one: (-one.iou, one.error_deg))
        else:
            settled.update(row for row in near if _when(ordered[open_[row]]) < _when(by))
    gone = {k for row, k in enumerate(open_) if row not in settled} | (set(range(len(ordered))) - set(there))
    return Carried(
        holds={ids[column]: ordered[open_[row]] for column, row in sorted(holder.items())},
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
    """Sorts what was decided after what was not, and the later after the earlier."""
    return record.decided is not None, _when(record), record.event_id, record.event_hash


def _when(record: EventRecord) -> datetime:
    """When the last of those judged whose judgement holds; of what is undecided, the last of all."""
    whose = [one for one in record.history if one.who in record.decided_by] or record.history
    return max(datetime.fromisoformat(one.when).replace(tzinfo=UTC) for one in whose)
