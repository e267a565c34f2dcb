"""HDBSCAN of 50,000 directions and of short windows of gaze: scikit-learn, hdbscan, fast-hdbscan.

Of the 50,000 directions, a sixth is anywhere, the others around 25 places with widths of 2° to 8°. On unit vectors the
chord grows with the angle, so the clusters are those of the great-circle distance, which scikit-learn's haversine ball
tree uses; that one runs once, for a minute or two. The windows are those of the events stage: 0.4 s of 24 observers of
the demo and, if TSALV360_REAL_DATA names the folder of real data, of videos of VR-EyeTracking. numba compiles
beforehand. Agreement is the adjusted Rand index, with noise as another cluster.
"""

import os
from collections.abc import Callable, Iterator
from pathlib import Path

import fast_hdbscan
import hdbscan
import numba
import numpy as np
from sklearn.cluster import HDBSCAN
from sklearn.metrics import adjusted_rand_score
from timing import Job, compare, named

from tsalv360.contracts.gaze_grid import sample_gaze
from tsalv360.fixations import FixationSettings, find_fixations
from tsalv360.sources import DemoSource, demo, read_vr_eyetracking
from tsalv360.sources.demo.files import watch
from tsalv360.sphere.directions import normalise, to_angles

WINDOW = 7  # pictures at 16 fps
N_POINTS, N_WINDOWS = 50_000, 100
HAVERSINE, TREE = f"{named('scikit-learn')}, haversine", "ours, scikit-learn"
HDBSCAN_WAY, FAST_WAY = (f"{named(package)}, unit vectors" for package in ("hdbscan", "fast-hdbscan"))

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
LIBRARIES = (TREE, HDBSCAN_WAY, FAST_WAY)


def directions(count: int) -> np.ndarray:
    """Return unit vectors [count, 3] around 25 places, and anywhere."""
    rng = np.random.default_rng(0)
    places, width = normalise(rng.normal(size=(25, 3))), np.radians(rng.uniform(2, 8, 25))
    place = rng.integers(0, 30, count)
    near = np.minimum(place, 24)
    points = places[near] + width[near, None] * rng.normal(size=(count, 3)) / np.sqrt(2)
    return normalise(np.where(place[:, None] < 25, points, rng.normal(size=(count, 3))))


def demo_windows() -> Iterator[tuple[np.ndarray, int]]:
    """Yield the unit vectors [n, 3] of each window, and the number of observers."""
    source = DemoSource()
    scene = demo.make_scene(source, "001")
    gaze = np.stack([viewing.gaze for viewing in watch(scene, source.n_observers)])
    step = scene.fps / 16
    for start in np.arange(0, gaze.shape[1] - WINDOW * step, 0.2 * scene.fps):
        frames = np.rint(start + step * np.arange(WINDOW)).astype(int)
        yield gaze[:, frames].reshape(-1, 3), len(gaze)


def real_windows(folder: Path) -> Iterator[tuple[np.ndarray, int]]:
    for video in ("006", "011", "014", "146"):
        gaze = read_vr_eyetracking(folder / "vr_eyetracking" / "Gaze_txt_files", video, 29.97)
        fixations = find_fixations(gaze, FixationSettings())
        for start in np.arange(0, fixations.time_s.max() - 0.5, 0.2):
            grid = sample_gaze(fixations, start + np.arange(WINDOW) / 16)
            if grid.present.sum() > 50:
                yield grid.vectors[grid.present], grid.present.shape[1]


def whole(repeats: int) -> Job:
    """Return the job of clustering many directions at once: agreement with the haversine tree."""
    points = directions(N_POINTS)
    labels: dict[str, np.ndarray] = {}

    def run(way: str) -> None:
        labels[way] = WAYS[way](points, 100, 20, 0.0)

    times = compare({HAVERSINE: lambda: run(HAVERSINE)}, 1, unmeasured=0)
    times |= compare({way: lambda way=way: run(way) for way in LIBRARIES}, repeats)
    ari = {way: adjusted_rand_score(labels[HAVERSINE], found) for way, found in labels.items()}
    return Job(
        title=f"D. HDBSCAN of {N_POINTS:,} directions; error: ARI to haversine",
        unit="s",
        times=times,
        bases=dict.fromkeys((way for way in WAYS if way != TREE), TREE),
        errors={way: f"{score:.4f}" for way, score in ari.items()},
        checks={way: {"≤ 2 s": times[way]["median"] <= 2, "ARI ≥ 0.98": bool(ari[way] >= 0.98)} for way in LIBRARIES},
    )


def in_windows(kind: str, windows: list[tuple[np.ndarray, int]], repeats: int) -> Job:
    """Return the job of clustering windows as the events stage does: agreement with its k-d tree."""
    chosen = [windows[i] for i in np.linspace(0, len(windows) - 1, N_WINDOWS).astype(int)]
    labels: dict[str, list[np.ndarray]] = {}

    def run(way: str) -> None:
        labels[way] = [
            WAYS[way](points, max(2, round(0.12 * observers * WINDOW * 2 / 3)), WINDOW + WINDOW // 2, 0.0523)
            for points, observers in chosen
        ]

    times = compare({way: lambda way=way: run(way) for way in LIBRARIES}, repeats)
    ari = {
        way: np.array([adjusted_rand_score(*pair) for pair in zip(labels[TREE], labels[way], strict=True)])
        for way in LIBRARIES
    }
    size = np.median([len(points) for points, _ in chosen])
    return Job(
        title=f"D. HDBSCAN of {N_WINDOWS} windows of {size:.0f} directions, {kind}; error: equal partitions, mean ARI",
        unit="ms",
        times=times,
        bases=dict.fromkeys((way for way in LIBRARIES if way != TREE), TREE),
        errors={way: f"{np.mean(scores == 1):.0%}, {scores.mean():.3f}" for way, scores in ari.items()},
    )


def jobs(repeats: int) -> list[Job]:
    numba.set_num_threads(1)
    found = [whole(repeats), in_windows("demo", list(demo_windows()), repeats)]
    if folder := os.environ.get("TSALV360_REAL_DATA"):
        found.append(in_windows("VR-EyeTracking", list(real_windows(Path(folder))), repeats))
    return found
