"""Means over clips and over videos with intervals, of predictors and of the differences between two of them."""

from collections.abc import Iterator, Sequence

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from tsalv360.geometry import Array
from tsalv360.tables import METRICS, ON_SPHERE, SUMMARY, empty

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
