"""Apply the curators' decisions to the events of a video: captions, bounds, duplicates, and events that leave."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import NamedTuple

import numpy as np
import pandas as pd
from pydantic.dataclasses import dataclass as checked_dataclass

from tsalv360.captions.text import flags_of
from tsalv360.contracts.entries import CaptionEntry, Outcome, Remarks
from tsalv360.contracts.gaze_grid import rate_of
from tsalv360.contracts.grid import FPS
from tsalv360.curation.records import Decision, EventRecord, Uncurated
from tsalv360.model.clip_tokens import count
from tsalv360.saliency import SaliencySettings, fixation_points
from tsalv360.sphere.directions import Array, angular_distance

_MS = 0.002  # bounds are rounded to the millisecond


@checked_dataclass(frozen=True)
class Curation:
    """The records of a video, and the settings with which they enter the dataset.

    `uncurated` is a setting of the curation, `lead_s` of the viewports, `assign_deg` of the events; `rate` is that
    of the kept frames.
    """

    records: list[EventRecord]
    uncurated: Uncurated
    lead_s: float
    assign_deg: float
    saliency: SaliencySettings
    rate: float = FPS


@dataclass(frozen=True)
class VideoEvents:
    """The events of a video: its tables, and the caption entry of each event."""

    events: pd.DataFrame
    tracks: pd.DataFrame
    fixations: pd.DataFrame
    assignments: pd.DataFrame
    captions: Mapping[str, CaptionEntry]

    def track(self, event: str) -> pd.DataFrame:
        """Return the rows of an event's track."""
        return self.tracks[self.tracks.event_id == event]


class Review(NamedTuple):
    """What the annotations table of the dataset says of the review of an event."""

    verdict: str | None
    caption_origin: str
    n_curators: int
    start_frame_before: int
    end_frame_before: int


@dataclass(frozen=True)
class Applied:
    """The events of a video as they enter the dataset, with their reviews, which a draft does not have.

    The maps and points of `changed` events have to be made again. `outcome` is None for a draft.
    """

    video: VideoEvents
    reviews: dict[str, Review] = field(default_factory=dict)
    changed: list[str] = field(default_factory=list)
    outcome: Outcome | None = None


def apply_curation(curation: Curation, video: VideoEvents, kept: pd.DataFrame) -> Applied:
    """Apply the curators' decisions to the events of a video. Ids stay, so that an event that leaves is a hole.

    Fixations of events that leave belong to none. Bounds are corrected first (`correct_bounds`). Then duplicates
    (`group_duplicates`) become one event under the lowest id, with the frames and fixations of all; its caption and
    verdict are those of the event that the others duplicate, else of the first with a decision.

    Parameters: `video` as the stages give it, and `frame` and `time_s` of all kept frames.
    """
    from tsalv360.curation.match import match_records  # takes a second to import; drafts do not need it

    ids = [str(event) for event in video.events.event_id]
    matched, review, orphaned = match_records(curation.records, video.tracks, kept.time_s.to_numpy())
    decisions = {event: record.decision for event, record in matched.items() if record.decision}
    all_groups, rejected, problems = group_duplicates(ids, matched)
    leading = {members[0]: _leading(members, decisions) for members in all_groups}
    undecided = [event for event, lead in leading.items() if lead is None]
    left_out = undecided if curation.uncurated == "leave_out" else []
    groups = {members[0]: members for members in all_groups if members[0] not in left_out}
    staying = {event: one for event, one in decisions.items() if one.verdict != "reject"}
    bounds = correct_bounds(curation, staying, video, kept)

    tracks = [
        pd.concat([bounds.tracks.get(event, video.track(event)) for event in members])
        .drop_duplicates("frame")  # of two tracks the first one's row
        .sort_values("frame")
        .assign(event_id=first)
        for first, members in groups.items()
    ]
    joined = pd.concat([video.tracks[:0], *tracks], ignore_index=True)
    frames = joined.groupby("event_id").frame
    events = video.events[video.events.event_id.isin(groups)]
    spans = {"start_frame": events.event_id.map(frames.min()), "end_frame": events.event_id.map(frames.max())}
    owner = bounds.assignments.event_id.map({event: first for first, members in groups.items() for event in members})
    leading = {first: leading[first] for first in groups}
    before = zip(events.event_id, events.start_frame, events.end_frame, strict=True)
    return Applied(
        VideoEvents(
            events.assign(**spans).astype(dict.fromkeys(spans, "int64")),
            joined,
            video.fixations,
            bounds.assignments.assign(event_id=owner)[owner.notna()],
            _captions(leading, decisions, video.captions),
        ),
        {first: _review(groups[first], leading[first], matched, span) for first, *span in before},
        [first for first, members in groups.items() if len(members) > 1 or first in bounds.tracks],
        Outcome(
            curators=_curators(matched.values()),
            rejected=[(event, ", ".join(decisions[event].flags)) for event in ids if event in rejected],
            merged=[(event, members[0]) for members in all_groups for event in members[1:]],
            uncurated=[
                (members[0], _why_undecided(members, matched)) for members in all_groups if members[0] in undecided
            ],
            review=[
                (event, f"{iou:.0%} of the frames in common with {_as_reviewed(record)}, {error_deg:.1f}° away")
                for event, ((record, iou, error_deg), *_) in review.items()
            ],
            orphaned=[(record.event_id, _as_reviewed(record)) for record in orphaned],
            problems=[*problems, *bounds.problems],
        ),
    )


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


