"""Events on real gaze, where nobody knows the truth: what repeats with other observers, and what chance gives.

    python benchmarks/real_events.py GAZE [--splits 10] [--method clusters] [--json FILE]

`GAZE` is a folder of raw VR-EyeTracking gaze (p001, p002, …); all of its videos are used. For each video and split:

- halves: F1 between the events of two random halves of the observers (matched one to one: temporal intersection over
  union ≥ 0.5, median angle ≤ 10°), and the number of events of a half;
- held-out gaze: the share of a half's gaze within 10° of an event of the other half, while there is one;
- surrogates, per event of all observers: observers turned by a yaw of their own, which keeps how each looks around and
  loses the preference of the front; turned by a yaw of σ 30° and shifted in time, which is the chance level that the
  stage assumes; and observers of the other videos, shifted in time and half of them mirrored.

Intervals are of the mean over splits (±1.96 standard errors); few videos are a small sample however many splits there
are. Uses all cores. Not a test.
"""

import argparse
import json
import os
import time
import warnings
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass
from functools import cache, partial
from pathlib import Path

import numpy as np
import pandas as pd
from timing import machine

from tsalv360.contracts.gaze_grid import sample_gaze
from tsalv360.contracts.grid import frame_numbers
from tsalv360.events import DetectedEvents, EventSettings, detect_events
from tsalv360.fixations import FixationSettings, find_fixations
from tsalv360.job.log import progress
from tsalv360.metrics.events import Track, match_events
from tsalv360.sources import read_vr_eyetracking
from tsalv360.sources.vr_eyetracking import gaze_files
from tsalv360.sphere.directions import to_vectors, vector_angle

NEAR_DEG = 10.0
FRAME_S = json.loads(
    (Path(__file__).parents[1] / "tsalv360/sources/data/vreyetracking_frame_duration_s.json").read_text("utf-8")
)
SURROGATES = ("turned", "blurred", "other videos")


@dataclass(frozen=True)
class Gaze:
    """The fixations of a video, its rate, and its kept frames."""

    fixations: pd.DataFrame
    fps: float
    frames: list[int]

    @property
    def end_s(self) -> float:
        return float((self.fixations.time_s + self.fixations.duration_s).max())


@cache
def read(folder: Path, video: str) -> Gaze:
    fps = 1 / FRAME_S[video]
    samples = read_vr_eyetracking(folder, video, fps)
    fixations = find_fixations(samples, FixationSettings())
    return Gaze(fixations, fps, frame_numbers(fps, int(samples.frame.max()) + 1, skip_first=20))


def detect(gaze: Gaze, fixations: pd.DataFrame, settings: EventSettings) -> DetectedEvents:
    warnings.filterwarnings("ignore", category=DeprecationWarning)
    return detect_events(fixations.reset_index(drop=True), "v", gaze.fps, settings, gaze.frames)


def tracks(found: DetectedEvents) -> list[Track]:
    return [Track.of(rows) for _, rows in found.tracks.groupby("event_id", sort=False)]


def turned(gaze: Gaze, rng: np.random.Generator, sigma_deg: float | None) -> pd.DataFrame:
    """Each observer turned by an own yaw: any, or of `sigma_deg` and then also shifted in time, around the end."""
    parts = []
    for _, rows in gaze.fixations.groupby("observer"):
        yaw = rng.uniform(0, 360) if sigma_deg is None else rng.normal(0, sigma_deg)
        shift = 0.0 if sigma_deg is None else rng.uniform(0, gaze.end_s)
        parts.append(
            rows.assign(yaw_deg=(rows.yaw_deg + yaw + 180) % 360 - 180, time_s=(rows.time_s + shift) % gaze.end_s)
        )
    return pd.concat(parts)


def of_other_videos(folder: Path, videos: list[str], video: str, rng: np.random.Generator) -> pd.DataFrame:
    """As many observers as the video has, from all others in turn, shifted in time, every other one mirrored."""
    gaze = read(folder, video)
    others, parts = rng.permutation([other for other in videos if other != video]), []
    for k in range(gaze.fixations.observer.nunique()):
        other = read(folder, str(others[k % len(others)]))
        observer = rng.choice(other.fixations.observer.unique())
        rows = other.fixations[other.fixations.observer == observer]
        rows = rows.assign(time_s=(rows.time_s + rng.uniform(0, other.end_s)) % other.end_s, observer=f"q{k:03d}")
        rows = rows.assign(yaw_deg=rows.yaw_deg * (1 if k % 2 else -1))
        repeats = int(np.ceil(gaze.end_s / other.end_s))
        rows = pd.concat([rows.assign(time_s=rows.time_s + n * other.end_s) for n in range(repeats)])
        parts.append(rows[rows.time_s < gaze.end_s])
    return pd.concat(parts)


