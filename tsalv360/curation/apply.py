"""Apply the curators' decisions on a video's events to its part of the dataset: captions, bounds, duplicates."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd
from pydantic.dataclasses import dataclass as checked_dataclass

from tsalv360.captions.checks import flags_of
from tsalv360.contracts.entries import CaptionEntry, Outcome
from tsalv360.contracts.grid import FPS
from tsalv360.curation.records import Decision, EventRecord
from tsalv360.curation.resolve import group_duplicates
from tsalv360.curation.settings import Uncurated
from tsalv360.saliency import SaliencySettings, fixation_points
from tsalv360.sphere.directions import Array, angular_distance

if TYPE_CHECKING:
    from tsalv360.curation.match import NearbyRecord


_ROUNDING_S = 0.002  # bounds are written to the millisecond
_HALF_FRAME_S = 0.5 / FPS + 1e-9


@dataclass(frozen=True)
class CorrectedBounds:
    """The tracks of the events whose bounds changed, the new assignments of the video, and what could not be done."""

    tracks: dict[str, pd.DataFrame]
    assignments: pd.DataFrame
    problems: list[tuple[str, str]]


def correct_bounds(
    decisions: Mapping[str, Decision],
    tracks: pd.DataFrame,
    fixations: pd.DataFrame,
    assignments: pd.DataFrame,
    kept: pd.DataFrame,
    lead_s: float,
    assign_deg: float,
    window_s: float,
) -> CorrectedBounds:
    """Cut events to their corrected bounds, or extend them into the lead that their videos show.

    Where an event is extended, its direction stays where the camera stayed in the lead: at its first or last view.
    Fixations there are assigned to it when they belong to no event and lie within `assign_deg` of that direction; of
    two events the nearer one gets them. An event that would have no frame of its own, or no fixation for a map, stays
    unchanged, with a problem.

    Parameters
    ----------
    decisions : by event id.
    tracks, fixations, assignments : tables of the video.
    kept : `frame` and `time_s` of all kept frames.
    lead_s, assign_deg, window_s : settings of the viewports, the events and the saliency.
    """
    changed: dict[str, pd.DataFrame] = {}
    parts: list[pd.DataFrame] = []
    problems: list[tuple[str, str]] = []
    free = np.ones(len(fixations), dtype=bool)
    free[assignments.row] = False
    for event, decision in decisions.items():
        track = tracks[tracks.event_id == event]
        wanted = _wanted(track, decision, kept)
        new = _with_held(track, wanted, kept, round(lead_s * FPS))
        at = _time_within(new, fixations)
        own = assignments[(assignments.event_id == event) & np.isfinite(at[assignments.row])]
        if not new.frame.isin(track.frame).any() or fixation_points(fixations.iloc[own.row], new, window_s).empty:
            problems.append((event, "its corrected bounds contain no gaze at the event; the bounds stay unchanged"))
            continue
        first, last = track.iloc[0], track.iloc[-1]
        earliest, latest = min(first.frame, new.frame.min()), max(last.frame, new.frame.max())
        if wanted.frame.min() < earliest or wanted.frame.max() > latest:
            problems.append((event, f"its corrected bounds reach past what was shown; it is extended by {lead_s:g} s"))
        if new.frame.tolist() == track.frame.tolist():
            continue
        changed[event] = new
        parts += [own, _near(event, first, free & (at < first.time_s), fixations, assign_deg)]
        parts += [_near(event, last, free & (at > last.time_s), fixations, assign_deg)]
    table = pd.concat([assignments[~assignments.event_id.isin(changed)], *(part for part in parts if len(part))])
    table = table.sort_values(["row", "distance_deg"], kind="stable").drop_duplicates("row").reset_index(drop=True)
    return CorrectedBounds(changed, table, problems)


def _wanted(track: pd.DataFrame, decision: Decision, kept: pd.DataFrame) -> pd.DataFrame:
    """The kept frames between the corrected bounds."""
    start = track.time_s.iloc[0] if decision.start_s is None else decision.start_s
    end = track.time_s.iloc[-1] if decision.end_s is None else decision.end_s
    return kept[kept.time_s.between(start - _ROUNDING_S, end + _ROUNDING_S)]


def _with_held(track: pd.DataFrame, wanted: pd.DataFrame, kept: pd.DataFrame, lead: int) -> pd.DataFrame:
    """The rows of a track in the `wanted` frames, extended by up to `lead` frames where the camera stands."""
    first, last = track.iloc[[0]], track.iloc[[-1]]
    before, after = kept[kept.frame < first.frame.item()].tail(lead), kept[kept.frame > last.frame.item()].head(lead)
    rows = pd.concat([_held(first, before), track, _held(last, after)], ignore_index=True)
    return rows[rows.frame.isin(wanted.frame)].reset_index(drop=True)


def _held(row: pd.DataFrame, frames: pd.DataFrame) -> pd.DataFrame:
    """A row of a track repeated at other frames, in the direction of the camera."""
    held = row.loc[row.index.repeat(len(frames))].reset_index(drop=True)
    return held.assign(
        frame=frames.frame.to_numpy(),
        time_s=frames.time_s.to_numpy(),
        yaw_deg=held.camera_yaw_deg,
        pitch_deg=held.camera_pitch_deg,
    )


def _time_within(track: pd.DataFrame, fixations: pd.DataFrame) -> Array:
    """The time within an event nearest to the middle of each fixation [n]; NaN where the fixation does not cover it."""
    if track.empty:
        return np.full(len(fixations), np.nan)
    start, end = fixations.time_s.to_numpy(), (fixations.time_s + fixations.duration_s).to_numpy()
    at = np.clip((start + end) / 2, track.time_s.iloc[0], track.time_s.iloc[-1])
    return np.where((at >= start - _HALF_FRAME_S) & (at <= end + _HALF_FRAME_S), at, np.nan)


def _near(event: str, view: pd.Series, rows: Array, fixations: pd.DataFrame, assign_deg: float) -> pd.DataFrame:
    """Assignments of the fixations at `rows` [n] (bool) within `assign_deg` of the camera direction of `view`."""
    row = np.flatnonzero(rows)
    there = fixations.iloc[row]
    away = angular_distance(there.yaw_deg, there.pitch_deg, view.camera_yaw_deg, view.camera_pitch_deg)
    return pd.DataFrame({"row": row, "event_id": event, "distance_deg": away})[away <= assign_deg]


@checked_dataclass(frozen=True)
class Curation:
    """The records of a video and the settings that decide how they enter the dataset.

    `uncurated` is a setting of the curation, `lead_s` of the viewports, `assign_deg` of the events.
    """

    records: list[EventRecord]
    uncurated: Uncurated
    lead_s: float
    assign_deg: float
    saliency: SaliencySettings


@dataclass(frozen=True)
class Applied:
    """The events of a video as they enter the dataset.

    `events`, `tracks`, `assignments` and `captions` have the form of the stages' outputs; `columns` are the changes to
    an event's row of annotations, `changed` the events whose maps and points must be made again. `outcome` is None for
    drafts.
    """

    events: pd.DataFrame
    tracks: pd.DataFrame
    assignments: pd.DataFrame
    captions: Mapping[str, CaptionEntry]
    columns: dict[str, dict[str, Any]] = field(default_factory=dict)
    changed: list[str] = field(default_factory=list)
    outcome: Outcome | None = None


def apply_curation(
    curation: Curation,
    events: pd.DataFrame,
    tracks: pd.DataFrame,
    fixations: pd.DataFrame,
    assignments: pd.DataFrame,
    captions: Mapping[str, CaptionEntry],
    kept: pd.DataFrame,
) -> Applied:
    """Apply the decisions to the events of a video; ids are never renumbered, so a rejected event leaves a hole.

    Fixations of events that are left out belong to no event. Duplicates (`group_duplicates`) become one event under the
    lowest id, with the frames and fixations of all, and the caption and verdict of the original, or else of the first
    decided one. Bounds are corrected (`correct_bounds`) before that.

    Parameters
    ----------
    events, tracks, fixations, assignments : tables of the video.
    captions : the caption entry of each event.
    kept : `frame` and `time_s` of all kept frames.
    """

    from tsalv360.curation.match import match_events  # it loads SciPy, which drafts do not need

    ids = [str(event) for event in events.event_id]
    result = match_events(curation.records, tracks, kept.time_s.to_numpy())
    decisions = {event: record.decided for event, record in result.matched.items() if record.decided}
    groups, rejected, problems = group_duplicates(ids, result.matched)
    undecided = [members[0] for members in groups if _main(members, decisions) is None]
    merged = [(event, members[0]) for members in groups for event in members[1:]]
    if curation.uncurated == "leave_out":
        groups = [members for members in groups if members[0] not in undecided]
    bounds = correct_bounds(
        {event: one for event, one in decisions.items() if one.verdict != "reject"},
        tracks, fixations, assignments, kept, curation.lead_s, curation.assign_deg, curation.saliency.window_s,
    )  # fmt: skip

    into = {event: members[0] for members in groups for event in members}
    parts = {str(event): rows for event, rows in tracks.groupby("event_id")} | bounds.tracks
    now = pd.concat([tracks[:0], *(_join([parts[event] for event in members]) for members in groups)])
    frames = now.groupby("event_id").frame
    stay = events[events.event_id.isin([members[0] for members in groups])]
    spans = {"start_frame": stay.event_id.map(frames.min()), "end_frame": stay.event_id.map(frames.max())}
    owner = bounds.assignments.event_id.map(into)
    return Applied(
        stay.assign(**spans).astype(dict.fromkeys(spans, "int64")),
        now.reset_index(drop=True),
        bounds.assignments.assign(event_id=owner)[owner.notna()],
        _texts(groups, decisions, captions),
        {members[0]: _columns(members, decisions, result.matched, events) for members in groups},
        [members[0] for members in groups if len(members) > 1 or members[0] in bounds.tracks],
        Outcome(
            curators=_curators(result.matched.values()),
            rejected=[(event, ", ".join(decisions[event].flags)) for event in ids if event in rejected],
            merged=merged,
            uncurated=[(event, "judged, not decided" if event in result.matched else "") for event in undecided],
            review=[(event, _beside(near[0])) for event, near in result.review.items()],
            orphaned=[(record.event_id, _as_reviewed(record)) for record in result.orphaned],
            problems=[*problems, *bounds.problems],
        ),
    )


def _texts(
    groups: list[list[str]], decisions: Mapping[str, Decision], captions: Mapping[str, CaptionEntry]
) -> dict[str, CaptionEntry]:
    """The caption entries with the curators' texts, and the flags of the resulting captions."""
    texts = {}
    for members in groups:
        main = _main(members, decisions)
        text = captions[main or members[0]]
        if main and (caption := (decisions[main].caption or "").strip()) != text.caption:
            text = replace(text, caption=caption or None, n_tokens=None)
        texts[members[0]] = text
    shown = {event: text.caption for event, text in texts.items() if text.caption is not None}
    flags = flags_of(shown, {event: texts[event].n_tokens for event in shown})
    for members in groups:
        main, event = _main(members, decisions), members[0]
        texts[event] = replace(texts[event], flags=flags.get(event, []) + (decisions[main].flags if main else []))
    return texts