def _leading(members: list[str], decisions: Mapping[str, Decision]) -> str | None:
    """Return the event of a group of duplicates whose caption and verdict count; None if none has a decision."""
    decided = [event for event in members if event in decisions and decisions[event].verdict != "reject"]
    return min(decided, key=lambda event: decisions[event].duplicate_of is not None, default=None)


def _why_undecided(members: list[str], matched: Mapping[str, EventRecord]) -> str:
    """Return why a group of duplicates has no decision; empty if nobody has reviewed it."""
    marked = [event for event in members if event in matched and matched[event].decision]
    if len(marked) == len(members):
        return "only duplicates of each other, all rejected: accept one of them"
    if marked:
        return f"not reviewed, except as an event that {', '.join(marked)} repeats"
    return "annotated, not decided" if any(event in matched for event in members) else ""


def _captions(
    leading: Mapping[str, str | None], decisions: Mapping[str, Decision], captions: Mapping[str, CaptionEntry]
) -> dict[str, CaptionEntry]:
    """Return the caption entries with the captions and flags of curators, and flags of the new captions."""
    entries = {first: captions[event or first] for first, event in leading.items()}
    flags: dict[str, list[str]] = {}
    for first, event in leading.items():
        if event:
            caption, flags[first] = (decisions[event].caption or "").strip(), decisions[event].flags
            if caption != entries[first].caption:
                n_tokens = count(caption) if caption else None
                entries[first] = replace(entries[first], caption=caption or None, n_tokens=n_tokens)
    texts = {first: entry.caption for first, entry in entries.items() if entry.caption is not None}
    checked = flags_of(texts)
    return {one: replace(entry, flags=checked.get(one, []) + flags.get(one, [])) for one, entry in entries.items()}


def _review(members: list[str], leading: str | None, matched: Mapping[str, EventRecord], span: list[int]) -> Review:
    verdict, origin = None, "machine"
    if leading and (decision := matched[leading].decision):
        accepted = (decision.caption or "").strip() == matched[leading].caption_machine.strip()
        verdict, origin = decision.verdict, "accepted" if accepted else "edited"
    n_curators = len(_curators(matched[event] for event in members if event in matched))
    return Review(verdict, origin, n_curators, *span)


def _curators(records: Iterable[EventRecord]) -> list[str]:
    return sorted({one.curator for record in records for one in record.history if one.decision})


def _as_reviewed(record: EventRecord) -> str:
    """Return id, time and verdict of an event when it was reviewed."""
    points = record.track.replace(" | ", ", ").split(", ")
    start, end = points[0].split(" ")[0], points[-1].split(" ")[0]
    verdict = record.decision.verdict if record.decision else "undecided"
    return f"{record.event_id} of {start} s to {end} s ({verdict})"


class Bounded(NamedTuple):
    """New tracks of the events whose bounds changed, the assignments of the video with them, and problems."""

    tracks: dict[str, pd.DataFrame]
    assignments: pd.DataFrame
    problems: Remarks


