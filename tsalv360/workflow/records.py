"""What Snakemake does differently here: it keeps its records with the results, keeps outputs until new ones replace
them, and announces which trained models a plan trains again.

Snakemake compares a job with the record of its outputs to decide whether it must run again. By default it keeps records
in `.snakemake` of the working folder, by the path of the output: when results are moved, copied or renamed, the records
are lost, and a changed setting runs nothing. Here they are in `results/<dataset>/records`, by the path in the results.
Written for Snakemake 9; `test_rebuilds.py` and `test_retraining.py` in `tests/workflow` test it.
"""

import ast
import logging
import os
import sys
import time
from collections.abc import Callable, Iterable, Iterator, Sequence
from pathlib import Path
from typing import Any

from snakemake import workflow as snakemake_workflow
from snakemake.logging import logger
from snakemake.persistence import ParamsChange
from snakemake.persistence.file import FilePersistence
from snakemake_interface_logger_plugins.common import LogEvent

FOLDER = "records"
_NO_RECORD = "no record of what it was made from"


def keep_records_in(results: Path) -> None:
    """Make Snakemake, in this process, keep the records of outputs within `results` there."""
    snakemake_workflow.FilePersistence = type("Records", (_Records,), {"results": results})


def keep_outputs(rules: Iterable[Any]) -> None:
    """Keep outputs until new ones replace them; Snakemake would remove them before a job runs and when it fails."""
    for rule in rules:
        for output in rule.output:
            if not output.flags:
                output.clone_flags(output)  # turns a plain path into one that can have flags
            output.flags["update"] = True


class _Records(FilePersistence):  # type: ignore[misc]  # Snakemake has no types
    """Records by path within `results`; inputs from elsewhere count by name, and old outputs survive a failed job.

    Snakemake would back up an output that stays (`update`), and record the new parameters for the old output when the
    job fails. Scripts write beside the output and rename, so no backup is needed, and the old record stays valid.
    """

    results: Path

    def __init__(self, *given: Any, **named: Any) -> None:
        super().__init__(*given, **named)
        self._fetch_max_len(self._metadata_path)  # needs an existing folder; that of the results may not exist
        self._kept: set[str] = set()  # outputs of failed jobs: still the old ones
        self._begun: dict[str, float] = {}  # start of the job of each output

    def _is_within(self, path: str) -> bool:
        return Path(path).is_relative_to(self.results)

    def _record_path(self, subject: str, id: str) -> str:
        if subject != self._metadata_path or not self._is_within(id):
            return super()._record_path(subject, id)
        return super()._record_path(str(self.results / FOLDER), str(Path(id).relative_to(self.results)))

    def _mark_incomplete(self, key: str, external_jobid: str | None) -> None:
        """Note the start of a job. Outputs within the results need no mark: they are complete or do not exist."""
        self._begun[key] = time.time()
        if not self._is_within(key):
            super()._mark_incomplete(key, external_jobid)

    def _get_recorded_starttime(self, key: str) -> float | None:
        return self._begun.get(key)

    def _input(self, job: Any) -> list[str]:
        """Return a job's inputs: by path within the results, or by name where their folder may move."""
        return sorted(
            str(path.relative_to(self.results)) if path.is_relative_to(self.results) else path.name
            for path in map(Path, job.input)
        )

    def has_metadata(self, job: Any) -> bool:
        """Return whether a job can be compared: within the results always, as a missing record is a difference too."""
        return any(map(self._is_within, job.output)) or super().has_metadata(job)

    def params_changed(self, job: Any, file: Any = None) -> Any:
        """Return the differences between a job's parameters and those of its record."""
        changed = super().params_changed(job, file)
        for output in [file] if file is not None else job.output:
            if self._is_within(output) and os.path.lexists(output) and self.metadata(output) is None:
                changed |= ParamsChange(only_old={_NO_RECORD}, files={output})
        return changed

    def backup_output(self, path: Path) -> None:
        """Do nothing: a job replaces its outputs when the new ones are complete."""

    def cleanup_backup(self, path: Path) -> None:
        """Do nothing: there is no backup."""

    def restore_output(self, path: Path) -> bool:
        """Return whether an output of a failed job exists: it is the old one, or a complete new one."""
        self._kept.add(str(path))
        return os.path.lexists(path)

    async def finished(self, job: Any) -> None:
        """Record what a job's outputs were made from; after a failed job the old records stay."""
        if self._kept.isdisjoint(job.output):
            await super().finished(job)
            return
        self._kept.difference_update(job.output)
        for file in job.output:
            self._unmark_incomplete(self._get_key(file))


def announce(workflow: Any, *kinds: Callable[[Any], Iterable[str]]) -> None:
    """Print the lines that each of the `kinds` returns for this workflow's plan, before anything runs."""
    for handler in [handler for handler in logger.handlers if isinstance(handler, _Announcer)]:
        logger.removeHandler(handler)  # of an earlier workflow in this process
    logger.addHandler(_Announcer(workflow, kinds))


class _Announcer(logging.Handler):
    """Waits for the plan, which Snakemake logs before it runs or lists jobs."""

    def __init__(self, workflow: Any, kinds: Sequence[Callable[[Any], Iterable[str]]]) -> None:
        super().__init__()
        self._workflow, self._kinds, self._done = workflow, kinds, False

    def emit(self, record: logging.LogRecord) -> None:
        """Print the lines when the record is the plan."""
        if getattr(record, "event", None) == LogEvent.RUN_INFO and not self._done:
            self._done = True
            for line in (line for lines in self._kinds for line in lines(self._workflow)):
                print(line, file=sys.stderr, flush=True)


def retrained(workflow: Any) -> Iterator[str]:
    """Yield a line for each existing model that the plan of a workflow trains again."""
    for job in workflow.dag.needrun_jobs():
        if job.rule.name == "train_fold" and Path(job.output.best).exists():
            reason, asked = workflow.dag.reason(job), "requested on the command line"
            inputs = "its training data change" if reason.updated_input or reason.updated_input_run else "other inputs"
            why = _differences(workflow.persistence.params_changed(job)) or (asked if reason.forced else inputs)
            yield (
                f"{job.output.best} will be trained again ({why}). It stays until the new model is complete; "
                "to keep both, give this run another name (train.name)."
            )


def _differences(change: Any) -> str:
    """Return what changed among parameters, as `epochs: 4 → 8, seed: 0 → 1`; `change` is Snakemake's ParamsChange."""
    old, new = _by_name(change.only_old), _by_name(change.only_new)
    return ", ".join(
        f"{name}: {old.get(name, 'none')} → {new.get(name, 'none')}"
        for name in dict.fromkeys([*old, *new])
        if old.get(name) != new.get(name)
    )


def _by_name(values: set[str]) -> dict[str, Any]:
    """Return parameters as Snakemake records them, without names: the items of dicts, other values by their kind."""
    found: dict[str, Any] = {}
    for text in sorted(values):
        try:
            value = ast.literal_eval(text)
        except (SyntaxError, ValueError):  # the text that stands for a missing record
            value = text
        found |= value if isinstance(value, dict) else {"version" if isinstance(value, str) else "parameter": value}
    return found
