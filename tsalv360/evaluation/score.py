"""Scores of a fold's test clips: one row for each clip and predictor."""

import os
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any, NamedTuple
from zlib import crc32

import numpy as np
import pandas as pd
from joblib import Parallel, delayed
from numpy.typing import NDArray

from tsalv360 import metrics
from tsalv360.contracts.tables import FOLD_SCORES, MAP_METRICS
from tsalv360.evaluation import EXTERNAL, EvaluateSettings
from tsalv360.evaluation.external import find_maps, read_map
from tsalv360.evaluation.predictions import ClipPrediction
from tsalv360.evaluation.truth import Truth, fifths, halves, priors, with_floor
from tsalv360.job.log import end_with, progress
from tsalv360.prediction.small import small_png
from tsalv360.saliency import Map, points_map, resize_maps
from tsalv360.sphere.directions import pixel_to_direction

PICTURE = (160, 320)  # height and width of the maps that are kept for examples
_CLIPS_PER_PROCESS = 4  # whose maps are in memory at a time
_PICTURED = ("model", "wrong_prompt")
_CLIP_COLUMNS = ["clip_id", "event_id", "video", "event_s", "n_others"]

Scores = dict[str, NDArray[np.float64]]  # [P] of P maps by the name of their column
Predictions = dict[str, NDArray[np.float32]]  # maps [n, h, w] by predictor
# Predicts maps [prompts, h, w], not negative, for the last frame of a clip: a video, the native numbers of its frames.
Predictor = Callable[[str, Sequence[int], Sequence[str]], NDArray[np.float32]]


class Scored(NamedTuple):
    """The scores table of clips; by clip, small maps [h, w] for pictures; and, for pages, the model's predictions.

    The maps are the `target`, and by predictor: `model` and `wrong_prompt`, the first one, or without a model those of
    other models.
    """

    table: pd.DataFrame
    maps: dict[str, dict[str, Map]]
    predictions: list[ClipPrediction]


def score_fold(
    truth: Truth,
    predictor: Predictor | None,
    settings: EvaluateSettings,
    sigma_deg: float,
    zero_shot: Predictor | None = None,
    processes: int = 1,
) -> Scored:
    """Return the scores of a fold's test clips.

    Parameters: `predictor` of the model, `zero_shot` that of CLIP without training, if any; `sigma_deg`, the width of a
    fixation in the dataset's maps; `processes` that compute metrics. InputError for other models' maps
    (`settings.external`) that cannot be used.
    """
    others = {
        f"{EXTERNAL}{name}": find_maps(name, folder, truth.clips)
        for name, folder in settings.external_folders().items()
    }
    scorer = ClipScorer(truth, settings.seed, sigma_deg, settings.targets == "rescaled")
    replacements = _replacements(truth.clips)
    tables, kept, shown = [], {}, []
    workers = Parallel(processes, initializer=end_with, initargs=(os.getpid(),))
    with workers as pool, progress(len(truth.clips), "clips") as bar:
        for start in range(0, len(truth.clips), _CLIPS_PER_PROCESS * processes):
            clips = [clip for _, clip in truth.clips[start : start + _CLIPS_PER_PROCESS * processes].iterrows()]
            predictions = [
                _predict(clip, replacements.get(clip.name), predictor, zero_shot, settings.neutral_prompt)
                if predictor
                else {}
                for clip in clips
            ]
            files = [
                {other: of_clips[clip.clip_id] for other, of_clips in others.items() if clip.clip_id in of_clips}
                for clip in clips
            ]
            for scored in pool(delayed(scorer)(*one) for one in zip(clips, predictions, files, strict=True)):
                tables.append(scored.table)
                kept.update(scored.maps)
                shown += scored.predictions
            bar.update(len(clips))
    return Scored(pd.concat(tables, ignore_index=True)[list(FOLD_SCORES)], kept, shown)


