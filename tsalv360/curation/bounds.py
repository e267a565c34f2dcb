"""Starts and ends of events as people corrected them."""

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
import pandas as pd

from tsalv360.curation.records import Judged
from tsalv360.geometry import Array, angular_distance
from tsalv360.grid import FPS
from tsalv360.points import fixation_points

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
