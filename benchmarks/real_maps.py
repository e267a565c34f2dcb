"""How well saliency maps of events predict where other observers look, on real gaze.

    python benchmarks/real_maps.py GAZE [--splits 10] [--json FILE]

`GAZE` is a folder of raw VR-EyeTracking gaze (p001, p002, …); all of its videos are used. For each video and split:
events, and maps of their frames, are made of one random half of the observers. Measured are the looks of the other half
within 12° of an event, at the frames of its track that have a map. The bits of a look are log2 of the map's density
there, over the density of a flat cap of 12° about the event:

- on the sphere: the map is a density over the whole sphere, so that what it shows outside the cap counts against it;
- in the cap: the map is a density over the cap.

The default maps, and maps of looks only, are compared with a plain Gaussian of 5° on the path of the event.
Values are means over videos of the mean over looks; intervals are of their mean over splits (±1.96 standard errors).
Uses all cores. Not a test.
"""

import argparse
import os
from concurrent.futures import ProcessPoolExecutor
from functools import partial
from pathlib import Path

import numpy as np
import pandas as pd
from numpy.typing import NDArray
from real_events import FRAME_S, interval, read
from timing import machine

from tsalv360.contracts.gaze_grid import sample_gaze
from tsalv360.events import EventSettings, detect_events
from tsalv360.job.log import progress
from tsalv360.saliency import MapInput, SaliencySettings, fixation_points, map_densities, map_inputs
from tsalv360.sources.vr_eyetracking import gaze_files
from tsalv360.sphere.density import density
from tsalv360.sphere.directions import Array, direction_to_pixel, pixel_vectors, solid_angle, to_angles, to_vectors

CAP_DEG = 12.0
SIZE = 240, 480  # of the maps; a pixel is 0.75°
DEFAULT, GAUSSIAN = "default", "Gaussian of 5° on the path"
WAYS = {
    DEFAULT: SaliencySettings(height=SIZE[0]),
    "looks only": SaliencySettings(height=SIZE[0], path_looks=0),
    "looks only, 1 s": SaliencySettings(height=SIZE[0], path_looks=0, window_s=1.0),
    "looks only, 2 s": SaliencySettings(height=SIZE[0], path_looks=0, window_s=2.0),
    "looks only, 2 s, σ 3°": SaliencySettings(height=SIZE[0], path_looks=0, window_s=2.0, sigma_deg=3.0),
}
PLACES = "on the sphere", "in the cap"
AREA = solid_angle(SIZE[0])
PIXELS = pixel_vectors(SIZE[0])
FLOOR = 1e-6  # of the flat cap: what a look counts where a narrow map is zero
FLAT = 1 / (2 * np.pi * (1 - np.cos(np.radians(CAP_DEG))))  # density of the flat cap, per steradian


def bits_of_event(own: MapInput, others: pd.DataFrame) -> dict[tuple[str, str], list[float]]:
    """Return the bits of the other observers' looks at an event, by way of making its maps and by place.

    Parameters: input of the event's maps, and fixations of the other observers. Under `looks` is the number of looks
    that each map is made of.
    """
    frames = own.frames
    path = to_vectors(frames.yaw_deg, frames.pitch_deg)
    n_looks = fixation_points(*own, WAYS[DEFAULT].window_s).groupby("frame").size().reindex(frames.frame, fill_value=0)
    gaze = sample_gaze(others, frames.time_s.to_numpy()).vectors
    near = (gaze * path[:, None]).sum(axis=-1) >= np.cos(np.radians(CAP_DEG))
    directions = frames[["yaw_deg", "pitch_deg"]].to_numpy()[:, :, None]
    gaussian = (density(yaw, pitch, np.ones(1), 5.0, SIZE) for yaw, pitch in directions)
    maps = zip(*(map_densities(own, settings) for settings in WAYS.values()), gaussian, strict=True)
    found: dict[tuple[str, str], list[float]] = {(way, place): [] for way in (*WAYS, GAUSSIAN) for place in PLACES}
    for k, of_frame in enumerate(maps):
        if n_looks.iloc[k] and near[k].any():
            cap = PIXELS @ path[k] >= np.cos(np.radians(CAP_DEG))
            for way, one in zip((*WAYS, GAUSSIAN), of_frame, strict=True):
                for place, values in zip(PLACES, bits(one, cap, gaze[k, near[k]]), strict=True):
                    found[way, place] += values.tolist()
    return found | {("looks", ""): n_looks[n_looks > 0].tolist()}


