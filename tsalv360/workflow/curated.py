"""How much of a dataset curators have decided, as a build with `curation.mode: curated` says before and after it."""

from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

from tsalv360.config import Config
from tsalv360.contracts.entries import DatasetOutcome, read_entry
from tsalv360.contracts.layout import CURATION
from tsalv360.curation.records import read_records
from tsalv360.job.errors import InputError

_LISTED = 10


def before_build(workflow: Any, config: Config, videos: Sequence[str]) -> Iterator[str]:
    """Yield what the curators' files of these videos hold, if the plan of a workflow builds a curated dataset."""
    if config.curation.mode == "curated" and any(job.rule.name == "dataset" for job in workflow.dag.needrun_jobs()):
        name = config.dataset.name
        try:
            records = [one for video in videos for one in read_records(config.curation.file(name, video), video)]
        except InputError as error:  # the job that needs the file is refused for it
            yield str(error)
            return
        n_decided = sum(record.decision is not None for record in records)
        decisions = f"{config.curation.file(name, 'any').parent} has {n_decided} decisions"
        yield f"curation.mode is curated: {decisions}; {_FATES[config.curation.uncurated]}"


_FATES = {
    "leave_out": "events without one are left out (curation.uncurated: leave_out)",
    "keep_as_draft": "events without one stay as drafts (curation.uncurated: keep_as_draft)",
}


def of_dataset(config: Config) -> Iterator[str]:
    """Yield how many events a curated dataset has of those that were found, and what could not be applied."""
    folder = config.folder() / "dataset"
    if config.curation.mode != "curated" or not (folder / CURATION).exists():
        return
    outcome: DatasetOutcome = read_entry(folder / CURATION, DatasetOutcome)
    n_kept = _n_rows(folder / "annotations.parquet")
    n_undecided, n_gone = len(outcome.uncurated), len(outcome.rejected) + len(outcome.merged)
    left_out = config.curation.uncurated == "leave_out"
    total = n_kept + n_gone + (n_undecided if left_out else 0)
    fate = "are left out" if left_out else "are drafts"
    yield (
        f"curated: {n_kept} of {total} events are in {folder}; {n_undecided} have no decision yet and {fate}, "
        f"{len(outcome.rejected)} were rejected, {len(outcome.merged)} merged with the event that they duplicate"
    )
    open_ends = [*outcome.problems, *((event, why) for event, why in outcome.uncurated if why)]
    yield from (f"  {event}: {why}" for event, why in open_ends[:_LISTED])
    if len(open_ends) > _LISTED:
        yield f"  and {len(open_ends) - _LISTED} more: {folder / CURATION}"


def _n_rows(table: Path) -> int:
    import pyarrow.parquet as pq  # plans do without it

    return int(pq.read_metadata(table).num_rows)
