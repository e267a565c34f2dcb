"""Label Studio tasks: one per event, with the machine caption as a prediction.

A task also says which times of the source video its viewport video shows, through lead-in, gaps and lead-out, and
where the event was, as one line of text that the records of the curation keep.
"""

import hashlib
import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any
from urllib.parse import quote

import numpy as np
import pandas as pd

from tsalv360.contracts.entries import CaptionEntry, IndexEntry, ShownTimes, Task, TaskData, ViewportLength
from tsalv360.contracts.grid import FPS, segments_of
from tsalv360.job.errors import InputError
from tsalv360.metrics.events import Track
from tsalv360.sphere.directions import Array, interpolate, to_angles, to_vectors


def shown_times(track: pd.DataFrame, fps: float, lead_in: int, lead_out: int) -> ShownTimes:
    """Return which times of the source video a viewport video shows, in seconds.

    Parameters: the rows of one event of the tracks table, the frame rate of the video, and how many pictures its
    viewport video has before and after the event.
    """
    step = 1 / min(fps, FPS)
    runs = [[start, round((end - start) / step) + 1] for start, end in segments_of(track.time_s.to_numpy(), fps)]
    runs[0] = [runs[0][0] - lead_in * step, runs[0][1] + lead_in]
    runs[-1][1] += lead_out
    return ShownTimes(step, [(round(start, 4), int(n)) for start, n in runs])


def length_s(shown: ShownTimes) -> float:
    """Return the length of the viewport video in seconds."""
    return sum(n for _, n in shown.runs) / FPS


def source_time(shown: ShownTimes, viewport_s: float) -> float:
    """Return the time in the source video, in seconds, of the picture at a time of the viewport video."""
    picture = int(viewport_s * FPS + 1e-6)
    for start, n in shown.runs:
        last = start + (n - 1) * shown.step_s
        if picture < n:
            return round(start + picture * shown.step_s, 3)
        picture -= n
    return round(last, 3)


def make_tasks(
    index: IndexEntry,
    events: pd.DataFrame,
    tracks: pd.DataFrame,
    captions: Mapping[str, CaptionEntry],
    lengths: Mapping[str, ViewportLength],
    media: str,
    source: str,
) -> list[Task]:
    """Return the tasks of one video; an event without a caption becomes a task without prediction.

    Parameters
    ----------
    events, tracks : tables of the video.
    captions, lengths : caption and length of the viewport video of each event.
    media : the video's viewports folder relative to the media root that Label Studio serves.
    source : name of the data set that the video comes from.
    """
    tasks = []
    for event in events.itertuples():
        name = str(event.event_id)
        track, caption, length = tracks[tracks.event_id == name], captions[name], lengths[name]
        texts = [candidate.text for candidate in caption.candidates]
        begins, ends = length.lead_in / FPS, (length.lead_in + length.pictures) / FPS
        bounds = f"In these videos the event begins at {begins:.1f} s and ends at {ends:.1f} s."
        data = TaskData(
            event_id=name,
            event_hash=content_hash(track, caption),
            video=index.id,
            source=source,
            title=f"Event {name} of video {index.id} ({source})",
            viewport_url=_url(media, f"{name}.mp4"),
            overlay_url=_url(media, f"{name}.overlay.mp4"),
            poster_url=_url(media, f"{name}.jpg"),
            fps=str(FPS),
            facts="\n".join([*caption.notes, bounds]),
            start_s=float(str(event.start_s)),
            end_s=float(str(event.end_s)),
            n_observers=int(str(event.n_observers)),
            confidence=round(float(str(event.confidence)), 4),
            caption_machine=caption.caption or "",
            alternatives=_options(texts[1:] if caption.caption else texts),
            others=_options([other for other in events.event_id if other != name]),
            track=as_text(track, index.fps),
            shown=shown_times(track, index.fps, length.lead_in, length.lead_out),
        )
        tasks.append(Task(data, [_prediction(caption)] if caption.caption else []))
    return tasks


def _options(texts: list[str]) -> list[dict[str, str]]:
    """Choices that a task brings along, in Label Studio's form; each text once."""
    return [{"value": text} for text in dict.fromkeys(texts)]


def _prediction(caption: CaptionEntry) -> dict[str, Any]:
    """The shown caption as it stands in the text field before a person has touched it."""
    shown = caption.candidates[0]
    text = {"from_name": "caption", "to_name": "viewport", "type": "textarea", "value": {"text": [caption.caption]}}
    return {"model_version": f"{shown.model} {shown.revision}", "result": [{"id": "caption", **text}]}


def content_hash(track: pd.DataFrame, caption: CaptionEntry) -> str:
    """Return a hash of what a person judges: frames and directions of the event, to 0.1°, and its captions."""
    path = track[["yaw_deg", "pitch_deg"]].round(1) + 0.0  # no negative zero
    written = [[candidate.model, candidate.revision, candidate.text] for candidate in caption.candidates]
    content = [track.frame.tolist(), path.to_numpy().tolist(), written]
    return hashlib.sha256(json.dumps(content).encode()).hexdigest()[:16]


def _url(media: str, name: str) -> str:
    return "/data/local-files/?d=" + quote(str(Path(media, name)))


_STEP_S = 0.5


def as_text(track: pd.DataFrame, fps: float) -> str:
    """The stretches of a track, apart by ` | `, each as points `time yaw pitch` in seconds and degrees, apart by `, `.

    A stretch has its first and its last row, and one every half a second between them: "1.000 12.3 -4.5, ... | ...".
    Parameters: the rows of one event of the tracks table, and the frame rate of the video.
    """
    parts = []
    for start, end in segments_of(track.time_s.to_numpy(), fps):
        rows = track[(track.time_s >= start - 1e-9) & (track.time_s <= end + 1e-9)]
        nearest = np.searchsorted(rows.time_s, np.arange(start, end, _STEP_S) - 1e-9)
        places = sorted({*nearest.tolist(), len(rows) - 1})
        parts.append(
            ", ".join(f"{r.time_s:.3f} {r.yaw_deg:.1f} {r.pitch_deg:.1f}" for r in rows.iloc[places].itertuples())
        )
    return " | ".join(parts)


def as_track(text: str, times: Array) -> Track:
    """The track in `text` at those of the `times` [n] of kept frames, in seconds, at which it was there.

    InputError for text that is no track.
    """
    found_s: list[Array] = []
    vectors: list[Array] = []
    for part in text.split(" | "):
        try:
            points = np.array([[float(number) for number in point.split(" ")] for point in part.split(", ")])
            time, yaw, pitch = points.T
        except ValueError:
            raise InputError(
                "track", repr(part), "points `time yaw pitch`, apart by commas", "Restore the file."
            ) from None
        inside = times[(times >= time[0] - 0.002) & (times <= time[-1] + 0.002)]  # written to the millisecond
        found_s.append(inside)
        vectors.append(interpolate(time, to_vectors(yaw, pitch), inside))
    yaw, pitch = to_angles(np.concatenate(vectors))
    return Track(np.concatenate(found_s), yaw, pitch)
