"""A leaderboard: models of several evaluations and the maps of other models, on the same clips."""

from collections import Counter
from collections.abc import Sequence
from pathlib import Path
from typing import Literal

import pandas as pd
from tabulate import tabulate

from tsalv360.evaluation import EXTERNAL, EvaluateSettings
from tsalv360.evaluation.page import TITLES, escape_latex, title_of
from tsalv360.evaluation.summary import (
    GAP,
    LOWER_IS_BETTER,
    difference,
    externals,
    means,
    name_of,
    read_scores,
    refuse_other_clips,
)
from tsalv360.job.errors import InputError
from tsalv360.job.files import whole_file

_MEASURES = [*TITLES, GAP]
_OF_CLIP = ["event_id", "fold", "event_s", "peak_pitch_deg", "target_peak"]  # which say whether clips are the same
_WHERE = "tsalv360 evaluate table"
Style = Literal["simple", "github", "latex_raw"]  # of tabulate
STYLES: dict[str, Style] = {".md": "github", ".tex": "latex_raw"}


def leaderboard(paths: Sequence[str | Path], settings: EvaluateSettings | None = None) -> pd.DataFrame:
    """Return a row for each model and each other model's maps in several evaluations of the same clips, by CC.

    Parameters: folders of evaluations, or their `scores.parquet`.
    Returns `name`, `n_clips`, `of_clips` (the clips of the evaluations), `n_videos`, and for each measure (`cc`, `sim`,
    … and `cc_right_wrong`, the gap in CC between the right and wrong prompts) the mean over videos and, as `cc_low`
    and `cc_high`, its 95 % interval. A model has the name of its evaluation's folder; several of one name have
    their paths behind it. What is equal in all numbers, such as maps that were scored in each evaluation, has one row.
    InputError where the clips are not the same, with the names of those that only one has.
    """
    settings = settings or EvaluateSettings()
    evaluations = {path: read_scores(path) for path in dict.fromkeys(paths)}
    refuse_other_clips(_WHERE, evaluations)
    _refuse_other_targets(evaluations)
    rows = []
    for path, scores in evaluations.items():
        for predictor in ["model", *externals(scores)]:
            own = scores[scores.predictor == predictor]
            if len(own):
                name = name_of(path) if predictor == "model" else predictor.removeprefix(EXTERNAL)
                numbers = {"n_clips": len(own), "of_clips": scores.clip_id.nunique(), "n_videos": own.video.nunique()}
                measures = _measures(scores, predictor, settings)
                rows.append({"name": name, "path": str(path), **numbers, **measures})
    if not rows:
        found, expected = "baselines alone", "a model, or other models' maps (evaluate.external)"
        raise InputError(_WHERE, found, expected, "Name other evaluations.")
    table = pd.DataFrame(rows)
    table = table.drop_duplicates([column for column in table if column != "path"])
    times = Counter(table.name)
    table["name"] = [
        f"{name} ({path})" if times[name] > 1 else name for name, path in zip(table.name, table.path, strict=True)
    ]
    return table.drop(columns="path").sort_values("cc", ascending=False, kind="stable", ignore_index=True)


def leaderboard_text(table: pd.DataFrame, style: Style = "simple") -> str:
    """Return a leaderboard for the terminal, in Markdown or in LaTeX; in these the best of each column is bold."""
    bold = {"simple": "{}", "github": "**{}**", "latex_raw": r"\textbf{{{}}}"}[style]
    cells: dict[str, list[str]] = {"model": table.name.tolist()}
    cells["clips"] = [f"{n} of {of}" for n, of in zip(table.n_clips, table.of_clips, strict=True)]
    for measure in _MEASURES:
        values = table[measure].astype(float)
        if values.notna().any():
            best = values.min() if measure in LOWER_IS_BETTER else values.max()
            title = "CC(right) − CC(wrong) ↑" if measure == GAP else title_of(measure)
            bounds = zip(values, table[f"{measure}_low"], table[f"{measure}_high"], strict=True)
            cells[title] = [_cell(value, low, high, bold if value == best else "{}") for value, low, high in bounds]
    shown = pd.DataFrame(cells)
    if style == "latex_raw":
        # what makes text bold is no text
        shown = shown.rename(columns=escape_latex)
        shown = shown.map(lambda text: text if text.startswith("\\textbf") else escape_latex(text))
    return tabulate(shown.to_dict("list"), headers="keys", tablefmt=style, showindex=False, disable_numparse=True)


def write_leaderboard(table: pd.DataFrame, path: str | Path) -> None:
    """Write a leaderboard as Markdown, LaTeX or CSV, by the ending of the file's name."""
    check_ending(path)
    with whole_file(path) as partial:
        if Path(path).suffix == ".csv":
            table.to_csv(partial, index=False, float_format="%.6f")
        else:
            partial.write_text(leaderboard_text(table, STYLES[Path(path).suffix]) + "\n", encoding="utf-8")


def check_ending(path: str | Path) -> None:
    """Raise InputError unless a leaderboard can be written to a file of this name."""
    if Path(path).suffix not in (*STYLES, ".csv"):
        raise InputError(path, f"the ending '{Path(path).suffix}'", ".md, .tex or .csv", "Name another file.")


def _measures(scores: pd.DataFrame, predictor: str, settings: EvaluateSettings) -> dict[str, float]:
    """Return the mean of each measure of a predictor, with the ends of its interval; NaN where it has none."""
    own = means(scores[scores.predictor == predictor], settings.bootstrap, settings.seed).set_index("metric")
    gap = difference(scores, predictor, "wrong_prompt") if predictor == "model" else scores[:0]
    if len(gap):
        own.loc[GAP] = means(gap, settings.bootstrap, settings.seed).set_index("metric").loc["cc"]
    keys = {"": "mean_videos", "_low": "low", "_high": "high"}
    found = {key: own[column].reindex(_MEASURES).astype(float).to_list() for key, column in keys.items()}
    return {f"{name}{key}": found[key][k] for k, name in enumerate(_MEASURES) for key in keys}


def _refuse_other_targets(evaluations: dict[str | Path, pd.DataFrame]) -> None:
    """Raise InputError where clips of the same name are of another dataset, or of another fold."""
    known = {path: scores.groupby("clip_id")[_OF_CLIP].first() for path, scores in evaluations.items()}
    first, *others = known
    for other in others:
        differ = (known[first] != known[other].loc[known[first].index]).any(axis=1)
        if differ.any():
            found = f"{differ.sum()} clips that are not the same in {first} and in {other}, such as {differ.idxmax()}"
            advice = "Evaluate all models on the same folds of the same dataset."
            raise InputError(_WHERE, found, "equal events, folds and targets", advice)


def _cell(value: float, low: float, high: float, bold: str) -> str:
    if pd.isna(value):
        return "–"
    bounds = f" [{low:.3f}, {high:.3f}]" if pd.notna(low) else ""
    return f"{bold.format(f'{value:.3f}')}{bounds}"
