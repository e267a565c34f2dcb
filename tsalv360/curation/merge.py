"""Merge an export into the curators' files: nothing that a curator did is dropped or changed."""

import hashlib
import json
import re
from collections import defaultdict
from dataclasses import replace
from datetime import datetime
from pathlib import Path
from typing import Any, NamedTuple, get_args

from tsalv360.curation.export import AnnotatedTask, Export
from tsalv360.curation.records import Annotation, EventRecord, read_records, write_records
from tsalv360.curation.resolve import resolve
from tsalv360.curation.settings import CurationSettings, Resolve
from tsalv360.job.files import whole_file


def keep_export(tasks: list[dict[str, Any]], folder: Path, now: datetime) -> Path:
    """Return the file in which an export is kept unchanged, named by its time; identical ones are kept once.

    SHA256SUMS has its checksum.
    """
    text = json.dumps(tasks, indent=1, ensure_ascii=False, sort_keys=True) + "\n"
    content = text.encode(errors="backslashreplace")  # lone surrogates, as JSON escapes them
    digest = hashlib.sha256(content).hexdigest()
    sums = folder / "SHA256SUMS"
    lines = sums.read_text(encoding="utf-8").splitlines() if sums.exists() else []
    for line in lines:
        if line.startswith(digest) and (existing := folder / line.split("  ", 1)[1]).exists():
            return existing
    path = folder / f"{now:%Y%m%dT%H%M%S%fZ}.json"
    with whole_file(path) as partial:
        partial.write_bytes(content)
    with whole_file(sums) as partial:
        partial.write_text("".join(f"{line}\n" for line in [*lines, f"{digest}  {path.name}"]), encoding="utf-8")
    return path


class Merged(NamedTuple):
    """How many annotations are new, which videos' files changed, and notes on events by heading."""

    n_new: int
    videos: list[str]
    notes: dict[str, list[str]]


def merge(export: Export, dataset: str, settings: CurationSettings) -> Merged:
    """Add the annotations of an export to the files of their videos; existing ones stay.

    A decision that does not follow from its annotations was edited in the file by hand: it stays, and is noted.
    """
    n_new, problems = 0, [*export.problems]
    videos, remarks, drafts, disagreements, by_hand = (list[str]() for _ in range(5))
    by_video: dict[str, list[AnnotatedTask]] = defaultdict(list)
    for task in export.tasks:
        by_video[task.event.video].append(task)
    folder = settings.file(dataset, "any").parent
    for video in sorted(by_video.keys() | {path.stem for path in folder.glob("*.json")}):
        path = settings.file(dataset, video)
        before = {(record.event_id, record.event_hash): record for record in read_records(path, video)}
        after = {key: _extended(record, [], settings.resolve) for key, record in before.items()}
        for event, annotations, curators in by_video[video]:
            name, key = event.event_id, (event.event_id, event.event_hash)
            if annotations:
                new = EventRecord(*key, None, [], False, event.caption_machine, event.track, [])
                after[key] = _extended(after.get(key, new), annotations, settings.resolve)
            problems += [f"{name}, {one.curator}: {one.problem}" for one in annotations if one.problem]
            remarks += [f"{name}, {one.curator}: {one.remark}" for one in annotations if one.remark]
            drafts += [f"{name}: a draft of {curator}" for curator in curators]
        disagreements += [record.event_id for record in after.values() if record.disagreement]
        by_hand += [record.event_id for record in after.values() if _edited_by_hand(record)]
        if after != before:
            n_new += sum(len(record.history) for record in after.values())
            n_new -= sum(len(record.history) for record in before.values())
            videos.append(video)
            write_records(path, video, list(after.values()))
    notes = {
        "not counted": problems,
        "odd, but counted": remarks,
        "curators disagree (send back: tsalv360 curation push --send-back)": disagreements,
        "drafts, not submitted": drafts,
        "edited by hand in the file, left unchanged": by_hand,
    }
    return Merged(n_new, videos, notes)


def _extended(record: EventRecord, annotations: list[Annotation], rule: Resolve) -> EventRecord:
    """Return a record with more annotations, decided by all of them unless it was edited by hand.

    Every version of an annotation is kept: its id and time are the key.
    """
    versions = {(one.id, one.when): one for one in record.history}
    for new in annotations:
        old = versions.get((new.id, new.when))
        if old and re.fullmatch(r"user [0-9]+|unknown", new.curator):  # an export without e-mail addresses
            new = replace(new, curator=old.curator)
        versions[new.id, new.when] = new
    history = sorted(versions.values(), key=lambda one: (one.when, one.id))
    if _edited_by_hand(record):
        return replace(record, history=history)
    decision, curators, disagreement = resolve(history, rule)
    return replace(record, history=history, decision=decision, decided_by=curators, disagreement=disagreement)


def _edited_by_hand(record: EventRecord) -> bool:
    """Return whether the decision follows from the annotations by no rule."""
    return all(resolve(record.history, rule).decision != record.decision for rule in get_args(Resolve))
