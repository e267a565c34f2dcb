"""Label Studio tasks: one per event, with the machine caption as its prediction.

A task also states which source times its viewport video shows (lead-in, segments without the gaps, lead-out), and the
event's track as a line of text, the track text, which the curators' records keep.
"""

import hashlib
import json
import math
from collections.abc import Mapping
from typing import Any
from urllib.parse import quote

import numpy as np
import pandas as pd

from tsalv360.contracts.entries import CaptionEntry, IndexEntry, ShownTimes, Task, TaskData, ViewportLength
from tsalv360.contracts.grid import FPS, segments_of
from tsalv360.job.errors import InputError
from tsalv360.metrics.events import Track
from tsalv360.sphere.directions import Array, interpolate, to_angles, to_vectors

_TEXT_STEP_S = 0.5
_MS = 0.002  # times in track texts are rounded to the millisecond


def make_tasks(
    index: IndexEntry,
    events: pd.DataFrame,
    tracks: pd.DataFrame,
    captions: Mapping[str, CaptionEntry],
    lengths: Mapping[str, ViewportLength],
    media: str,
    source: str,
) -> list[Task]:
    """Return the tasks of a video's events; an event without a caption gets a task without a prediction.

    Parameters
    ----------
    events, tracks : tables of the video.
    captions, lengths : caption entry and length of the viewport video of each event.
    media : the video's viewports folder relative to the media root of Label Studio.
    source : name of the data set that the video comes from.
    """
    tasks = []
    for event in events.to_dict("records"):
        name = event["event_id"]
        track, caption, length = tracks[tracks.event_id == name], captions[name], lengths[name]
        texts = [candidate.text for candidate in caption.candidates]
        start, end = (
            _counter(picture, index.rate) for picture in (length.lead_in, length.lead_in + length.pictures - 1)
        )
        bounds = f"In these videos the event begins at {start:.2f} s and ends at {end:.2f} s."
        urls = [f"/data/local-files/?d={quote(f'{media}/{name}{kind}')}" for kind in (".mp4", ".overlay.mp4", ".jpg")]
        data = TaskData(
            event_id=name,
            event_hash=content_hash(track, caption),
            video=index.id,
            source=source,
            title=f"Event {name} of video {index.id} ({source})",
            viewport_url=urls[0],
            overlay_url=urls[1],
            poster_url=urls[2],
            fps=f"{index.rate:g}",
            facts="\n".join([*caption.notes, bounds]),
            start_s=event["start_s"],
            end_s=event["end_s"],
            n_observers=event["n_observers"],
            confidence=round(event["confidence"], 4),
            caption_machine=caption.caption or "",
            alternatives=_choices(texts[1:] if caption.caption else texts),
            others=_others(events, name),
            track=track_text(track, index.fps, index.rate),
            shown=shown_times(track, index.fps, length.lead_in, length.lead_out, index.rate),
        )
        tasks.append(Task(data, [_prediction(caption)] if caption.caption else []))
    return tasks


def _counter(picture: int, rate: float) -> float:
    """Return when a picture of a video begins, rounded up to hundredths, so that the rounded time is in the picture."""
    return math.ceil(round(100 * picture / rate, 6)) / 100


def _choices(texts: list[str]) -> list[dict[str, str]]:
    return [{"value": text} for text in dict.fromkeys(texts)]


def _others(events: pd.DataFrame, name: str) -> list[dict[str, str]]:
    """Return the other events of the video with their times, the nearest in time first."""
    own, others = events[events.event_id == name].iloc[0], events[events.event_id != name]
    gaps = np.maximum(others.start_s - own.end_s, own.start_s - others.end_s).clip(lower=0)
    ordered = others.iloc[np.argsort(gaps, kind="stable")].to_dict("records")
    return [{"value": one["event_id"], "hint": f"{one['start_s']:.1f} s to {one['end_s']:.1f} s"} for one in ordered]


