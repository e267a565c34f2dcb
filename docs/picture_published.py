"""Draws the pictures of docs/published.md and prints its counts, from real gaze in the folder TSALV360_REAL_DATA.

python docs/picture_published.py

Each defect of the published code that the package mends is written out here, and acts alone.
"""

import os
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import NamedTuple

import matplotlib.pyplot as plt
import numpy as np
import pandas as pd
from numpy.typing import NDArray
from scipy.ndimage import gaussian_filter1d

from tsalv360.contracts.gaze_grid import sample_gaze
from tsalv360.contracts.grid import runs
from tsalv360.events import EventSettings, detect_events, salient_centres
from tsalv360.events.published import link_peaks
from tsalv360.events.settings import Tsv360Settings
from tsalv360.fixations import FixationSettings, find_fixations
from tsalv360.metrics.events import Match, Track, match_events, score
from tsalv360.saliency import saliency_map
from tsalv360.sources import DemoSource, read_vr_eyetracking
from tsalv360.sources.demo import make_scene, video_ids
from tsalv360.sources.demo.files import truth, watch
from tsalv360.sources.demo.scenarios import samples_of
from tsalv360.sources.recording import fixations_table
from tsalv360.sphere.directions import direction_to_pixel, pixel_to_direction, to_angles, to_vectors, vector_angle

Array = NDArray[np.float64]
Peaks = list[tuple[int, Array]]  # native frame, and unit vectors [n, 3], most salient first
Part = tuple[list[int], Array]  # an event: the frames of its samples, and their unit vectors

VIDEOS = {"006": 29.97, "011": 29.97, "014": 29.97, "146": 30.0}
SIZE = 320, 640
STEP, FILL, LEAST = 8, 25, 20  # native frames
TESTS = Path(__file__).parents[1] / "tests"
GOLDEN = TESTS / "data" / "golden" / "published-construction"
COLUMNS = "time_s", "yaw_deg", "pitch_deg"
PUBLISHED, MENDED = "#D55E00", "#0072B2"


class Scene(NamedTuple):
    """Fixations of simulated observers, the rate, and the known events."""

    fixations: pd.DataFrame
    fps: float
    known: list[Track]


