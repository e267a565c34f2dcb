"""The SLURM profile on a real SLURM of one node, and what can happen to jobs there."""

import re
import shutil
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from subprocess import CompletedProcess

import pytest
from running import ROOT, Workflow
from workflow.slurm import Cluster, cluster, until, why_not

MISSING = why_not()
pytestmark = [pytest.mark.slow, pytest.mark.skipif(bool(MISSING), reason=MISSING)]

SHEET = "results/tiny/sheets/001.jpg"


@pytest.fixture(scope="module")
def slurm(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Cluster]:
    with cluster(tmp_path_factory.mktemp("slurm")) as running:
        yield running


@pytest.fixture
def without_sheet(copy: Workflow) -> Workflow:
    """The tiny dataset, in which one short job remains."""
    (copy.folder / SHEET).unlink()
    return copy


def run(slurm: Cluster, workflow: Workflow, *arguments: str) -> CompletedProcess[str]:
    """Run with the profile. There is no accounting database here, and jobs are short."""
    options = ["--slurm-status-command", "squeue", "--slurm-init-seconds-before-status-checks", "1", "--cores", "2"]
    elsewhere = replace(workflow, before=slurm.inside(workflow.folder))
    return elsewhere.run("--workflow-profile", str(ROOT / "profiles" / "slurm"), *options, *arguments)


def wait_for_job(slurm: Cluster, state: str) -> str:
    until(lambda: slurm.jobs(state))
    return slurm.jobs(state)[0]


def test_a_video_built_through_slurm_gives_the_dataset_of_a_local_build(
    slurm: Cluster, built: Workflow, copy: Workflow
) -> None:
    of_video = [path for path in copy.folder.rglob("001*") if path.name.split(".")[0] == "001"]  # not frame 0010
    for path in of_video:
        shutil.rmtree(path) if path.is_dir() else path.unlink(missing_ok=True)
    assert sum(copy.planned().values()) == 16
    before = set(slurm.jobs())
    done = run(slurm, copy)
    assert done.returncode == 0, done.stdout
    sums = [(workflow.results / "dataset" / "SHA256SUMS").read_text() for workflow in (copy, built)]
    assert sums[0] == sums[1]
    assert "Nothing to be done" in copy.run("-n").stdout
    # the video's stages, its captions, its parts of the dataset, and the whole
    assert len(set(slurm.jobs()) - before) == len(set(slurm.jobs("completed")) - before) == 4


def cancel(slurm: Cluster, job: str) -> str:
    slurm.run("scancel", job)
    return r"\*\*\*"


def run_out_of_time(slurm: Cluster, job: str) -> str:
    slurm.run("scancel", "--full", "--signal=STOP", job)  # it hangs
    slurm.run("scontrol", "update", f"JobId={job}", "EndTime=now")  # limits are whole minutes
    return "DUE TO TIME LIMIT"


@pytest.mark.parametrize("end", [cancel, run_out_of_time])
def test_a_job_that_slurm_ends_is_reported_and_a_rerun_completes_it(
    slurm: Cluster, without_sheet: Workflow, end: Callable[[Cluster, str], str]
) -> None:
    with ThreadPoolExecutor() as pool:
        running = pool.submit(run, slurm, without_sheet, SHEET, "--retries", "0")
        job = wait_for_job(slurm, "running")
        reason = end(slurm, job)
    done = running.result()
    assert done.returncode == 1
    assert re.search(rf"JOB {job} ON {slurm.node} CANCELLED AT \S+ {reason}", done.stdout), done.stdout
    assert not (without_sheet.folder / SHEET).exists()
    assert run(slurm, without_sheet, SHEET).returncode == 0
    assert (without_sheet.folder / SHEET).exists()


def test_a_job_waits_for_a_drained_node_and_gets_the_gpu_it_requests(slurm: Cluster, without_sheet: Workflow) -> None:
    with ThreadPoolExecutor() as pool:
        slurm.run("scontrol", "update", f"NodeName={slurm.node}", "State=DRAIN", "Reason=test")
        try:
            running = pool.submit(run, slurm, without_sheet, SHEET, "--set-resources", "sheets:gpu=1")
            job = wait_for_job(slurm, "pending")
            assert "gpu:1" in slurm.run("squeue", "--jobs", job, "--noheader", "--Format=tres-per-job")
            until(lambda: "DRAINED" in slurm.run("squeue", "--jobs", job, "--noheader", "--format=%r"))
        finally:
            slurm.run("scontrol", "update", f"NodeName={slurm.node}", "State=RESUME")
    done = running.result()
    assert done.returncode == 0, done.stdout
    assert (without_sheet.folder / SHEET).exists()
