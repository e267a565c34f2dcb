"""Read Label Studio's export into the record files; no annotation is ever dropped or changed."""

import hashlib
import json
import re
from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime
from pathlib import Path
from typing import Any, NamedTuple, get_args

from tsalv360.curation.annotations import read_annotation
from tsalv360.curation.records import TRACK, Annotation, EventRecord, read_records, write_records
from tsalv360.curation.resolve import resolve
from tsalv360.curation.settings import CurationSettings, Resolve
from tsalv360.job.errors import InputError
from tsalv360.job.files import whole_file
from tsalv360.sources.recording import check_id

_TEXTS = ("event_id", "event_hash", "video", "caption_machine", "track")
_NEEDED = (*_TEXTS, "shown", "start_s", "end_s")
EXPORTS = "exports"


class ExportedTask(NamedTuple):
    """One task of an export with its annotations, and who has begun a draft of it."""

    data: dict[str, Any]
    annotations: list[Annotation]
    drafts: list[str]


@dataclass
class Pulled:
    """What a pull brought: the number of new annotations, the changed videos, and what needs a look, by event."""

    n_new: int = 0
    videos: list[str] = field(default_factory=list)
    problems: list[str] = field(default_factory=list)
    remarks: list[str] = field(default_factory=list)
    disagreements: list[str] = field(default_factory=list)
    drafts: list[str] = field(default_factory=list)
    by_hand: list[str] = field(default_factory=list)
    raw: Path | None = None


def read_export(tasks: Any, users: Mapping[int, str]) -> tuple[list[ExportedTask], list[str]]:
    """Return the tasks of an export with their annotations, and why others cannot be used.

    Parameters: `tasks` in Label Studio's format JSON; `users` {number: e-mail address} as far as known.
    Raises InputError for another format.
    """
    of_tasks = isinstance(tasks, list) and all(isinstance(task, dict) for task in tasks)
    if not of_tasks or not all(isinstance(task.get("annotations"), list) for task in tasks):
        raise InputError("export", "another format", "Label Studio's JSON (not JSON-MIN, CSV)", "Export it as JSON.")
    seen, problems = [], []
    for task in tasks:
        data = task.get("data") or {}
        if why := _unusable(data):
            problems.append(f"task {task.get('id')!r}: {why}")
            continue
        annotations = []
        for number, annotation in enumerate(task["annotations"], 1):
            try:
                _refuse_half_characters(annotation)
                annotations.append(read_annotation(annotation, data, _who(annotation.get("completed_by"), users)))
            except (AttributeError, LookupError, TypeError, ValueError, OverflowError) as error:
                problems.append(f"{data['event_id']}: annotation {number} is not as Label Studio writes it ({error!r})")
        begun = task["drafts"] if isinstance(task.get("drafts"), list) else []
        drafts = [_who(draft.get("user"), users) for draft in begun if isinstance(draft, dict)]
        seen.append(ExportedTask(data, annotations, drafts))
    return seen, problems


def merge_annotations(seen: Sequence[ExportedTask], dataset: str, settings: CurationSettings) -> Pulled:
    """Add annotations to the record files of their videos; nothing in the files is removed.

    A decision that does not follow from its annotations was edited in the file by hand: it stays, and is reported.
    """
    pulled = Pulled()
    by_video: dict[str, list[ExportedTask]] = defaultdict(list)
    for task in seen:
        by_video[task.data["video"]].append(task)
    files = {path.stem: path for path in settings.file(dataset, "any").parent.glob("*.json")}
    for video in sorted(by_video.keys() | files.keys()):
        path = settings.file(dataset, video)
        before = {(record.event_id, record.event_hash): record for record in read_records(path, video)}
        after = {key: _with(record, [], settings.resolve) for key, record in before.items()}
        for task in by_video[video]:
            if task.annotations:
                key = task.data["event_id"], task.data["event_hash"]
                after[key] = _with(after.get(key) or _new(task.data), task.annotations, settings.resolve)
                _tell(pulled, task)
            pulled.drafts += [f"{task.data['event_id']}: a draft of {who}" for who in task.drafts]
        pulled.disagreements += [record.event_id for record in after.values() if record.disagreement]
        pulled.by_hand += [record.event_id for record in after.values() if edited_by_hand(record)]
        if after != before:
            pulled.n_new += sum(len(record.history) for record in after.values())
            pulled.n_new -= sum(len(record.history) for record in before.values())
            pulled.videos.append(video)
            write_records(path, video, list(after.values()))
    return pulled


