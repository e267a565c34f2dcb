"""What the page says: counts, sources, what was dropped, and a section per video with a card per event."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import pandas as pd

from tsalv360.config import known_keys
from tsalv360.contracts.entries import IndexEntry
from tsalv360.contracts.grid import segments_of
from tsalv360.media.timeline import Bar, bar, lanes, ticks
from tsalv360.report.accuracy import Accuracy, Known, Unmatched
from tsalv360.report.camera_paths import Agreement, compare, draw
from tsalv360.report.figures import Embedded, as_it_is, embed, poster, stills
from tsalv360.report.inputs import Video

Tables = dict[str, pd.DataFrame]


@dataclass(frozen=True)
class Row:
    """A line of bars: what they stand for, how many lanes they take, and the bars with their lane and content."""

    n_lanes: int
    bars: list[tuple[int, Bar, Any]]


@dataclass(frozen=True)
class Card:
    """One event: its row of the events table, caption, pictures, and the known event that it matches.

    `caption` is None where the event is not in the dataset, and `left_out` says why; `false` is told of one that
    matches none.
    """

    event: Any
    caption: str | None
    origin: str
    left_out: str
    plain: Embedded
    overlay: Embedded
    poster: Embedded
    known: Known | None
    false: Unmatched | None


@dataclass(frozen=True)
class Section:
    """One video: index entry, notes, contact sheet, cards of its events, time line (ticks, rows), accuracy if known."""

    index: IndexEntry
    source: str
    n_observers: int | None
    notes: list[str]
    n_dropped: int
    sheet: Embedded
    cards: list[Card]
    ticks: list[tuple[float, float]]
    found: Row
    known: Row | None


@dataclass(frozen=True)
class Published:
    """One video with published camera paths: how many there are, how they agree with our events, and both drawn."""

    video: str
    n_paths: int
    n_events: int
    agreement: Agreement
    picture: Embedded


def banner(annotations: pd.DataFrame, n_curators: int | None = None) -> str:
    """Says which captions are draft, and how many people judged events; empty for captions as published.

    `n_curators` is None where nobody is asked.
    """
    drafts = annotations[annotations.caption_origin == "machine"]
    curated = "" if n_curators is None else f"curated by {n_curators} {'person' if n_curators == 1 else 'people'}"
    if drafts.empty:
        return curated and f"Captions: {curated}"
    models = ", ".join(sorted(drafts.model.unique()))
    if len(drafts) == len(annotations):
        return f"Captions: draft, written by machine ({models}), not curated"
    part = f"{len(drafts)} of {len(annotations)} are draft, written by machine ({models}), not curated"
    return f"Captions: {part}" + (f"; the others {curated}" if curated else "")


def reasons(curation: dict[str, Any] | None) -> dict[str, str]:
    """Why events are not in the dataset, by id, where people's judgement is the reason."""
    if curation is None:
        return {}
    return {
        **{event: "not judged" for event, _ in curation["uncurated"]},
        **{event: "only near an event that was judged; waits for a person" for event, _ in curation["review"]},
        **{event: f"part of {lowest}, which it repeats" for event, lowest in curation["merged"]},
        **{event: "rejected" for event, _ in curation["rejected"]},
    }


def counts(videos: Sequence[Video], tables: Tables, excluded: dict[str, str]) -> list[tuple[str, str, str]]:
    """Numbers of the whole dataset: value, what it counts, and a remark."""
    seconds = sum(video.index.duration_s for video in videos)
    fixations = tables["fixations"]
    observers = [video.n_observers for video in videos if video.n_observers is not None]
    low, high = min(observers, default="unknown"), max(observers, default="unknown")
    untold = len(videos) - len(observers)
    none = sum(video.events.empty for video in videos)
    return [
        (_count(len(videos)), "videos", f"{none} without events" if none else ""),
        (f"{seconds / 60:.1f}", "minutes", ""),
        (_count(sum(len(video.events) for video in videos)), "events", _kept(videos, tables["annotations"])),
        (_count(len(tables["clips"])), "clips", "of 8 frames"),
        (_count(len(fixations)), "fixation rows", f"{_assigned(fixations)} belong to an event"),
        (
            f"{low}" if low == high else f"{low} to {high}",
            "observers per video",
            f"not told of {untold}" if untold and observers else "",
        ),
        (_count(sum(len(video.dropped) for video in videos)), "candidates dropped", "see below"),
        (_count(len(excluded)), "videos excluded", "by the config" if excluded else ""),
    ]


def by_source(videos: Sequence[Video], tables: Tables) -> list[dict[str, Any]]:
    """Numbers per source and licence, sorted by them."""
    source = {video.id: video.origin for video in videos}
    rows = []
    for name in sorted(set(source.values())):
        own = [video for video in videos if source[video.id] == name]
        ids = [video.id for video in own]
        fixations = tables["fixations"][tables["fixations"].video.isin(ids)]
        rows.append(
            {
                "source": name.source,
                "licence": name.licence,
                "videos": len(own),
                "minutes": sum(video.index.duration_s for video in own) / 60,
                "events": sum(len(video.events) for video in own),
                "clips": int(tables["clips"].video.isin(ids).sum()),
                "fixations": len(fixations),
                "assigned": _assigned(fixations),
            }
        )
    return rows


