"""The report page: counts, sources, dropped candidates, and a section per video with a card per event."""

import math
import re
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from statistics import median
from typing import Any, NamedTuple

import pandas as pd
import yaml
from markupsafe import Markup, escape
from pydantic import TypeAdapter

from tsalv360 import __version__
from tsalv360.captions.text import statistics
from tsalv360.contracts.entries import LISTS, DatasetOutcome, GazeRemark
from tsalv360.contracts.grid import segments_of
from tsalv360.curation.records import read_records
from tsalv360.dataset.build import libraries
from tsalv360.events.settings import EventSettings
from tsalv360.job.files import whole_file
from tsalv360.media.drawing import Bar, bar, lanes, page_template, ticks
from tsalv360.metrics.events import MAX_ERROR_DEG, MIN_IOU
from tsalv360.reliability import summarise
from tsalv360.report import comparisons
from tsalv360.report.comparisons import Accuracy, Agreement, CameraPath, Compared
from tsalv360.report.curation import work_of
from tsalv360.report.figures import (
    Embedded,
    embed,
    embed_file,
    length_chart,
    observer_chart,
    poster,
    reliability_chart,
    stills,
)
from tsalv360.report.inputs import Paths, Video, read_captions, read_dataset
from tsalv360.report.plausibility import draw_directions, draw_time
from tsalv360.sphere.directions import Array

OPEN_UP_TO = 24  # videos; with more of them the cards are closed, so that the page opens fast
Tables = dict[str, pd.DataFrame]


def write_report(
    path: str | Path, videos: Sequence[Video], dataset: Path, captions: Paths, records: Paths, config: Mapping[str, Any]
) -> None:
    """Write the report as one HTML file that needs no other; the same input gives the same bytes.

    Parameters
    ----------
    videos : as `read_videos` returns them.
    dataset : the dataset folder, for captions, clips and fixations.
    captions : files of the caption stage.
    records : the curators' files, named `<video>.json`, of the videos that have one.
    config : the settings that the data depend on, as `Config.data_settings` returns them.

    Raises InputError for a file that is missing or not what its stage writes.
    """
    (tables, curation), entries = read_dataset(dataset), read_captions(captions)
    accuracy = {
        video.index.id: comparisons.accuracy_of(video.index.id, video.truth, video.events, video.tracks)
        for video in videos
        if video.truth is not None
    }
    reliability = summarise(pd.concat([video.trials for video in videos], ignore_index=True))
    excluded, left_out = config["videos"]["exclude"], reasons(curation)
    filters: dict[str, Any] = {"number": number, "percent": percent, "signed": signed, "median": median}
    filters["with_code"] = with_code
    page = page_template("tsalv360.report", "report.html", filters).render(
        name=config["dataset"]["name"],
        version=__version__,
        libraries=libraries().split(", "),
        banner=banner(tables["annotations"], curation.n_curators if curation else None),
        doubtful=[video.index.id for video in videos if video.remarks],
        counts=counts(videos, tables, excluded),
        sources=by_source(videos, tables),
        charts=[length_chart(videos), observer_chart(videos)] if any(len(video.events) for video in videos) else [],
        accuracy=list(accuracy.values()),
        overall=comparisons.overall(list(accuracy.values())) if accuracy else None,
        min_iou=MIN_IOU,
        max_error_deg=MAX_ERROR_DEG,
        reliability=reliability,
        diagram=reliability_chart(reliability.bins) if reliability.bins else None,
        reliabilities={video.index.id: summarise(video.trials) for video in videos},
        published=[with_camera_paths(video, video.camera_paths) for video in videos if video.camera_paths],
        near_deg=comparisons.NEAR_DEG,
        n_rolls=comparisons.N_ROLLS,
        captions=entries,
        caption_rows=statistics(list(entries.values())),
        curation=curation,
        lists=LISTS,
        work=work_of([record for file in records for record in read_records(file, Path(file).stem)]),
        rules=dropped_by_rule(videos, config["events"]),
        candidates=[row for video in videos for row in video.dropped.to_dict("records")],
        excluded=excluded,
        sections=[section(video, tables["annotations"], accuracy.get(video.index.id), left_out) for video in videos],
        open_cards=len(videos) <= OPEN_UP_TO,
        settings=yaml.safe_dump(config, sort_keys=False, allow_unicode=True),
    )
    with whole_file(path) as partial:
        partial.write_text(page, encoding="utf-8")


class Card(NamedTuple):
    """One event: its row of the events table, caption, pictures, and how it compares with the known events, if any.

    `caption` is None where the event is not in the dataset, for the reason `left_out`.
    """

    event: Any
    caption: str | None
    origin: str
    left_out: str
    plain: Embedded
    overlay: Embedded
    poster: Embedded
    compared: Compared | None


class TimelineRow(NamedTuple):
    """A row of the time line: its number of lanes, and each bar with its lane and the card or known event it shows."""

    n_lanes: int
    bars: list[tuple[int, Bar, Any]]


class Section(NamedTuple):
    """One video: contact sheet, cards of its events, and time line; `known` is None without known events.

    `doubts` are the pictures of remarks on its gaze, each with the remarks that it shows.
    """

    video: Video
    doubts: list[tuple[str, Embedded, list[GazeRemark]]]
    sheet: Embedded
    cards: list[Card]
    ticks: list[tuple[float, float]]
    found: TimelineRow
    known: TimelineRow | None


