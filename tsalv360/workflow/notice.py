"""A line in the plan for each trained model that will be trained again, with the reason."""

import ast
import logging
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from snakemake.logging import logger
from snakemake_interface_logger_plugins.common import LogEvent


def announce_retraining(workflow: Any) -> None:
    """Print a line for each model that this workflow's plan trains again, before anything runs."""
    for handler in [handler for handler in logger.handlers if isinstance(handler, _Announcer)]:
        logger.removeHandler(handler)  # of an earlier workflow in this process
    logger.addHandler(_Announcer(workflow))


class _Announcer(logging.Handler):
    """Waits for the plan, which Snakemake logs before it runs or lists jobs."""

    def __init__(self, workflow: Any) -> None:
        super().__init__()
        self._workflow, self._done = workflow, False

    def emit(self, record: logging.LogRecord) -> None:
        """Print the lines when the record is the plan."""
        if getattr(record, "event", None) == LogEvent.RUN_INFO and not self._done:
            self._done = True
            for line in _retrained(self._workflow):
                print(line, file=sys.stderr, flush=True)


def _retrained(workflow: Any) -> Iterator[str]:
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
