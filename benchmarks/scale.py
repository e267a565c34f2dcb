"""Cost of planning by the number of videos, and overhead of a job.

    python benchmarks/scale.py plan [--videos 200 1000 2000] [--repeats 2]
    python benchmarks/scale.py run [--videos 20] [--grouped]

`plan` plans the real graph for empty media and prints how long a run takes to start its first job, and CPU time, wall
time and peak memory of a dry run (the least of the repeats), a fifth of which is the list of jobs. `run` builds the
fixations of short videos, two cheap jobs each, and prints the time per job and how much of it is the job's process,
according to the benchmark files; with `--grouped` the jobs of ten videos run in one group.
"""

import argparse
import os
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import av
import numpy as np
import pandas as pd
import psutil
import yaml
from timing import machine

ROOT = Path(__file__).resolve().parents[1]
VIDEOS_OF_A_SHARD = 20


def configure(folder: Path, n_videos: int, video: Path, gaze: Path) -> None:
    """Write a config of `n_videos` own videos; the two files of each are links to one video and one gaze table."""
    (folder / "media").mkdir()
    videos = {}
    for k in range(n_videos):
        paths = {"path": f"media/{k:07d}.mp4", "gaze": f"media/{k:07d}.csv"}
        os.link(video, folder / paths["path"])
        os.link(gaze, folder / paths["gaze"])
        videos[f"v{k:07d}"] = paths
    shards = min(10_000, max(4, n_videos // VIDEOS_OF_A_SHARD))
    content = {"sources": [], "videos": videos, "dataset": {"name": "scale"}, "captions": {"shards": shards}}
    (folder / "config.yaml").write_text(yaml.safe_dump(content))


def snakemake(folder: Path, *arguments: str) -> dict[str, float]:
    """Return CPU and wall time in s and peak memory in MB of a run and its child processes."""
    command = [sys.executable, "-m", "snakemake", "--snakefile", str(ROOT / "Snakefile")]
    start = time.monotonic()
    process = subprocess.Popen(
        [*command, *arguments, "--quiet", "all", "--configfile", "config.yaml"],
        cwd=folder,
        env={**os.environ, "PYTHONPATH": str(ROOT)},
        stdout=subprocess.DEVNULL,
    )
    _, status, used = os.wait4(process.pid, 0)
    process.returncode = os.waitstatus_to_exitcode(status)
    assert process.returncode == 0, f"snakemake {' '.join(arguments)} failed"
    return {"cpu": used.ru_utime + used.ru_stime, "wall": time.monotonic() - start, "peak": used.ru_maxrss / 1024}


def first_job(folder: Path) -> float:
    """Return the seconds until a run starts its first job, and end it there."""
    start = time.monotonic()
    command = [sys.executable, "-m", "snakemake", "--snakefile", str(ROOT / "Snakefile")]
    with subprocess.Popen(
        [*command, "--cores", "1", "--configfile", "config.yaml"],
        cwd=folder, env={**os.environ, "PYTHONPATH": str(ROOT)}, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL,
    ) as process:  # fmt: skip
        planner = psutil.Process(process.pid)
        while not (jobs := planner.children(recursive=True)):
            assert process.poll() is None, "snakemake failed"
            time.sleep(0.1)
        taken = time.monotonic() - start
        process.kill()
        for job in jobs:
            job.kill()
    return taken


def plan(numbers: list[int], repeats: int) -> None:
    print(
        "| videos | first job after, s | CPU, s | wall, s | peak memory, MB |\n|---:|---:|---:|---:|---:|", flush=True
    )
    for n_videos in numbers:
        with tempfile.TemporaryDirectory() as temporary:
            folder = Path(temporary)
            for name in ("video", "gaze"):
                (folder / name).touch()
            configure(folder, n_videos, folder / "video", folder / "gaze")
            runs = [snakemake(folder, "--dry-run") for _ in range(repeats)]
            first = first_job(folder)
        least = {key: min(run[key] for run in runs) for key in runs[0]}
        print(
            f"| {n_videos} | {first:.1f} | {least['cpu']:.1f} | {least['wall']:.1f} | {least['peak']:.0f} |", flush=True
        )


def run(n_videos: int, grouped: bool) -> None:
    with tempfile.TemporaryDirectory() as temporary:
        folder = Path(temporary)
        draw(folder / "video.mp4")
        time_s = np.arange(0, 1, 1 / 60)
        gaze = pd.DataFrame({"observer": "p1", "time_s": time_s, "yaw_deg": 10.0, "pitch_deg": 0.0})
        gaze.to_csv(folder / "gaze.csv", index=False)
        configure(folder, n_videos, folder / "video.mp4", folder / "gaze.csv")
        targets = [f"results/scale/fixations/v{k:07d}.parquet" for k in range(n_videos)]
        groups = ["--groups", "index=g", "fixations=g", "--group-components", "g=10"] if grouped else []
        cores = os.cpu_count() or 1
        spent = snakemake(folder, *targets, "--cores", str(cores), *groups)
        files = list((folder / "results" / "scale" / "benchmarks").rglob("*.tsv"))
        scripts = sum(float(pd.read_csv(file, sep="\t").s[0]) for file in files)
    of_job = spent["wall"] * cores / len(files)
    how = "ten videos per group" if grouped else "one by one"
    print(
        f"{len(files)} jobs on {cores} cores, {how}: {spent['wall']:.0f} s; a job takes {of_job:.2f} core seconds, ",
        end="",
    )
    print(f"of which its process takes {scripts / len(files):.2f} s; peak memory {spent['peak']:.0f} MB")


def draw(path: Path) -> None:
    """Write one second of a gray video."""
    with av.open(path, "w") as container:
        stream = container.add_stream("libx264", rate=30)
        stream.width, stream.height, stream.pix_fmt = 128, 64, "yuv420p"
        for _ in range(30):
            picture = np.full((64, 128, 3), 128, dtype=np.uint8)
            container.mux(stream.encode(av.VideoFrame.from_ndarray(picture, format="rgb24")))
        container.mux(stream.encode(None))


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("what", choices=["plan", "run"])
    parser.add_argument("--videos", type=int, nargs="+")
    parser.add_argument("--repeats", type=int, default=2)
    parser.add_argument("--grouped", action="store_true")
    asked = parser.parse_args()
    print(machine(), flush=True)
    if asked.what == "plan":
        plan(asked.videos or [200, 1000, 2000], asked.repeats)
    else:
        for n_videos in asked.videos or [20]:
            run(n_videos, asked.grouped)


if __name__ == "__main__":
    main()
