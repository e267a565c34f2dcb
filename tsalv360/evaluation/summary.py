"""Means of scores with bootstrap intervals, and paired differences of two predictors or two models."""

from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path

import numpy as np
import pandas as pd
from tabulate import tabulate

from tsalv360.contracts.tables import METRICS, ON_SPHERE, SCORES, SUMMARY, empty, read_table
from tsalv360.evaluation import EXTERNAL, EvaluateSettings
from tsalv360.job.errors import InputError
from tsalv360.sphere.directions import Array

COLUMNS = [*METRICS, *ON_SPHERE]
GAPS = ("wrong_prompt", "neutral_prompt", "other_video")  # compared with the right prompt
LENGTHS = (0, 2, 4, 8, np.inf)  # seconds
LATITUDES = (0, 15, 30, 60, 90)  # degrees from the equator
LOWER_IS_BETTER = ("kld", "kld_reversed", "kld_sphere", "kld_reversed_sphere")
SCORES_FILE = "scores.parquet"
GAP = "cc_right_wrong"  # what the text achieves: CC of the right prompt minus that of the wrong ones
_SHOWN = 10  # names in a message


def summarise(scores: pd.DataFrame, n_bootstrap: int, seed: int) -> pd.DataFrame:
    """Return the summary table of a scores table: all clips, and each group of them."""
    gaps = [difference(scores, "model", other) for other in (*GAPS, *externals(scores))]
    whole = pd.concat([scores, *(gap for gap in gaps if len(gap))], ignore_index=True)
    rows = [
        means(part, n_bootstrap, seed).assign(by=by, group=group, predictor=predictor)
        for by, group, members in _groups(whole)
        for predictor, part in members.groupby("predictor", sort=False)
    ]
    return pd.concat([empty(SUMMARY), *rows], ignore_index=True)[list(SUMMARY)]


def externals(table: pd.DataFrame) -> list[str]:
    """Return the predictors of a table that are other models' maps, in their order."""
    return [name for name in table.predictor.unique() if name.startswith(EXTERNAL)]


def coverage(clips: pd.DataFrame, covered: set[str]) -> str:
    """Return in words how many clips have a map, and how many of which videos have none.

    Parameters: `clips` with `clip_id` and `video`; the ids of those that have a map.
    """
    without = clips.video[~clips.clip_id.isin(covered)].value_counts(sort=False)
    of_videos = [f"{n} of video {video}" for video, n in without.items()]
    more = f" and clips of {len(without) - _SHOWN} more videos" if len(without) > _SHOWN else ""
    none = f"; none for {', '.join(of_videos[:_SHOWN])}{more}" if of_videos else ""
    return f"{len(clips) - without.sum()} of {len(clips)} clips have a map{none}"


def difference(scores: pd.DataFrame, first: str, second: str) -> pd.DataFrame:
    """Return the first predictor's scores minus the second's, over the clips that have both, as a scores table."""
    one, other = (scores[scores.predictor == name] for name in (first, second))
    return paired(one, other).assign(predictor=gap_name(second, first))


def gap_name(second: str, first: str = "model") -> str:
    """Return the name of a difference among the predictors of a summary."""
    return f"{first} − {second}"


def paired(first: pd.DataFrame, second: pd.DataFrame) -> pd.DataFrame:
    """Return first minus second scores, over the clips that both have; other columns are the first's."""
    first, second = first.set_index("clip_id"), second.set_index("clip_id")
    both = first.index.intersection(second.index)
    found = first.loc[both].copy()
    found[COLUMNS] -= second.loc[both, COLUMNS]
    return found.reset_index()


def means(scores: pd.DataFrame, n_bootstrap: int, seed: int) -> pd.DataFrame:
    """Return one predictor's row of the summary for each metric that it has, without group and predictor."""
    of_videos = scores.groupby("video")[COLUMNS].mean()
    low, high = interval(of_videos.to_numpy(float), n_bootstrap, seed)
    columns = {"n_clips": scores[COLUMNS].count(), "n_videos": of_videos.count()}
    columns |= {"mean_clips": scores[COLUMNS].mean(), "mean_videos": of_videos.mean()}
    found = pd.DataFrame(columns).assign(low=low, high=high).rename_axis("metric").reset_index()
    return found[found.n_clips > 0]


def interval(values: Array, n_bootstrap: int, seed: int) -> tuple[Array, Array]:
    """Return the 95 % percentile bootstrap interval of the mean of each column of values [n, k].

    Rows are drawn together. NaN is left out; columns with fewer than two numbers have no interval, NaN.
    """
    n, is_number = len(values), np.isfinite(values)
    draws = np.random.default_rng(seed).integers(n, size=(n_bootstrap, n))
    times_drawn = np.stack([np.bincount(draw, minlength=n) for draw in draws])
    n_drawn = (times_drawn @ is_number).astype(float)
    n_drawn[n_drawn == 0] = np.nan
    drawn_means = times_drawn @ np.where(is_number, values, 0) / n_drawn
    enough = is_number.sum(0) > 1
    bounds = np.full((2, values.shape[1]), np.nan)
    if enough.any():
        bounds[:, enough] = np.nanpercentile(drawn_means[:, enough], [2.5, 97.5], axis=0)
    return bounds[0], bounds[1]


