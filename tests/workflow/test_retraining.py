"""A finished model is never lost: it stays until a new one is complete, and a plan that trains again says so first."""

import os
import re
import subprocess
import sys
from pathlib import Path

import psutil
import pytest
from running import Workflow
from workflow.killing import Run, left_behind, running

from tsalv360.job.files import sha256

pytestmark = pytest.mark.slow

TARGETS = ("train", "evaluate")


def made(workflow: Workflow) -> dict[str, str]:
    """Checksums of models and evaluations."""
    files = [path for folder in ("models", "evaluation") for path in (workflow.results / folder).rglob("*.*")]
    return {str(path.relative_to(workflow.results)): sha256(path) for path in files}


def longer(workflow: Workflow) -> Workflow:
    """Training that continues until it is killed, with a running checkpoint after each step."""
    return workflow.with_config(train={"epochs": 500}, compute={"keep_every_s": 0})


def wait_for_training(run: Run) -> None:
    """Wait until the first running checkpoint exists."""
    run.wait_for(lambda: (run.workflow.results / "training" / "default" / "fold0" / "state.pt").exists())


def test_a_plan_says_which_model_it_trains_again_and_why(trained: Workflow, capsys: pytest.CaptureFixture[str]) -> None:
    def announced(**change: object) -> str:
        trained.with_config(**change).planned(*TARGETS)
        return capsys.readouterr().err

    assert trained.planned(*TARGETS) == {} and announced() == ""
    output = trained.with_config(train={"epochs": 3, "seed": 4}).run("-n", *TARGETS).stdout
    line = (
        "results/tiny/models/default/fold0/best.pt will be trained again (epochs: 2 → 3, seed: 0 → 4). It stays until "
        "the new model is complete; to keep both, give this run another name (train.name)."
    )
    assert output.count(line) == 1 and output.index(line) < output.index("Training the model of fold 0")
    assert "(its training data change)" in announced(saliency={"sigma_deg": 4})
    for change in ({"curation": {"port": 9191}}, {"compute": {"cores": 1, "processes": 1}}, {"train": {"name": "new"}}):
        assert announced(**change) == ""


def test_whatever_ends_a_training_the_existing_model_stays(trained_copy: Workflow) -> None:
    """The training, the run, or both are killed: each time the old model is complete and known as old."""
    before, again = made(trained_copy), longer(trained_copy)
    for killed in ("the training", "the run", "both"):
        (trained_copy.results / "training" / "default" / "fold0" / "state.pt").unlink(missing_ok=True)
        with running(again, *TARGETS) as run:
            wait_for_training(run)
            processes = psutil.Process(run.process.pid).children(recursive=True)
            if killed != "the run":
                for process in processes:
                    process.kill()
            if killed != "the training":
                run.kill()
            else:
                assert run.ends() != 0
            assert psutil.wait_procs(processes, timeout=60)[1] == [], "a process continues without its run"
        assert made(trained_copy) == before, killed
        trained_copy.run("--unlock")
        assert trained_copy.planned(*TARGETS) == {}, killed  # the old settings again: the model is theirs
        assert set(again.planned(*TARGETS)) >= {"train_fold", "evaluate_fold", "evaluate"}, killed
    assert left_behind(trained_copy.folder) == []


def test_a_training_that_fails_leaves_the_model_and_the_next_run_trains(trained_copy: Workflow) -> None:
    before = made(trained_copy)
    broken = trained_copy.with_config(train={"learning_rate": 1e30, "clip_norm": 1e30})
    done = broken.run("--cores", "2", *TARGETS)
    assert done.returncode != 0 and "a loss that is not finite" in done.stdout
    assert made(trained_copy) == before
    assert set(broken.planned(*TARGETS)) >= {"train_fold"}
    assert trained_copy.planned(*TARGETS) == {}


def test_a_run_under_another_name_keeps_the_first_model(trained_copy: Workflow) -> None:
    before = made(trained_copy)
    named = trained_copy.with_config(train={"name": "one-epoch", "epochs": 1})
    assert set(named.planned(*TARGETS)) == {"train_fold", "evaluate_fold", "evaluate"}
    named.build(*TARGETS)
    after = made(trained_copy)
    assert {name: after[name] for name in before} == before
    both = [str(trained_copy.results / "evaluation" / name) for name in ("default", "one-epoch")]
    output = subprocess.run(
        [sys.executable, "-m", "tsalv360.cli", "evaluate", "compare", *both], capture_output=True, text=True, check=True
    ).stdout
    assert re.search(r"^cc +\d+ +\d+", output, re.MULTILINE)
    assert named.planned(*TARGETS) == trained_copy.planned(*TARGETS) == {}


def test_a_failed_job_leaves_its_old_outputs_and_they_are_known_as_old(copy: Workflow) -> None:
    fixations = copy.results / "fixations" / "001.parquet"
    events, whole = copy.results / "events" / "001.parquet", fixations.read_bytes()
    before, stat = sha256(events), fixations.stat()
    other = copy.with_config(events={"min_share": 0.2})
    fixations.write_bytes(whole[:100])
    assert other.run("--cores", "1", "results/tiny/events/001.parquet").returncode != 0
    assert sha256(events) == before
    fixations.write_bytes(whole)
    os.utime(fixations, ns=(stat.st_atime_ns, stat.st_mtime_ns))
    assert copy.planned() == {}
    assert other.planned()["events"] == 2
    assert Path(copy.results, "records").is_dir()
