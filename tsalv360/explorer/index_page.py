"""The index of the explorer: what was made of all videos together, and the table that leads to their pages."""

import math
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from statistics import median
from typing import Any

import pandas as pd
import yaml
from pydantic import TypeAdapter

from tsalv360 import __version__
from tsalv360.captions.text import statistics
from tsalv360.contracts.entries import LISTS, CaptionEntry, DatasetOutcome, Fold
from tsalv360.curation.records import EventRecord
from tsalv360.dataset.build import libraries
from tsalv360.events.settings import EventSettings
from tsalv360.explorer import comparisons
from tsalv360.explorer.comparisons import Agreement, CameraPath
from tsalv360.explorer.curation import work_of
from tsalv360.explorer.embedded import Embedded, embed
from tsalv360.explorer.fates import banner, fates_of
from tsalv360.explorer.figures import length_chart, observer_chart, reliability_chart
from tsalv360.explorer.inputs import Video
from tsalv360.explorer.table import table_of
from tsalv360.explorer.words import number, page_json, percent, signed, with_code
from tsalv360.job.files import whole_file
from tsalv360.media.drawing import page_template
from tsalv360.metrics.events import MAX_ERROR_DEG, MIN_IOU
from tsalv360.reliability import Reliability, summarise

FEW = 50  # rows of a list that grows with the dataset; the pages of the videos have the rest
FEW_PICTURES = 12
Tables = dict[str, pd.DataFrame]


@dataclass(frozen=True)
class Content:
    """What the index shows: all videos, with what was measured, written and decided of them.

    `trials` are the rows of the table `reliability` of all videos. `camera_paths` are the published ones of videos that
    have some. `tables` and `curation` are those of the dataset, `captions` the entries of the caption stage by event,
    `records` the curators' work, `folds` the splits. `settings` are those that the data depend on, as
    `Config.data_settings` returns them.
    """

    videos: Sequence[Video]
    trials: pd.DataFrame
    camera_paths: Mapping[str, list[CameraPath]]
    tables: Tables
    curation: DatasetOutcome | None
    captions: Mapping[str, CaptionEntry]
    records: Sequence[EventRecord]
    folds: Sequence[Fold]
    settings: Mapping[str, Any]


def write_index(path: str | Path, content: Content) -> None:
    """Write the index; the same content gives the same bytes."""
    videos, tables, curation, captions = content.videos, content.tables, content.curation, content.captions
    accuracy = {
        video.index.id: comparisons.accuracy_of(video.index.id, video.truth, video.events, video.tracks)
        for video in videos
        if video.truth is not None
    }
    reliability, excluded = summarise(content.trials), content.settings["videos"]["exclude"]
    names = [event for video in videos for event in video.events.event_id]
    fates = fates_of(names, tables["annotations"], curation, captions)
    name = content.settings["dataset"]["name"]
    filters: dict[str, Any] = {"number": number, "percent": percent, "signed": signed, "median": median}
    filters["with_code"] = with_code
    page = page_template("tsalv360.explorer", "index.html", filters).render(
        name=name,
        css=Path(__file__).with_name("index.css").read_text(encoding="utf-8"),
        version=__version__,
        libraries=libraries().split(", "),
        json=page_json(table_of(name, videos, fates, content.folds, accuracy)),
        few=FEW,
        few_pictures=FEW_PICTURES,
        banner=banner(tables["annotations"], curation.n_curators if curation else None),
        doubtful=[video.index.id for video in videos if video.remarks],
        counts=counts(videos, tables, excluded),
        sources=by_source(videos, tables),
        charts=[length_chart(videos), observer_chart(videos)] if any(len(video.events) for video in videos) else [],
        accuracy=sorted(accuracy.values(), key=lambda one: _last(one.score.f1))
        if len(accuracy) > FEW
        else list(accuracy.values()),
        missed=[(one.video, known) for one in accuracy.values() for known in one.known if not known.is_matched],
        unknown=[found for one in accuracy.values() for found in one.found.values() if not found.is_matched],
        overall=comparisons.overall(list(accuracy.values())) if accuracy else None,
        min_iou=MIN_IOU,
        max_error_deg=MAX_ERROR_DEG,
        reliability=reliability,
        diagram=reliability_chart(reliability.bins) if reliability.bins else None,
        reliabilities=reliabilities(videos, content.trials),
        ids=[video.index.id for video in videos],
        n_events=len(names),
        published=[with_camera_paths(video, paths) for video in videos if (paths := _paths_of(video, content))],
        near_deg=comparisons.NEAR_DEG,
        n_rolls=comparisons.N_ROLLS,
        n_tokens=[entry.n_tokens for entry in captions.values() if entry.n_tokens is not None],
        caption_rows=statistics(list(captions.values())),
        failures=[(event, failure) for event, entry in captions.items() for failure in entry.failures],
        flags=[(event, flag) for event, entry in captions.items() for flag in entry.flags],
        curation=curation,
        lists=LISTS,
        work=work_of(content.records),
        rules=dropped_by_rule(videos, content.settings["events"]),
        excluded=excluded,
        settings=yaml.safe_dump(_shown(content.settings), sort_keys=False, allow_unicode=True),
    )
    with whole_file(path) as partial:
        partial.write_text(page, encoding="utf-8")


