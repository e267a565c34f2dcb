"""Peak memory of every stage on a short and a long 4K video, in the real workflow.

    python benchmarks/memory.py [--seconds 15 60] [--observers 30] [--folder FOLDER]

Draws videos of 3840×1920 at 30 fps and simulates observers who follow two places, builds a dataset of each video with
the default settings and the maps of all observers, one job at a time, and prints the peak resident memory of the
process of each job. Takes some minutes.
"""

import argparse
import os
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import Any

import av
import cv2
import numpy as np
import pandas as pd
import yaml
from frames import texture
from timing import machine

SIZE, FPS = (1920, 3840), 30  # height and width
ROOT = Path(__file__).resolve().parents[1]
LIMIT_GB = 1.5

# Python imports sitecustomize first. VmHWM is that of this program alone; ru_maxrss includes its parent at the fork
AT_EXIT = """
import atexit, os, re, sys

def note():
    if ".snakemake" in sys.argv[0]:
        peak = re.search(r"VmHWM:\\s+(\\d+) kB", open("/proc/self/status").read())[1]
        with open(os.environ["PEAKS"], "a") as file:
            file.write(f"{sys.argv[0].split('.')[-2]} {peak}\\n")

atexit.register(note)
"""


def draw(path: Path, seconds: float) -> None:
    """Draw a rotating panorama, with two discs that move more slowly."""
    panorama = texture(np.random.default_rng(0), *SIZE)
    with av.open(path, "w") as container:
        stream = container.add_stream("libx264", rate=FPS, options={"preset": "ultrafast", "bf": "3", "refs": "4"})
        stream.height, stream.width, stream.pix_fmt = *SIZE, "yuv420p"
        for i in range(round(seconds * FPS)):
            picture = np.roll(panorama, 4 * i, axis=1)
            for yaw, pitch in places(np.array([i / FPS]))[:, 0]:
                centre = round((yaw / 360 + 0.5) * SIZE[1]), round((0.5 - pitch / 180) * SIZE[0])
                cv2.circle(picture, centre, 120, (220, 90, 40), -1)
            container.mux(stream.encode(av.VideoFrame.from_ndarray(picture, format="rgb24")))
        container.mux(stream.encode(None))


def places(time_s: np.ndarray) -> np.ndarray:
    """Return yaw and pitch [2, n, 2] in degrees of the two places at times [n]."""
    first = -60 + 20 * np.sin(time_s / 5), 10 * np.cos(time_s / 4)
    second = 70 + 25 * np.sin(time_s / 7), -20 + 0 * time_s
    return np.stack([np.stack(place, axis=-1) for place in (first, second)])


def simulate(path: Path, seconds: float, observers: int) -> None:
    """Write gaze at 60 Hz: each observer follows one place for 1 to 4 s, then the same or the other one."""
    rng, tables = np.random.default_rng(0), []
    time = np.arange(0, seconds, 1 / 60)
    for observer in range(observers):
        changes = np.cumsum(rng.uniform(1, 4, int(seconds) + 1))
        which = rng.integers(0, 2, len(changes) + 1)[np.searchsorted(changes, time)]
        yaw, pitch = (
            places(time)[which, np.arange(len(time))] + rng.normal(0, 1, 2) + rng.normal(0, 0.1, (len(time), 2))
        ).T
        tables.append(pd.DataFrame({"observer": f"p{observer}", "time_s": time, "yaw_deg": yaw, "pitch_deg": pitch}))
    pd.concat(tables).to_csv(path, index=False)


def peaks(folder: Path, seconds: float, observers: int) -> dict[str, float]:
    """Return the peak memory in GB of each stage, in the order in which they ran."""
    folder.mkdir(parents=True)
    draw(folder / "video.mp4", seconds)
    simulate(folder / "gaze.csv", seconds, observers)
    config = {
        "sources": [],
        "videos": {"drawn": {"path": "video.mp4", "gaze": "gaze.csv", "source": "drawn"}},
        "dataset": {"name": "memory", "folds": 1},
        "saliency": {"all_observers": True},
    }
    return {stage: peak for stage, (peak, _) in run(folder, config).items()}


def run(folder: Path, config: dict[str, Any]) -> dict[str, tuple[float, float]]:
    """Build a dataset in `folder`, one job at a time; return each stage's peak memory in GB and CPU time in s."""
    (folder / "config.yaml").write_text(yaml.safe_dump(config))
    (folder / "sitecustomize.py").write_text(AT_EXIT)
    command = [sys.executable, "-m", "snakemake", "--snakefile", str(ROOT / "Snakefile"), "--cores", "1"]
    environment = {**os.environ, "PEAKS": str(folder / "peaks"), "PYTHONPATH": f"{folder}{os.pathsep}{ROOT}"}
    subprocess.run([*command, "--configfile", "config.yaml", "--quiet", "all"], cwd=folder, env=environment, check=True)
    found: dict[str, tuple[float, float]] = {}
    for line in (folder / "peaks").read_text().splitlines():
        stage, kilobytes, spent = line.split()
        peak, before = found.get(stage, (0.0, 0.0))
        found[stage] = max(peak, int(kilobytes) / 1e6), before + float(spent)
    return found


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--seconds", type=float, nargs="+", default=[15, 60])
    parser.add_argument("--observers", type=int, default=30)
    parser.add_argument("--folder", type=Path, help="keep the results here")
    arguments = parser.parse_args()
    print(machine())
    with tempfile.TemporaryDirectory() as temporary:
        base = (arguments.folder or Path(temporary)).absolute()
        found = {s: peaks(base / f"{s:g}", s, arguments.observers) for s in arguments.seconds}
    print(f"| stage | {' | '.join(f'{s:g} s, GB' for s in found)} |\n|---|{'---|' * len(found)}")
    for stage in next(iter(found.values())):
        print(f"| `{stage}` | {' | '.join(f'{one[stage]:.2f}' for one in found.values())} |")
    above = {stage for one in found.values() for stage, peak in one.items() if peak > LIMIT_GB}
    print(f"above {LIMIT_GB} GB: {', '.join(sorted(above)) or 'none'}")


if __name__ == "__main__":
    main()
