"""Detection of the events of a video: from its fixations to the tables of events, tracks and assignments."""

from dataclasses import dataclass

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from tsalv360.contracts.gaze_grid import GazeGrid, sample_gaze
from tsalv360.contracts.grid import frame_numbers, runs
from tsalv360.contracts.tables import ASSIGNMENTS, DROPPED, EVENTS, TRACKS, empty
from tsalv360.events.chance import Chance, chance_of, evidence, expected_by_chance
from tsalv360.events.clusters import find_candidates
from tsalv360.events.hypothesis import Dropped, Hypothesis
from tsalv360.events.refine import owners, refine
from tsalv360.events.settings import EventSettings
from tsalv360.sphere.camera import camera_hfov, camera_path
from tsalv360.sphere.directions import Array, angular_distance, to_angles, to_vectors, vector_angle

_DEFAULTS = EventSettings()
_EVEN = 30.0  # evidence, in nats, at which half of the events are found again from as many other observers
_SHORTEST_PART = 0.25  # of the longest duration, at either end of an event that is cut


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
    first_event: int = 1,
) -> DetectedEvents:
    """Find the events in the fixations of one video.

    Parameters
    ----------
    fixations : columns of the fixations table; rows of any length are intervals, in any order. Saccades must have
        been removed before.
    video_id : the events are named `<video_id>_<k>`, with k from `first_event` on.
    fps : native rate of the video.
    frames : native numbers of the kept frames; those of the 16 fps grid up to the last fixation when left out.

    Eight observers look here and there for 8 s, and from second 2 to 6 at the same place:

    >>> from tsalv360.sources.recording import fixations_table
    >>> rng, time_s = np.random.default_rng(0), np.arange(0, 8, 0.25)
    >>> spread_deg = np.where((time_s >= 2) & (time_s < 6), 2, 60)
    >>> gaze = []
    >>> for k in range(8):
    ...     yaw, pitch = [[40], [5]] + spread_deg * rng.uniform([[-2], [-1]], [[2], [1]], (2, 32))
    ...     gaze.append(fixations_table(f"s{k}", time_s, 0.25, time_s * 30, yaw, pitch))
    >>> found = detect_events(pd.concat(gaze), "harbour", fps=30)
    >>> found.events[["event_id", "start_s", "end_s", "yaw_deg", "n_observers"]].round(1)
        event_id  start_s  end_s  yaw_deg  n_observers
    0  harbour_1      2.0    5.9     40.2            8
    """
    if frames is None:
        end = (fixations.time_s + fixations.duration_s).max() if len(fixations) else 0.0
        frames = frame_numbers(fps, int(np.ceil(end * fps)), skip_first=0)
    if not frames or fixations.empty:
        return DetectedEvents(*(empty(table) for table in (EVENTS, TRACKS, ASSIGNMENTS, DROPPED)))
    number = np.array(frames)
    grid = sample_gaze(fixations, number / fps)
    if not grid.present.any():
        return DetectedEvents(*(empty(table) for table in (EVENTS, TRACKS, ASSIGNMENTS, DROPPED)))
    chance = chance_of(grid)
    if settings.method == "tsv360":
        from tsalv360.events.published import find_volumes  # OpenCV takes time to import

        volumes = find_volumes(fixations, grid, number, fps, settings.assign_deg, settings.tsv360)
        found = [_event(grid, number, one, np.flatnonzero(one.active), chance) for one in volumes]
    else:
        hypotheses = refine(grid, find_candidates(grid, settings), chance, settings)
        found = [event for hypothesis in hypotheses for event in _events(grid, number, hypothesis, chance, settings)]
        _drop_chance(found, settings.false_discovery_rate)
    kept = sorted((e for e in found if not e.dropped), key=lambda e: (e.frames[0], e.frames[-1], -e.watching.sum()))
    events = {f"{video_id}_{k}": event for k, event in enumerate(kept, start=first_event)}
    rows = [{"event_id": name, "video": video_id, **event.row} for name, event in events.items()]
    tracks = [_track(name, event, grid, settings) for name, event in events.items()]
    dropped = [{"video": video_id, **event.row, **event.dropped._asdict()} for event in found if event.dropped]
    return DetectedEvents(
        pd.DataFrame(rows)[list(EVENTS)] if rows else empty(EVENTS),
        pd.concat(tracks, ignore_index=True) if tracks else empty(TRACKS),
        _assignments(fixations, events, grid, settings.assign_deg),
        pd.DataFrame(dropped)[list(DROPPED)] if dropped else empty(DROPPED),
    )


