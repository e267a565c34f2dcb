"""Many builds with random kills: each gives the dataset of an undisturbed build and leaves nothing else behind.

TSALV360_SOAK_ROUNDS sets the number of rounds, TSALV360_SOAK_SEED the kills. Each round prints its figures.
"""

import os
import random
import shutil
import signal
import time
from collections import Counter
from contextlib import suppress
from pathlib import Path

import psutil
import pytest
from running import Workflow
from workflow.killing import Run, checksums, left_behind, running

ROUNDS = int(os.environ.get("TSALV360_SOAK_ROUNDS", "100"))
SEED = int(os.environ.get("TSALV360_SOAK_SEED", "0"))
MAX_KILLS = 4  # in a round
# What is removed before a round: one of five rounds starts from nothing, the others from a partial build.
STARTS = [
    ["frames", "viewports", "captions"],
    ["events", "tracks", "assignments", "dropped", "saliency", "points"],
    ["viewports", "captions", ".captions_cache"],
    ["captions"],
    None,
]
LAST = ["reliability", "sheets", "curation_tasks", "assembled", "dataset", "explorer"]


@pytest.mark.soak
def test_nothing_is_lost_whatever_is_killed_at_any_time(built: Workflow, tmp_path: Path) -> None:
    kills: Counter[str] = Counter()
    for number in range(ROUNDS):
        chance, begun = random.Random(SEED + number), time.monotonic()
        folder = tmp_path / str(number)
        workflow, removed = start(built, folder, STARTS[number % len(STARTS)])
        of_round = [disturb(workflow, chance) for _ in range(chance.randint(1, MAX_KILLS))]
        workflow.build()
        assert checksums(workflow) == checksums(built), f"round {number}: another dataset"
        assert left_behind(folder) == [], f"round {number}"
        assert processes_in(folder) == [], f"round {number}"
        assert files_of(workflow) == files_of(built), f"round {number}: other files"
        kills.update(what for what in of_round if not what.startswith("nothing"))
        seconds = time.monotonic() - begun
        print(f"round {number}: without {removed}; {', '.join(of_round)}; {seconds:.0f} s", flush=True)
        shutil.rmtree(folder)
    print(f"{ROUNDS} rounds, {sum(kills.values())} kills: {dict(kills)}", flush=True)


def start(built: Workflow, folder: Path, removed: list[str] | None) -> tuple[Workflow, str]:
    """Return a workflow in an empty folder, or in a copy of a build without what is `removed`."""
    workflow = Workflow(folder)
    if removed is None:
        folder.mkdir()
        return workflow, "everything"
    shutil.copytree(built.folder, folder, copy_function=shutil.copy2)
    for name in dict.fromkeys([*removed, *LAST]):
        path = workflow.results / name
        shutil.rmtree(path) if path.is_dir() else path.unlink()
    return workflow, " ".join(removed)


def disturb(workflow: Workflow, chance: random.Random) -> str:
    """Start a run and kill something in it at a random moment; returns what was killed."""
    what = chance.choice(["kill -9 of a job", "kill -9 of the run", "kill -9 of all", "SIGTERM to the run", "Ctrl-C"])
    with running(workflow) as run:
        main = psutil.Process(run.process.pid)
        wait_for_jobs(run, chance.randint(1, 6))
        time.sleep(chance.uniform(0, 3))
        if run.process.poll() is not None:
            return "nothing, it had ended"
        jobs = [process for _, process in run.jobs()]
        hit, number = {
            "kill -9 of a job": (jobs[:1], signal.SIGKILL),
            "kill -9 of the run": ([main], signal.SIGKILL),
            "kill -9 of all": ([main, *jobs], signal.SIGKILL),
            "SIGTERM to the run": ([main], signal.SIGTERM),
            "Ctrl-C": ([main, *jobs], signal.SIGINT),
        }[what]
        for process in hit:
            with suppress(psutil.NoSuchProcess):
                process.send_signal(number)
        run.ends()
        assert psutil.wait_procs(jobs, timeout=60)[1] == [], "a job continues without its run"
    unlock(workflow)
    return what if hit else "nothing, between two jobs"


def wait_for_jobs(run: Run, wanted: int) -> None:
    """Wait until a run has started this many jobs, or has ended."""
    seen: set[int] = set()
    while len(seen) < wanted and run.process.poll() is None:
        seen |= {process.pid for _, process in run.jobs()}
        time.sleep(0.05)


def unlock(workflow: Workflow) -> None:
    """Unlock after a kill, as docs/faults.md says, if there is a lock."""
    if any((workflow.folder / ".snakemake" / "locks").glob("*")):
        assert workflow.run("--unlock").returncode == 0


def processes_in(folder: Path) -> list[str]:
    found = []
    for process in psutil.process_iter(["cwd", "cmdline"]):
        if process.info["cwd"] and Path(process.info["cwd"]).is_relative_to(folder):
            found.append(" ".join(process.info["cmdline"]))
    return found


def files_of(workflow: Workflow) -> set[str]:
    return {path.relative_to(workflow.results).as_posix() for path in workflow.results.rglob("*") if path.is_file()}
