"""Whatever is killed, full, damaged or replaced: a rerun gives the dataset of an undisturbed run and loses no work."""

import os
import re
import resource
import shutil
import signal
import subprocess
from collections.abc import Callable
from pathlib import Path

import psutil
import pytest
from running import Workflow
from workflow.killing import checksums, left_behind, running, stamps

from tsalv360.job.files import read_json, sha256

pytestmark = pytest.mark.slow

VIDEOS = ["001", "002"]
SHARDS = ["0003", "0001"]  # of these videos
# Outputs of stages, in the order in which the stages run.
STAGES = {
    "frames": ["frames"],
    "events": ["events", "tracks", "assignments", "dropped"],
    "viewports": ["viewports"],
    "captions": ["captions"],
    "assemble": ["assembled"],
}
REST = ["reliability", "sheets", "curation_tasks", "dataset", "explorer"]


def remove(workflow: Workflow, *names: str) -> None:
    for name in names:
        path = workflow.results / name
        shutil.rmtree(path) if path.is_dir() else path.unlink()


def test_kills_of_jobs_and_of_the_run_at_every_stage_lose_nothing(copy: Workflow, built: Workflow) -> None:
    """At each stage the job of one video is killed, then the run while it works on the other video."""
    made = [name for names in STAGES.values() for name in names]
    remove(copy, ".captions_cache", "saliency", "points", *made, *REST)
    done: dict[str, tuple[int, int]] = {}
    finished: list[str] = []
    for stage, names in STAGES.items():
        with running(copy, "--until", stage) as run:
            jobs = run.stop_jobs(stage, SHARDS if stage == "captions" else VIDEOS)
            first, second = jobs
            jobs[first].kill()
            run.wait_for(lambda stage=stage, run=run: f"Error in rule {stage}" in run.output)
            run.kill()
            jobs[second].resume()
            assert psutil.wait_procs([jobs[second]], timeout=60)[0], "a job continues without its run"
        assert first in run.output
        assert copy.run("--unlock").returncode == 0
        done |= stamps(copy, finished)
        finished += names
    copy.build()
    assert {name: stamp for name, stamp in stamps(copy, made).items() if name in done} == done
    assert checksums(copy) == checksums(built)
    for name in ("index.html", "videos/001.html", "videos/002.mp4", "videos/002.mp4.js"):
        assert (copy.results / "explorer" / name).read_bytes() == (built.results / "explorer" / name).read_bytes()
    assert left_behind(copy.folder) == []


def test_a_second_run_is_refused_and_a_terminated_one_finishes_its_jobs(copy: Workflow, built: Workflow) -> None:
    remove(copy, "sheets", "dataset", "explorer")
    with running(copy) as run:
        jobs = run.stop_jobs("sheets", VIDEOS)
        second = copy.run("--cores", "1")
        assert second.returncode != 0
        assert "Please make sure that no other Snakemake process is trying to create the same files" in second.stdout
        run.process.send_signal(signal.SIGTERM)
        for job in jobs.values():
            job.resume()
        run.ends()
    assert left_behind(copy.folder) == []
    sheets = stamps(copy, ["sheets"])
    assert len(sheets) == 2
    copy.build()
    assert stamps(copy, ["sheets"]) == sheets
    assert checksums(copy) == checksums(built)


def test_a_full_disk_is_named_and_with_more_space_the_run_continues(
    copy: Workflow, built: Workflow, mount: Callable[[str], Path]
) -> None:
    remove(copy, *REST)
    results = copy.folder / "results"
    used = int(subprocess.run(["du", "-sk", results], capture_output=True, text=True, check=True).stdout.split()[0])
    disk = mount(f"size={used + 60}k")
    shutil.copytree(results, disk, copy_function=shutil.copy2, dirs_exist_ok=True)
    shutil.rmtree(results)
    results.symlink_to(disk)
    full = copy.run("--cores", "2")
    assert full.returncode != 0
    assert "Error in rule sheets" in full.stdout
    assert "No space left on device" in full.stdout
    assert left_behind(copy.folder) == left_behind(disk) == []
    subprocess.run(["mount", "-o", "remount,size=100m", disk], check=True)
    copy.build()
    assert checksums(copy) == checksums(built)