@dataclass(eq=False)
class _Event:
    """An event in n frames.

    `frames` [n]: indices of the gaze grid; `number` [n]: their native numbers. `path` [n, 3]: unit vectors. `watching`
    [n, n_observers]: whose gaze belongs to it. `spread_deg` [n]: root mean square distance of that gaze from the path.
    `by_chance`: expected number of events of this video that are as strong by chance. `row`: columns of the tables of
    events and of what was dropped.
    """

    frames: NDArray[np.int64]
    number: NDArray[np.int64]
    path: Array
    watching: NDArray[np.bool_]
    spread_deg: Array
    by_chance: float
    row: dict[str, object]
    dropped: Dropped | None


def _events(
    grid: GazeGrid, number: NDArray[np.int64], hypothesis: Hypothesis, chance: Chance, limits: EventSettings
) -> list[_Event]:
    """Return the events of a hypothesis: short gaps are filled, long ones start another, and long events are cut."""
    active = np.flatnonzero(hypothesis.active & grid.present.any(axis=1))
    if not len(active):
        return []
    segments = [active[run] for run in runs(active, limits.fill_gap_s * grid.rate + 1)]
    filled = np.concatenate([np.arange(segment[0], segment[-1] + 1) for segment in segments])
    if hypothesis.dropped:
        return [_event(grid, number, hypothesis, filled, chance, limits)]
    parts = [
        part
        for run in runs(filled, limits.max_gap_s * grid.rate + 1)
        for part in _cut(filled[run], grid.time_s, limits.max_duration_s)
    ]
    return [_event(grid, number, hypothesis, part, chance, limits) for part in parts]