def map_by_rows(yaw: Array, pitch: Array, size: tuple[int, int] = SIZE) -> NDArray[np.float32]:
    """Return the map, maximum 1, of a Gaussian of 5° down the columns and one of 5° / cos φ along each row.

    Each row's kernel sums to 1, so a fixation's height goes with cos φ.
    """
    height, width = size
    column, row = (np.rint(place).astype(int) for place in direction_to_pixel(yaw, pitch, height, width))
    marks = np.zeros(size)
    np.add.at(marks, (np.clip(row, 0, height - 1), column % width), 1.0)
    over_the_poles = np.concatenate([marks, np.roll(marks[::-1], width // 2, axis=1)])
    sigma = 5 * width / 360
    down = gaussian_filter1d(over_the_poles, sigma, axis=0, mode="wrap")[:height]
    widths = sigma / (np.cos((np.arange(height) / height - 0.5) * np.pi) + 0.001)
    rows = [
        gaussian_filter1d(line, wide, mode="wrap") if line.any() else line
        for line, wide in zip(down, widths, strict=True)
    ]
    return (np.array(rows) / np.max(rows)).astype(np.float32)


def exchanged_angle(one: Array, other: Array) -> Array:
    """Return the angle in degrees with latitude and longitude exchanged."""
    return vector_angle(*(to_vectors(*to_angles(vectors)[::-1]) for vectors in (one, other)))


def link_to_longest(peaks: Peaks, angle: Callable[[Array, Array], Array] = vector_angle) -> list[Part]:
    """Return the events of at least 20 frames, linked by the published rule.

    A peak goes to the longest group whose last peak is within 0.4 rad; if that has one at this frame already, no other
    group is tried: the peak begins a group, in place of one that began at the same position.
    """
    groups: dict[tuple[float, ...], list[tuple[int, Array]]] = {}
    for frame, centres in peaks:
        for centre in centres:
            away = {key: np.radians(angle(group[-1][1], centre)) for key, group in groups.items()}
            first = next((groups[key] for key in groups if away[key] < 0.4), None)
            if first is not None and first[-1][0] < frame:
                first.append((frame, centre))
            elif not any(frame - groups[key][-1][0] < STEP and away[key] < 0.25 for key in groups):
                groups[tuple(np.round(centre, 9))] = [(frame, centre)]
            groups = dict(sorted(groups.items(), key=lambda item: -len(item[1])))
    parts = []
    for group in groups.values():
        frames, vectors = [frame for frame, _ in group], np.stack([centre for _, centre in group])
        parts += [(frames[one], vectors[one]) for one in runs(frames, FILL)]
    return sorted(((f, v) for f, v in parts if f[-1] - f[0] + 1 >= LEAST), key=lambda part: (part[0][0], part[0][-1]))


def link_mended(peaks: Peaks) -> list[Part]:
    """Return the events of at least 20 frames, linked by the package."""
    return [(v.frames, np.stack(v.peaks)) for v in link_peaks(peaks) if v.n_frames >= LEAST]


def peaks_of(video: str, make_map: Callable[[Array, Array], NDArray[np.float32]]) -> Peaks:
    """Return the peaks of a real video's maps."""
    fps = VIDEOS[video]
    folder = Path(os.environ["TSALV360_REAL_DATA"]) / "vr_eyetracking" / "Gaze_txt_files"
    fixations = find_fixations(read_vr_eyetracking(folder, video, fps), FixationSettings())
    frames = np.arange(24, int((fixations.time_s + fixations.duration_s).max() * fps), STEP)
    gaze, found = sample_gaze(fixations, frames / fps), []
    for frame, vectors, present in zip(frames, gaze.vectors, gaze.present, strict=True):
        if present.any():
            found.append((int(frame), to_vectors(*salient_centres(make_map(*to_angles(vectors[present]))))))
    return found


def draw_swap() -> None:
    """Two places above each other at yaw 90°: one event where nothing is, and two."""
    with np.load(GOLDEN / "centres.npz") as vectors:
        picture, published, mended = (vectors[f"side_{name}"] for name in ("map", "published", "mended"))
    figure, axis = plt.subplots(figsize=(8, 4.2), layout="constrained")
    axis.imshow(picture, extent=(-180, 180, -90, 90), cmap="gray_r")
    yaw, pitch = pixel_to_direction(published[:, 0] - 0.5, published[:, 1] - 0.5, *SIZE)
    axis.plot(yaw, pitch, "x", color=PUBLISHED, markersize=13, markeredgewidth=3, label="as published")
    yaw, pitch = pixel_to_direction(mended[:, 0], mended[:, 1], *SIZE)
    axis.plot(yaw, pitch, "o", color=MENDED, markersize=15, markerfacecolor="none", markeredgewidth=2, label="mended")
    axis.set(xlabel="yaw, °", ylabel="pitch, °", xticks=range(-180, 181, 60), yticks=range(-90, 91, 30))
    axis.legend(loc="lower left")
    figure.savefig("docs/published-swap.jpg", dpi=90, pil_kwargs={"quality": 88})


def draw_heights() -> None:
    """Five places, each watched by as many: their heights in maps made both ways."""
    yaw, pitch = np.array([-140.0, -70.0, 0.0, 70.0, 140.0]), np.array([0.0, 30.0, 60.0, 75.0, -85.0])
    figure, axes = plt.subplots(2, 1, figsize=(8, 7.6), layout="constrained")
    for axis, make_map, title in (
        (axes[0], map_by_rows, "as published: a Gaussian along each row"),
        (axes[1], lambda *places: saliency_map(*places, size=SIZE), "mended: density on the sphere"),
    ):
        picture = make_map(yaw, pitch)
        axis.imshow(picture, extent=(-180, 180, -90, 90), cmap="gray_r", vmin=0, vmax=1)
        axis.contour(picture[::-1], levels=[0.35], extent=(-180, 180, -90, 90), colors=PUBLISHED, linewidths=1)
        column, row = (np.rint(place).astype(int) for place in direction_to_pixel(yaw, pitch, *SIZE))
        for k, (x, y) in enumerate(zip(yaw, pitch, strict=True)):
            axis.text(
                x, y - np.sign(y or 1) * 32, f"{y:.0f}°: {picture[row[k], column[k]]:.2f}", ha="center", fontsize=10
            )
        axis.set(title=title, ylabel="pitch, °", xticks=range(-180, 181, 60), yticks=range(-90, 91, 30))
    axes[1].set_xlabel("yaw, °")
    figure.savefig("docs/published-heights.jpg", dpi=80, pil_kwargs={"quality": 88})


def steady_pair(apart_deg: float) -> Peaks:
    """Peaks of two places at rest, for 640 frames; now this one is the more salient, now that."""
    vectors, rng = to_vectors([0.0, apart_deg], [0.0, 0.0]), np.random.default_rng(0)
    return [(frame, rng.permutation(vectors)) for frame in range(24, 664, STEP)]


def draw_destruction() -> None:
    """Two places at rest, 20° apart: what the published and the mended rule make of their peaks."""
    peaks = steady_pair(20.0)
    figure, axes = plt.subplots(1, 2, figsize=(9, 3.2), sharey=True, layout="constrained")
    ways = (link_to_longest(peaks), "as published", PUBLISHED), (link_mended(peaks), "mended", MENDED)
    for axis, (parts, title, colour) in zip(axes, ways, strict=True):
        for frame, centres in peaks:
            axis.plot([frame] * len(centres), to_angles(centres)[0], ".", color="0.7", markersize=3)
        for frames, vectors in parts:
            axis.plot(frames, to_angles(vectors)[0], "-", color=colour, linewidth=2)
        total = sum(f[-1] - f[0] + 1 for f, _ in parts)
        axis.set(title=f"{title}: {len(parts)} events, {total} frames", xlabel="native frame")
    axes[0].set(ylabel="yaw, °", ylim=(-8, 28))
    figure.savefig("docs/published-neighbours.jpg", dpi=90, pil_kwargs={"quality": 88})


def high_up(peaks: Peaks) -> int:
    """Return how many peaks lie beyond 45° of pitch."""
    return sum(int((np.abs(to_angles(centres)[1]) > 45).sum()) for _, centres in peaks)


def count() -> None:
    """Print, for each real video, the events and their frames with each defect alone, and the high peaks."""
    rows: list[dict[str, str]] = []
    for video in VIDEOS:
        mended = peaks_of(video, lambda yaw, pitch: saliency_map(yaw, pitch, size=SIZE))
        by_rows = peaks_of(video, map_by_rows)
        ways = {
            "mended": link_mended(mended),
            "longest group first": link_to_longest(mended),
            "… and exchanged angles": link_to_longest(mended, exchanged_angle),
            "maps by rows": link_mended(by_rows),
            "all": link_to_longest(by_rows, exchanged_angle),
        }
        cells = {way: f"{len(p)}, {sum(f[-1] - f[0] + 1 for f, _ in p)}" for way, p in ways.items()}
        cells["peaks beyond 45°, mended"], cells["… maps by rows"] = (str(high_up(own)) for own in (mended, by_rows))
        rows.append({"video": video, **cells})
    table = [list(rows[0]), ["---"] * len(rows[0]), *(list(row.values()) for row in rows)]
    print("\n".join(f"| {' | '.join(line)} |" for line in table))


def attentive_scenes() -> Iterator[Scene]:
    """Yield the frozen scenes of tests/events, whose observers look at events 70 to 100 % of the time."""
    gaze, events = (pd.read_parquet(TESTS / "data" / f"easy_{name}.parquet") for name in ("gaze", "events"))
    for number, rows in gaze.groupby("scenario"):
        own = events[events.scenario == number]
        fps = float(own.fps.iloc[0])
        observers, time_s = [f"p{k:02d}" for k in rows.observer], rows.time_s.astype(float)
        columns = rows[["yaw_deg", "pitch_deg", "fixation_id"]].to_numpy().T
        table = fixations_table(observers, time_s, rows.duration_s.astype(float), np.rint(rows.time_s * fps), *columns)
        yield Scene(table, fps, [Track.of(track) for _, track in own.groupby("event")])


def demo_scenes() -> Iterator[Scene]:
    """Yield the videos of the demo."""
    source = DemoSource()
    for video in video_ids(source):
        scene = make_scene(source, video)
        viewings = watch(scene, source.n_observers)
        gaze = [samples_of(viewing, scene.times, f"p{k:02d}") for k, viewing in enumerate(viewings)]
        known = [Track.of(pd.DataFrame({c: e[c] for c in COLUMNS})) for e in truth(scene, viewings)["events"]]
        yield Scene(find_fixations(pd.concat(gaze, ignore_index=True), FixationSettings()), scene.fps, known)


def count_simulated(scenes: list[Scene]) -> None:
    """Print how well known events are found, by both methods and by the published one with our least length."""
    print(f"\n{len(scenes)} scenes, {sum(len(scene.known) for scene in scenes)} events")
    for method, least_s in (("clusters", None), ("tsv360", None), ("tsv360", 2.0)):
        matches, n_true, n_found = list[Match](), 0, 0
        for scene in scenes:
            least = Tsv360Settings(min_length_frames=round(least_s * scene.fps)) if least_s else Tsv360Settings()
            settings = EventSettings(method=method, tsv360=least)
            tracks = detect_events(scene.fixations, "v", scene.fps, settings).tracks
            found = [Track.of(track) for _, track in tracks.groupby("event_id", sort=False)]
            matches += match_events(scene.known, found)
            n_true, n_found = n_true + len(scene.known), n_found + len(found)
        got = score(matches, n_true, n_found)
        shares = f"{got.f1:.3f} | {got.precision:.3f} | {got.recall:.3f} | {n_found / n_true:.1f}"
        errors = f"{got.error_deg:.2f} | {got.start_error_s:.2f} | {got.end_error_s:.2f}"
        print(f"| {method}, least {least_s or 'as published'} | {shares} | {errors} |")


if __name__ == "__main__":
    draw_swap()
    draw_heights()
    draw_destruction()
    count()
    count_simulated(list(attentive_scenes()))
    count_simulated(list(demo_scenes()))