def number(value: float, digits: int = 1, unit: str = "") -> str:
    """Return a number with fixed digits, thousands separated, and its unit; a dash for NaN."""
    if math.isnan(value):
        return "–"
    return f"{value:,.{digits}f}".replace(",", "\u202f") + unit


def signed(value: float, digits: int = 1, unit: str = "") -> str:
    """Return a number with its sign."""
    text = number(abs(value), digits, unit)
    return text if math.isnan(value) or text == number(0.0, digits, unit) else ("+" if value > 0 else "−") + text


def percent(value: float) -> str:
    """Return a fraction of 0 to 1 in percent."""
    return number(100 * value, 0, "\u202f%")


def with_code(text: str) -> Markup:
    """Return text as HTML in which what stands between backticks is code."""
    return Markup(re.sub(r"`([^`]*)`", r"<code>\1</code>", str(escape(text))))


def banner(annotations: pd.DataFrame, n_curators: int | None = None) -> str:
    """Return which captions are drafts, and how many curators reviewed events; empty for published captions.

    `n_curators` is None where the dataset is not curated.
    """
    drafts = annotations[annotations.caption_origin == "machine"]
    curated = "" if n_curators is None else f"reviewed by {n_curators} curator{'' if n_curators == 1 else 's'}"
    if drafts.empty:
        return curated and f"Captions: {curated}"
    models = ", ".join(sorted(drafts.model.unique()))
    if len(drafts) == len(annotations):
        return f"Captions: draft, written by a machine ({models}), not curated"
    part = f"{len(drafts)} of {len(annotations)} are draft, written by a machine ({models}), not curated"
    return f"Captions: {part}" + (f"; the others {curated}" if curated else "")


def reasons(curation: DatasetOutcome | None) -> dict[str, str]:
    """Return, by id, why curation left events out of the dataset."""
    if curation is None:
        return {}
    return {
        **{event: "not reviewed" for event, _ in curation.uncurated},
        **{event: "near a reviewed event, waits for a review of its own" for event, _ in curation.review},
        **{event: f"part of {lowest}, which it repeats" for event, lowest in curation.merged},
        **{event: "rejected" for event, _ in curation.rejected},
    }


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


def section(video: Video, annotations: pd.DataFrame, accuracy: Accuracy | None, left_out: Mapping[str, str]) -> Section:
    """Return the section of one video; `left_out` as returned by `reasons`."""
    captions = annotations[annotations.video == video.index.id].set_index("event_id")
    cards = [_card(video, event, captions, accuracy, left_out) for event in video.events.itertuples()]
    times = {name: rows.to_numpy() for name, rows in video.tracks.groupby("event_id").time_s}
    return Section(
        video,
        _doubts(video),
        embed_file(video.sheet),
        cards,
        ticks(video.index.duration_s),
        _timeline_row(video, [(card.event, times[card.event.event_id], card) for card in cards]),
        _timeline_row(video, [(known.event, known.event.track.time_s, known) for known in accuracy.known])
        if accuracy
        else None,
    )


def _doubts(video: Video) -> list[tuple[str, Embedded, list[GazeRemark]]]:
    """Return the pictures of remarks on a video's gaze: what each shows, the picture, and the remarks."""
    if video.gaze is None:
        return []
    kinds = {
        "directions": ("all gaze on the panorama, in cells of 10°", draw_directions),
        "time": ("median speed of the gaze; gray: no gaze; orange: cuts of the video", draw_time),
    }
    doubts = []
    for kind, (what, draw) in kinds.items():
        if remarks := [remark for remark in video.remarks if remark.shown == kind]:
            picture = draw(video.gaze)
            doubts.append((what, embed(picture, picture.shape[1]), remarks))
    return doubts


def with_camera_paths(video: Video, paths: Sequence[CameraPath]) -> tuple[Video, Agreement, Embedded]:
    """Return how the events of a video agree with its published camera paths, and a picture of both."""
    both = video.tracks, paths, video.index.fps, video.index.n_frames
    picture = comparisons.draw(video.index.id, *both)
    return video, comparisons.agreement_of(*both), embed(picture, picture.shape[1])


def _card(
    video: Video, event: Any, captions: pd.DataFrame, accuracy: Accuracy | None, left_out: Mapping[str, str]
) -> Card:
    name = event.event_id
    row = captions.loc[name] if name in captions.index else None
    return Card(
        event,
        None if row is None else row.caption,
        "" if row is None else _origin(row),
        left_out.get(name, "no caption"),
        *stills(video.viewports, name, video.lengths[name]),
        poster(video.viewports, name),
        accuracy.found[name] if accuracy else None,
    )


def _origin(row: Any) -> str:
    """Return who wrote a caption, and the frames of its event where curators corrected them."""
    text = f"{row.caption_origin}: {row.model}, revision {row.revision}"
    if (row.start_frame, row.end_frame) != (row.start_frame_before, row.end_frame_before):
        text += f"; frames corrected to {row.start_frame} to {row.end_frame}"
    return text


def _timeline_row(video: Video, items: Sequence[tuple[Any, Array, Any]]) -> TimelineRow:
    """Return the bars of events with `start_s` and `end_s`, the times of their frames, and what their bars show."""
    lane = lanes([(event.start_s, event.end_s) for event, _, _ in items])
    bars = [
        bar(event.start_s, event.end_s, segments_of(times, video.index.fps, video.index.rate), video.index.duration_s)
        for event, times, _ in items
    ]
    return TimelineRow(max(lane, default=-1) + 1, list(zip(lane, bars, (shown for *_, shown in items), strict=True)))
