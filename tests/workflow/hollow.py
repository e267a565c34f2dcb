"""Results that are there and recorded, but empty: all that a plan needs, without a job having run."""

import shutil
from collections.abc import Sequence
from copy import copy
from pathlib import Path

import yaml
from running import TINY

from tsalv360.workflow.rebuilds import Plan, plan

TARGETS = ("all", "train", "evaluate", "publish")


class Hollow:
    """A working folder with hollow results; `configs` override the default one."""

    def __init__(self, folder: Path, content: dict | None = None, targets: Sequence[str] = TARGETS) -> None:
        self.folder, self.targets = folder, targets
        folder.mkdir(parents=True, exist_ok=True)
        self.configs = [TINY, self._written("base", content or {})]
        for job in self.plan().dag.jobs:
            for output in job.output:
                place = folder / output
                place.parent.mkdir(parents=True, exist_ok=True)
                place.mkdir(exist_ok=True) if output.is_directory else place.touch()
            if job.benchmark:
                (folder / job.benchmark).parent.mkdir(parents=True, exist_ok=True)
                (folder / job.benchmark).touch()
        plan(folder, self.configs, targets, touch=True)
        made = self.plan()
        self.rules = {job.rule.name for job in made.dag.jobs if not job.rule.norun}
        self.config = made.workflow.globals["CONFIG"]

    def copied(self, folder: Path, results: str = "results") -> "Hollow":
        """The same results in another folder, under another name if one is given, and nothing else of the first."""
        other = copy(self)
        other.folder = folder
        shutil.copytree(self.folder / "results", folder / results, copy_function=shutil.copy2)
        return other

    def plan(self, change: dict | None = None) -> Plan:
        """The plan after a change of the config."""
        return plan(self.folder, [*self.configs, self._written("change", change or {})], self.targets)

    def planned(self, change: dict | None = None) -> set[str]:
        """The rules that a change of the config runs again."""
        return set(self.plan(change).jobs)

    def _written(self, name: str, content: dict) -> Path:
        path = self.folder / f"{name}.yaml"
        path.write_text(yaml.safe_dump(content))
        return path
