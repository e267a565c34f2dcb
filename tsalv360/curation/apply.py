"""Starts and ends of events as people corrected them.

How people's judgement of a video's events enters its part of the dataset.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd
from pydantic.dataclasses import dataclass as checked_dataclass

from tsalv360.captions.checks import flags_of
from tsalv360.contracts.entries import CaptionEntry, Outcome
from tsalv360.contracts.grid import FPS
from tsalv360.curation.records import EventRecord, Judged
from tsalv360.curation.resolve import group_duplicates
from tsalv360.curation.settings import Uncurated
from tsalv360.saliency import SaliencySettings, fixation_points
from tsalv360.sphere.directions import Array, angular_distance

if TYPE_CHECKING:
    from tsalv360.curation.match import Near


_ROUNDING_S = 0.002  # bounds are written to the millisecond
_HALF_FRAME_S = 0.5 / FPS + 1e-9


@dataclass(frozen=True)
class Bounded:
    """New tracks of the events that changed, assignments of the video after that, and what could not be done."""

    tracks: dict[str, pd.DataFrame]
    assignments: pd.DataFrame
    problems: list[tuple[str, str]]


def correct_bounds(
    said: Mapping[str, Judged],
    tracks: pd.DataFrame,
    fixations: pd.DataFrame,
    assignments: pd.DataFrame,
    kept: pd.DataFrame,
    lead_s: float,
    assign_deg: float,
    window_s: float,
) -> Bounded:
    """Cut events, or let them grow up to the lead that their videos show.

    Where an event grows, its direction is held as the camera held it in the lead: that of its first or last view.
    Fixations there are its own when the events stage gave them to no event and they lie within `assign_deg` of that
    direction at the time in the event nearest to their middle; of two events the nearer one has them. An event that
    would be left without a frame of its own, or without a fixation for a map, stays as it is, with a problem.

    Parameters
    ----------
    said : what was decided of events, by id.
    tracks, fixations, assignments : tables of the video.
    kept : `frame` and `time_s` of all kept frames.
    lead_s, assign_deg, window_s : settings of the viewports, the events and the saliency.
    """
    changed: dict[str, pd.DataFrame] = {}
    parts: list[pd.DataFrame] = []
    problems: list[tuple[str, str]] = []
    free = np.ones(len(fixations), dtype=bool)
    free[assignments.row] = False
    for event, judged in said.items():
        track = tracks[tracks.event_id == event]
        wanted = _wanted(track, judged, kept)
        new = _with_held(track, wanted, kept, round(lead_s * FPS))
        at = _time_within(new, fixations)
        own = assignments[(assignments.event_id == event) & np.isfinite(at[assignments.row])]
        if not new.frame.isin(track.frame).any() or fixation_points(fixations.iloc[own.row], new, window_s).empty:
            problems.append((event, "its corrected bounds leave nobody's gaze; they stay as they were"))
            continue
        first, last = track.iloc[0], track.iloc[-1]
        earliest, latest = min(first.frame, new.frame.min()), max(last.frame, new.frame.max())
        if wanted.frame.min() < earliest or wanted.frame.max() > latest:
            problems.append((event, f"its corrected bounds reach past what was shown; it grows by {lead_s:g} s"))
        if new.frame.tolist() == track.frame.tolist():
            continue
        changed[event] = new
        parts += [own, _near(event, first, free & (at < first.time_s), fixations, assign_deg)]
        parts += [_near(event, last, free & (at > last.time_s), fixations, assign_deg)]
    table = pd.concat([assignments[~assignments.event_id.isin(changed)], *(part for part in parts if len(part))])
    table = table.sort_values(["row", "distance_deg"], kind="stable").drop_duplicates("row").reset_index(drop=True)
    return Bounded(changed, table, problems)


def _wanted(track: pd.DataFrame, judged: Judged, kept: pd.DataFrame) -> pd.DataFrame:
    """The kept frames between the corrected bounds."""
    start = track.time_s.iloc[0] if judged.start_s is None else judged.start_s
    end = track.time_s.iloc[-1] if judged.end_s is None else judged.end_s
    return kept[kept.time_s.between(start - _ROUNDING_S, end + _ROUNDING_S)]


def _with_held(track: pd.DataFrame, wanted: pd.DataFrame, kept: pd.DataFrame, lead: int) -> pd.DataFrame:
    """The rows of a track in `wanted` frames, with up to `lead` frames before and after it as the camera held them."""
    first, last = track.iloc[[0]], track.iloc[[-1]]
    before, after = kept[kept.frame < first.frame.item()].tail(lead), kept[kept.frame > last.frame.item()].head(lead)
    rows = pd.concat([_held(first, before), track, _held(last, after)], ignore_index=True)
    return rows[rows.frame.isin(wanted.frame)].reset_index(drop=True)


def _held(row: pd.DataFrame, frames: pd.DataFrame) -> pd.DataFrame:
    """The one row of a track at other frames, where the camera looks."""
    held = row.loc[row.index.repeat(len(frames))].reset_index(drop=True)
    return held.assign(
        frame=frames.frame.to_numpy(),
        time_s=frames.time_s.to_numpy(),
        yaw_deg=held.camera_yaw_deg,
        pitch_deg=held.camera_pitch_deg,
    )


def _time_within(track: pd.DataFrame, fixations: pd.DataFrame) -> Array:
    """The time in an event nearest to the middle of each fixation [n], NaN where the fixation is not there then."""
    if track.empty:
        return np.full(len(fixations), np.nan)
    start, end = fixations.time_s.to_numpy(), (fixations.time_s + fixations.duration_s).to_numpy()
    at = np.clip((start + end) / 2, track.time_s.iloc[0], track.time_s.iloc[-1])
    return np.where((at >= start - _HALF_FRAME_S) & (at <= end + _HALF_FRAME_S), at, np.nan)


def _near(event: str, view: pd.Series, rows: Array, fixations: pd.DataFrame, assign_deg: float) -> pd.DataFrame:
    """Assignments of those of the fixations at `rows` [n] (bool) that lie within `assign_deg` of where `view` looks."""
    row = np.flatnonzero(rows)
    there = fixations.iloc[row]
    away = angular_distance(there.yaw_deg, there.pitch_deg, view.camera_yaw_deg, view.camera_pitch_deg)
    return pd.DataFrame({"row": row, "event_id": event, "distance_deg": away})[away <= assign_deg]


@checked_dataclass(frozen=True)
class Curation:
    """What people said about a video, and the settings that matter where it enters the dataset.

    `uncurated` is that of `CurationSettings`, `lead_s` that of the viewports, `assign_deg` that of the events.
    """

    records: list[EventRecord]
    uncurated: Uncurated
    lead_s: float
    assign_deg: float
    saliency: SaliencySettings


@dataclass(frozen=True)
class Applied:
    """The events of a video as they enter the dataset.

    `events`, `tracks`, `assignments` and `captions` are as the stages give them; `columns` is what people's judgement
    changes in the row of annotations of an event, `anew` the events whose maps and points are to be made again.
    `outcome` is None for drafts.
    """

    events: pd.DataFrame
    tracks: pd.DataFrame
    assignments: pd.DataFrame
    captions: Mapping[str, CaptionEntry]
    columns: dict[str, dict[str, Any]] = field(default_factory=dict)
    anew: list[str] = field(default_factory=list)
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
    """Apply what people decided to the events of a video; ids stay, so that what leaves is a hole.

    Fixations of events that leave belong to none. Duplicates (`group_duplicates`) are one event under the lowest id:
    the frames and fixations of all, and the caption and verdict of the one that the others repeat, or else of the first
    that was decided. Bounds are corrected (`correct_bounds`) before that.

    Parameters
    ----------
    events, tracks, fixations, assignments : tables of the video.
    captions : the caption entry of each event.
    kept : `frame` and `time_s` of all kept frames.
    """
    from tsalv360.curation.match import carry  # takes a second to import; drafts need none of it

    ids = [str(event) for event in events.event_id]
    carried = carry(curation.records, tracks, kept.time_s.to_numpy())
    said = {event: record.decided for event, record in carried.holds.items() if record.decided}
    groups, rejected, problems = group_duplicates(ids, carried.holds)
    undecided = [members[0] for members in groups if _main(members, said) is None]
    merged = [(event, members[0]) for members in groups for event in members[1:]]
    if curation.uncurated == "leave_out":
        groups = [members for members in groups if members[0] not in undecided]
    bounds = correct_bounds(
        {event: one for event, one in said.items() if one.verdict != "reject"},
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
        _texts(groups, said, captions),
        {members[0]: _columns(members, said, carried.holds, events) for members in groups},
        [members[0] for members in groups if len(members) > 1 or members[0] in bounds.tracks],
        Outcome(
            curators=_people(carried.holds.values()),
            rejected=[(event, ", ".join(said[event].flags)) for event in ids if event in rejected],
            merged=merged,
            uncurated=[(event, "judged, not decided" if event in carried.holds else "") for event in undecided],
            review=[(event, _beside(near[0])) for event, near in carried.review.items()],
            orphaned=[(record.event_id, _as_judged(record)) for record in carried.orphaned],
            problems=[*problems, *bounds.problems],
        ),
    )


def _texts(
    groups: list[list[str]], said: Mapping[str, Judged], captions: Mapping[str, CaptionEntry]
) -> dict[str, CaptionEntry]:
    """The entries of the caption stage with what people wrote, and with the flags of the captions as they are now."""
    texts = {}
    for members in groups:
        main = _main(members, said)
        text = captions[main or members[0]]
        if main and (caption := (said[main].caption or "").strip()) != text.caption:
            text = replace(text, caption=caption or None, n_tokens=None)
        texts[members[0]] = text
    shown = {event: text.caption for event, text in texts.items() if text.caption is not None}
    flags = flags_of(shown, {event: texts[event].n_tokens for event in shown})
    for members in groups:
        main, event = _main(members, said), members[0]
        texts[event] = replace(texts[event], flags=flags.get(event, []) + (said[main].flags if main else []))
    return texts


def _columns(
    members: list[str], said: Mapping[str, Judged], holds: Mapping[str, EventRecord], events: pd.DataFrame
) -> dict[str, Any]:
    """What people's judgement changes in the row of annotations of a group of events."""
    before, main = events[events.event_id == members[0]].iloc[0], _main(members, said)
    columns = {
        "start_frame_before": before.start_frame,
        "end_frame_before": before.end_frame,
        "n_curators": len(_people(holds[event] for event in members if event in holds)),
    }
    if main:
        accepted = (said[main].caption or "").strip() == holds[main].caption_machine.strip()
        columns |= {"verdict": said[main].verdict, "caption_origin": "accepted" if accepted else "edited"}
    return columns


def _main(members: list[str], said: Mapping[str, Judged]) -> str | None:
    """The event whose caption and verdict hold for those that are one with it; None where none was decided."""
    decided = [event for event in members if event in said and said[event].verdict != "reject"]
    return min(decided, key=lambda event: said[event].duplicate_of is not None, default=None)


def _join(tracks: list[pd.DataFrame]) -> pd.DataFrame:
    """One track of several, under the name of the first, whose rows also go first."""
    name = tracks[0].event_id.iloc[0]
    rows = pd.concat(tracks).drop_duplicates("frame").sort_values("frame")
    return rows.assign(event_id=name)


def _people(records: Iterable[EventRecord]) -> list[str]:
    return sorted({one.who for record in records for one in record.history if one.said})


def _beside(near: "Near") -> str:
    return f"{near.iou:.0%} of the frames in common with {_as_judged(near.record)}, {near.error_deg:.1f}° away"


def _as_judged(record: EventRecord) -> str:
    """An event as it was when it was judged."""
    points = record.track.replace(" | ", ", ").split(", ")
    start, end = points[0].split(" ")[0], points[-1].split(" ")[0]
    verdict = record.decided.verdict if record.decided else "undecided"
    return f"{record.event_id} of {start} s to {end} s ({verdict})"
