"""The clips of a video's events, and what is noted about each event for the curator."""

from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from tsalv360.captions.captioner import Clip
from tsalv360.files import read_json
from tsalv360.geometry import to_vectors, vector_angle


def clips_of(viewports: str | Path, events: pd.DataFrame, tracks: pd.DataFrame, n_frames: int) -> list[Clip]:
    """Clips of all events of a video: up to `n_frames` pictures of each, without its lead-in and lead-out.

    Parameters: folder of the viewports stage, the video's events and tracks.
    """
    lengths = read_json(Path(viewports, "viewports.json"))["events"]
    clips = []
    for name in map(str, events.event_id):
        numbers = spread(lengths[name]["pictures"], n_frames)
        track = tracks[tracks.event_id == name]
        between = float(np.median(np.diff(track.time_s.iloc[numbers]))) if len(numbers) > 1 else 0.0
        shown = tuple(lengths[name]["lead_in"] + number for number in numbers)
        clips.append(Clip(name, Path(viewports, f"{name}.mp4"), shown, between, float(track.camera_hfov_deg.iloc[0])))
    return clips


def spread(n_pictures: int, wanted: int) -> list[int]:
    """Up to `wanted` whole numbers spread evenly over 0 … n_pictures − 1, each in the middle of its share."""
    wanted = min(wanted, n_pictures)
    return [int((i + 0.5) * n_pictures / wanted) for i in range(wanted)]


def notes_of(events: pd.DataFrame, tracks: pd.DataFrame) -> dict[str, list[str]]:
    """Measured facts for the curator, {event: lines}: when, where, how it moves, and who watched."""
    return {
        str(event.event_id): _notes(event, tracks[tracks.event_id == event.event_id]) for event in events.itertuples()
    }


def _notes(event: Any, track: pd.DataFrame) -> list[str]:
    path = to_vectors(track.yaw_deg, track.pitch_deg)
    travelled = float(vector_angle(path[1:], path[:-1]).sum())
    return [
        f"{event.start_s:.1f} s to {event.end_s:.1f} s ({event.end_s - event.start_s:.1f} s)",
        f"around yaw {event.yaw_deg:.0f}°, pitch {event.pitch_deg:.0f}°, moving {travelled:.0f}° in all",
        f"{event.n_observers} observers, {np.mean(track.n_observers):.1f} at a time, confidence {event.confidence:.2f}",
    ]
