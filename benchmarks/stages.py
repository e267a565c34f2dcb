"""CPU time and peak memory of every stage for a real video at 4K, beside what decoding it alone takes.

    TSALV360_REAL_DATA=FOLDER python benchmarks/stages.py [--seconds 60] [--folder FOLDER]

The video is the street of the real data, looped and enlarged to 3840×1920; the gaze is that of 33 observers of
VR-EyeTracking 014, looped likewise. Default settings, one job at a time. Takes some minutes.
"""

import argparse
import os
import tempfile
import time
from fractions import Fraction
from itertools import cycle, islice
from pathlib import Path

import av
import pandas as pd
from memory import run
from timing import machine

from tsalv360.media.video import probe
from tsalv360.sources import read_vr_eyetracking

DATA = Path(os.environ["TSALV360_REAL_DATA"])
SIZE = 3840, 1920  # width and height
RATE = Fraction(30000, 1001)


def enlarge(path: Path, seconds: float) -> None:
    """Write the street, again and again, at 4K."""
    with av.open(DATA / "videos" / "overpass-clip.mp4") as source:
        pictures = [frame.reformat(*SIZE, format="yuv420p") for frame in source.decode(video=0)]
    with av.open(path, "w") as container:
        stream = container.add_stream("libx264", rate=RATE, options={"preset": "veryfast", "crf": "20"})
        stream.width, stream.height, stream.pix_fmt = *SIZE, "yuv420p"
        for i, picture in enumerate(islice(cycle(pictures), round(seconds * RATE))):
            picture.pts, picture.time_base = i, 1 / RATE
            container.mux(stream.encode(picture))
        container.mux(stream.encode(None))


def loop_gaze(path: Path, seconds: float) -> int:
    """Write the gaze, again and again; return the number of observers."""
    gaze = read_vr_eyetracking(DATA / "vr_eyetracking" / "Gaze_txt_files", "014", float(RATE))
    length = gaze.time_s.max() + 1 / float(RATE)
    times = range(int(seconds // length) + 1)
    looped = pd.concat([gaze.assign(time_s=gaze.time_s + k * length) for k in times])
    looped = looped[looped.time_s < seconds].sort_values(["observer", "time_s"])
    looped[["observer", "time_s", "yaw_deg", "pitch_deg"]].to_csv(path, index=False)
    return gaze.observer.nunique()


def decoding(path: Path) -> float:
    """Return the CPU time in s of decoding a video on one thread."""
    start = time.process_time()
    with av.open(path) as container:
        container.streams.video[0].codec_context.thread_count = 1
        for _ in container.decode(video=0):
            pass
    return time.process_time() - start


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--seconds", type=float, default=60)
    parser.add_argument("--folder", type=Path, help="keep the results here")
    arguments = parser.parse_args()
    with tempfile.TemporaryDirectory() as temporary:
        folder = (arguments.folder or Path(temporary, "street")).absolute()
        folder.mkdir(parents=True)
        enlarge(folder / "street.mp4", arguments.seconds)
        n_observers = loop_gaze(folder / "gaze.csv", arguments.seconds)
        info, alone = probe(folder / "street.mp4"), decoding(folder / "street.mp4")
        config = {
            "sources": [],
            "videos": {"street": {"path": "street.mp4", "gaze": "gaze.csv", "source": "street"}},
            "dataset": {"name": "street", "folds": 1},
        }
        found = run(folder, config)
    print(f"On {machine()}: {info.duration_s:.1f} s at {info.width}×{info.height}, {n_observers} observers.\n")
    print("| stage | CPU time, s | × decoding alone | peak memory, GB |\n|---|---:|---:|---:|")
    print(f"| decoding alone | {alone:.1f} | 1 | |")
    for stage, (peak, spent) in found.items():
        print(f"| `{stage}` | {spent:.1f} | {spent / alone:.2f} | {peak:.2f} |")
    total = sum(spent for _, spent in found.values())
    print(f"| all | {total:.1f} | {total / alone:.2f} | {max(peak for peak, _ in found.values()):.2f} |")


if __name__ == "__main__":
    main()
