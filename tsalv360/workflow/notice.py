"""What a plan says besides Snakemake's own words: that a trained model will be trained again, and why."""

import ast
import logging
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from snakemake.logging import logger
from snakemake_interface_logger_plugins.common import LogEvent

TRAINING = "train_fold"


def announce_retraining(workflow: Any) -> None:
    """Have a line printed for each model that this workflow's plan trains again, before anything runs."""
    for handler in [handler for handler in logger.handlers if isinstance(handler, _Announcer)]:
        logger.removeHandler(handler)  # of an earlier workflow in this process
    logger.addHandler(_Announcer(workflow))


class _Announcer(logging.Handler):
    """Waits for the plan, which Snakemake logs before it runs jobs or lists them."""

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
    """A line for each model that is there and that the plan of a workflow trains again."""
    for job in workflow.dag.needrun_jobs():
        if job.rule.name == TRAINING and Path(job.output.best).exists():
            why = _differences(workflow.persistence.params_changed(job)) or _other_reason(workflow.dag.reason(job))
            yield (
                f"{job.output.best} will be trained again ({why}). It stays until the new model is whole; "
                "to keep both, give this run another name (train.name)."
            )


def _differences(change: Any) -> str:
    """What changed among parameters, as `epochs: 4 → 8, seed: 0 → 1`; `change` is Snakemake's ParamsChange."""
    before, now = _by_name(change.only_old), _by_name(change.only_new)
    return ", ".join(
        f"{name}: {before.get(name, 'none')} → {now.get(name, 'none')}"
        for name in [*before, *(name for name in now if name not in before)]
        if before.get(name) != now.get(name)
    )


def _by_name(values: set[str]) -> dict[str, Any]:
    """Parameters as Snakemake records them: the items of dicts by key, other values by their kind."""
    found: dict[str, Any] = {}
    for text in sorted(values):
        try:
            value = ast.literal_eval(text)
        except (SyntaxError, ValueError):  # a record's own words
            value = text
        found |= value if isinstance(value, dict) else {"version" if isinstance(value, str) else "parameter": value}
    return found


def _other_reason(reason: Any) -> str:
    if reason.forced:
        return "as asked for"
    return "what it learns from changes" if reason.updated_input or reason.updated_input_run else "other inputs"
