"""Means over clips and over videos with intervals, of predictors and of the differences between two of them.

Two models on the same clips: `tsalv360 evaluate compare`.
"""

from collections.abc import Iterator, Sequence
from pathlib import Path

import numpy as np
import pandas as pd
from numpy.typing import NDArray
from tabulate import tabulate

from tsalv360.contracts.tables import METRICS, ON_SPHERE, SCORES, SUMMARY, empty, read_table
from tsalv360.evaluation.settings import EvaluateSettings
from tsalv360.job.errors import InputError
from tsalv360.sphere.directions import Array

COLUMNS = [*METRICS, *ON_SPHERE]
GAPS = ("wrong_prompt", "neutral_prompt", "other_video")  # what the right prompt is compared with
LENGTHS = (0, 2, 4, 8, np.inf)  # seconds
BANDS = (0, 15, 30, 60, 90)  # degrees from the equator


def summarise(scores: pd.DataFrame, n_bootstrap: int, seed: int) -> pd.DataFrame:
    """The summary table of a scores table: all clips, and each group of them."""
    gaps = [difference(scores, "model", other) for other in GAPS]
    whole = pd.concat([scores, *(gap for gap in gaps if len(gap))], ignore_index=True)
    rows = [
        means(part, n_bootstrap, seed).assign(by=by, group=group, predictor=predictor)
        for by, group, members in groups(whole)
        for predictor, part in members.groupby("predictor", sort=False)
    ]
    return pd.concat([empty(SUMMARY), *rows], ignore_index=True)[list(SUMMARY)]


def difference(scores: pd.DataFrame, first: str, second: str) -> pd.DataFrame:
    """First predictor less the second, over the clips that have both: a scores table."""
    one, other = (scores[scores.predictor == name] for name in (first, second))
    return paired(one, other).assign(predictor=gap_name(second, first))


def gap_name(second: str, first: str = "model") -> str:
    """The name of a difference among the predictors of a summary."""
    return f"{first} − {second}"


def paired(first: pd.DataFrame, second: pd.DataFrame) -> pd.DataFrame:
    """First scores less the second, over the clips that both have."""
    first, second = first.set_index("clip_id"), second.set_index("clip_id")
    both = first.index.intersection(second.index)
    found = first.loc[both].copy()
    found[COLUMNS] = first.loc[both, COLUMNS].to_numpy(float) - second.loc[both, COLUMNS].to_numpy(float)
    return found.reset_index()


def means(scores: pd.DataFrame, n_bootstrap: int, seed: int) -> pd.DataFrame:
    """One predictor's means of each metric that it has: the numbers of the summary table, and `metric`."""
    of_videos = scores.groupby("video")[COLUMNS].mean()
    low, high = interval(of_videos.to_numpy(float), n_bootstrap, seed)
    found = pd.DataFrame(
        {
            "metric": COLUMNS,
            "n_clips": scores[COLUMNS].count().to_numpy(),
            "n_videos": of_videos.count().to_numpy(),
            "mean_clips": scores[COLUMNS].mean().to_numpy(),
            "mean_videos": of_videos.mean().to_numpy(),
            "low": low,
            "high": high,
        }
    )
    return found[found.n_clips > 0]


def interval(values: Array, n_bootstrap: int, seed: int) -> tuple[Array, Array]:
    """The 95 % percentile bootstrap interval of the mean of each column of values [n, k].

    Rows are drawn together. NaN counts nowhere; NaN where fewer than two rows have a number.
    """
    n, there = len(values), np.isfinite(values)
    draws = np.random.default_rng(seed).integers(n, size=(n_bootstrap, n))
    times = np.stack([np.bincount(draw, minlength=n) for draw in draws])  # that each row was drawn
    drawn = (times @ there).astype(float)
    drawn[drawn == 0] = np.nan
    found = times @ np.where(there, values, 0) / drawn
    enough = there.sum(0) > 1
    bounds = np.full((2, values.shape[1]), np.nan)
    if enough.any():
        bounds[:, enough] = np.nanpercentile(found[:, enough], [2.5, 97.5], axis=0)
    return bounds[0], bounds[1]


