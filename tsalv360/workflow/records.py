"""Snakemake's records of what each output was made of, kept with the results, and outputs that are never half replaced.

Snakemake compares a job with the record of its outputs to tell whether it must run again. By itself it keeps records by
the path of the output, in `.snakemake` of the folder one runs in: they are lost when results are moved, copied or
renamed, and then a changed setting plans nothing. Here they lie in `results/<dataset>/records`, by the path within the
results. Written against Snakemake 9; `test_rebuilds.py` and `test_retraining.py` in `tests/workflow` hold it to that.
"""

import os
import time
from collections.abc import Iterable
from pathlib import Path
from typing import Any

from snakemake import workflow as snakemake_workflow
from snakemake.persistence import ParamsChange
from snakemake.persistence.file import FilePersistence

FOLDER = "records"
_NO_RECORD = "no record of what it was made of"


def keep_records_in(results: Path) -> None:
    """Have this process's Snakemake keep the records of outputs within `results` there."""
    snakemake_workflow.FilePersistence = type("Records", (_Records,), {"results": results})


def keep_outputs(rules: Iterable[Any]) -> None:
    """Have outputs stay until new ones replace them, instead of being removed before a job runs or when it fails."""
    for rule in rules:
        for output in rule.output:
            if not output.flags:
                output.clone_flags(output)  # makes a plain path one that can have flags
            output.flags["update"] = True


class _Records(FilePersistence):  # type: ignore[misc]  # Snakemake has no types
    """Records by the path within `results`, of inputs by their names, and outputs that stay until new ones are whole.

    Snakemake would back an output up that is to stay (`update`), and record the new parameters for the old output when
    the job fails. Scripts write beside the output and rename, so there is nothing to back up, and the old record holds.
    """

    results: Path

    def __init__(self, *given: Any, **named: Any) -> None:
        super().__init__(*given, **named)
        self._fetch_max_len(self._metadata_path)  # asked of a folder that is there; that of the results may not be
        self._kept: set[str] = set()  # outputs of jobs that failed: still the old ones
        self._begun: dict[str, float] = {}  # when the job of an output began

    def _is_within(self, path: str) -> bool:
        return Path(path).is_relative_to(self.results)

    def _record_path(self, subject: str, id: str) -> str:
        """The file of a record."""
        if subject != self._metadata_path or not self._is_within(id):
            return super()._record_path(subject, id)
        return super()._record_path(str(self.results / FOLDER), str(Path(id).relative_to(self.results)))

    def _mark_incomplete(self, key: str, external_jobid: str | None) -> None:
        """Note when a job began. Outputs within the results need no mark, since they are whole or not there."""
        self._begun[key] = time.time()
        if not self._is_within(key):
            super()._mark_incomplete(key, external_jobid)

    def _get_recorded_starttime(self, key: str) -> float | None:
        return self._begun.get(key)

    def _input(self, job: Any) -> list[str]:
        """A job's inputs: within the results by their place there, others, whose folder may move, by name."""
        return sorted(
            str(path.relative_to(self.results)) if path.is_relative_to(self.results) else path.name
            for path in map(Path, job.input)
        )

    def has_metadata(self, job: Any) -> bool:
        """Whether there is anything to compare a job with; that outputs lack a record is a difference too."""
        return any(map(self._is_within, job.output)) or super().has_metadata(job)

    def params_changed(self, job: Any, file: Any = None) -> Any:
        """What differs between a job's parameters and those of its record."""
        changed = super().params_changed(job, file)
        for output in [file] if file is not None else job.output:
            if self._is_within(output) and os.path.lexists(output) and self.metadata(output) is None:
                changed |= ParamsChange(only_old={_NO_RECORD}, files={output})
        return changed

    def backup_output(self, path: Path) -> None:
        """Nothing to do: a job replaces its outputs when the new ones are whole."""

    def cleanup_backup(self, path: Path) -> None:
        """Nothing to do, as there is no backup."""

    def restore_output(self, path: Path) -> bool:
        """Whether an output of a failed job is there: it is the old one, or a whole new one."""
        self._kept.add(str(path))
        return os.path.lexists(path)

    async def finished(self, job: Any) -> None:
        """Record what a job's outputs were made of; of a job that failed, the old records stay."""
        if self._kept.isdisjoint(job.output):
            await super().finished(job)
            return
        self._kept.difference_update(job.output)
        for file in job.output:
            self._unmark_incomplete(self._get_key(file))
