"""The page of a video: its data, which the bundle of scripts shows around the stacked video, and the same as text."""

import base64
from collections.abc import Mapping, Sequence
from dataclasses import asdict
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import pandas as pd

from tsalv360.contracts.entries import CaptionEntry, GazeRemark, IndexEntry, Outcome
from tsalv360.contracts.gaze_grid import rows_at
from tsalv360.contracts.grid import segments_of
from tsalv360.explorer.comparisons import Accuracy, Compared, accuracy_of
from tsalv360.explorer.embedded import Embedded, embed
from tsalv360.explorer.fates import Fate, banner, fates_of
from tsalv360.explorer.inputs import Video
from tsalv360.explorer.plausibility import draw_directions, draw_time
from tsalv360.explorer.stacked import TILE, Layout, rate_of
from tsalv360.explorer.words import page_json
from tsalv360.job.files import whole_file
from tsalv360.media.drawing import page_template
from tsalv360.reliability import summarise
from tsalv360.sphere.directions import Array

NO_GAZE = -32768  # in the gaze of the page, where an observer has none

Data = dict[str, Any]


class Media(NamedTuple):
    """The stacked video of a page: its layout, its size in bytes, and whether it is there as a script as well."""

    layout: Layout
    n_bytes: int
    from_disk: bool


def data_of_video(
    dataset: str,
    video: Video,
    media: Media,
    fixations: pd.DataFrame,
    annotations: pd.DataFrame,
    curation: Outcome | None,
    captions: Mapping[str, CaptionEntry],
    splits: Sequence[str],
    trials: pd.DataFrame,
) -> Data:
    """Return the data of the page of a video of a dataset.

    Parameters: the name of the dataset; what the stages wrote of the video, with its fixations table; `annotations` and
    `curation` as `read_part` returns them; the entries of the caption stage by event; the parts of folds that have it;
    `trials`, its table `reliability`.
    """
    index, kept = video.index, video.index.kept_times
    fates = fates_of(video.events.event_id, annotations, curation, captions)
    accuracy = None if video.truth is None else accuracy_of(index.id, video.truth, video.events, video.tracks)
    n_curators = len(curation.curators) if curation else None
    events = [
        _event(video, event, k, fates[str(event.event_id)], media.layout, accuracy)
        for k, event in enumerate(video.events.itertuples())
    ]
    return data_of_plain_video(dataset, index, media) | {
        "source": video.origin.source,
        "licence": video.origin.licence,
        "recorded": video.origin.gaze,
        "n_observers": video.n_observers,
        "splits": list(splits),
        "banner": banner(annotations, n_curators),
        "notes": video.notes,
        "remarks": [asdict(remark) for remark in video.remarks],
        "remark_pictures": [{"text": what, **picture._asdict()} for what, picture, _ in doubts(video)],
        "sheet": f"{index.id}.sheet.jpg",
        "events": events,
        "known": accuracy and [_known(one, index) for one in accuracy.known],
        "dropped": [_dropped(row) for row in video.dropped.itertuples()],
        "observers": None if video.n_observers is None else gaze_of(fixations, kept.time_s.to_numpy()),
        "reliability": _reliability(trials),
    }


def data_of_plain_video(dataset: str, index: IndexEntry, media: Media) -> Data:
    """Return the data of the page of a video of which nothing is known but its pictures."""
    layout = media.layout
    return {
        "dataset": dataset,
        "video": index.id,
        "source": "",
        "licence": "",
        "recorded": "eye",
        "fps": index.fps,
        "duration_s": _time(index.duration_s),
        "width": index.width,
        "height": index.height,
        "n_observers": None,
        "splits": [],
        "banner": "",
        "notes": index.notes,
        "remarks": [],
        "remark_pictures": [],
        "cuts_s": [_time(time) for time in index.cuts_s],
        "media": {
            "file": f"{index.id}.mp4",
            "from_disk": media.from_disk,
            "rate": rate_of(index),
            "frames": index.kept_frames,
            "panorama": [layout.panorama[1], layout.panorama[0]],
            "tile": [TILE[1], TILE[0]],
            "columns": layout.columns,
            "slots": layout.n_slots,
            "bytes": media.n_bytes,
        },
        "sheet": None,
        "events": [],
        "known": None,
        "dropped": [],
        "observers": None,
        "reliability": None,
    }


def write_video_page(path: str | Path, data: Data) -> None:
    """Write the page of a video; the same data give the same bytes."""
    page = page_template("tsalv360.explorer", "video.html").render(data=data, json=page_json(data))
    with whole_file(path) as partial:
        partial.write_text(page, encoding="utf-8")