class ClipScorer:
    """Scores of all predictors for one clip: the model's predictions, other models' maps, priors, other observers."""

    def __init__(self, truth: Truth, seed: int, sigma_deg: float, rescale: bool = False) -> None:
        prior_maps = priors(truth.training_targets())
        self._truth, self._seed, self._sigma_deg, self._rescale = truth, seed, sigma_deg, rescale
        self._prior_names, self._prior_maps = list(prior_maps), np.stack(list(prior_maps.values()))
        self._baseline = prior_maps["mean_map"]
        self._size = self._baseline.shape[0], self._baseline.shape[1]
        self._solid_angle = metrics.solid_angle(self._size[0])
        self._counts = truth.fixation_counts(self._size)
        self._all_counts = np.sum(list(self._counts.values()), axis=0)

    def __call__(self, clip: pd.Series, predictions: Predictions, files: Mapping[str, Path]) -> Scored:
        """Return what is known of one clip; in the table, scores of several wrong prompts are averaged.

        Parameters: the model's `predictions`, none without a model; `files` with other models' maps, by predictor.
        """
        target = self._truth.files.target(clip.video, clip.event_id, clip.target_frame)
        peak = target.max()
        if self._rescale:
            target = target / peak
        points, others = self._truth.points(clip), self._all_counts - self._counts[clip.video]
        others_maps = {name: with_floor(read_map(path, self._size)[None]) for name, path in files.items()}
        resized = {name: resize_maps(some, self._size) for name, some in predictions.items() if len(some)} | others_maps
        maps = np.concatenate([*resized.values(), self._prior_maps])
        names = [name for name, some in resized.items() for _ in some] + self._prior_names
        fixations = points_map(points.yaw_deg, points.pitch_deg, self._size)
        scores = self._against_target(maps, target) | self._against_fixations(maps, fixations, others)
        table = pd.DataFrame(scores).groupby(names, sort=False).mean()
        if observers := self._score_observers(points[points.weight > 0], others, clip.clip_id):
            table.loc["observers"] = observers
        table["peak"] = pd.Series({name: some.max((1, 2)).mean() for name, some in predictions.items()}, dtype=float)
        known = {
            "fold": self._truth.fold,
            "n_wrong": len(clip.wrong),
            "peak_pitch_deg": _peak_pitch(target),
            "target_peak": round(float(peak) * 255),
        }
        own = {name: some for name, some in predictions.items() if name in _PICTURED and len(some)}
        shown = {"target": target[None], **(own or others_maps)}
        small = {name: resize_maps(some[:1], PICTURE)[0] for name, some in shown.items()}
        table = table.rename_axis("predictor").reset_index()
        cc = dict(zip(names[::-1], scores["cc"][::-1].tolist(), strict=True))
        of_model = [_prediction(clip, predictions, cc)] if predictions else []
        return Scored(table.assign(**known, **clip[_CLIP_COLUMNS]), {clip.clip_id: small}, of_model)

    def _against_target(self, maps: Map, target: Map) -> Scores:
        """Compare maps [P, H, W] with a target [H, W], or one for each map."""
        return self._plain_and_weighted(MAP_METRICS, maps, np.broadcast_to(target, maps.shape))

    def _against_fixations(self, maps: Map, fixations: NDArray[np.bool_], others: NDArray[np.int32]) -> Scores:
        """Compare with fixations [H, W], or those of each map; `others` counts the fixations of other videos."""
        shape = maps.shape
        fixations, baseline = np.broadcast_to(fixations, shape), np.broadcast_to(self._baseline, shape)
        return {
            "auc_shuffled": metrics.auc_shuffled(maps, fixations, np.broadcast_to(others, shape)),
            **self._plain_and_weighted(("nss", "auc_judd"), maps, fixations),
            **self._plain_and_weighted(("information_gain",), maps, fixations, baseline),
        }

    def _plain_and_weighted(self, names: Any, *arguments: NDArray[Any]) -> Scores:
        weights = {"": None, "_sphere": self._solid_angle}
        return {name + key: getattr(metrics, name)(*arguments, weights[key]) for name in names for key in weights}

    def _score_observers(self, points: pd.DataFrame, others: NDArray[np.int32], clip_id: str) -> dict[str, float]:
        """Return how well observers predict each other; empty for a single one.

        Each half's map is compared with that of the other half, each fifth's fixations with the map of all others.
        """
        if points.observer.nunique() < 2:
            return {}
        rng = np.random.default_rng([self._seed, crc32(clip_id.encode())])  # independent of the other clips
        both = halves(points, self._sigma_deg, self._size, rng)
        scores = self._against_target(with_floor(both), both[::-1])
        maps, fixations, n = zip(*fifths(points, self._sigma_deg, self._size, rng), strict=True)
        of_fixations = self._against_fixations(with_floor(np.stack(maps)), np.stack(fixations), others)
        means = {name: np.mean(values) for name, values in scores.items()}
        return means | {name: np.average(values, weights=n) for name, values in of_fixations.items()}


def _predict(
    clip: pd.Series, replacement: pd.Series | None, predictor: Predictor, zero_shot: Predictor | None, neutral: str
) -> Predictions:
    """Return the model's maps for a clip; `wrong_prompt` has one for each wrong prompt."""
    absent = [clip.absent] if clip.absent else []
    maps = predictor(clip.video, clip.frames, [clip.caption, neutral, *absent, *clip.wrong])
    n = 2 + len(absent)
    names = {"model": maps[:1], "neutral_prompt": maps[1:2], "absent_prompt": maps[2:n], "wrong_prompt": maps[n:]}
    predictions = {name: some for name, some in names.items() if len(some)}
    if replacement is not None:
        predictions["other_video"] = predictor(replacement.video, replacement.frames, [clip.caption])
    if zero_shot:
        predictions["clip_zero_shot"] = with_floor(zero_shot(clip.video, clip.frames, [clip.caption]))
    return predictions


def _prediction(clip: pd.Series, predictions: Predictions, cc: dict[str, float]) -> ClipPrediction:
    """Return the maps of the right and the first wrong prompt; `cc` is that of the first map of each predictor."""
    value, png = small_png(predictions["model"][0])
    wrong: dict[str, Any] = {}
    if clip.wrong:
        value_wrong, png_wrong = small_png(predictions["wrong_prompt"][0])
        wrong = {"wrong": clip.wrong[0], "cc_wrong": cc["wrong_prompt"], "value_wrong": value_wrong}
        wrong["png_wrong"] = png_wrong
    of_clip = clip.video, clip.clip_id, clip.event_id, int(clip.target_frame)
    return ClipPrediction(*of_clip, clip.caption, cc["model"], value, png, **wrong)


def _replacements(clips: pd.DataFrame) -> dict[Any, pd.Series]:
    """Return, by row of a clip, the clip of another video whose frames replace its own.

    The other video is the next test video, after the last the first; its clip is the one at the same fraction of the
    video's clips. Empty where there is one video only.
    """
    rows_of_videos = [rows for _, rows in clips.groupby("video").groups.items()]
    if len(rows_of_videos) < 2:
        return {}
    return {
        row: clips.loc[others[k * len(others) // len(rows)]]
        for rows, others in zip(rows_of_videos, rows_of_videos[1:] + rows_of_videos[:1], strict=True)
        for k, row in enumerate(rows)
    }


def _peak_pitch(target: Map) -> float:
    height, width = target.shape
    return float(pixel_to_direction(0, target.argmax() // width, height, width)[1])