def _groups(scores: pd.DataFrame) -> Iterator[tuple[str, str, pd.DataFrame]]:
    """Yield what clips are grouped by, the name of a group, and its scores."""
    yield "all", "all", scores
    others = np.array(["no other event", "others, captions the same", "others visible"], dtype=object)
    labels = {
        "source": scores.source,
        "fold": scores.fold.astype(str),
        "length": _bands(scores.event_s, LENGTHS, "s"),
        "equator": _bands(scores.peak_pitch_deg.abs(), LATITUDES, "°"),
        "others": others[(scores.n_others > 0).astype(int) + (scores.n_wrong > 0)],
    }
    for by, label in labels.items():
        for group, part in scores.groupby(np.asarray(label, dtype=object), sort=False):
            yield by, str(group), part


def _bands(values: pd.Series, edges: Sequence[float], unit: str) -> pd.Series:
    """Return the name of the band, from one edge (inclusive) to the next, that each value lies in."""
    names = [
        f"{low:g} {unit} and more" if high == edges[-1] else f"{low:g} to {high:g} {unit}"
        for low, high in zip(edges, edges[1:], strict=False)
    ]
    return pd.cut(values, [*edges[:-1], np.inf], right=False, labels=names)


def compare_models(first: str | Path, second: str | Path, settings: EvaluateSettings | None = None) -> pd.DataFrame:
    """Return the paired differences of two models, one row for each metric that both have.

    The first row is what the text achieves, `cc_right_wrong`: CC of the right prompt minus that of the wrong ones, if
    there are clips that have some. The others compare right prompts.

    Parameters: two folders of evaluations, or their `scores.parquet`.
    Returns `metric`, `n_clips`, `n_videos`, the means over videos `first`, `second` and `difference` (second minus
    first) with the interval `low` to `high` over videos, and `better`: first, second, or neither where the interval
    contains 0 or is missing. InputError where the clips are not the same; it names those that only one has.
    """
    settings = settings or EvaluateSettings()
    a, b = (_right_prompts(path) for path in (first, second))
    refuse_other_clips("tsalv360 evaluate compare", {first: a, second: b})
    gap_a, gap_b = (difference(read_scores(path), "model", "wrong_prompt") for path in (first, second))
    found = _differences(a, b, settings)
    if set(gap_a.clip_id) & set(gap_b.clip_id):
        gaps = _differences(gap_a, gap_b, settings).query("metric == 'cc'").assign(metric=GAP)
        found = pd.concat([gaps, found], ignore_index=True)
    sign = np.where(found.metric.isin(LOWER_IS_BETTER), -1, 1)
    better = np.where(found.difference * sign > 0, "second", "first")
    found["better"] = np.where(found.low * found.high > 0, better, "neither")
    columns = ["metric", "n_clips", "n_videos", "first", "second", "difference", "low", "high", "better"]
    return found[columns].reset_index(drop=True)


def comparison_text(comparison: pd.DataFrame, first: str | Path, second: str | Path) -> str:
    """Return the table of `compare_models` for the terminal, below what was compared."""
    names = [f"{place}: {name_of(path)} ({path})" for place, path in (("first", first), ("second", second))]
    table = tabulate(comparison.to_dict("list"), headers="keys", showindex=False, floatfmt=".4f", missingval="–")
    return "\n".join([*names, "", table])


def name_of(path: str | Path) -> str:
    """Return the name of an evaluation, that of its folder."""
    path = Path(path).resolve()
    return path.parent.name if path.name == SCORES_FILE else path.stem if path.is_file() else path.name


def _differences(first: pd.DataFrame, second: pd.DataFrame, settings: EvaluateSettings) -> pd.DataFrame:
    """Return the means of two tables of scores and of their paired differences, second minus first, by metric."""
    found = means(paired(second, first), settings.bootstrap, settings.seed)
    for name, scores in (("first", first), ("second", second)):
        found[name] = found.metric.map(scores.groupby("video")[COLUMNS].mean().mean())
    return found.rename(columns={"mean_videos": "difference"})


def read_scores(path: str | Path) -> pd.DataFrame:
    """Return the scores table of an evaluation: its folder, or the file itself."""
    return read_table(Path(path, SCORES_FILE) if Path(path).is_dir() else path, SCORES)


def refuse_other_clips(where: str, evaluations: Mapping[str | Path, pd.DataFrame]) -> None:
    """Raise InputError, with the clips that only one has, unless all scores are of the same clips as the first."""
    clips = {path: set(scores.clip_id) for path, scores in evaluations.items()}
    first, *others = clips
    for other in others:
        both = {first: clips[first] - clips[other], other: clips[other] - clips[first]}
        found = [
            f"{len(only)} clips only in {path}: {', '.join(sorted(only)[:_SHOWN])}{' …' if len(only) > _SHOWN else ''}"
            for path, only in both.items()
            if only
        ]
        if found:
            advice = "Evaluate all models on the same folds of the same dataset."
            raise InputError(where, "; ".join(found), "the same clips", advice)


def _right_prompts(path: str | Path) -> pd.DataFrame:
    scores = read_scores(path)
    model = scores[scores.predictor == "model"]
    if model.empty:
        advice = "Other models' maps are compared by `tsalv360 evaluate table`."
        raise InputError(path, "no scores of a model", "those of one", advice)
    return model