def doubts(video: Video) -> list[tuple[str, Embedded, list[GazeRemark]]]:
    """Return the pictures of remarks on a video's gaze: what each shows, the picture, and the remarks."""
    if video.gaze is None:
        return []
    kinds = {
        "directions": ("all gaze on the panorama, in cells of 10°", draw_directions),
        "time": ("median speed of the gaze; gray: no gaze; orange: cuts of the video", draw_time),
    }
    found = []
    for kind, (what, draw) in kinds.items():
        if remarks := [remark for remark in video.remarks if remark.shown == kind]:
            picture = draw(video.gaze)
            found.append((what, embed(picture, picture.shape[1]), remarks))
    return found


def gaze_of(fixations: pd.DataFrame, time_s: Array) -> Data:
    """Return the observers' names, and their gaze at these times, yaw and pitch in 0.1°, as base64 of int16.

    The array is [observer, time, 2], little endian, in the order of the names.
    """
    rows = rows_at(fixations, time_s).T
    angles = fixations[["yaw_deg", "pitch_deg"]].to_numpy(float)
    gaze = np.full((*rows.shape, 2), NO_GAZE, dtype="<i2")
    gaze[rows >= 0] = np.rint(10 * angles[rows[rows >= 0]])
    names = sorted({str(name) for name in fixations.observer})
    return {"names": names, "gaze": base64.b64encode(gaze.tobytes()).decode()}


def _event(video: Video, event: Any, k: int, fate: Fate, layout: Layout, accuracy: Accuracy | None) -> Data:
    index, name = video.index, event.event_id
    track = video.tracks[video.tracks.event_id == name]
    return {
        "id": name,
        "caption": fate.caption,
        "origin": fate.origin,
        "left_out": fate.left_out,
        "verdict": fate.verdict,
        "flags": fate.flags,
        "remarks": fate.remarks,
        "start_s": _time(event.start_s),
        "end_s": _time(event.end_s),
        "start_frame": event.start_frame,
        "end_frame": event.end_frame,
        "corrected_frames": fate.corrected,
        "segments": _segments(track.time_s.to_numpy(), index),
        "n_observers": event.n_observers,
        "share": round(event.share, 3),
        "evidence": round(event.evidence, 1),
        "by_chance": float(f"{event.by_chance:.3g}"),
        "confidence": round(event.confidence, 3),
        "colour": k,
        "slot": layout.slots[name],
        "track": {
            "picture": np.searchsorted(index.kept_frames, track.frame).tolist(),
            **{column: _angles(track[f"{column}_deg"]) for column in ("yaw", "pitch")},
            **{column: _angles(track[f"{column}_deg"]) for column in ("camera_yaw", "camera_pitch", "camera_hfov")},
        },
        "known": accuracy and _agreement(accuracy.found[name]),
    }


def _reliability(trials: pd.DataFrame) -> Data | None:
    """Return how far halves of the observers agree (F1), and events of a surrogate per event; None without trials."""
    measured = summarise(trials)
    if not measured.n_videos:
        return None
    return {"agreement": str(measured.agreement), "chance": str(measured.chance)}


def _agreement(compared: Compared) -> Data:
    """Return how a found event agrees with the known one that it matches, or else the nearest one."""
    names = "iou", "error_deg", "start_error_s", "end_error_s"
    values = {name: None if compared.match is None else round(getattr(compared.match, name), 3) for name in names}
    return {"is_matched": compared.is_matched, "name": compared.other, **values}


def _known(known: Compared, index: IndexEntry) -> Data:
    event, kept = known.event, index.kept_times.time_s.to_numpy()
    places = np.searchsorted((kept[1:] + kept[:-1]) / 2, event.track.time_s)  # the nearest picture
    places, first = np.unique(places, return_index=True)
    return {
        "name": event.name,
        "start_s": _time(event.start_s),
        "end_s": _time(event.end_s),
        "segments": _segments(event.track.time_s, index),
        "found": known.other if known.is_matched else None,
        "track": {
            "picture": places.tolist(),
            "yaw": _angles(event.track.yaw_deg[first]),
            "pitch": _angles(event.track.pitch_deg[first]),
        },
    }


def _dropped(row: Any) -> Data:
    return {
        "start_s": _time(row.start_s),
        "end_s": _time(row.end_s),
        "yaw": round(row.yaw_deg, 1),
        "pitch": round(row.pitch_deg, 1),
        "n_observers": row.n_observers,
        "share": round(row.share, 3),
        "rule": row.rule,
        "reason": row.reason,
    }


def _segments(times: Array, index: IndexEntry) -> list[tuple[float, float]]:
    return [(_time(start), _time(end)) for start, end in segments_of(times, index.fps, index.rate)]


def _angles(degrees: Any) -> list[float]:
    return np.round(np.asarray(degrees, dtype=float), 1).tolist()


def _time(seconds: float) -> float:
    return round(float(seconds), 3)
