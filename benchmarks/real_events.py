"""Events on real gaze, where nobody knows the truth: what repeats with other observers, and what chance gives.

    python benchmarks/real_events.py GAZE [--splits 10] [--method clusters] [--min-duration 2] [--camera-paths FOLDER]
                                          [--json FILE]

`GAZE` is a folder of raw VR-EyeTracking gaze (p001, p002, …), or the results of a build (results/<dataset>); all of
its videos are used. For each video and split:

- halves: F1 between the events of two random halves of the observers (matched one to one: temporal intersection over
  union ≥ 0.5, median angle ≤ 10°), the number of events of a half, and for the methods that state a confidence the
  reliability diagram;
- held-out gaze: the share of a half's gaze within 10° of an event of the other half, while there is one;
- surrogates, per event of all observers: observers turned by a yaw of their own, which keeps how each looks around and
  loses the preference of the front; turned by a yaw of σ 30° and shifted in time, which is the chance level that the
  stage assumes; and observers of the other videos, shifted in time and half of them mirrored;
- published camera paths: the share of published centres within 15° of an event of a half; by chance those of the events
  turned by any yaw, and those of another video's events over the time that both videos have.

Methods: `clusters` and `tsv360` of the stage, and `windows`, a plain windowed HDBSCAN for comparison. Events have the
same least length with all of them; that of the published TSV360, 20 frames, is 0.67 s at 29.97 fps. Intervals are of
the mean over splits (±1.96 standard errors); few videos are a small sample however many splits there are. Uses all
cores. Not a test.
"""

import argparse
import json
import os
import time
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass
from functools import cache, partial
from pathlib import Path

import numpy as np
import pandas as pd
from sklearn.cluster import HDBSCAN
from timing import machine

from tsalv360.contracts.entries import IndexEntry, read_entry
from tsalv360.contracts.gaze_grid import sample_gaze
from tsalv360.contracts.grid import frame_numbers
from tsalv360.contracts.tables import FIXATIONS, TRACKS, empty, read_table
from tsalv360.events import EventSettings, detect_events
from tsalv360.events.clusters import link
from tsalv360.events.settings import Tsv360Settings
from tsalv360.explorer.comparisons import CameraPath, agreement_of, read_camera_path
from tsalv360.fixations import FixationSettings, find_fixations
from tsalv360.job.log import progress
from tsalv360.metrics.events import Track
from tsalv360.reliability import found_again, reliability_bins, split_observers, surrogate, tracks_of
from tsalv360.sources import read_vr_eyetracking
from tsalv360.sources.vr_eyetracking import gaze_files
from tsalv360.sphere.directions import interpolate, normalise, to_angles, to_vectors, vector_angle

NEAR_DEG = 10.0
FRAME_S = json.loads(
    (Path(__file__).parents[1] / "tsalv360/sources/data/vreyetracking_frame_duration_s.json").read_text("utf-8")
)


@dataclass(frozen=True)
class Gaze:
    """The fixations of a video, its rate, and its kept frames."""

    fixations: pd.DataFrame
    fps: float
    frames: list[int]

    @property
    def end_s(self) -> float:
        return float((self.fixations.time_s + self.fixations.duration_s).max())


def videos_in(folder: Path) -> list[str]:
    """Return the ids of the videos of which a folder has gaze."""
    if (folder / "fixations").is_dir():
        return sorted(path.stem for path in (folder / "fixations").glob("*.parquet"))
    return sorted(video for video in FRAME_S if gaze_files(folder, video))


@cache
def read(folder: Path, video: str) -> Gaze:
    if (folder / "fixations").is_dir():
        index = read_entry(folder / "videos" / f"{video}.json", IndexEntry)
        return Gaze(read_table(folder / "fixations" / f"{video}.parquet", FIXATIONS), index.fps, index.kept_frames)
    fps = 1 / FRAME_S[video]
    samples = read_vr_eyetracking(folder, video, fps)
    fixations = find_fixations(samples, FixationSettings())
    return Gaze(fixations, fps, frame_numbers(fps, int(samples.frame.max()) + 1, skip_first=20))


def detect(gaze: Gaze, fixations: pd.DataFrame, method: str, min_duration_s: float) -> pd.DataFrame:
    """Return the tracks of the events, with the confidence of each, NaN where the method states none."""
    fixations = fixations.reset_index(drop=True)
    if method == "windows":
        return windows(gaze, fixations, min_duration_s).assign(confidence=np.nan)
    tsv360 = Tsv360Settings(min_length_frames=max(round(min_duration_s * gaze.fps), 1))
    settings = EventSettings(method=method, tsv360=tsv360, min_duration_s=min_duration_s)
    found = detect_events(fixations, "v", gaze.fps, settings, gaze.frames)
    return found.tracks.assign(confidence=found.tracks.event_id.map(found.events.set_index("event_id").confidence))


