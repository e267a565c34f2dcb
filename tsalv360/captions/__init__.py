"""Captions: one sentence on what happens in an event's viewport, and notes for the curator.

The caption holds only what the picture shows. Place, time, camera path and observers are notes: a model must not
learn to read locations from text.
"""

import zlib
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from tsalv360.captions.facts import describe
from tsalv360.captions.settings import CaptionSettings
from tsalv360.files import read_json
from tsalv360.geometry import to_vectors, vector_angle
from tsalv360.video import read_pictures

REVISION = {"facts": "1"}


def shard_of(video_id: str, shards: int) -> str:
    """Name of the shard of a video, stable against new videos."""
    return f"{zlib.crc32(video_id.encode()) % shards:04d}"


def caption_video(
    viewports: str | Path, events: pd.DataFrame, tracks: pd.DataFrame, settings: CaptionSettings
) -> dict[str, Any]:
    """Captions of all events of a video.

    Parameters: folder of the viewports stage, the video's events and tracks.
    Returns {event_id: {caption, candidates: [{text, model, revision, score}], notes}}.
    """
    lengths = read_json(Path(viewports, "viewports.json"))["events"]
    captions = {}
    for event in events.itertuples():
        name = str(event.event_id)
        n_pictures = lengths[name]["pictures"]
        numbers = spread(n_pictures, settings.n_frames)
        pictures = read_pictures(Path(viewports, f"{name}.mp4"), [lengths[name]["lead_in"] + n for n in numbers])
        track = tracks[tracks.event_id == name]
        between = float(np.median(np.diff(track.time_s.iloc[numbers]))) if len(numbers) > 1 else 0.0
        text = describe(pictures, between, float(track.camera_hfov_deg.iloc[0]))
        candidate = {"text": text, "model": settings.backend, "revision": REVISION[settings.backend], "score": None}
        captions[name] = {
            "caption": text,
            "candidates": [candidate],
            "notes": notes(event, track),
        }
    return captions


def spread(n_pictures: int, wanted: int) -> list[int]:
    """Up to `wanted` whole numbers spread evenly over 0 … n_pictures − 1, each in the middle of its share."""
    wanted = min(wanted, n_pictures)
    return [int((i + 0.5) * n_pictures / wanted) for i in range(wanted)]


def notes(event: Any, track: pd.DataFrame) -> list[str]:
    """Measured facts for the curator: when, where, how it moves, and who watched."""
    path = to_vectors(track.yaw_deg, track.pitch_deg)
    travelled = float(vector_angle(path[1:], path[:-1]).sum())
    return [
        f"{event.start_s:.1f} s to {event.end_s:.1f} s ({event.end_s - event.start_s:.1f} s)",
        f"around yaw {event.yaw_deg:.0f}°, pitch {event.pitch_deg:.0f}°, moving {travelled:.0f}° in all",
        f"{event.n_observers} observers, {np.mean(track.n_observers):.1f} at a time, confidence {event.confidence:.2f}",
    ]