def counts(videos: Sequence[Video], tables: Tables, excluded: Mapping[str, str]) -> list[tuple[str, str, str]]:
    """Return the numbers of the whole dataset: value, what it counts, and a remark."""
    minutes = sum(video.index.duration_s for video in videos) / 60
    n_events = sum(len(video.events) for video in videos)
    n_empty, n_left_out = sum(video.events.empty for video in videos), n_events - len(tables["annotations"])
    observers = [video.n_observers for video in videos if video.n_observers is not None]
    low, high = min(observers, default="unknown"), max(observers, default="unknown")
    unknown = f"unknown for {len(videos) - len(observers)}" if 0 < len(observers) < len(videos) else ""
    in_event = percent(tables["fixations"].event_id.notna().mean())
    return [
        (number(len(videos), 0), "videos", f"{n_empty} without events" if n_empty else ""),
        (f"{minutes:.1f}", "minutes", ""),
        (number(n_events, 0), "events", f"{n_left_out} left out of the dataset" if n_left_out else ""),
        (number(len(tables["clips"]), 0), "clips", "of 8 frames"),
        (number(tables["clips"].n_looks.median(), 0), "looks a map", "median of the clips' targets; of an event's own"),
        (number(len(tables["fixations"]), 0), "fixation rows", f"{in_event} belong to an event"),
        (f"{low}" if low == high else f"{low} to {high}", "observers per video", unknown),
        (number(sum(len(video.dropped) for video in videos), 0), "candidates dropped", "see below"),
        (number(len(excluded), 0), "videos excluded", "by the config" if excluded else ""),
    ]


def by_source(videos: Sequence[Video], tables: Tables) -> Iterable[Any]:
    """Return rows with the numbers of each source and licence, sorted by them."""
    of_videos = pd.DataFrame([video.origin for video in videos], index=[video.index.id for video in videos])
    fixations = tables["fixations"].groupby("video").event_id
    rows = of_videos.assign(
        videos=1,
        minutes=[video.index.duration_s / 60 for video in videos],
        events=[len(video.events) for video in videos],
        clips=tables["clips"].video.value_counts(),
        fixations=fixations.size(),
        assigned=fixations.count(),
    )
    rows = rows.fillna(0).groupby(["source", "gaze", "licence"], as_index=False).sum()
    return rows.assign(share=rows.assigned / rows.fixations).itertuples()


def dropped_by_rule(videos: Sequence[Video], limits: Mapping[str, Any]) -> list[tuple[int, str, str, str]]:
    """Return how many candidates each rule dropped, the rule, its limit and meaning, most candidates first.

    A rule is a setting of events, with its section: `tsv360.min_length_frames`; `limits` are these settings.
    """
    schema = TypeAdapter(EventSettings).json_schema()
    published = schema["$defs"]["Tsv360Settings"]["properties"]
    settings = schema["properties"] | {f"tsv360.{name}": setting for name, setting in published.items()}
    limits = {**limits, **{f"tsv360.{name}": value for name, value in limits.get("tsv360", {}).items()}}
    n_dropped = pd.concat([video.dropped.rule for video in videos]).value_counts(sort=False)
    rows = []
    for rule, count in sorted(n_dropped.items(), key=lambda item: (-item[1], item[0])):
        setting = settings.get(rule, {})
        limit = f"{limits.get(rule, '–')} {setting.get('unit', '')}".strip()
        rows.append((count, rule, limit, setting.get("description", "")))
    return rows


def reliabilities(videos: Sequence[Video], trials: pd.DataFrame) -> list[tuple[str, int, Reliability]]:
    """Return videos with their numbers of events and their reliability; of many videos the least reliable first."""
    of_videos = {str(video): summarise(own) for video, own in trials.groupby("video")}
    known = (video for video in videos if video.index.id in of_videos)
    rows = [(one.index.id, len(one.events), of_videos[one.index.id]) for one in known]
    if len(rows) > FEW:
        rows.sort(key=lambda row: _last(row[2].agreement.value))
    return rows


def with_camera_paths(video: Video, paths: Sequence[CameraPath]) -> tuple[Video, int, Agreement, Embedded]:
    """Return a video, the number of its published camera paths, how its events agree with them, and a picture."""
    both = video.tracks, paths, video.index.fps, video.index.n_frames
    picture = comparisons.draw(video.index.id, *both)
    return video, len(paths), comparisons.agreement_of(*both), embed(picture, picture.shape[1])


def _paths_of(video: Video, content: Content) -> list[CameraPath]:
    return content.camera_paths.get(video.index.id, [])


def _shown(settings: Mapping[str, Any]) -> dict[str, Any]:
    """Return the settings with few of the videos that have their own; the dataset's card has all."""
    videos = dict(settings["videos"])
    exclude = videos.pop("exclude")
    cut = [dict(list(own.items())[:FEW]) for own in (exclude, videos)]
    n_more = len(exclude) + len(videos) - len(cut[0]) - len(cut[1])
    more = {"more": f"{n_more} more videos are in the card of the dataset"} if n_more else {}
    return {**settings, "videos": {"exclude": cut[0], **cut[1], **more}}


def _last(value: float) -> tuple[bool, float]:
    """Return what sorts values up, those that are NaN last."""
    return math.isnan(value), value
