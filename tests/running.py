"""Runs the real workflow in separate folders."""

import os
import subprocess
import sys
from dataclasses import dataclass, replace
from pathlib import Path

import yaml

from tsalv360.workflow.rebuilds import plan

ROOT = Path(__file__).parents[1]
TINY = ROOT / "tests" / "data" / "tiny.yaml"


@dataclass
class Workflow:
    """A working folder in which snakemake runs, with configs that override the default one."""

    folder: Path
    configs: tuple[Path, ...] = (TINY,)
    before: tuple[str, ...] = ()  # words before the command, to run it elsewhere

    def command(self, *arguments: str) -> list[str]:
        command = [sys.executable, "-m", "snakemake", "--snakefile", str(ROOT / "Snakefile")]
        configs = ["--configfile", *map(str, self.configs)] if self.configs else []
        return [*self.before, *command, *arguments, *configs]

    def run(self, *arguments: str, **environment: str) -> subprocess.CompletedProcess[str]:
        return subprocess.run(
            self.command(*arguments),
            cwd=self.folder,
            env={**os.environ, **environment},
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            timeout=1800,
        )

    def build(self, *arguments: str) -> str:
        done = self.run("--cores", "2", *arguments)
        assert done.returncode == 0, done.stdout
        return done.stdout

    def planned(self, *targets: str) -> dict[str, int]:
        """Return how many jobs of each rule a run would start, from a plan in this process."""
        return plan(self.folder, self.configs, targets).jobs

    def with_config(self, **content: object) -> "Workflow":
        """Return the same folder with another config on top."""
        path = self.folder / f"extra{len(self.configs)}.yaml"
        path.write_text(yaml.safe_dump(content))
        return replace(self, configs=(*self.configs, path))

    @property
    def results(self) -> Path:
        return self.folder / "results" / "tiny"