def correct_bounds(
    curation: Curation, decisions: Mapping[str, Decision], video: VideoEvents, kept: pd.DataFrame
) -> Bounded:
    """Shorten events to their corrected bounds, or extend them up to the lead that their viewport videos show.

    An extended event keeps the direction of the camera in the lead: that of its first or last view. It gets the
    fixations there that belong to no event, within `assign_deg` of that direction; of two events the nearer one gets
    them. An event that would lose all of its own frames, or all fixations for maps, keeps its bounds, which is listed
    as a problem. Parameters: as `apply_curation`.
    """
    changed: dict[str, pd.DataFrame] = {}
    parts: list[pd.DataFrame] = []
    problems: Remarks = []
    fixations, assignments, lead = video.fixations, video.assignments, round(curation.lead_s * curation.rate)
    free = ~np.isin(np.arange(len(fixations)), assignments.row)
    slack = 0.5 / rate_of(kept.time_s.to_numpy()) + 1e-9  # half a frame, as where events were detected
    for event, decision in decisions.items():
        if decision.start_s is None and decision.end_s is None:
            continue
        track = video.track(event)
        first, last = track.iloc[0], track.iloc[-1]
        start = first.time_s if decision.start_s is None else decision.start_s
        end = last.time_s if decision.end_s is None else decision.end_s
        wanted = kept.frame[kept.time_s.between(start - _MS, end + _MS)]
        before, after = kept[kept.frame < first.frame].tail(lead), kept[kept.frame > last.frame].head(lead)
        shown = pd.concat([_held(track[:1], before), track, _held(track[-1:], after)], ignore_index=True)
        new = shown[shown.frame.isin(wanted)].reset_index(drop=True)
        at = _time_within(new, fixations, slack)
        own = assignments[(assignments.event_id == event) & np.isfinite(at[assignments.row])]
        points = fixation_points(fixations.iloc[own.row], new, curation.saliency.window_s)
        if points.empty or not new.frame.isin(track.frame).any():
            problems.append((event, "its corrected bounds contain no gaze; they are not applied"))
            continue
        if wanted.min() < shown.frame.min() or wanted.max() > shown.frame.max():
            problem = f"its corrected bounds exceed its viewport video; it is extended by {curation.lead_s:g} s at most"
            problems.append((event, problem))
        if new.frame.tolist() == track.frame.tolist():
            continue
        changed[event] = new
        parts.append(own)
        for view, outside in ((first, free & (at < first.time_s)), (last, free & (at > last.time_s))):
            there = fixations[outside]
            away = angular_distance(there.yaw_deg, there.pitch_deg, view.camera_yaw_deg, view.camera_pitch_deg)
            near = pd.DataFrame({"row": np.flatnonzero(outside), "event_id": event, "distance_deg": away})
            parts.append(near[away <= curation.assign_deg])
    unchanged = assignments[~assignments.event_id.isin(changed)]
    table = pd.concat([unchanged, *(part for part in parts if len(part))])
    table = table.sort_values(["row", "distance_deg"], kind="stable").drop_duplicates("row").reset_index(drop=True)
    return Bounded(changed, table, problems)


def _held(row: pd.DataFrame, frames: pd.DataFrame) -> pd.DataFrame:
    """Return a track's row at other frames, in the direction of the camera."""
    held = row.loc[row.index.repeat(len(frames))]
    new = {"yaw_deg": held.camera_yaw_deg, "pitch_deg": held.camera_pitch_deg}
    return held.assign(frame=frames.frame.to_numpy(), time_s=frames.time_s.to_numpy(), **new)


def _time_within(track: pd.DataFrame, fixations: pd.DataFrame, slack: float) -> Array:
    """Return the time in an event nearest to the middle of each fixation [n], NaN if the fixation is not then.

    `slack` is the time in seconds by which the fixation may begin later or end earlier.
    """
    first, last = track.time_s.agg(["min", "max"])
    start, end = fixations.time_s.to_numpy(), (fixations.time_s + fixations.duration_s).to_numpy()
    at = np.clip((start + end) / 2, first, last)
    return np.where((at >= start - slack) & (at <= end + slack), at, np.nan)
