"""The data of the index: a column for each property of the videos and of the events, small enough for thousands."""

import re
from collections.abc import Mapping, Sequence
from typing import Any

import pandas as pd

from tsalv360.contracts.entries import Fold
from tsalv360.explorer.comparisons import Accuracy
from tsalv360.explorer.fates import Fate
from tsalv360.explorer.inputs import Video

_PARTS = ("train", "validation", "test")
_VERDICTS = ("accept", "edit", "reject", None)
_CODES = {None: 0, "accept": 1, "edit": 2, "reject": 3}
_EVENT_ID = re.compile(r"\b[A-Za-z0-9-]+_[0-9]+\b")

Data = dict[str, Any]


class _Texts:
    """Different texts in the order in which they came, so that rows name them by their place."""

    def __init__(self, *texts: str) -> None:
        self._places = {text: place for place, text in enumerate(texts)}

    def place(self, text: str) -> int:
        """Return the place of a text."""
        return self._places.setdefault(text, len(self._places))

    @property
    def all(self) -> list[str]:
        """The texts by place."""
        return list(self._places)


def table_of(
    dataset: str,
    videos: Sequence[Video],
    fates: Mapping[str, Fate],
    folds: Sequence[Fold],
    accuracy: Mapping[str, Accuracy],
) -> Data:
    """Return the data of the index.

    Parameters: the fates of all events and the accuracies of videos with known events, by id.
    """
    sources, reasons, flags = _Texts(), _Texts(""), _Texts()
    splits = [(number, part) for number in range(len(folds)) for part in _PARTS]
    members = [set(part) for fold in folds for part in (fold["train"], fold["validation"], fold["test"])]
    rows = [_of_video(video, sources, fates, members, accuracy.get(video.index.id)) for video in videos]
    events = [
        _of_event(number, event, fates[str(event.event_id)], reasons, flags)
        for number, video in enumerate(videos)
        for event in video.events.itertuples()
    ]
    return {
        "dataset": dataset,
        "sources": sources.all,
        "splits": splits,
        "videos": _columns(rows, _VIDEO),
        "events": _columns(events, _EVENT),
        "reasons": reasons.all,
        "flag_names": flags.all,
    }


_VIDEO = (
    "id", "source", "recorded", "duration_s", "n_events", "n_in_dataset", "n_dropped", "n_observers", "confidence",
    "split", "verdicts", "flags", "remarks", "f1",
)  # fmt: skip
_EVENT = "video", "number", "start_s", "end_s", "confidence", "caption", "verdict", "left_out", "flags"


def _of_video(
    video: Video, sources: _Texts, fates: Mapping[str, Fate], members: Sequence[set[str]], accuracy: Accuracy | None
) -> tuple[Any, ...]:
    own = [fates[event] for event in video.events.event_id]
    verdicts = [fate.verdict for fate in own]
    confidence = video.events.confidence.median()
    f1 = accuracy.score.f1 if accuracy else None
    return (
        video.index.id,
        sources.place(video.origin.source),
        video.origin.gaze,
        round(video.index.duration_s, 1),
        len(own),
        sum(not fate.left_out for fate in own),
        len(video.dropped),
        video.n_observers,
        None if pd.isna(confidence) else round(float(confidence), 2),
        [place for place, part in enumerate(members) if video.index.id in part],
        [verdicts.count(verdict) for verdict in _VERDICTS],
        sum(len(fate.flags) for fate in own),
        len(video.remarks),
        None if f1 is None or pd.isna(f1) else round(f1, 2),
    )


def _of_event(video: int, event: Any, fate: Fate, reasons: _Texts, flags: _Texts) -> tuple[Any, ...]:
    return (
        video,
        int(event.event_id.rpartition("_")[2]),
        round(event.start_s, 1),
        round(event.end_s, 1),
        round(event.confidence, 2),
        fate.caption,
        _CODES[fate.verdict],
        reasons.place(_general(fate.left_out)),
        sorted({flags.place(_general(flag)) for flag in fate.flags}),
    )


def _general(text: str) -> str:
    """Return a reason or flag without the ids of events, of which there would be thousands."""
    return _EVENT_ID.sub("another event", text)


def _columns(rows: Sequence[tuple[Any, ...]], names: Sequence[str]) -> Data:
    return {name: [row[place] for row in rows] for place, name in enumerate(names)}