def dropped_by_rule(videos: Sequence[Video], config: dict[str, Any]) -> list[dict[str, Any]]:
    """How many candidates each rule dropped, most first, with the rule's limit, unit and meaning."""
    rules = pd.concat([video.dropped.rule for video in videos]).value_counts(sort=False)
    keys, rows = known_keys(), []
    for rule, count in sorted(rules.items(), key=lambda item: (-item[1], item[0])):
        key = keys.get(f"events.{rule}", {})
        rows.append(
            {
                "rule": rule,
                "count": count,
                "limit": config["events"].get(rule, "–"),
                "unit": key.get("unit", ""),
                "meaning": key.get("description", ""),
            }
        )
    return rows


def section(video: Video, annotations: pd.DataFrame, accuracy: Accuracy | None, left_out: dict[str, str]) -> Section:
    """The section of one video; `left_out` as `reasons` gives it."""
    captions = annotations[annotations.video == video.id].set_index("event_id")
    cards = [_card(video, event, captions, accuracy, left_out) for event in video.events.itertuples()]
    return Section(
        index=video.index,
        source=video.origin.source,
        n_observers=video.n_observers,
        notes=[*video.index.notes, *video.notes],
        n_dropped=len(video.dropped),
        sheet=as_it_is(video.sheet),
        cards=cards,
        ticks=ticks(video.index.duration_s),
        found=_found_row(video, cards),
        known=_known_row(video, accuracy) if accuracy else None,
    )


def published(video: Video) -> Published:
    """The events of one video beside its published camera paths."""
    assert video.camera_paths
    both = video.tracks, video.camera_paths, video.index.fps, video.index.n_frames
    picture = draw(video.id, *both)
    return Published(
        video=video.id,
        n_paths=len(video.camera_paths),
        n_events=len(video.events),
        agreement=compare(*both),
        picture=embed(picture, picture.shape[1]),
    )


def _card(
    video: Video, event: Any, captions: pd.DataFrame, accuracy: Accuracy | None, left_out: dict[str, str]
) -> Card:
    name = event.event_id
    written = captions.loc[name] if name in captions.index else None
    plain, overlay = stills(video.viewports, name, video.lengths[name])
    return Card(
        event=event,
        caption=None if written is None else written.caption,
        origin="" if written is None else _origin(written),
        left_out=left_out.get(name, "no caption"),
        plain=plain,
        overlay=overlay,
        poster=poster(video.viewports, name),
        known=accuracy.by_event.get(name) if accuracy else None,
        false=accuracy.false.get(name) if accuracy else None,
    )


def _origin(row: Any) -> str:
    """Who wrote a caption, and the frames of its event where people corrected them."""
    text = f"{row.caption_origin}: {row.model}, revision {row.revision}"
    if (row.start_frame, row.end_frame) != (row.start_frame_before, row.end_frame_before):
        text += f"; frames corrected to {row.start_frame} to {row.end_frame}"
    return text


def _found_row(video: Video, cards: list[Card]) -> Row:
    """The bars of the found events, with their cards."""
    spans = [(card.event.start_s, card.event.end_s) for card in cards]
    tracks = dict(list(video.tracks.groupby("event_id")))
    stretches = [segments_of(tracks[card.event.event_id].time_s.to_numpy(), video.index.fps) for card in cards]
    return _row(spans, stretches, cards, video.index.duration_s)


def _known_row(video: Video, accuracy: Accuracy) -> Row:
    """The bars of the known events."""
    spans = [(known.start_s, known.end_s) for known in accuracy.known]
    stretches = [segments_of(known.track.time_s, video.index.fps) for known in accuracy.known]
    return _row(spans, stretches, accuracy.known, video.index.duration_s)


def _row(
    spans: Sequence[tuple[float, float]],
    stretches: Sequence[list[tuple[float, float]]],
    content: Sequence[Any],
    duration_s: float,
) -> Row:
    lane = lanes(spans)
    bars = [bar(*span, parts, duration_s) for span, parts in zip(spans, stretches, strict=True)]
    return Row(max(lane, default=-1) + 1, list(zip(lane, bars, content, strict=True)))


def _kept(videos: Sequence[Video], annotations: pd.DataFrame) -> str:
    """A remark where the dataset holds fewer events than were found."""
    missing = sum(len(video.events) for video in videos) - len(annotations)
    return f"{missing} left out of the dataset" if missing else ""


def _assigned(fixations: pd.DataFrame) -> str:
    return f"{100 * fixations.event_id.notna().mean():.0f}\u202f%" if len(fixations) else "–"


def _count(value: int) -> str:
    return f"{value:,}".replace(",", "\u202f")