def bits(saliency: NDArray[np.float32], cap: NDArray[np.bool_], looks: Array) -> tuple[Array, Array]:
    """Return the bits of looks [n, 3] in a map [H, W], of any scale, on the sphere and in the cap [H, W]."""
    column, row = direction_to_pixel(*to_angles(looks), *SIZE)
    mass = saliency * AREA / (saliency * AREA).sum()
    there = (mass / AREA)[np.rint(row).astype(int).clip(0, SIZE[0] - 1), np.rint(column).astype(int) % SIZE[1]]
    on_sphere = np.log2(np.maximum(there / FLAT, FLOOR))
    return on_sphere, on_sphere - np.log2(mass[cap].sum())


def run(folder: Path, videos: list[str], job: tuple[str, int]) -> dict[str, float]:
    """Return the mean bits of all looks of one video and split, by way and place, and the mean number of looks."""
    video, split = job
    gaze, rng = read(folder, video), np.random.default_rng([split, videos.index(video)])
    observers = rng.permutation(gaze.fixations.observer.unique())
    first = gaze.fixations.observer.isin(observers[: len(observers) // 2])
    own, others = (gaze.fixations[half].reset_index(drop=True) for half in (first, ~first))
    detected = detect_events(own, "v", gaze.fps, EventSettings(), gaze.frames)
    kept = pd.DataFrame({"frame": gaze.frames, "time_s": np.array(gaze.frames) / gaze.fps})
    inputs = map_inputs(own, detected.assignments, detected.tracks, kept)
    found = [bits_of_event(inputs[event], others) for event in detected.events.event_id]
    return {" ".join(key).strip(): float(np.mean([value for one in found for value in one[key]])) for key in found[0]}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("gaze", type=Path)
    parser.add_argument("--splits", type=int, default=10)
    parser.add_argument("--json", type=Path)
    asked = parser.parse_args()
    videos = sorted(video for video in FRAME_S if gaze_files(asked.gaze, video))
    if not videos:
        parser.error(f"{asked.gaze}: found no gaze of VR-EyeTracking's videos; expected p001/, p002/, …")
    jobs = [(video, split) for split in range(asked.splits) for video in videos]
    with ProcessPoolExecutor(os.cpu_count()) as pool, progress(total=len(jobs), what="runs") as bar:
        rows = []
        for job, row in zip(jobs, pool.map(partial(run, asked.gaze, videos), jobs), strict=True):
            rows.append({"video": job[0], "split": job[1], **row})
            bar.update()
    table = pd.DataFrame(rows)
    means = [table.drop(columns=other).groupby(by).mean() for by, other in (("split", "video"), ("video", "split"))]
    print(f"{machine()}; {asked.splits} splits; {table.looks.mean():.1f} looks a map\n")
    heads = [f"bits {place} | of {', '.join(videos)}" for place in PLACES]
    print("\n".join([f"| maps | {' | '.join(heads)} |", "|---|---|---|---|---|"]))
    for way in (*WAYS, GAUSSIAN):
        cells = [way]
        for place in PLACES:
            by_split, by_video = (one[f"{way} {place}"].to_numpy() for one in means)
            cells += [interval(by_split, 3), ", ".join(f"{value:.2f}" for value in by_video)]
        print(f"| {' | '.join(cells)} |")
    if asked.json:
        table.to_json(asked.json, orient="records", indent=1)


if __name__ == "__main__":
    main()
