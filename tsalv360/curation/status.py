"""How far the curation is, as a table."""

import math
from collections import Counter
from collections.abc import Iterable, Sequence
from statistics import median

from tabulate import tabulate

from tsalv360.curation.decide import current
from tsalv360.curation.records import EventRecord, read_records
from tsalv360.curation.settings import CurationSettings
from tsalv360.curation.studio import Task

_COLUMNS = ("tasks", "untouched", "drafts", "skipped", "judged", "accept", "edit", "reject", "undecided", "disagree")


def status_table(tasks: Sequence[Task], videos: Iterable[str], settings: CurationSettings, dataset: str) -> str:
    """One row for each of the `videos` that has tasks, one for all, then the time left."""
    rows, records = [], []
    for video in sorted({str(task.data.get("video")) for task in tasks} & set(videos)):
        own = [task for task in tasks if task.data.get("video") == video]
        known = read_records(settings.file(dataset, video), video)
        rows.append([video, *_counts(own, known)])
        records += known
    if len(rows) != 1:
        rows.append(["all", *(sum(column) for column in list(zip(*rows, strict=True))[1:])] if rows else ["all"])
    table = tabulate(rows, headers=["video", *_COLUMNS])
    return f"{table}\n\n{_time_left(tasks, records)}"


def _counts(tasks: Sequence[Task], records: Sequence[EventRecord]) -> list[int]:
    """Numbers in the order of _COLUMNS. What was judged on the server and not pulled yet is in `judged` only."""
    verdicts = Counter(record.decided.verdict if record.decided else "undecided" for record in records)
    return [
        len(tasks),
        sum(not task.touched for task in tasks),
        sum(bool(task.n_drafts) and not task.n_annotations for task in tasks),
        sum(bool(task.n_skipped) and not task.n_annotations for task in tasks),
        sum(bool(task.n_annotations) for task in tasks),
        verdicts["accept"],
        verdicts["edit"],
        verdicts["reject"],
        verdicts["undecided"],
        sum(record.disagreement for record in records),
    ]


def _time_left(tasks: Sequence[Task], records: Sequence[EventRecord]) -> str:
    """How long the rest takes one person at the median pace so far."""
    left = sum(not task.n_annotations for task in tasks)
    paces = [j.lead_time_s for record in records for j in current(record.history) if j.lead_time_s]
    if not paces or not left:
        return f"{left} left"
    pace = median(paces)
    minutes = math.ceil(left * pace / 60)
    return f"{left} left: {minutes // 60} h {minutes % 60:02d} min for one person at {pace:.0f} s an event"
