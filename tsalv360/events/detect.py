"""From fixations to events, tracks and assignments."""

from dataclasses import dataclass

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from tsalv360.contracts.gaze_grid import Looks, sample_looks
from tsalv360.contracts.grid import frame_numbers
from tsalv360.contracts.tables import ASSIGNMENTS, DROPPED, EVENTS, TRACKS, empty
from tsalv360.events.clusters import find_candidates
from tsalv360.events.hypothesis import Settled
from tsalv360.events.refine import settle, take_as_found
from tsalv360.events.settings import EventSettings
from tsalv360.sphere.camera import camera_hfov, camera_path
from tsalv360.sphere.directions import Array, angular_distance, to_angles, to_vectors, vector_angle

_DEFAULTS = EventSettings()


@dataclass(frozen=True)
class DetectedEvents:
    """The four tables of a video's events (columns: `docs/tables.md`)."""

    events: pd.DataFrame
    tracks: pd.DataFrame
    assignments: pd.DataFrame
    dropped: pd.DataFrame


def detect_events(
    fixations: pd.DataFrame,
    video_id: str,
    fps: float,
    settings: EventSettings = _DEFAULTS,
    frames: list[int] | None = None,
) -> DetectedEvents:
    """Find the events in the fixations of one video.

    Parameters
    ----------
    fixations : columns of the fixations table; rows of any length are intervals, in any order. Saccades must have
        been removed before.
    video_id : the events are named `<video_id>_<k>`.
    fps : native rate of the video.
    frames : native numbers of the kept frames; those of the 16 fps grid up to the last fixation when left out.
    """
    if frames is None:
        end = (fixations.time_s + fixations.duration_s).max() if len(fixations) else 0.0
        frames = frame_numbers(fps, int(np.ceil(end * fps)), skip_first=0)
    if not frames or fixations.empty:
        return DetectedEvents(*(empty(table) for table in (EVENTS, TRACKS, ASSIGNMENTS, DROPPED)))
    number = np.array(frames)
    looks = sample_looks(fixations, number / fps)
    if settings.method == "regions":
        from tsalv360.events.published import find_regions  # its clustering takes time to import

        settled = take_as_found(looks, find_regions(looks, settings.regions), settings)
    else:
        settled = settle(looks, find_candidates(looks, settings), settings)
    kept = [s for s in settled if not s.dropped]
    kept.sort(key=lambda s: (s.frames[0], s.frames[-1], -s.n_looks))
    names = [f"{video_id}_{k}" for k in range(1, len(kept) + 1)]
    tracks = [_track(name, event, number, fps, looks.rate, settings) for name, event in zip(names, kept, strict=True)]
    events = [_event(name, video_id, event, track) for name, event, track in zip(names, kept, tracks, strict=True)]
    return DetectedEvents(
        pd.DataFrame(events) if events else empty(EVENTS),
        pd.concat(tracks, ignore_index=True) if tracks else empty(TRACKS),
        _assign(fixations, names, kept, looks, settings),
        _dropped(video_id, [s for s in settled if s.dropped], looks),
    )


def _track(
    name: str, event: Settled, number: NDArray[np.int64], fps: float, rate: float, settings: EventSettings
) -> pd.DataFrame:
    yaw, pitch = to_angles(event.path)
    camera = [
        camera_path(
            event.path[part],
            rate,
            settings.camera_smooth_s,
            settings.camera_max_speed_deg_s,
            settings.camera_max_acceleration_deg_s2,
            settings.camera_max_offset_deg,
            settings.camera_max_rotation_deg_s,
        )
        for part in event.stretches
    ]
    camera_yaw, camera_pitch = np.concatenate(camera, axis=1)
    frame = number[event.frames]
    return pd.DataFrame(
        {
            "event_id": name,
            "frame": frame,
            "time_s": frame / fps,
            "yaw_deg": yaw,
            "pitch_deg": pitch,
            "spread_deg": event.spread_deg,
            "n_observers": event.n_observers,
            "camera_yaw_deg": camera_yaw,
            "camera_pitch_deg": camera_pitch,
            "camera_hfov_deg": camera_hfov(
                event.spread_deg,
                angular_distance(yaw, pitch, camera_yaw, camera_pitch),
                rate,
                settings.camera_smooth_s,
                settings.camera_spreads,
                (settings.camera_hfov_deg, settings.camera_max_hfov_deg),
            ),
        }
    )


def _event(name: str, video_id: str, event: Settled, track: pd.DataFrame) -> dict[str, object]:
    yaw, pitch = event.direction
    return {
        "event_id": name,
        "video": video_id,
        "start_frame": int(track.frame.iloc[0]),
        "end_frame": int(track.frame.iloc[-1]),
        "start_s": float(track.time_s.iloc[0]),
        "end_s": float(track.time_s.iloc[-1]),
        "n_segments": len(event.stretches),
        "yaw_deg": yaw,
        "pitch_deg": pitch,
        "n_observers": event.n_watchers,
        "confidence": event.confidence,
    }


def _dropped(video_id: str, dropped: list[Settled], looks: Looks) -> pd.DataFrame:
    rows = []
    for event in dropped:
        assert event.dropped
        yaw, pitch = event.direction
        rows.append(
            {
                "video": video_id,
                "start_s": float(looks.time_s[event.frames[0]]),
                "end_s": float(looks.time_s[event.frames[-1]]),
                "yaw_deg": yaw,
                "pitch_deg": pitch,
                "n_observers": event.n_watchers,
                "share": event.share,
                **event.dropped._asdict(),
            }
        )
    return pd.DataFrame(rows) if rows else empty(DROPPED)


def _assign(
    fixations: pd.DataFrame, names: list[str], events: list[Settled], looks: Looks, settings: EventSettings
) -> pd.DataFrame:
    """The nearest event of every fixation row, within `assign_deg`, at the time in it nearest to its middle."""
    if not events:
        return empty(ASSIGNMENTS)
    start = fixations.time_s.to_numpy()
    middle, end = start + fixations.duration_s.to_numpy() / 2, start + fixations.duration_s.to_numpy()
    vectors = to_vectors(fixations.yaw_deg, fixations.pitch_deg)
    slack = 0.5 / looks.rate + 1e-9
    distance = np.full((len(events), len(fixations)), np.inf)
    for k, event in enumerate(events):
        first, last = looks.time_s[event.frames[[0, -1]]]
        time = np.clip(middle, first, last)
        at = _nearest(looks.time_s, time)
        paths = np.full((len(looks.time_s), 3), np.nan)
        paths[event.frames] = event.path
        alive = ~np.isnan(paths[at, 0]) & (time >= start - slack) & (time <= end + slack)
        distance[k, alive] = vector_angle(vectors[alive], paths[at[alive]])
    best = distance.argmin(axis=0)
    nearest = distance.min(axis=0)
    rows = np.flatnonzero(nearest <= settings.assign_deg)
    return pd.DataFrame(
        {"row": rows, "event_id": np.array(names, dtype=object)[best[rows]], "distance_deg": nearest[rows]}
    ).astype({"event_id": "str"})


def _nearest(grid: Array, times: Array) -> NDArray[np.int64]:
    """Index of the grid time nearest to each of `times`."""
    right = np.clip(np.searchsorted(grid, times), 1, max(1, len(grid) - 1))
    if len(grid) == 1:
        return np.zeros(len(times), dtype=np.int64)
    return np.where(times - grid[right - 1] <= grid[right] - times, right - 1, right)
