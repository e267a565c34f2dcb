"""Reading a published folder against reading the build: files, bytes, the first item, clips per second.

    python benchmarks/published.py results/demo [--clips 400]

Needs the extras `train` and `dev` (Hugging Face's `datasets`), and a build of `snakemake publish`. Clips are read in
random order by one process, from shards (`load_clips`) and from loose files in turn: frames as files, and maps as the
files of `TSV360_gt.tar`, unpacked, which is what a reader of the published layout has. Not a test: times depend on the
machine.
"""

import argparse
import statistics
import subprocess
import sys
import tarfile
import tempfile
import time
from pathlib import Path
from typing import Any

import numpy as np
import torch
from timing import machine

import tsalv360
from tsalv360.media.pictures import read_picture
from tsalv360.training.clips import ClipFiles

FIRST = {
    "load_clips, first clip": "import tsalv360; tsalv360.load_clips({folder!r})[0]",
    "datasets, a caption": (
        "from datasets import load_dataset; load_dataset({folder!r}, cache_dir={cache!r})['train'][0]"
    ),
    "datasets, a map": (
        "from datasets import load_dataset; "
        "load_dataset({folder!r}, 'maps-fold0', split='test', cache_dir={cache!r})[0]['map'].load()"
    ),
    "datasets, a streamed map": (
        "from datasets import load_dataset; "
        "next(iter(load_dataset({folder!r}, 'maps-fold0', split='test', streaming=True)))['map'].load()"
    ),
}


def usage(folder: Path) -> tuple[int, int, int]:
    """Return the number of files of a folder, their bytes, and the bytes of the disk blocks that they take."""
    stats = [path.stat() for path in folder.rglob("*") if path.is_file()]
    return len(stats), sum(one.st_size for one in stats), sum(512 * one.st_blocks for one in stats)


def first_item(code: str, folder: Path) -> float:
    """Return the seconds that a new process takes, imports included."""
    with tempfile.TemporaryDirectory() as cache:
        start = time.perf_counter()
        subprocess.run([sys.executable, "-c", code.format(folder=str(folder), cache=cache)], check=True)
        return time.perf_counter() - start


def read_loose(truth: Path, frames: Path, row: Any) -> tuple[torch.Tensor, torch.Tensor]:
    """Return frames and target of a clip from loose files."""
    files = ClipFiles(truth, frames)
    saliency = read_picture(truth / row.video / row.event_id / f"{row.target_frame:04d}.png", gray=True)
    shown = np.stack([files.picture(row.video, number) for number in row.frames])
    return torch.from_numpy(shown), torch.from_numpy(saliency.astype(np.float32) / np.float32(255))


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("results", type=Path, help="results of a build, such as results/demo")
    parser.add_argument("--clips", type=int, default=400, help="clips read in each round")
    asked = parser.parse_args()
    published, frames = asked.results / "publish", asked.results / "frames"
    print(f"On {machine()}.\n")
    clips = tsalv360.load_clips(published)
    order = np.random.default_rng(0).permutation(len(clips))[: asked.clips].tolist()
    with tempfile.TemporaryDirectory() as folder:
        with tarfile.open(published / "TSV360_gt.tar") as archive:
            archive.extractall(folder, filter="data")
        truth = Path(folder, "TSV360_gt")
        for name, place in (("maps, loose", truth), ("maps, shards", published / "data" / "maps")):
            n, total, blocks = usage(place)
            print(f"{name}: {n} files, {total / 1e6:.1f} MB, {blocks / 1e6:.1f} MB on disk")
        rates: dict[str, list[float]] = {"shards": [], "loose files": []}
        for _ in range(5):
            start = time.process_time()
            for place in order:
                clips[place]
            rates["shards"].append(len(order) / (time.process_time() - start))
            start = time.process_time()
            for place in order:
                read_loose(truth, frames, clips.table.iloc[place])
            rates["loose files"].append(len(order) / (time.process_time() - start))
    for name, found in rates.items():
        print(f"{name}: {statistics.median(found):.1f} clips per CPU second ({min(found):.1f} to {max(found):.1f})")
    ratio = statistics.median(rates["shards"]) / statistics.median(rates["loose files"])
    print(f"shards read {ratio:.2f} times as fast as loose files")
    for name, code in FIRST.items():
        found = [first_item(code, published.absolute()) for _ in range(3)]
        print(f"{name}: {statistics.median(found):.2f} s in a new process")


if __name__ == "__main__":
    main()
