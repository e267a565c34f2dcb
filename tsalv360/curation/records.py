"""Settings of the curation, and the curators' work on a video: `curation/<dataset>/<video>.json`, a file for git.

The file has one record per annotated event: the decision, the event as it was annotated, and every version of every
annotation. A record belongs to that state of the event (`event_id`, `event_hash`); if events are detected again with
other settings, `tsalv360.curation.match` finds the event by time and direction.
"""

import json
import re
from dataclasses import field
from datetime import UTC, datetime
from pathlib import Path
from typing import Annotated, Any, Literal

from pydantic import AfterValidator, ConfigDict, Field, TypeAdapter, ValidationError
from pydantic.dataclasses import dataclass

from tsalv360.contracts.entries import explained
from tsalv360.contracts.settings import STRICT, setting
from tsalv360.job.errors import InputError
from tsalv360.job.files import read_json, write_json

Mode = Literal["draft", "curated"]
Uncurated = Literal["leave_out", "keep_as_draft"]
Resolve = Literal["latest", "majority"]
Order = Literal["random", "by_video", "least_confident"]
Verdict = Literal["accept", "edit", "reject"]
FLAGS = ("bad_start", "bad_end", "bad_viewport", "bad_saliency", "not_an_event", "two_events", "duplicate")
# Captions are kept to the character. Fields have their names in code, and as aliases their keys in the file.
_EXACT = ConfigDict(extra="forbid", allow_inf_nan=False, validate_by_name=True)
_NUMBER = r"-?\d{1,9}(\.\d+)?"
_SEGMENT = rf"{_NUMBER} {_NUMBER} {_NUMBER}(, {_NUMBER} {_NUMBER} {_NUMBER})*"


@dataclass(frozen=True, config=STRICT)
class CurationSettings:
    """Review of the events by curators in Label Studio, and how their decisions enter the dataset."""

    mode: Mode = setting("draft", "draft: machine captions; curated: the decisions of curators are applied")
    uncurated: Uncurated = setting("leave_out", "what a curated dataset does with events that have no decision")
    folder: str = setting("curation", "folder of the curators' work: one file per video, by dataset; keep it in git")
    resolve: Resolve = setting(
        "latest",
        "whose decision counts if several curators review an event, from the next pull on; a tie of the majority stays "
        "undecided",
    )
    curators_per_event: int = setting(1, "how many curators get each event", ge=1, le=20)
    order: Order = setting("by_video", "order in which curators get new tasks")
    seed: int = setting(0, "seed of the random order", ge=0)
    project: str | None = setting(None, "title of the Label Studio project; default: tsalv360 and the dataset's name")
    media_url: str | None = setting(
        None,
        "URL at which browsers find the results folder, such as https://media.example.org/tsv360; "
        "default: Label Studio serves the files",
    )
    media_root: str | None = setting(
        None,
        "path of the results folder on a team's server, as its LABEL_STUDIO_LOCAL_FILES_DOCUMENT_ROOT; "
        "default: the path on this machine",
    )
    server_folder: str = setting("label-studio", "folder of your own Label Studio server with its database; back it up")
    port: int = setting(
        8080, "port of your own Label Studio server; if it is in use, the next free one is taken", ge=1024, le=65535
    )

    def file(self, dataset: str, video: str) -> Path:
        """Return the path of the file with the curators' work on a video."""
        return Path(self.folder, dataset, f"{video}.json")


def as_utc(time: str | datetime) -> str:
    """Return a time of Label Studio as ISO 8601 in UTC, so that texts sort by time."""
    moment = datetime.fromisoformat(time) if isinstance(time, str) else time
    moment = moment if moment.tzinfo else moment.replace(tzinfo=UTC)
    return moment.astimezone(UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")


def check_encodable(content: Any) -> None:
    """Raise ValueError if a text in JSON content has a lone surrogate, which no UTF-8 file can hold."""
    try:
        json.dumps(content, ensure_ascii=False).encode()
    except UnicodeEncodeError as error:
        before = error.object[: error.start][-40:]
        raise ValueError(f"a lone surrogate, {error.object[error.start]!r}, after {before!r}") from None


def _check_track(text: str) -> str:
    if not re.fullmatch(rf"{_SEGMENT}( \| {_SEGMENT})*", text):
        raise ValueError("points `time yaw pitch` in seconds and degrees, separated by commas")
    return text


def _check_time(text: str) -> str:
    datetime.fromisoformat(text)  # refuses dates such as 30 February
    return text


TrackText = Annotated[str, AfterValidator(_check_track)]  # as `tsalv360.curation.tasks.track_text` writes it
Time = Annotated[str, Field(pattern=r"^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d+)?Z$"), AfterValidator(_check_time)]


@dataclass(frozen=True, config=_EXACT)
class Decision:
    """What a curator decided on an event, or what several curators' annotations resolve to.

    `caption` is the final text, None if there is none; `start_s` and `end_s` are corrected bounds in seconds of the
    source video, None if unchanged; `duplicate_of` is an event id.
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
    """One version of an annotation in Label Studio.

    `id` is the annotation's unique id, `when` the time of its last change (ISO 8601, UTC), `round` above 0 if the
    event was sent back. `decision` is None for a skipped task, and if `problem` says why the annotation does not
    count. `remark` says what is odd about one that counts.
    """

    id: Annotated[str, Field(alias="annotation")]
    curator: Annotated[str, Field(alias="who")]
    when: Time
    lead_time_s: float | None
    decision: Annotated[Decision | None, Field(alias="said")]
    skipped: bool = False
    problem: str | None = None
    remark: str | None = None
    round: int = 0


@dataclass(frozen=True, config=_EXACT)
class EventRecord:
    """An event as it was annotated, the decision on it (None: not yet decided), and all annotations by time.

    `track` is its track text; `decided_by` names the curators who agree with the decision.
    """

    event_id: Annotated[str, Field(pattern=r"_[0-9]+$")]
    event_hash: str
    decision: Annotated[Decision | None, Field(alias="decided")]
    decided_by: list[str]
    disagreement: bool
    caption_machine: str
    track: TrackText
    history: list[Annotation]


@dataclass(frozen=True, config=_EXACT)
class _File:
    format: Literal[1]
    video: str
    events: list[EventRecord]


def read_records(path: str | Path, video: str) -> list[EventRecord]:
    """Return the records of a video, none if there is no file; InputError names the place of what is wrong."""
    if not Path(path).exists():
        return []
    advice = "Correct it, or restore it from git."
    content = read_json(path, advice)
    try:
        check_encodable(content)
        file = TypeAdapter(_File).validate_python(content, by_alias=True, by_name=False)
    except ValidationError as error:
        raise InputError(path, *explained(error), advice) from None
    except ValueError as error:
        raise InputError(path, str(error), "text that can be written to a file", advice) from None
    if file.video != video:
        raise InputError(path, f"records of video {file.video!r}", repr(video), "Restore the file's name.")
    if missing := [record.event_id for record in file.events if not record.history]:
        raise InputError(path, f"no history of {', '.join(missing)}", "the annotations of each event", advice)
    return file.events


def write_records(path: str | Path, video: str, records: list[EventRecord]) -> None:
    """Write the records of a video, sorted by event and time, with all fields."""
    ordered = sorted(records, key=lambda one: (int(one.event_id.rpartition("_")[2]), one.history[0].when))
    write_json(path, TypeAdapter(_File).dump_python(_File(1, video, ordered), mode="json", by_alias=True))