def _prediction(caption: CaptionEntry) -> dict[str, Any]:
    """Return what Label Studio puts into the text field before a curator edits it."""
    chosen = caption.candidates[0]
    text = {"from_name": "caption", "to_name": "viewport", "type": "textarea", "value": {"text": [caption.caption]}}
    return {"model_version": f"{chosen.model} {chosen.revision}", "result": [{"id": "caption", **text}]}


def content_hash(track: pd.DataFrame, caption: CaptionEntry) -> str:
    """Return a hash of what a curator reviews: an event's frames, its directions to 0.1°, and its captions."""
    path = track[["yaw_deg", "pitch_deg"]].round(1) + 0.0  # no negative zero
    texts = [[candidate.model, candidate.revision, candidate.text] for candidate in caption.candidates]
    content = [track.frame.tolist(), path.to_numpy().tolist(), texts]
    return hashlib.sha256(json.dumps(content).encode()).hexdigest()[:16]


def shown_times(track: pd.DataFrame, fps: float, lead_in: int, lead_out: int, rate: float = FPS) -> ShownTimes:
    """Return the source times that a viewport video shows.

    Parameters: an event's rows of the tracks table, the frame rate of the video, the numbers of pictures before
    and after the event, and the rate of the kept frames.
    """
    step = 1 / min(fps, rate)
    runs = [[start, round((end - start) / step) + 1] for start, end in segments_of(track.time_s.to_numpy(), fps, rate)]
    runs[0] = [runs[0][0] - lead_in * step, runs[0][1] + lead_in]
    runs[-1][1] += lead_out
    return ShownTimes(step, [(round(start, 4), int(n)) for start, n in runs])


def length_s(shown: ShownTimes) -> float:
    """Return the length of a viewport video in seconds."""
    return sum(n for _, n in shown.runs) / _rate(shown)


def source_time(shown: ShownTimes, viewport_s: float) -> float:
    """Return the source time of the picture at a time of the viewport video, both in seconds."""
    picture = int(viewport_s * _rate(shown) + 1e-6)
    for start, n in shown.runs:
        last = start + (n - 1) * shown.step_s
        if picture < n:
            return round(start + picture * shown.step_s, 3)
        picture -= n
    return round(last, 3)


def _rate(shown: ShownTimes) -> float:
    """Return the pictures per second of a viewport video: 16, or more where every native frame is kept."""
    return max(FPS, 1 / shown.step_s)


def track_text(track: pd.DataFrame, fps: float, rate: float = FPS) -> str:
    """Return a track as text: segments separated by ` | `, of points `time yaw pitch` separated by `, `.

    A segment has its first and last row and one every half second in between: "1.000 12.3 -4.5, … | …", in seconds
    and degrees. Parameters: an event's rows of the tracks table, the frame rate of the video, and the rate of
    the kept frames.
    """
    segments = []
    for start, end in segments_of(track.time_s.to_numpy(), fps, rate):
        rows = track[track.time_s.between(start, end)]
        steps = np.searchsorted(rows.time_s, np.arange(start, end, _TEXT_STEP_S) - 1e-9)
        points = rows.iloc[sorted({*steps.tolist(), len(rows) - 1})].itertuples()
        segments.append(", ".join(f"{point.time_s:.3f} {point.yaw_deg:.1f} {point.pitch_deg:.1f}" for point in points))
    return " | ".join(segments)


def read_track_text(text: str, times: Array) -> Track:
    """Return the track in a text at those kept frames' `times` [n] (s) that it covers; InputError if it is no track."""
    covered: list[Array] = []
    vectors: list[Array] = []
    for segment in text.split(" | "):
        try:
            time, yaw, pitch = np.array([[float(x) for x in point.split(" ")] for point in segment.split(", ")]).T
        except ValueError:
            expected = "points `time yaw pitch`, separated by commas"
            raise InputError("track", repr(segment), expected, "Restore the file.") from None
        covered.append(times[(times >= time[0] - _MS) & (times <= time[-1] + _MS)])
        vectors.append(interpolate(time, to_vectors(yaw, pitch), covered[-1]))
    yaw, pitch = to_angles(np.concatenate(vectors))
    return Track(np.concatenate(covered), yaw, pitch)
