"""Scores of a fold's test clips: one row for each clip and predictor."""

import os
from dataclasses import dataclass, field
from typing import Any
from zlib import crc32

import numpy as np
import pandas as pd
from joblib import Parallel, delayed
from numpy.typing import NDArray

from tsalv360 import metrics
from tsalv360.contracts.tables import FOLD_SCORES, MAP_METRICS
from tsalv360.evaluation.baselines import fifths, halves, priors, with_floor
from tsalv360.evaluation.predict import Predict, in_size
from tsalv360.evaluation.settings import EvaluateSettings
from tsalv360.evaluation.truth import Truth
from tsalv360.job.log import progress
from tsalv360.job.parent import end_with
from tsalv360.saliency import Map, points_map
from tsalv360.sphere.directions import pixel_to_direction

PICTURE = (160, 320)  # height and width of the maps that are kept
_AT_ONCE = 4  # clips a process whose maps are in memory
Scores = dict[str, NDArray[np.float64]]


@dataclass
class Scored:
    """The scores table of a fold, and by clip small maps [2 or 3, h, w] of target, right and first wrong prompt."""

    table: pd.DataFrame
    maps: dict[str, NDArray[np.float32]] = field(default_factory=dict)


class Judge:
    """Scores of maps [P, H, W] of one size; each score is an array [P], by the name of its column."""

    def __init__(self, baseline: Map) -> None:
        self._baseline, self._area = baseline, metrics.solid_angle(len(baseline))

    def by_target(self, maps: Map, target: Map) -> Scores:
        """Against a target [H, W], or one for each map."""
        target = np.broadcast_to(target, maps.shape)
        found = {name: getattr(metrics, name)(maps, target) for name in MAP_METRICS}
        return found | {f"{name}_sphere": getattr(metrics, name)(maps, target, self._area) for name in MAP_METRICS}

    def by_fixations(self, maps: Map, fixations: NDArray[np.bool_], others: NDArray[np.int32]) -> Scores:
        """Against fixations [H, W], or those of each map; `others` counts those of other videos."""
        fixations, others = np.broadcast_to(fixations, maps.shape), np.broadcast_to(others, maps.shape)
        baseline = np.broadcast_to(self._baseline, maps.shape)
        found = {"auc_shuffled": metrics.auc_shuffled(maps, fixations, others)}
        for suffix, area in (("", None), ("_sphere", self._area)):
            found[f"nss{suffix}"] = metrics.nss(maps, fixations, area)
            found[f"auc_judd{suffix}"] = metrics.auc_judd(maps, fixations, area)
            found[f"information_gain{suffix}"] = metrics.information_gain(maps, fixations, baseline, area)
        return found


def score_fold(
    truth: Truth,
    predict: Predict,
    settings: EvaluateSettings,
    sigma_deg: float,
    zero_shot: Predict | None = None,
    processes: int = 1,
) -> Scored:
    """Score a fold's clips.

    Parameters: `predict` gives the model's maps, `zero_shot` those of CLIP alone, where there is one; `sigma_deg` the
    width of a fixation in the dataset's maps; `processes` that judge maps.
    """
    judged, elsewhere = _OfClip(truth, settings.seed, sigma_deg), _in_place_of(truth.clips)
    parts, kept = [], {}
    workers = Parallel(processes, initializer=end_with, initargs=(os.getpid(),))
    with workers as pool, progress(len(truth.clips), "clips") as bar:
        for start in range(0, len(truth.clips), _AT_ONCE * processes):
            clips = [clip for _, clip in truth.clips[start : start + _AT_ONCE * processes].iterrows()]
            shown = [elsewhere.get(clip.name) for clip in clips]
            asked = [
                _asked(*one, predict, zero_shot, settings.neutral_prompt) for one in zip(clips, shown, strict=True)
            ]
            found = pool(delayed(judged)(*one) for one in zip(clips, asked, strict=True))
            for clip, (table, maps) in zip(clips, found, strict=True):
                parts.append(table)
                kept[clip.clip_id] = maps
            bar.update(len(clips))
    return Scored(pd.concat(parts, ignore_index=True)[list(FOLD_SCORES)], kept)


