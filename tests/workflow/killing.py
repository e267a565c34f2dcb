"""A run of the workflow whose processes can be found, stopped and killed."""

import re
import subprocess
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TypeVar

import psutil
from running import Workflow

Found = TypeVar("Found")
_PATIENCE_S = 900


class Run:
    """A workflow that runs in the background."""

    def __init__(self, workflow: Workflow, *arguments: str) -> None:
        self.workflow, self._log = workflow, workflow.folder / "run.log"
        with self._log.open("w") as log:
            self.process = subprocess.Popen(
                workflow.command("--cores", "2", *arguments), cwd=workflow.folder, stdout=log, stderr=log
            )

    @property
    def output(self) -> str:
        return self._log.read_text(encoding="utf-8")

    def wait_for(self, what: Callable[[], Found]) -> Found:
        deadline = time.monotonic() + _PATIENCE_S
        while not (found := what()):
            assert self.process.poll() is None and time.monotonic() < deadline, self.output
            time.sleep(0.02)
        return found

    def jobs(self) -> list[tuple[str, psutil.Process]]:
        """Return the running jobs: rule and process."""
        found = []
        for process in psutil.Process(self.process.pid).children():
            try:
                script = re.search(r"\.snakemake/scripts/tmp\w+\.(\w+)\.py", " ".join(process.cmdline()))
            except (psutil.NoSuchProcess, psutil.ZombieProcess):
                continue
            if script:
                found.append((script[1], process))
        return found

    def stop_jobs(self, rule: str, videos: list[str]) -> dict[str, psutil.Process]:
        """Stop a rule's jobs of all `videos` as soon as each has opened its log; returns {video: process}."""
        stopped: dict[str, psutil.Process] = {}

        def look() -> bool:
            for name, process in self.jobs():
                video = self._at_work(name, process) if name == rule else None
                if video in videos and video not in stopped:
                    process.suspend()
                    stopped[video] = process
            return len(stopped) == len(videos)

        self.wait_for(look)
        return stopped

    def _at_work(self, rule: str, process: psutil.Process) -> str | None:
        """Return the video, or shard, of a job that has opened its log."""
        try:
            opened = [Path(file.path) for file in process.open_files()]
        except psutil.NoSuchProcess:
            return None
        return next((path.stem for path in opened if path.parent.name == rule and path.suffix == ".log"), None)

    def kill(self) -> None:
        self.process.kill()
        self.process.wait()

    def ends(self) -> int:
        return self.process.wait(_PATIENCE_S)


@contextmanager
def running(workflow: Workflow, *arguments: str) -> Iterator[Run]:
    """Start a run; when the block ends, end it and all its jobs."""
    run = Run(workflow, *arguments)
    try:
        yield run
    finally:
        if run.process.poll() is None:
            jobs = [process for _, process in run.jobs()]
            run.kill()
            for job in jobs:
                job.kill()


def left_behind(folder: Path) -> list[str]:
    """Return what a finished run must not leave: partial files, locks, and marks of incomplete files."""
    halves = list(folder.rglob(".*.partial*"))
    state = [path for name in ("locks", "incomplete") for path in (folder / ".snakemake" / name).glob("*")]
    return [path.relative_to(folder).as_posix() for path in halves + state]


def checksums(workflow: Workflow) -> str:
    return (workflow.results / "dataset" / "SHA256SUMS").read_text(encoding="utf-8")


def stamps(workflow: Workflow, stages: list[str]) -> dict[str, tuple[int, int]]:
    """Return inode and time of every file in the folders of `stages`."""
    results = workflow.results
    paths = [path for stage in stages for path in (results / stage).rglob("*") if path.is_file()]
    whole = [path for path in paths if not any(part.startswith(".") for part in path.relative_to(results).parts)]
    return {str(path.relative_to(results)): (path.stat().st_ino, path.stat().st_mtime_ns) for path in whole}