def test_a_read_only_folder_is_refused_before_anything_runs(fresh: Workflow, mount: Callable[[str], Path]) -> None:
    done = fresh.with_config(results=str(mount("ro"))).run("--cores", "2")
    assert done.returncode != 0
    assert "found a read-only folder; expected a writable folder" in done.stdout
    assert "Traceback" not in done.stdout


def test_damaged_files_are_named_and_made_again_by_the_printed_command(copy: Workflow, built: Workflow) -> None:
    """A truncated table, map, video and JSON, as after a power failure: their times are unchanged."""
    remove(copy, "assembled", *REST)
    results = Path("results", "tiny")
    damaged = {
        results / "assignments" / "001.parquet": results / "assignments" / "001.parquet",
        results / "saliency" / "002.parquet": results / "saliency" / "002.parquet",
        results / "viewports" / "001" / "001_1.mp4": results / "viewports" / "001",
        results / "captions" / "shards" / "0003.json": results / "captions" / "shards" / "0003.json",
    }
    for path in damaged:
        cut(copy.folder / path)
    done = copy.run("--cores", "2")
    assert done.returncode != 0
    for path in damaged:
        assert re.search(rf"error: {path}: found (no readable|a truncated) ", done.stdout), done.stdout
    commands = set(re.findall(r"To make it again, run snakemake after:  (.+)", done.stdout))
    assert commands == {f"rm -r {path}" for path in damaged.values()}
    assert stamps(copy, ["assembled", "dataset"]) == {}
    for command in commands:
        subprocess.run(command, shell=True, cwd=copy.folder, check=True)
    copy.build()
    assert checksums(copy) == checksums(built)


def cut(path: Path) -> None:
    """Remove the second half of a file and keep its time."""
    time = path.stat().st_mtime_ns
    os.truncate(path, path.stat().st_size // 2)
    os.utime(path, ns=(time, time))


def test_a_video_that_an_older_file_replaces_is_noticed(built: Workflow, fresh: Workflow) -> None:
    """It is older than everything made from the first one, as after `cp -p` or an unpacked archive."""
    demo = built.folder / "data" / "tiny"
    gaze = {"gaze": str(demo / "Gaze_txt_files"), "gaze_format": "vr_eyetracking"}
    videos = {}
    for name, number in (("one", "001"), ("two", "002")):
        path = shutil.copy(demo / "videos" / f"{number}.mp4", fresh.folder / f"{name}.mp4")
        videos[name] = {"path": str(path), "gaze_id": number, **gaze}
    own = fresh.with_config(sources=[], videos=videos, dataset={"name": "own"})
    frames = "results/own/frames/one"
    own.build(frames)
    shutil.copy(demo / "videos" / "002.mp4", fresh.folder / "one.mp4")
    os.utime(fresh.folder / "one.mp4", (1e9, 1e9))
    assert own.planned(frames) == {"index": 1, "frames": 1}
    own.build(frames)
    assert read_json(fresh.folder / "results/own/videos/one.json")["sha256"] == sha256(demo / "videos" / "002.mp4")
    name = min(path.name for path in (fresh.folder / frames).glob("*.jpg"))
    assert (fresh.folder / frames / name).read_bytes() == (built.results / "frames/002" / name).read_bytes()


def test_a_job_that_runs_out_of_memory_is_named_and_the_others_continue(copy: Workflow, built: Workflow) -> None:
    remove(copy, "sheets", "dataset", "explorer")
    with running(copy) as run:
        job = run.stop_jobs("sheets", ["001"])["001"]
        size = job.memory_info().vms
        resource.prlimit(job.pid, resource.RLIMIT_AS, (size, size))
        job.resume()
        assert run.ends() != 0
    assert "Error in rule sheets" in run.output
    assert "logs/sheets/001.log" in run.output
    assert not (copy.results / "sheets" / "001.jpg").exists()
    assert (copy.results / "sheets" / "002.jpg").exists() and (copy.results / "dataset").exists()
    copy.build()
    assert checksums(copy) == checksums(built)
    assert left_behind(copy.folder) == []