def groups(scores: pd.DataFrame) -> Iterator[tuple[str, str, pd.DataFrame]]:
    """What clips are grouped by, the group's name, and its scores."""
    yield "all", "all", scores
    labels = {
        "source": scores.source,
        "fold": scores.fold.astype(str),
        "length": _bands(scores.event_s, LENGTHS, "s"),
        "equator": _bands(scores.peak_pitch_deg.abs(), BANDS, "°"),
        "others": _others(scores),
    }
    for by, label in labels.items():
        for group, part in scores.groupby(np.asarray(label, dtype=object), sort=False):
            yield by, str(group), part


def _bands(values: pd.Series, edges: Sequence[float], unit: str) -> NDArray[np.object_]:
    """In which band from one edge, inclusive, to the next each value lies, in words."""
    names = [
        f"{low:g} {unit} and more" if high == edges[-1] else f"{low:g} to {high:g} {unit}"
        for low, high in zip(edges, edges[1:], strict=False)
    ]
    return np.array(names, dtype=object)[np.digitize(values, edges[1:-1])]


def _others(scores: pd.DataFrame) -> NDArray[np.object_]:
    names = np.array(["no other event", "others, captions the same", "others visible"], dtype=object)
    return names[(scores.n_others > 0).astype(int) + (scores.n_wrong > 0)]


SCORES_FILE = "scores.parquet"
LOWER_IS_BETTER = ("kld", "kld_reversed", "kld_sphere", "kld_reversed_sphere")
_SHOWN = 10


def compare(first: str | Path, second: str | Path, settings: EvaluateSettings | None = None) -> pd.DataFrame:
    """Paired differences of two models' right prompts, for each metric that both have.

    Parameters: two folders of evaluations, or their `scores.parquet`.
    Returns `metric`, `n_clips`, `n_videos`, the means over videos `first`, `second` and `difference` (second less
    first) with the interval `low` to `high` by video, and `better`: first, second, or neither where the interval holds
    0 or there is none. InputError where the clips are not the same; it names those that only one has.
    """
    settings = settings or EvaluateSettings()
    a, b = (_right_prompts(path) for path in (first, second))
    _refuse_others(first, second, a, b)
    differences = means(paired(b, a), settings.bootstrap, settings.seed)
    of_each = {
        name: means(scores, settings.bootstrap, settings.seed).set_index("metric").mean_videos
        for name, scores in (("first", a), ("second", b))
    }
    found = differences.rename(columns={"mean_videos": "difference"})
    found = found.assign(**{name: found.metric.map(values) for name, values in of_each.items()})
    sign = np.where(found.metric.isin(LOWER_IS_BETTER), -1, 1)
    better = np.where(found.difference * sign > 0, "second", "first")
    found["better"] = np.where(found.low * found.high > 0, better, "neither")
    columns = ["metric", "n_clips", "n_videos", "first", "second", "difference", "low", "high", "better"]
    return found[columns].reset_index(drop=True)


def as_text(comparison: pd.DataFrame) -> str:
    """The comparison as a table for the terminal."""
    return tabulate(comparison.to_dict("list"), headers="keys", showindex=False, floatfmt=".4f", missingval="–")


def _right_prompts(path: str | Path) -> pd.DataFrame:
    file = Path(path, SCORES_FILE) if Path(path).is_dir() else Path(path)
    scores = read_table(file, SCORES)
    return scores[scores.predictor == "model"]


def _refuse_others(first: str | Path, second: str | Path, a: pd.DataFrame, b: pd.DataFrame) -> None:
    only = {path: sorted(set(x.clip_id) - set(y.clip_id)) for path, x, y in ((first, a, b), (second, b, a))}
    found = [
        f"{len(clips)} clips only in {path}: {', '.join(clips[:_SHOWN])}{' …' if len(clips) > _SHOWN else ''}"
        for path, clips in only.items()
        if clips
    ]
    if found:
        advice = "Evaluate both on the same folds of the same dataset."
        raise InputError("tsalv360 evaluate compare", "; ".join(found), "the same clips", advice)
