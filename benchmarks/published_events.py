"""Regions of saliency maps as TSV360 was made: connected pixels against HDBSCAN, as published.

    python benchmarks/published_events.py [--gaze GAZE] [--maps 12] [--repeats 3]

The maps are those of `events.method: tsv360`, evenly spaced over the demo's first video and, with `--gaze`, a folder of
raw VR-EyeTracking gaze, over each of its videos. HDBSCAN has the published parameters, on pixels above the level, in
the right order of latitude and longitude; all else is the same in both ways. Prints a table as `python benchmarks`
does: CPU time a map on one thread, of the regions alone and with their centres, and on how many maps both ways give the
same centres. Needs the extra `benchmarks`. Not a test.
"""

import argparse
import warnings
from pathlib import Path

import hdbscan
import numpy as np
import pandas as pd
from numpy.typing import NDArray
from real_events import read, videos_in
from timing import HEADER, Job, compare, machine, named

from tsalv360.contracts.gaze_grid import sample_gaze
from tsalv360.events import published, salient_centres
from tsalv360.fixations import FixationSettings, find_fixations
from tsalv360.saliency import saliency_map, to_8bit
from tsalv360.sources import DemoSource, demo
from tsalv360.sources.demo.files import watch
from tsalv360.sources.demo.scenarios import samples_of
from tsalv360.sphere.directions import angular_distance, pixel_to_direction, to_angles

OURS, THEIRS = "ours, connected pixels", named("hdbscan")
LEAST_RATIO = 30


def label_by_hdbscan(mask: NDArray[np.bool_]) -> NDArray[np.int64]:
    """Return the number of the cluster of each pixel [H, W], 0 outside and for noise, by the published parameters."""
    labels = np.zeros(mask.shape, dtype=np.int64)
    rows, columns = np.nonzero(mask)
    if len(rows) > 3:
        yaw, pitch = pixel_to_direction(columns, rows, *mask.shape)
        options = {"cluster_selection_epsilon": 0.01, "cluster_selection_method": "eom", "allow_single_cluster": True}
        clusters = hdbscan.HDBSCAN(2, 3, metric="haversine", approx_min_span_tree=True, core_dist_n_jobs=1, **options)
        labels[rows, columns] = clusters.fit(np.radians([pitch, yaw]).T).labels_ + 1
    return labels


def maps_of(fixations: pd.DataFrame, count: int) -> list[NDArray[np.uint8]]:
    """Return the 8-bit maps [320, 640] of single moments, evenly spaced."""
    times = np.linspace(1.0, fixations.time_s.max() - 1.0, count)
    gaze = sample_gaze(fixations, times)
    directions = (to_angles(vectors[there]) for vectors, there in zip(gaze.vectors, gaze.present, strict=True))
    return [to_8bit(saliency_map(*places, size=(320, 640))) for places in directions if len(places[0])]


def demo_fixations() -> pd.DataFrame:
    source = DemoSource()
    scene = demo.make_scene(source, "001")
    gaze = [samples_of(one, scene.times, f"p{k:02d}") for k, one in enumerate(watch(scene, source.n_observers))]
    return find_fixations(pd.concat(gaze, ignore_index=True), FixationSettings())


def same(one: tuple[NDArray[np.float64], ...], other: tuple[NDArray[np.float64], ...]) -> bool:
    """Whether all centres of one way lie within 0.3 pixels (0.17°) of those of the other, whatever their order."""
    if len(one[0]) != len(other[0]):
        return False
    away = angular_distance(*(angle[:, None] for angle in one), *other)
    return len(away) == 0 or bool(max(away.min(axis=0).max(), away.min(axis=1).max()) < 0.17)


def measure(kind: str, maps: list[NDArray[np.uint8]], repeats: int) -> Job:
    masks = [one > 0.35 * 255 for one in maps]
    labels = {OURS: published.label_regions, THEIRS: label_by_hdbscan}
    found: dict[str, list[tuple[NDArray[np.float64], ...]]] = {}

    def find_centres(way: str) -> None:
        published.label_regions = labels[way]
        try:
            found[way] = [salient_centres(one) for one in maps]
        finally:
            published.label_regions = labels[OURS]

    def find_regions(way: str) -> None:
        for mask in masks:
            labels[way](mask)

    ways = {way: lambda way=way: find_regions(way) for way in labels}
    ways |= {f"{way}, and centres": lambda way=way: find_centres(way) for way in labels}
    times = compare(ways, repeats, divisors=dict.fromkeys(ways, len(maps)))
    n_same = sum(same(*pair) for pair in zip(found[OURS], found[THEIRS], strict=True))
    return Job(
        title=f"Regions of {len(maps)} maps, {kind}; error: maps with the same centres",
        unit="ms",
        times=times,
        bases={THEIRS: OURS, f"{THEIRS}, and centres": f"{OURS}, and centres"},
        errors={f"{THEIRS}, and centres": f"{n_same} of {len(maps)}"},
        at_least={THEIRS: LEAST_RATIO},
    )


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--gaze", type=Path)
    parser.add_argument("--maps", type=int, default=12)
    parser.add_argument("--repeats", type=int, default=3)
    asked = parser.parse_args()
    warnings.simplefilter("ignore")
    where = machine()
    salient_centres(np.zeros((320, 640), np.uint8))  # imports
    jobs = [measure("demo", maps_of(demo_fixations(), asked.maps), asked.repeats)]
    for video in videos_in(asked.gaze) if asked.gaze else ():
        jobs.append(measure(video, maps_of(read(asked.gaze, video).fixations, asked.maps), asked.repeats))
    print("\n".join([f"On {where}.\n", HEADER, *(job.rows() for job in jobs)]))


if __name__ == "__main__":
    main()
