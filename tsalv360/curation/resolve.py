"""Merge exports into the curators' files, and resolve the annotations of an event to one decision.

Nothing that a curator did is dropped or changed.
"""

import hashlib
import json
import re
from collections import Counter, defaultdict
from dataclasses import replace
from datetime import datetime
from operator import attrgetter
from pathlib import Path
from typing import Any, NamedTuple, get_args

from tsalv360.curation.export import AnnotatedEvent, AnnotatedTask, Export
from tsalv360.curation.records import (
    Annotation,
    CurationSettings,
    Decision,
    EventRecord,
    Resolve,
    read_records,
    write_records,
)
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
    n_new, videos, problems = 0, list[str](), [*export.problems]
    remarks, bounds, drafts, disagreements, duplicates, by_hand = (list[str]() for _ in range(6))
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
            bounds += [f"{name}, {one.curator}: {text}" for one in annotations if (text := _new_bounds(event, one))]
            drafts += [f"{name}: a draft of {curator}" for curator in curators]
        disagreements += [record.event_id for record in after.values() if record.disagreement]
        duplicates += [
            f"{record.event_id}, of {record.decision.duplicate_of}"
            for record in after.values()
            if record.decision and record.decision.duplicate_of
        ]
        by_hand += [record.event_id for record in after.values() if _edited_by_hand(record)]
        if after != before:
            n_new += sum(len(record.history) for record in after.values())
            n_new -= sum(len(record.history) for record in before.values())
            videos.append(video)
            write_records(path, video, list(after.values()))
    notes = {
        "not counted": problems,
        "odd, but counted": remarks,
        "new bounds, in seconds of the source video": bounds,
        "curators disagree (send back: tsalv360 curation push --send-back)": disagreements,
        "duplicates, one event with the other in a curated dataset": duplicates,
        "drafts, not submitted": drafts,
        "edited by hand in the file, left unchanged": by_hand,
    }
    return Merged(n_new, videos, notes)


def _new_bounds(event: AnnotatedEvent, annotation: Annotation) -> str:
    """Return the bounds that an annotation changes, old and new."""
    changes = []
    for name, old in (("start", event.start_s), ("end", event.end_s)):
        new = getattr(annotation.decision, f"{name}_s", None)
        changes += [] if new is None else [f"{name} {old:.2f} -> {new:.2f}"]
    return ", ".join(changes)


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


class Resolution(NamedTuple):
    """The decision on an event (None: undecided), the curators who agree with it, and whether others disagree."""

    decision: Decision | None
    curators: list[str]
    disagreement: bool


def resolve(history: list[Annotation], rule: Resolve) -> Resolution:
    """Return the decision that follows from the annotations of an event.

    Only each curator's last annotation counts, and only those of the last round if the event was sent back. `latest`
    takes the last of all. `majority` first decides whether the event is rejected, undecided on a tie, then takes the
    most frequent caption of that side, the last one on a tie.
    """
    votes = [(one.curator, one.decision) for one in counting(history) if one.decision]
    if not votes:
        return Resolution(None, [], False)
    decision = votes[-1][1]
    if rule == "majority":
        rejections = sum(vote.verdict == "reject" for _, vote in votes)
        if 2 * rejections == len(votes):
            return Resolution(None, [], True)
        side = [vote for _, vote in votes if (vote.verdict == "reject") == (2 * rejections > len(votes))]
        captions = Counter(vote.caption for vote in side)
        decision = [vote for vote in side if captions[vote.caption] == max(captions.values())][-1]
    agreeing = [curator for curator, vote in votes if _opinion(vote) == _opinion(decision)]
    return Resolution(decision, agreeing, len(agreeing) < len(votes))


def counting(history: list[Annotation]) -> list[Annotation]:
    """Return the annotations with a decision that count, one per curator, the earliest first."""
    when = attrgetter("when")
    versions = {one.id: one for one in sorted(history, key=when)}  # of each annotation the last one
    decided = sorted((one for one in versions.values() if one.decision), key=when)
    last_round = max((one.round for one in decided), default=0)
    return sorted({one.curator: one for one in decided if one.round == last_round}.values(), key=when)


def _opinion(decision: Decision) -> str | None:
    """Return what curators can disagree on: the caption, None for a rejection."""
    return None if decision.verdict == "reject" else decision.caption