def _columns(
    members: list[str], decisions: Mapping[str, Decision], matched: Mapping[str, EventRecord], events: pd.DataFrame
) -> dict[str, Any]:
    """The changes to the row of annotations of a group of duplicates."""
    before, main = events[events.event_id == members[0]].iloc[0], _main(members, decisions)
    columns = {
        "start_frame_before": before.start_frame,
        "end_frame_before": before.end_frame,
        "n_curators": len(_curators(matched[event] for event in members if event in matched)),
    }
    if main:
        accepted = (decisions[main].caption or "").strip() == matched[main].caption_machine.strip()
        columns |= {"verdict": decisions[main].verdict, "caption_origin": "accepted" if accepted else "edited"}
    return columns


def _main(members: list[str], decisions: Mapping[str, Decision]) -> str | None:
    """The event of a group whose caption and verdict count for all; None where none is decided."""
    decided = [event for event in members if event in decisions and decisions[event].verdict != "reject"]
    return min(decided, key=lambda event: decisions[event].duplicate_of is not None, default=None)


def _join(tracks: list[pd.DataFrame]) -> pd.DataFrame:
    """Several tracks as one, under the id of the first, whose rows win where frames coincide."""
    name = tracks[0].event_id.iloc[0]
    rows = pd.concat(tracks).drop_duplicates("frame").sort_values("frame")
    return rows.assign(event_id=name)


def _curators(records: Iterable[EventRecord]) -> list[str]:
    return sorted({one.who for record in records for one in record.history if one.said})


def _beside(near: "NearbyRecord") -> str:
    return f"{near.iou:.0%} of the frames in common with {_as_reviewed(near.record)}, {near.error_deg:.1f}° away"


def _as_reviewed(record: EventRecord) -> str:
    """An event as it was reviewed, in words."""
    points = record.track.replace(" | ", ", ").split(", ")
    start, end = points[0].split(" ")[0], points[-1].split(" ")[0]
    verdict = record.decided.verdict if record.decided else "undecided"
    return f"{record.event_id} of {start} s to {end} s ({verdict})"