class _OfClip:
    """The rows of a clip, of what was predicted for it, of the priors and of other observers, and its small maps."""

    def __init__(self, truth: Truth, seed: int, sigma_deg: float) -> None:
        known = priors(truth.training_targets())
        self._truth, self._seed, self._sigma_deg = truth, seed, sigma_deg
        self._priors, self._prior_maps = list(known), np.stack(list(known.values()))
        self._judge = Judge(known["mean_map"])
        height, width = known["mean_map"].shape
        self._counts = truth.fixation_counts((height, width))
        self._everywhere = np.sum(list(self._counts.values()), axis=0)

    def __call__(
        self, clip: pd.Series, asked: dict[str, NDArray[np.float32]]
    ) -> tuple[pd.DataFrame, NDArray[np.float32]]:
        target = self._truth.files.target(clip.video, clip.event_id, clip.target_frame)
        points, others = self._truth.points(clip), self._everywhere - self._counts[clip.video]
        size = others.shape
        maps = np.concatenate([in_size(np.concatenate(list(asked.values())), size), self._prior_maps])
        names = [name for name, some in asked.items() for _ in some] + self._priors
        fixations = points_map(points.yaw_deg, points.pitch_deg, size)
        scores = self._judge.by_target(maps, target) | self._judge.by_fixations(maps, fixations, others)
        found = pd.DataFrame(scores).groupby(names, sort=False).mean()  # of the wrong prompts
        rng = np.random.default_rng([self._seed, crc32(clip.clip_id.encode())])  # whatever clips there are else
        if observers := _other_observers(points, self._judge, others, self._sigma_deg, rng):
            found.loc["observers"] = observers
        found = found.rename_axis("predictor").reset_index()
        shown = [target[None], asked["model"], *([asked["wrong_prompt"][:1]] if clip.wrong else [])]
        kept = np.concatenate([in_size(one, PICTURE) for one in shown])
        return found.assign(fold=self._truth.fold, peak_pitch_deg=_peak_pitch(target), **_known(clip)), kept


def _asked(
    clip: pd.Series, elsewhere: pd.Series | None, predict: Predict, zero_shot: Predict | None, neutral: str
) -> dict[str, NDArray[np.float32]]:
    """What the model says [n, h, w], by predictor; of each wrong prompt one map."""
    maps = predict(clip.video, clip.frames, [clip.caption, neutral, *clip.wrong])
    found = {"model": maps[:1], "neutral_prompt": maps[1:2], "wrong_prompt": maps[2:]}
    if elsewhere is not None:
        found["other_video"] = predict(elsewhere.video, elsewhere.frames, [clip.caption])
    if zero_shot:
        found["clip_zero_shot"] = with_floor(zero_shot(clip.video, clip.frames, [clip.caption]))
    return found


def _in_place_of(clips: pd.DataFrame) -> dict[Any, pd.Series]:
    """For each row of a clip, the clip of another video whose frames are shown in its place.

    That is the next test video, after the last the first, and its clip at the same part of the way through its clips.
    None where there is one video only.
    """
    of_video = [rows for _, rows in clips.groupby("video").groups.items()]
    if len(of_video) < 2:
        return {}
    shown: dict[Any, pd.Series] = {}
    for rows, others in zip(of_video, of_video[1:] + of_video[:1], strict=True):
        shown |= {row: clips.loc[others[k * len(others) // len(rows)]] for k, row in enumerate(rows)}
    return shown


def _other_observers(
    points: pd.DataFrame, judge: Judge, others: NDArray[np.int32], sigma: float, rng: np.random.Generator
) -> dict[str, float]:
    """What observers foretell of others: of a half's map the other's, both ways; of a fifth's fixations all others'.

    Empty for a single observer.
    """
    points = points[points.weight > 0]
    size = (others.shape[0], others.shape[1])
    if points.observer.nunique() < 2:
        return {}
    both = halves(points, sigma, size, rng)
    found = {name: float(values.mean()) for name, values in judge.by_target(with_floor(both), both[::-1]).items()}
    maps, fixations, n = zip(*fifths(points, sigma, size, rng), strict=True)
    scores = judge.by_fixations(with_floor(np.stack(maps)), np.stack(fixations), others)
    return found | {name: float(np.average(values, weights=n)) for name, values in scores.items()}


def _peak_pitch(target: Map) -> float:
    height, width = target.shape
    return float(pixel_to_direction(0, target.argmax() // width, height, width)[1])


def _known(clip: pd.Series) -> dict[str, Any]:
    columns = ("clip_id", "event_id", "video", "event_s", "n_others")
    return {**{name: clip[name] for name in columns}, "n_wrong": len(clip.wrong)}
