"""The record file of a video, `curation/<dataset>/<video>.json`: the curators' decisions and annotations, kept in git.

The file holds one record per reviewed event: the decision, the event as it was reviewed, and every annotation ever made
of it. A record belongs to the event as it was then (`event_id` and `event_hash`); events that other settings have
changed are matched to it by time and direction (`tsalv360.curation.match`).
"""

import json
import re
from dataclasses import field
from datetime import datetime
from pathlib import Path
from typing import Annotated, Any, Literal

from pydantic import AfterValidator, ConfigDict, Field, TypeAdapter, ValidationError
from pydantic.dataclasses import dataclass

from tsalv360.job.errors import InputError
from tsalv360.job.files import read_json, write_json

Verdict = Literal["accept", "edit", "reject"]
FLAGS = ("bad_start", "bad_end", "bad_viewport", "bad_saliency", "not_an_event", "two_events", "duplicate")
_EXACT = ConfigDict(extra="forbid", allow_inf_nan=False)  # a caption is kept to the character
_NUMBER = r"-?\d{1,9}(\.\d+)?"
_STRETCH = rf"{_NUMBER} {_NUMBER} {_NUMBER}(, {_NUMBER} {_NUMBER} {_NUMBER})*"
TRACK = rf"{_STRETCH}( \| {_STRETCH})*"  # what `tsalv360.curation.tasks` writes


def _track(text: str) -> str:
    if not re.fullmatch(TRACK, text):
        raise ValueError("points `time yaw pitch` in seconds and degrees, apart by commas")
    return text


def _time(text: str) -> str:
    datetime.fromisoformat(text)  # or the 30th of February stops whoever reads it later
    return text


Time = Annotated[str, Field(pattern=r"^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d+)?Z$"), AfterValidator(_time)]


@dataclass(frozen=True, config=_EXACT)
class Decision:
    """What one curator decided, or what was resolved from several annotations.

    `caption` is None where there is none; `start_s` and `end_s` are corrected bounds in seconds of the source video,
    None where they are unchanged; `duplicate_of` is an event id.
    """

    verdict: Verdict
    caption: str | None
    flags: list[str] = field(default_factory=list)
    duplicate_of: str | None = None
    start_s: float | None = None
    end_s: float | None = None
    rating: Annotated[int, Field(ge=1, le=5)] | None = None
    comment: str = ""


@dataclass(frozen=True, config=_EXACT)
class Annotation:
    """One version of an annotation of Label Studio.

    `annotation` is its unique id, `when` the time of its last change (ISO 8601, UTC), `round` is above 0 where the task
    was sent back. `said` is None for a skipped task and where `problem` says why the annotation does not count;
    `remark` names what is odd about one that counts.
    """

    annotation: str
    who: str
    when: Time
    lead_time_s: float | None
    said: Decision | None
    skipped: bool = False
    problem: str | None = None
    remark: str | None = None
    round: int = 0


@dataclass(frozen=True, config=_EXACT)
class EventRecord:
    """An event as it was reviewed, the decision (None: nothing yet), and all annotations, the earliest first.

    `track` is where it was, as `tsalv360.curation.tasks` writes it; `decided_by` names the curators who agree with the
    decision.
    """

    event_id: Annotated[str, Field(pattern=r"_[0-9]+$")]
    event_hash: str
    decided: Decision | None
    decided_by: list[str]
    disagreement: bool
    caption_machine: str
    track: Annotated[str, AfterValidator(_track)]
    history: list[Annotation]


def read_records(path: str | Path, video: str) -> list[EventRecord]:
    """Return the records of a video, none where there is no file; InputError names the place of an error in it."""
    if not Path(path).exists():
        return []
    advice = "Mend it, or take it back from git."
    content = read_json(path, advice)
    try:
        json.dumps(content, ensure_ascii=False).encode()
    except UnicodeEncodeError as error:
        found = f"half a character, {error.object[error.start]!r}, after {error.object[: error.start][-40:]!r}"
        raise InputError(path, found, "text that can be written to a file", advice) from None
    try:
        file = TypeAdapter(_File).validate_python(content)
    except ValidationError as error:
        first = error.errors()[0]
        place = ".".join(map(str, first["loc"]))
        raise InputError(path, f"at {place} {first['input']!r:.80}", first["msg"], advice) from None
    if file.video != video:
        raise InputError(path, f"the video {file.video!r}", f"{video!r}", "Give the file back its name.")
    if unjudged := [record.event_id for record in file.events if not record.history]:
        raise InputError(path, f"no history of {', '.join(unjudged)}", "the judgements that it was decided by", advice)
    return file.events


def write_records(path: str | Path, video: str, records: list[EventRecord]) -> None:
    """Write the records of a video in the order of their events, with all fields."""
    ordered = sorted(records, key=lambda record: (_number(record.event_id), record.history[0].when))
    content: dict[str, Any] = TypeAdapter(_File).dump_python(_File(_FORMAT, video, ordered), mode="json")
    write_json(path, content)


_FORMAT: Literal[1] = 1


@dataclass(frozen=True, config=_EXACT)
class _File:
    format: Literal[1]
    video: str
    events: list[EventRecord]


def _number(event: str) -> int:
    return int(event.rpartition("_")[2])
