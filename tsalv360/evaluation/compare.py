"""Two models on the same clips: `tsalv360 evaluate compare`."""

from pathlib import Path

import numpy as np
import pandas as pd
from tabulate import tabulate

from tsalv360.errors import InputError
from tsalv360.evaluation.settings import EvaluateSettings
from tsalv360.evaluation.summary import means, paired
from tsalv360.tables import SCORES, read_table

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