def keep_raw(tasks: list[dict[str, Any]], folder: Path, now: datetime) -> Path:
    """Keep an export unchanged, named by its time, with its checksum in SHA256SUMS; an equal export is kept once."""
    text = json.dumps(tasks, indent=1, ensure_ascii=False, sort_keys=True) + "\n"
    content = text.encode(errors="backslashreplace")  # half characters as JSON escapes them
    digest = hashlib.sha256(content).hexdigest()
    sums = folder / "SHA256SUMS"
    lines = sums.read_text(encoding="utf-8").splitlines() if sums.exists() else []
    for line in lines:
        if line.startswith(digest) and (there := folder / line.split("  ", 1)[1]).exists():
            return there
    path = folder / f"{now:%Y%m%dT%H%M%S%fZ}.json"
    with whole_file(path) as partial:
        partial.write_bytes(content)
    with whole_file(sums) as partial:
        partial.write_text("".join(f"{line}\n" for line in [*lines, f"{digest}  {path.name}"]), encoding="utf-8")
    return path


def _refuse_half_characters(content: Any) -> None:
    """Raise ValueError for half characters (lone surrogates), which no file can hold."""
    json.dumps(content, ensure_ascii=False).encode()


def _unusable(data: Any) -> str:
    """Why a task's data cannot be used; empty where they can."""
    if not isinstance(data, dict):
        return "its data are no mapping"
    missing = [key for key in _NEEDED if key not in data]
    if missing:
        return f"not a task of tsalv360, or edited by hand: no {', '.join(missing)}"
    if no_text := [key for key in _TEXTS if not isinstance(data[key], str)]:
        return f"edited by hand: no text as {', '.join(no_text)}"
    try:
        _refuse_half_characters(data)
        check_id(data["video"], "video")
    except (InputError, ValueError) as error:
        return str(error)
    if not re.fullmatch(rf"{re.escape(data['video'])}_[0-9]+", data["event_id"]):
        return f"the event {data['event_id']!r} does not belong to the video {data['video']}"
    if not re.fullmatch(TRACK, data["track"]):
        return f"edited by hand: {data['track']!r:.80} is no track"
    return ""


def _who(user: Any, users: Mapping[int, str]) -> str:
    """A user of an export, which is a number, an e-mail address, or both."""
    if isinstance(user, dict):
        return str(user.get("email") or f"user {user.get('id')}")
    if isinstance(user, int):
        return users.get(user, f"user {user}")
    return str(user) if user else "unknown"


def _new(data: dict[str, Any]) -> EventRecord:
    return EventRecord(
        event_id=data["event_id"],
        event_hash=data["event_hash"],
        decided=None,
        decided_by=[],
        disagreement=False,
        caption_machine=data["caption_machine"],
        track=data["track"],
        history=[],
    )


def _with(record: EventRecord, annotations: list[Annotation], rule: Resolve) -> EventRecord:
    """A record with more annotations and what they all resolve, unless it was decided by hand.

    Every version of an annotation is kept: an annotation and its time are the key.
    """
    known = {(annotation.annotation, annotation.when): annotation for annotation in record.history}
    for new in annotations:
        old = known.get((new.annotation, new.when))
        if old and re.fullmatch(r"user [0-9]+|unknown", new.who):  # an export that knows no addresses
            new = replace(new, who=old.who)
        known[new.annotation, new.when] = new
    history = sorted(known.values(), key=lambda annotation: (annotation.when, annotation.annotation))
    if edited_by_hand(record):
        return replace(record, history=history)
    decision = resolve(history, rule)
    return replace(
        record, history=history, decided=decision.decided, decided_by=decision.by, disagreement=decision.disagreement
    )


def edited_by_hand(record: EventRecord) -> bool:
    """Whether the decision follows from the annotations by no rule."""
    return all(resolve(record.history, rule).decided != record.decided for rule in get_args(Resolve))


def _tell(pulled: Pulled, task: ExportedTask) -> None:
    event = task.data["event_id"]
    pulled.problems += [f"{event}, {j.who}: {j.problem}" for j in task.annotations if j.problem]
    pulled.remarks += [f"{event}, {j.who}: {j.remark}" for j in task.annotations if j.remark]