def on_events(found: list[Track], gaze: Gaze, fixations: pd.DataFrame) -> tuple[int, int]:
    """Return how much gaze there is while there are events, and how much of it lies within 10° of one, in frames."""
    number = {frame / gaze.fps: k for k, frame in enumerate(gaze.frames)}
    grid = sample_gaze(fixations.reset_index(drop=True), np.array(gaze.frames) / gaze.fps)
    nearest = np.full(grid.present.shape, np.inf)
    alive = np.zeros(len(gaze.frames), bool)
    for track in found:
        rows = [number[t] for t in track.time_s]
        alive[rows] = True
        away = vector_angle(grid.vectors[rows], to_vectors(track.yaw_deg, track.pitch_deg)[:, None])
        nearest[rows] = np.fmin(nearest[rows], away)
    looked = grid.present & alive[:, None]
    return int(looked.sum()), int((looked & (nearest <= NEAR_DEG)).sum())


def run(folder: Path, videos: list[str], settings: EventSettings, job: tuple[str, int]) -> dict[str, float]:
    video, split = job
    gaze, rng = read(folder, video), np.random.default_rng([split, videos.index(video)])
    start = time.process_time()
    whole = detect(gaze, gaze.fixations, settings)
    row: dict[str, float] = {"cpu_s": time.process_time() - start, "events": len(whole.events)}
    surrogates = turned(gaze, rng, None), turned(gaze, rng, 30.0)
    for name, fixations in zip(SURROGATES, surrogates, strict=False):
        row[name] = len(detect(gaze, fixations, settings).events)
    if len(videos) > 1:
        row[SURROGATES[2]] = len(detect(gaze, of_other_videos(folder, videos, video, rng), settings).events)
    observers = rng.permutation(gaze.fixations.observer.unique())
    first = gaze.fixations.observer.isin(observers[: len(observers) // 2])
    halves = gaze.fixations[first], gaze.fixations[~first]
    a, b = (tracks(detect(gaze, half, settings)) for half in halves)
    row["matched"], row["of halves"] = len(match_events(a, b)), len(a) + len(b)
    counts = np.array([on_events(a, gaze, halves[1]), on_events(b, gaze, halves[0])]).sum(axis=0)
    return row | {"gaze": int(counts[0]), "near": int(counts[1])}


def interval(values: np.ndarray, digits: int = 2) -> str:
    error = 1.96 * values.std(ddof=1) / np.sqrt(len(values)) if len(values) > 1 else np.nan
    return f"{values.mean():.{digits}f} ± {error:.{digits}f}"


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("gaze", type=Path)
    parser.add_argument("--splits", type=int, default=10)
    parser.add_argument("--method", choices=("clusters", "regions"), default="clusters")
    parser.add_argument("--json", type=Path)
    asked = parser.parse_args()
    videos = sorted(video for video in FRAME_S if gaze_files(asked.gaze, video))
    if not videos:
        parser.error(f"{asked.gaze}: found no gaze of VR-EyeTracking's videos; expected p001/, p002/, …")
    settings = EventSettings(method=asked.method)
    jobs = [(video, split) for split in range(asked.splits) for video in videos]
    with ProcessPoolExecutor(os.cpu_count()) as pool, progress(total=len(jobs), what="runs") as bar:
        rows = []
        for job, row in zip(jobs, pool.map(partial(run, asked.gaze, videos, settings), jobs), strict=True):
            rows.append({"video": job[0], "split": job[1], **row})
            bar.update()
    table = pd.DataFrame(rows)
    by_split = table.drop(columns="video").groupby("split").sum()
    lines = {
        "events of all observers": f"{by_split.events.iloc[0]}",
        "F1 of halves": interval((2 * by_split.matched / by_split["of halves"]).to_numpy()),
        "events of a half": interval((by_split["of halves"] / 2).to_numpy(), 1),
        "held-out gaze near an event": interval((by_split.near / by_split.gaze).to_numpy(), 3),
        **{
            f"surrogates, {name}, per event": interval((by_split[name] / by_split.events).to_numpy())
            for name in SURROGATES
            if name in by_split
        },
        "CPU time of a video, median": f"{table.cpu_s.median():.1f} s",
    }
    print(f"{machine()}; method {asked.method}; videos {', '.join(videos)}; {asked.splits} splits\n")
    print("\n".join(["| measure | value |", "|---|---|", *(f"| {name} | {value} |" for name, value in lines.items())]))
    if asked.json:
        table.to_json(asked.json, orient="records", indent=1)


if __name__ == "__main__":
    main()
