"""HDBSCAN of 50,000 directions and of short windows of gaze: scikit-learn, hdbscan, fast-hdbscan.

    pip install hdbscan fast-hdbscan
    python benchmarks/clustering.py [--points 50000] [--repeats 3] [--windows 100] [--json FILE]

The 50,000 are 25 places of 2° to 8°, with a sixth of them anywhere. On unit vectors the chord grows with the angle, so
the clusters are those of the great-circle distance, which scikit-learn's haversine ball tree works with; that one runs
once, for a minute or two. The windows are what the events stage clusters: 0.4 s of 24 observers of the demo, and of the
videos of VR-EyeTracking in the folder TSALV360_REAL_DATA where it is set. One process, one thread; CPU time; what numba
compiles is compiled before. Agreement is the adjusted Rand index, noise as one more cluster. Not a test.
"""

import argparse
import json
import os
import warnings
from collections.abc import Callable, Iterator
from pathlib import Path

import fast_hdbscan
import hdbscan
import numba
import numpy as np
from sklearn.cluster import HDBSCAN
from sklearn.metrics import adjusted_rand_score
from timing import Times, compare, machine, markdown

from tsalv360.fixations import FixationSettings, find_fixations
from tsalv360.geometry import normalise, to_angles
from tsalv360.looks import sample_looks
from tsalv360.sources import DemoSource, demo, read_vr_eyetracking
from tsalv360.sources.demo_gaze import simulate

WINDOW = 7  # pictures at 16 fps
HAVERSINE, TREE = "scikit-learn, haversine, ball tree", "scikit-learn, unit vectors, k-d tree"
HDBSCAN_WAY, FAST_WAY = "hdbscan, unit vectors", "fast-hdbscan, unit vectors"

Labels = Callable[[np.ndarray, int, int, float], np.ndarray]  # of unit vectors, smallest cluster, neighbours, epsilon


def haversine(points: np.ndarray, size: int, neighbours: int, epsilon: float) -> np.ndarray:
    latitude_first = np.radians(np.stack(to_angles(points)[::-1], axis=-1))
    options = {"metric": "haversine", "algorithm": "ball_tree", "cluster_selection_epsilon": epsilon}
    return HDBSCAN(min_cluster_size=size, min_samples=neighbours, copy=True, **options).fit(latitude_first).labels_


def tree(points: np.ndarray, size: int, neighbours: int, epsilon: float) -> np.ndarray:
    options = {"algorithm": "kd_tree", "cluster_selection_epsilon": epsilon}
    return HDBSCAN(min_cluster_size=size, min_samples=neighbours, copy=True, **options).fit(points).labels_


def with_hdbscan(points: np.ndarray, size: int, neighbours: int, epsilon: float) -> np.ndarray:
    # scikit-learn counts the point itself as its first neighbour, the others do not; the default tree is approximate
    options = {"cluster_selection_epsilon": epsilon, "approx_min_span_tree": False, "core_dist_n_jobs": 1}
    return hdbscan.HDBSCAN(size, neighbours - 1, **options).fit(points).labels_


def with_fast_hdbscan(points: np.ndarray, size: int, neighbours: int, epsilon: float) -> np.ndarray:
    found = fast_hdbscan.HDBSCAN(min_cluster_size=size, min_samples=neighbours - 1, cluster_selection_epsilon=epsilon)
    return found.fit(points).labels_


WAYS: dict[str, Labels] = {HAVERSINE: haversine, TREE: tree, HDBSCAN_WAY: with_hdbscan, FAST_WAY: with_fast_hdbscan}


def directions(count: int) -> np.ndarray:
    """Unit vectors [count, 3] about 25 places, and anywhere."""
    rng = np.random.default_rng(0)
    places, width = normalise(rng.normal(size=(25, 3))), np.radians(rng.uniform(2, 8, 25))
    place = rng.integers(0, 30, count)
    near = np.minimum(place, 24)
    points = places[near] + width[near, None] * rng.normal(size=(count, 3)) / np.sqrt(2)
    return normalise(np.where(place[:, None] < 25, points, rng.normal(size=(count, 3))))