def _cut(frames: NDArray[np.int64], time_s: Array, longest_s: float) -> list[NDArray[np.int64]]:
    """Return the frames of an event, cut at multiples of the longest duration if it lasts longer.

    All long events are cut at the same times of the video, whatever their own start is; a first or last part of less
    than a quarter of the longest duration stays with its neighbour.
    """
    first, last = time_s[frames[[0, -1]]]
    if last - first <= longest_s:
        return [frames]
    margin = _SHORTEST_PART * longest_s
    at = [k * longest_s for k in range(int(first // longest_s) + 1, int(last // longest_s) + 1)]
    moments = [moment for moment in at if first + margin <= moment <= last - margin]
    return np.split(frames, np.searchsorted(time_s[frames], moments))


def _event(
    grid: GazeGrid,
    number: NDArray[np.int64],
    hypothesis: Hypothesis,
    frames: NDArray[np.int64],
    chance: Chance,
    limits: EventSettings | None = None,
) -> _Event:
    """Return the event that a hypothesis is in some of its frames, dropped if it breaks a rule of `limits`."""
    path, watching = hypothesis.path[frames], hypothesis.assigned[frames]
    n_watching = watching.sum(axis=1)
    away = np.where(watching, vector_angle(grid.vectors[frames], path[:, None]), 0.0)
    spreads = np.sqrt((away**2).sum(axis=1) / np.maximum(n_watching, 1))
    spread = float(np.sqrt(np.mean(spreads**2)))
    share = float(np.mean(n_watching / np.maximum(grid.present[frames].sum(axis=1), 1)))
    counts = chance.counts[frames]
    near, tracked = (
        (counts & who).sum(axis=1) for who in (watching & (away <= hypothesis.reach_deg), grid.present[frames])
    )
    by_chance = chance.share(path, hypothesis.reach_deg)
    strength = max(evidence(near, tracked, by_chance, 1 / (chance.look_s * grid.rate)), 0.0)
    rate = expected_by_chance(strength, len(grid.time_s) / grid.rate, chance.look_s)
    n_observers = int(watching.any(axis=0).sum())
    yaw, pitch = to_angles(path.sum(axis=0))
    row: dict[str, object] = {
        "start_frame": number[frames[0]],
        "end_frame": number[frames[-1]],
        "start_s": grid.time_s[frames[0]],
        "end_s": grid.time_s[frames[-1]],
        "n_segments": len(runs(frames)),
        "yaw_deg": float(yaw),
        "pitch_deg": float(pitch),
        "n_observers": n_observers,
        "share": min(share, 1.0),
        "evidence": strength,
        "by_chance": rate,
        "confidence": strength**2 / (strength**2 + _EVEN**2),
    }
    dropped = hypothesis.dropped
    if limits and not dropped:
        dropped = _broken_rule(len(frames) / grid.rate, n_observers, share, spread, limits)
    return _Event(frames, number[frames], path, watching, spreads, rate, row, dropped)


def _drop_chance(events: list[_Event], rate: float) -> None:
    """Mark as dropped the weakest events, until at most this share of those that are left is expected to be chance.

    Of the k strongest events as many are chance as a video has events of that strength by chance (Storey 2002,
    JRSS B 64(3)).
    """
    ranked = sorted((event for event in events if not event.dropped), key=lambda event: event.by_chance)
    n_kept = max((k for k, event in enumerate(ranked, start=1) if event.by_chance <= rate * k), default=0)
    for k, event in enumerate(ranked[n_kept:], start=n_kept + 1):
        reason = f"{event.by_chance:.2g} as strong by chance among {k}, more than {rate:g} of them"
        event.dropped = Dropped("false_discovery_rate", reason)


def _broken_rule(
    duration_s: float, n_observers: int, share: float, spread_deg: float, limits: EventSettings
) -> Dropped | None:
    """Return the first rule that an event breaks, if any."""
    if duration_s < limits.min_duration_s:
        return Dropped("min_duration_s", f"lasts {duration_s:.2f} s, less than {limits.min_duration_s:g} s")
    if n_observers < limits.min_observers:
        return Dropped("min_observers", f"{n_observers} observers, fewer than {limits.min_observers}")
    if share < limits.min_share:
        return Dropped("min_share", f"{share:.3f} of the observers, less than {limits.min_share:g}")
    if spread_deg > limits.max_spread_deg:
        return Dropped("max_spread_deg", f"spread {spread_deg:.1f}°, more than {limits.max_spread_deg:g}°")
    return None


def _track(name: str, event: _Event, grid: GazeGrid, settings: EventSettings) -> pd.DataFrame:
    """Return the rows of the tracks table of an event; the camera follows each segment by itself."""
    yaw, pitch = to_angles(event.path)
    limits = (
        settings.camera_smooth_s,
        settings.camera_max_speed_deg_s,
        settings.camera_max_acceleration_deg_s2,
        settings.camera_max_offset_deg,
        settings.camera_max_rotation_deg_s,
    )
    camera = [camera_path(event.path[segment], grid.rate, *limits) for segment in runs(event.frames)]
    camera_yaw, camera_pitch = np.concatenate(camera, axis=1)
    offset = angular_distance(yaw, pitch, camera_yaw, camera_pitch)
    hfov = (settings.camera_hfov_deg, settings.camera_max_hfov_deg)
    return pd.DataFrame(
        {
            "event_id": name,
            "frame": event.number,
            "time_s": grid.time_s[event.frames],
            "yaw_deg": yaw,
            "pitch_deg": pitch,
            "spread_deg": event.spread_deg,
            "n_observers": event.watching.sum(axis=1),
            "camera_yaw_deg": camera_yaw,
            "camera_pitch_deg": camera_pitch,
            "camera_hfov_deg": camera_hfov(
                event.spread_deg, offset, grid.rate, settings.camera_smooth_s, settings.camera_spreads, hfov
            ),
        }
    )


def _assignments(fixations: pd.DataFrame, events: dict[str, _Event], grid: GazeGrid, assign_deg: float) -> pd.DataFrame:
    """Return the nearest event of every fixation row, within `assign_deg`, at the time in it nearest to its middle."""
    if not events:
        return empty(ASSIGNMENTS)
    start = fixations.time_s.to_numpy()
    middle, end = start + fixations.duration_s.to_numpy() / 2, start + fixations.duration_s.to_numpy()
    vectors = to_vectors(fixations.yaw_deg, fixations.pitch_deg)
    slack = 0.5 / grid.rate + 1e-9
    distance = np.full((len(events), len(fixations)), np.inf)
    for k, event in enumerate(events.values()):
        time = np.clip(middle, *grid.time_s[event.frames[[0, -1]]])
        path = np.full((len(grid.time_s), 3), np.nan)
        path[event.frames] = event.path
        there = path[_nearest(grid.time_s, time)]
        known = ~np.isnan(there[:, 0]) & (time >= start - slack) & (time <= end + slack)
        distance[k, known] = vector_angle(vectors[known], there[known])
    owner = owners(distance, assign_deg)
    rows = np.flatnonzero(owner >= 0)
    names = pd.array(list(events), dtype="str")[owner[rows]]
    return pd.DataFrame({"row": rows, "event_id": names, "distance_deg": distance[owner[rows], rows]})


def _nearest(grid: Array, times: Array) -> NDArray[np.int64]:
    """Return the index of the grid time nearest to each of `times`, of two as near the earlier one."""
    left = np.maximum(np.searchsorted(grid, times) - 1, 0)
    right = np.minimum(left + 1, len(grid) - 1)
    return np.where(times - grid[left] <= grid[right] - times, left, right)