def windows(gaze: Gaze, fixations: pd.DataFrame, min_duration_s: float) -> pd.DataFrame:
    """Return the tracks of events by HDBSCAN in windows of a second every half a second, and nothing more.

    A cluster has at least as much gaze as a fifteenth of the observers have in a window; clusters up to 1.5 s apart are
    one event if the later is within 9° of where the earlier ones lead; its path is interpolated between their centres.
    """
    frames = np.array(gaze.frames)
    grid = sample_gaze(fixations, frames / gaze.fps)
    times = np.arange(grid.time_s[0], grid.time_s[-1], 0.5)

    def centres(moment: float) -> list[np.ndarray]:
        near = np.flatnonzero(np.abs(grid.time_s - moment) <= 0.5)[::4]  # a gaze direction every quarter of a second
        points = grid.vectors[near][grid.present[near]]
        size = max(len(near) * grid.vectors.shape[1] // 15, 3)
        if len(points) < max(size, 2 * len(near)) + 1:
            return []
        labels = HDBSCAN(min_cluster_size=size, min_samples=2 * len(near), copy=True).fit(points).labels_
        return [normalise(points[labels == label].mean(axis=0)) for label in range(labels.max() + 1)]

    rows = []
    for chain in link(((moment, centres(moment)) for moment in times), 9.0, 1.5):
        inside = (grid.time_s >= chain.times[0] - 0.25) & (grid.time_s < chain.times[-1] + 0.25)
        if inside.sum() < min_duration_s * grid.rate:
            continue
        yaw, pitch = to_angles(interpolate(chain.times, np.array(chain.centres), grid.time_s[inside]))
        columns = {"frame": frames[inside], "time_s": grid.time_s[inside], "yaw_deg": yaw, "pitch_deg": pitch}
        rows.append(pd.DataFrame({"event_id": f"v_{len(rows) + 1}", **columns}))
    return pd.concat(rows, ignore_index=True) if rows else empty(TRACKS)


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


@dataclass(frozen=True)
class Run:
    """Of a video and a split: the numbers, the tracks of the events of both halves, and their reliability."""

    numbers: dict[str, float]
    halves: list[pd.DataFrame]
    again: list[tuple[float, bool]]


def run(folder: Path, videos: list[str], method: str, min_duration_s: float, job: tuple[str, int]) -> Run:
    video, split = job
    gaze, rng = read(folder, video), np.random.default_rng([split, *video.encode()])

    def found(fixations: pd.DataFrame) -> pd.DataFrame:
        return detect(gaze, fixations, method, min_duration_s)

    start = time.process_time()
    numbers: dict[str, float] = {"events": found(gaze.fixations).event_id.nunique()}
    numbers["cpu_s"] = time.process_time() - start
    surrogates = {
        "turned": surrogate(gaze.fixations, rng, None, shifted=False),
        "blurred": surrogate(gaze.fixations, rng, 30.0, shifted=True),
    }
    if len(videos) > 1:
        surrogates["other videos"] = of_other_videos(folder, videos, video, rng)
    numbers |= {name: found(fixations).event_id.nunique() for name, fixations in surrogates.items()}
    parts = split_observers(gaze.fixations, rng)
    halves = [found(half) for half in parts]
    again = [
        (float(half.confidence[half.event_id == event].iloc[0]), is_found)
        for half, found_in_other in zip(halves, found_again(*halves), strict=True)
        for event, is_found in zip(half.event_id.unique(), found_in_other, strict=True)
    ]
    numbers |= {"matched": sum(is_found for _, is_found in again) / 2, "of halves": len(again)}
    tracks = [tracks_of(half) for half in halves]
    near = np.add(on_events(tracks[0], gaze, parts[1]), on_events(tracks[1], gaze, parts[0]))
    return Run(numbers | {"gaze": int(near[0]), "near": int(near[1])}, halves, again)


def camera_paths_met(folder: Path, paths: Path, halves: dict[str, list[pd.DataFrame]]) -> dict[str, float]:
    """Return the share of published centres that events of halves meet: theirs, turned, and of other videos."""
    met: dict[str, list[float]] = {"met": [], "met turned": [], "met by other videos": []}
    for video, own in halves.items():
        published = read_camera_path(paths / f"{video}.txt")
        fps = read(folder, video).fps
        n_frames = max(read(folder, video).frames[-1], *(path.frame[-1] for path in published)) + 1
        for tracks in own:
            agreement = agreement_of(tracks, published, fps, n_frames)
            met["met"].append(agreement.published_met)
            met["met turned"].append(agreement.published_by_chance)
        for other in halves.keys() - {video}:
            end = min(read(folder, other).frames[-1], n_frames - 1)
            common = [part for path in published if (part := cut(path, end)).frame.size]
            for tracks in halves[other]:
                agreement = agreement_of(tracks[tracks.frame <= end], common, fps, n_frames)
                met["met by other videos"].append(agreement.published_met)
    return {name: float(np.mean(values)) for name, values in met.items() if values}


def cut(path: CameraPath, end: int) -> CameraPath:
    """Return a published path up to a frame."""
    inside = path.frame <= end
    return CameraPath(path.frame[inside], path.yaw_deg[inside], path.pitch_deg[inside])


def interval(values: np.ndarray, digits: int = 2) -> str:
    error = 1.96 * values.std(ddof=1) / np.sqrt(len(values)) if len(values) > 1 else np.nan
    return f"{values.mean():.{digits}f} ± {error:.{digits}f}"


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("gaze", type=Path)
    parser.add_argument("--splits", type=int, default=10)
    parser.add_argument("--method", choices=("clusters", "tsv360", "windows"), default="clusters")
    parser.add_argument("--min-duration", type=float, default=EventSettings().min_duration_s)
    parser.add_argument("--camera-paths", type=Path)
    parser.add_argument("--json", type=Path)
    asked = parser.parse_args()
    videos = videos_in(asked.gaze)
    if not videos:
        expected = "p001/, p002/, … of VR-EyeTracking, or the fixations/ of a build"
        parser.error(f"{asked.gaze}: found no gaze; expected {expected}")
    jobs = [(video, split) for split in range(asked.splits) for video in videos]
    one = partial(run, asked.gaze, videos, asked.method, asked.min_duration)
    with ProcessPoolExecutor(os.cpu_count()) as pool, progress(total=len(jobs), what="runs") as bar:
        runs = []
        for done in pool.map(one, jobs):
            runs.append(done)
            bar.update()
    table = pd.DataFrame(
        [{"video": video, "split": split, **done.numbers} for (video, split), done in zip(jobs, runs, strict=True)]
    )
    by_split = table.drop(columns="video").groupby("split").sum()
    if asked.camera_paths:
        halves = {
            split: {video: done.halves for (video, own), done in zip(jobs, runs, strict=True) if own == split}
            for split in by_split.index
        }
        met = [camera_paths_met(asked.gaze, asked.camera_paths, halves[split]) for split in by_split.index]
        by_split = by_split.join(pd.DataFrame(met, by_split.index))
    lines = {
        "events of all observers": f"{by_split.events.iloc[0]}",
        "F1 of halves": interval((2 * by_split.matched / by_split["of halves"]).to_numpy()),
        "events of a half": interval((by_split["of halves"] / 2).to_numpy(), 1),
        "held-out gaze near an event": interval((by_split.near / by_split.gaze).to_numpy(), 3),
        **{
            f"surrogates, {name}, per event": interval((by_split[name] / by_split.events).to_numpy())
            for name in ("turned", "blurred", "other videos")
            if name in by_split
        },
        **{
            f"published centres {name}": interval(by_split[name].to_numpy(), 3)
            for name in ("met", "met turned", "met by other videos")
            if name in by_split
        },
        "CPU time of a video, median": f"{table.cpu_s.median():.1f} s",
    }
    conditions = f"method {asked.method}; events of {asked.min_duration:g} s or longer; {asked.splits} splits"
    print(f"{machine()}; {conditions}; videos {', '.join(videos)}\n")
    print("\n".join(["| measure | value |", "|---|---|", *(f"| {name} | {value} |" for name, value in lines.items())]))
    again = np.array([pair for done in runs for pair in done.again]).reshape(-1, 2)
    for one_bin in reliability_bins(again[:, 0], again[:, 1]):
        place = f"confidence {one_bin.low:g} to {one_bin.high:g}"
        print(
            f"{place}, {one_bin.n} events, mean {one_bin.confidence:.2f}: {one_bin.found:.2f} found in the other half"
        )
    if asked.json:
        table.to_json(asked.json, orient="records", indent=1)


if __name__ == "__main__":
    main()
