"""Ground truth of a fold's test clips, and baselines made from it.

Truth is targets, fixation points, and the other events visible in each clip; baselines are maps that do not depend on
the clip, and predictions by the gaze of other observers.
"""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from functools import cached_property

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from tsalv360.contracts.grid import FPS
from tsalv360.contracts.layout import FIXATION_POINTS
from tsalv360.contracts.tables import PART_ANNOTATIONS, POINTS, empty, read_table
from tsalv360.job.errors import InputError
from tsalv360.saliency import Map, points_map, saliency_map
from tsalv360.training.clips import ClipFiles, absent_captions, read_clips, same_prompt

CENTRE_SIGMA = 30.0  # degrees, about half of a head-mounted display's view
_FLOOR = 0.01


@dataclass(frozen=True)
class Truth:
    """The test clips of a fold and the files behind them."""

    files: ClipFiles
    fold: int

    @cached_property
    def clips(self) -> pd.DataFrame:
        """The fold's test clips in the order of video and time.

        The columns of `read_clips`, and `event_s`, the event's length in seconds (its number of maps / 16); `n_others`,
        the number of other events with a map in the clip; `wrong`, a tuple of their captions that differ from the
        clip's own; `absent`, the caption of another video, empty where there is none. InputError where the fold has no
        test clip.
        """
        clips = self._part("test")
        if clips.empty:
            where, found = self.files.dataset, f"no test clip in fold {self.fold}"
            raise InputError(where, found, "at least one", "Set dataset.folds.")
        clips = clips.sort_values(["video", "target_frame", "event_id"], ignore_index=True)
        annotations = read_table(self.files.dataset / "annotations.parquet", PART_ANNOTATIONS)
        captions = annotations.set_index("event_id").caption
        of_videos = [self.files.maps(video) for video in clips.video.unique()]
        maps = {event: set(of_video.numbers(event)) for of_video in of_videos for event in of_video.events if event}
        others = [
            [other for other in maps if _video(other) == _video(own) and other != own and maps[other] & set(frames)]
            for own, frames in zip(clips.event_id, clips.frames, strict=True)
        ]
        wrong = [
            tuple(dict.fromkeys(text for text in captions[events] if same_prompt(text) != same_prompt(own)))
            for events, own in zip(others, clips.caption, strict=True)
        ]
        length = clips.event_id.map({event: len(numbers) / FPS for event, numbers in maps.items()})
        absent = absent_captions(clips, self._all_clips)
        return clips.assign(event_s=length, n_others=list(map(len, others)), wrong=pd.Series(wrong), absent=absent)

    def training_targets(self) -> Iterator[Map]:
        """Yield the targets of all clips that the fold's model was trained with."""
        for clip in self._part("train").itertuples():
            yield self.files.target(str(clip.video), str(clip.event_id), int(str(clip.target_frame)))

    def points(self, clip: pd.Series) -> pd.DataFrame:
        """Return the event's fixation points in the clip's last frame; empty where the dataset has no gaze."""
        table = self._points[clip.video]
        return table[(table.event_id == clip.event_id) & (table.frame == clip.target_frame)]

    def fixation_counts(self, size: tuple[int, int]) -> dict[str, NDArray[np.int32]]:
        """Return, for each test video, the number of clips with a fixation in each pixel [H, W]."""
        counts: dict[str, NDArray[np.int32]] = {}
        for _, clip in self.clips.iterrows():
            points = self.points(clip)
            found = points_map(points.yaw_deg, points.pitch_deg, size)
            counts[clip.video] = counts.get(clip.video, np.zeros(size, dtype=np.int32)) + found
        return counts

    def _part(self, part: str) -> pd.DataFrame:
        return self._all_clips[self._all_clips.video.isin(self.files.splits[self.fold][part])]

    @cached_property
    def _all_clips(self) -> pd.DataFrame:
        return read_clips(self.files)

    @cached_property
    def _points(self) -> dict[str, pd.DataFrame]:
        folder = self.files.dataset / FIXATION_POINTS
        paths = {video: folder / f"{video}.parquet" for video in self.clips.video.unique()}
        return {video: read_table(path, POINTS) if path.exists() else empty(POINTS) for video, path in paths.items()}


def priors(targets: Iterable[Map]) -> dict[str, Map]:
    """Return maps [H, W], by predictor, made from the saliency maps of the training fold.

    `mean_map`, the mean of the targets scaled to sum 1 each, with a floor; `equator`, its mean over all longitudes;
    `centre`, a density around yaw 0, pitch 0; `uniform`.
    """
    total, n = np.zeros((1, 1)), 0
    for target in targets:
        total = total + target / target.sum(dtype=np.float64)
        n += 1
    mean = with_floor((total / n).astype(np.float32))
    return {
        "mean_map": mean,
        "equator": np.broadcast_to(mean.mean(1, keepdims=True), mean.shape),
        "centre": saliency_map(0, 0, sigma=CENTRE_SIGMA, size=(mean.shape[0], mean.shape[1])),
        "uniform": np.ones_like(mean),
    }


def with_floor(maps: Map) -> Map:
    """Return maps [..., H, W] with a hundredth of their mean added everywhere.

    Without it, one fixation where a map is zero costs 36 nats or 52 bits, more than all others together.
    """
    return maps + np.float32(_FLOOR) * maps.mean((-2, -1), keepdims=True)


def halves(points: pd.DataFrame, sigma: float, size: tuple[int, int], rng: np.random.Generator) -> Map:
    """Return the saliency maps [2, H, W] of two halves of the observers; of an odd number the second has one more.

    Parameters: `points` of a frame, with the columns of the points table, by two or more observers; `sigma` in degrees.
    """
    return np.stack([_map(part, sigma, size) for part in _split_observers(points, 2, rng)])


def fifths(
    points: pd.DataFrame, sigma: float, size: tuple[int, int], rng: np.random.Generator
) -> Iterator[tuple[Map, NDArray[np.bool_], int]]:
    """Yield, for each fifth of the observers: the map of all others, the fifth's fixation map, its number of fixations.

    Fewer than five observers make as many parts. Parameters: as `halves`.
    """
    for part in _split_observers(points, 5, rng):
        yield _map(points.drop(part.index), sigma, size), points_map(part.yaw_deg, part.pitch_deg, size), len(part)


def _split_observers(points: pd.DataFrame, n: int, rng: np.random.Generator) -> list[pd.DataFrame]:
    observers = rng.permutation(np.unique(points.observer))
    n = min(n, len(observers))
    edges = [k * len(observers) // n for k in range(1, n)]
    return [points[points.observer.isin(part)] for part in np.split(observers, edges)]


def _map(points: pd.DataFrame, sigma: float, size: tuple[int, int]) -> Map:
    return saliency_map(points.yaw_deg, points.pitch_deg, points.weight, sigma, size)


def _video(event: str) -> str:
    return event.rpartition("_")[0]