def demo_windows() -> Iterator[tuple[np.ndarray, int]]:
    """Unit vectors [n, 3] of each window, and the number of observers."""
    source = DemoSource()
    scene = demo.make_scene(source, "001")
    gaze = np.stack([recording.gaze for recording in simulate(scene, source.n_observers)])
    step = scene.fps / 16
    for start in np.arange(0, gaze.shape[1] - WINDOW * step, 0.2 * scene.fps):
        frames = np.rint(start + step * np.arange(WINDOW)).astype(int)
        yield gaze[:, frames].reshape(-1, 3), len(gaze)


def real_windows(folder: Path) -> Iterator[tuple[np.ndarray, int]]:
    for video in ("006", "011", "014", "146"):
        gaze = read_vr_eyetracking(folder / "vr_eyetracking" / "Gaze_txt_files", video, 29.97)
        fixations = find_fixations(gaze, FixationSettings())
        for start in np.arange(0, fixations.time_s.max() - 0.5, 0.2):
            looks = sample_looks(fixations, start + np.arange(WINDOW) / 16)
            if looks.present.sum() > 50:
                yield looks.vectors[looks.present], looks.n_observers


def compare_whole(count: int, repeats: int) -> tuple[Times, dict[str, float]]:
    """Times, and agreement with the haversine tree, of one clustering of many directions."""
    points = directions(count)
    labels: dict[str, np.ndarray] = {}

    def run(way: str) -> None:
        labels[way] = WAYS[way](points, 100, 20, 0.0)

    times = compare({HAVERSINE: lambda: run(HAVERSINE)}, 1, unmeasured=0)
    times |= compare({way: lambda way=way: run(way) for way in WAYS if way != HAVERSINE}, repeats)
    return times, {way: adjusted_rand_score(labels[HAVERSINE], found) for way, found in labels.items()}


def compare_windows(windows: list[tuple[np.ndarray, int]], repeats: int) -> tuple[Times, dict[str, dict[str, float]]]:
    """Times of all windows, and in how many each library finds the partition of the k-d tree."""
    labels: dict[str, list[np.ndarray]] = {}

    def run(way: str) -> None:
        labels[way] = [
            WAYS[way](points, max(2, round(0.12 * people * WINDOW * 2 / 3)), WINDOW + WINDOW // 2, 0.0523)
            for points, people in windows
        ]

    ways = [way for way in WAYS if way != HAVERSINE]
    times = compare({way: lambda way=way: run(way) for way in ways}, repeats)
    agreement = {
        way: [adjusted_rand_score(*pair) for pair in zip(labels[TREE], labels[way], strict=True)] for way in ways
    }
    return times, {
        way: {"same": float(np.mean(np.array(scores) == 1)), "mean ARI": float(np.mean(scores))}
        for way, scores in agreement.items()
    }


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--points", type=int, default=50_000)
    parser.add_argument("--repeats", type=int, default=3)
    parser.add_argument("--windows", type=int, default=100, help="at most so many, spread evenly, of each kind")
    parser.add_argument("--json", type=Path, help="write the results to this file as well")
    arguments = parser.parse_args()
    warnings.simplefilter("ignore")
    numba.set_num_threads(1)
    print(machine())
    times, agreement = compare_whole(arguments.points, arguments.repeats)
    results = {"whole": {"times": times, "ari": agreement}}
    print(f"\n{arguments.points} directions\n{markdown(times, FAST_WAY, 's')}")
    print("; ".join(f"{way}: ARI {score:.4f}" for way, score in agreement.items()))
    kinds = {"demo": list(demo_windows())}
    if folder := os.environ.get("TSALV360_REAL_DATA"):
        kinds["real"] = list(real_windows(Path(folder)))
    for kind, windows in kinds.items():
        chosen = [
            windows[i] for i in np.linspace(0, len(windows) - 1, min(arguments.windows, len(windows))).astype(int)
        ]
        times, same = compare_windows(chosen, arguments.repeats)
        results[kind] = {"times": times, "agreement": same}
        print(f"\n{len(chosen)} {kind} windows of {np.median([len(points) for points, _ in chosen]):.0f} looks")
        print(markdown(times, TREE, "ms"))
        print("; ".join(f"{way}: same in {s['same']:.0%}, mean ARI {s['mean ARI']:.3f}" for way, s in same.items()))
    if arguments.json:
        arguments.json.write_text(json.dumps(results, indent=1) + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()
