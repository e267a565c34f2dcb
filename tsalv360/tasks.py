"""Label Studio tasks: one per event, with the machine caption as a prediction."""

import hashlib
import json
from pathlib import Path
from typing import Any
from urllib.parse import quote

import pandas as pd

from tsalv360.curation.shown import shown_times
from tsalv360.curation.track import as_text
from tsalv360.grid import FPS


def make_tasks(
    index: dict[str, Any],
    events: pd.DataFrame,
    tracks: pd.DataFrame,
    captions: dict[str, Any],
    lengths: dict[str, dict[str, int]],
    media: str,
    source: str,
) -> list[dict[str, Any]]:
    """Tasks of one video in Label Studio's import format.

    Parameters
    ----------
    index : the video's index entry.
    events, tracks : its tables.
    captions : {event_id: {caption, candidates, notes}}; an event without a caption becomes a task without prediction.
    lengths : {event_id: {lead_in, pictures, lead_out}} of the viewport videos.
    media : the video's viewports folder relative to the media root that Label Studio serves.
    source : name of the data set that the video comes from.
    """
    return [
        _task(index, event, events, tracks[tracks.event_id == name], captions[name], lengths[name], media, source)
        for event in events.itertuples()
        if (name := str(event.event_id))
    ]


def _task(
    index: dict[str, Any],
    event: Any,
    events: pd.DataFrame,
    track: pd.DataFrame,
    caption: dict[str, Any],
    length: dict[str, int],
    media: str,
    source: str,
) -> dict[str, Any]:
    name = event.event_id
    texts = [candidate["text"] for candidate in caption["candidates"]]
    begins = length["lead_in"] / FPS
    bounds = (
        f"In these videos the event begins at {begins:.1f} s and ends at {begins + length['pictures'] / FPS:.1f} s."
    )
    data = {
        "event_id": name,
        "event_hash": content_hash(track, caption),
        "video": index["id"],
        "source": source,
        "title": f"Event {name} of video {index['id']} ({source})",
        "viewport_url": _url(media, f"{name}.mp4"),
        "overlay_url": _url(media, f"{name}.overlay.mp4"),
        "poster_url": _url(media, f"{name}.jpg"),
        "fps": str(FPS),
        "facts": "\n".join([*caption["notes"], bounds]),
        "start_s": event.start_s,
        "end_s": event.end_s,
        "n_observers": event.n_observers,
        "confidence": round(event.confidence, 4),
        "caption_machine": caption["caption"] or "",
        "alternatives": _options(texts[1:] if caption["caption"] else texts),
        "others": _options([other for other in events.event_id if other != name]),
        "track": as_text(track, index["fps"]),
        "shown": shown_times(track, index["fps"], length["lead_in"], length["lead_out"]),
    }
    return {"data": data, "predictions": [_prediction(caption)] if caption["caption"] else []}


def _options(texts: list[str]) -> list[dict[str, str]]:
    """Choices that a task brings along, in Label Studio's form; each text once."""
    return [{"value": text} for text in dict.fromkeys(texts)]


def _prediction(caption: dict[str, Any]) -> dict[str, Any]:
    """The shown caption as it stands in the text field before a person has touched it."""
    shown = caption["candidates"][0]
    text = {"from_name": "caption", "to_name": "viewport", "type": "textarea", "value": {"text": [caption["caption"]]}}
    return {"model_version": f"{shown['model']} {shown['revision']}", "result": [{"id": "caption", **text}]}


def content_hash(track: pd.DataFrame, caption: dict[str, Any]) -> str:
    """What a person judges: the frames and directions of the event, to 0.1°, and its captions."""
    path = track[["yaw_deg", "pitch_deg"]].round(1) + 0.0  # no negative zero
    written = [[candidate[key] for key in ("model", "revision", "text")] for candidate in caption["candidates"]]
    content = [track.frame.tolist(), path.to_numpy().tolist(), written]
    return hashlib.sha256(json.dumps(content).encode()).hexdigest()[:16]


def _url(media: str, name: str) -> str:
    return "/data/local-files/?d=" + quote(str(Path(media, name)))
