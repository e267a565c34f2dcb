"""Show curators the events that need another review, each beside the event as it was reviewed."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import pandas as pd

from tsalv360.config import Config, plan_recordings
from tsalv360.contracts.entries import IndexEntry, read_entry
from tsalv360.contracts.tables import TRACKS, read_table
from tsalv360.curation.match import NearbyRecord, match_events
from tsalv360.curation.push import earlier_decision, review_task
from tsalv360.curation.records import EventRecord, read_records
from tsalv360.curation.tasks import as_track
from tsalv360.job.files import whole_file
from tsalv360.media.drawing import poster
from tsalv360.media.pictures import read_picture, write_picture
from tsalv360.sphere.projection import Picture

PICTURES = "curation_pictures"  # beside the viewports, in the dataset's results
_HFOV = 75.0


def match_records(config: Config) -> tuple[dict[str, EventRecord], dict[str, NearbyRecord]]:
    """Return the records matched to current events, and the nearest earlier record of each event to review again."""
    matched: dict[str, EventRecord] = {}
    review: dict[str, NearbyRecord] = {}
    for video in plan_recordings(config):
        if records := read_records(config.curation.file(config.dataset.name, video), video):
            tracks = read_table(config.folder() / "tracks" / f"{video}.parquet", TRACKS)
            result = match_events(records, tracks, _kept(config, video).time_s.to_numpy())
            matched |= result.matched
            review |= {event: nearest for event, (nearest, *_) in result.review.items()}
    return matched, review


def with_earlier_decision(config: Config, task: dict[str, Any], review: Mapping[str, NearbyRecord]) -> dict[str, Any]:
    """Return a task; where its event needs another review, with the earlier decision and a picture of both events.

    The picture is written among the dataset's results.
    """
    event, video = task["data"]["event_id"], task["data"]["video"]
    if event not in review or not review[event].record.decided:
        return task
    record, results = review[event].record, config.folder()
    kept = _kept(config, video)
    name = f"{event}-{task['data']['event_hash']}.jpg"
    now = read_picture(results / "viewports" / video / f"{event}.jpg")
    with whole_file(results / PICTURES / name) as partial:
        write_picture(partial, _both(now, _as_reviewed(record, results / "frames" / video, kept)))
    url = task["data"]["poster_url"].replace(f"/viewports/{video}/{event}.jpg", f"/{PICTURES}/{name}")
    return review_task(task, earlier_decision(record), poster_url=url)


def _as_reviewed(record: EventRecord, frames: Path, kept: pd.DataFrame) -> Picture:
    """The poster of the event of a record, from the folder of frames; `kept` has their `frame` and `time_s`."""
    track = as_track(record.track, kept.time_s.to_numpy())
    places = np.searchsorted(kept.time_s, track.time_s)
    middle = len(places) // 2
    (panorama,) = [read_picture(file) for file in frames.glob(f"{kept.frame.iloc[places[middle]]:04d}.*")]
    rows = pd.DataFrame({"yaw_deg": track.yaw_deg, "pitch_deg": track.pitch_deg})
    return poster(panorama, rows, places, (float(track.yaw_deg[middle]), float(track.pitch_deg[middle]), _HFOV))


def _both(now: Picture, before: Picture) -> Picture:
    """Two posters, RGB, one above the other with titles, as OpenCV writes pictures."""
    now = cv2.resize(now, before.shape[1::-1]).astype(np.uint8, copy=False)
    return np.vstack([_titled(now, "now"), _titled(before, "as it was reviewed")])[..., ::-1]


def _titled(picture: Picture, text: str) -> Picture:
    bar = np.zeros((28, picture.shape[1], 3), dtype=np.uint8)
    cv2.putText(bar, text, (8, 20), cv2.FONT_HERSHEY_SIMPLEX, 0.6, (255, 255, 255), 1, cv2.LINE_AA)
    return np.vstack([bar, picture])


def _kept(config: Config, video: str) -> pd.DataFrame:
    """`frame` and `time_s` of the kept frames of a video."""
    return read_entry(config.folder() / "videos" / f"{video}.json", IndexEntry).kept_times
