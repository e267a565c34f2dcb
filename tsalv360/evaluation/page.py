"""The evaluation of all folds: summary, tables in Markdown and LaTeX, and a figure."""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import pandas as pd
from matplotlib.figure import Figure
from tabulate import tabulate

from tsalv360.contracts.tables import FOLD_SCORES, PART_ANNOTATIONS, SCORES, SUMMARY, read_table, write_table
from tsalv360.evaluation import EXTERNAL, NAMES, EvaluateSettings
from tsalv360.evaluation.presence import about_presence, peaks, write_curve
from tsalv360.evaluation.summary import (
    GAPS,
    LOWER_IS_BETTER,
    SCORES_FILE,
    coverage,
    externals,
    gap_name,
    summarise,
)
from tsalv360.job.files import whole_file

TITLES = {
    "cc": "CC",
    "sim": "SIM",
    "kld": "KL(T‖P)",
    "kld_reversed": "KL(P‖T)",
    "nss": "NSS",
    "auc_judd": "AUC-Judd",
    "auc_shuffled": "sAUC",
    "information_gain": "IG, bits",
}
GROUPS = {
    "source": "source",
    "fold": "fold",
    "length": "length of the event",
    "equator": "distance of the target's peak from the equator",
    "others": "other events visible in the clip",
}
_GAP_METRICS = ["cc", "kld", "nss"]
_MISSING = "–"
_OTHERS = (
    "The model's right prompt minus other models' maps, paired by clip, over the clips that have both. "
    "Where the model is better, differences are above 0, those of KL below."
)
_BLUE, _ORANGE, _GREEN, _GRID = "#0072b2", "#d55e00", "#009e73", "#dfe4ea"


def write_evaluation(
    folder: str | Path,
    folds: Sequence[str | Path],
    annotations: str | Path,
    sources: Mapping[str, str],
    settings: EvaluateSettings,
) -> None:
    """Write `scores.parquet`, `summary.parquet`, `tables.md`, `tables.tex` and `intervals.png` of all folds.

    With a model also `presence.png`.

    Parameters: `folds`, the tables that `evaluate_fold` wrote; `annotations` of the folder of clips; `sources`, the
    data set of each video.
    """
    folder = Path(folder)
    scores = pd.concat([read_table(path, FOLD_SCORES) for path in folds], ignore_index=True)
    scores["source"] = scores.video.map(sources)
    summary = summarise(scores, settings.bootstrap, settings.seed)
    write_table(folder / SCORES_FILE, scores, SCORES)
    write_table(folder / "summary.parquet", summary, SUMMARY)
    with whole_file(folder / "tables.md") as partial:
        text = markdown(summary, scores, read_table(annotations, PART_ANNOTATIONS), settings.targets)
        partial.write_text(text, encoding="utf-8")
    with whole_file(folder / "tables.tex") as partial:
        partial.write_text(latex(summary), encoding="utf-8")
    write_intervals(folder / "intervals.png", summary)
    if "model" in set(scores.predictor):
        write_curve(folder / "presence.png", *peaks(scores))


def markdown(
    summary: pd.DataFrame, scores: pd.DataFrame, annotations: pd.DataFrame, targets: str = "as_they_are"
) -> str:
    """Return the page: what was evaluated, how much the text matters, all predictors, and groups of clips."""
    tables = {name: _formatted(table, "github") for name, table in _tables(summary).items()}
    others = externals(scores)
    parts = ["# Evaluation", *_about(scores, annotations, targets)]
    if "gaps" in tables:
        parts += ["## How much the text matters", *_text_drivenness(summary, scores), tables["gaps"]]
    right, absent = peaks(scores)
    if len(absent):
        parts += ["## Whether what the prompt says is there", *about_presence(right, absent)]
    if "others" in tables:
        parts += ["## The model and other models", _OTHERS, tables["others"]]
    parts += ["## All predictors", "Means over clips on the ERP grid, as published:", tables["clips"]]
    parts += ["Means over videos on the ERP grid, with 95 % intervals:", tables["videos"]]
    parts += ["Means over videos, weighted by solid angle, with 95 % intervals:", tables["sphere"]]
    parts += ["## Groups of clips", "Means over videos on the ERP grid, with 95 % intervals."]
    of_others = [name for other in others for name in (other, gap_name(other))]
    predictors = ["model", "wrong_prompt", gap_name("wrong_prompt"), *of_others, "mean_map", "observers"]
    for by, words in GROUPS.items():
        table = _table(summary[summary.by == by], predictors, _GAP_METRICS, counts=True)
        parts += [f"By {words}:", _formatted(table, "github")]
    return "\n\n".join(parts) + "\n"


def latex(summary: pd.DataFrame) -> str:
    """Return the tables of gaps, of differences from other models, and of all predictors in LaTeX."""
    captions = {
        "gaps": "The gap between the right prompt and others, paired by clip: means over videos, 95 % intervals",
        "others": "The right prompt minus other models' maps, paired by clip: means over videos, 95 % intervals",
        "clips": "Means over clips on the ERP grid",
        "videos": "Means over videos on the ERP grid, 95 % intervals",
        "sphere": "Means over videos, weighted by solid angle, 95 % intervals",
    }
    parts = []
    for name, table in _tables(summary).items():
        tabular = _formatted(table.rename(columns=escape_latex).map(escape_latex), "latex_raw")
        parts.append(f"\\begin{{table}}\n\\caption{{{escape_latex(captions[name])}}}\n{tabular}\n\\end{{table}}\n")
    return "\n".join(parts)


def write_intervals(path: str | Path, summary: pd.DataFrame) -> None:
    """Write a figure of CC, means over videos with 95 % intervals: all predictors, and what the right prompt is better.

    Without a model there are no differences, and the figure has one part.
    """
    rows = summary[(summary.by == "all") & (summary.metric == "cc")].set_index("predictor")
    gaps = [gap_name(other) for other in (*GAPS, *externals(summary))]
    parts = [(_predictors(summary), "CC"), (gaps, "gap in CC, paired by clip")]
    parts = [
        (shown, title) for names, title in parts if (shown := [name for name in names if name in rows.index][::-1])
    ]
    height = max(4.0, 0.3 * len(parts[0][0]) + 0.7)
    figure = Figure(figsize=(10, height), layout="constrained")
    grid = figure.subplots(1, len(parts), width_ratios=(3, 2)[: len(parts)], squeeze=False)
    for axes, (shown, title) in zip(grid[0], parts, strict=True):
        part, places = rows.loc[shown], range(len(shown))
        colours = [_colour(name) for name in shown]
        axes.hlines(places, part.low.astype(float), part.high.astype(float), colors=colours, linewidth=2)
        axes.scatter(part.mean_videos, places, color=colours, zorder=2)
        axes.set_yticks(places, [_name_of(name) for name in shown])
        axes.set_title(title, fontsize=11)
        axes.axvline(0, color=_GRID, zorder=0)
        axes.spines[["top", "right", "left"]].set_visible(False)
        axes.tick_params(axis="y", length=0)
    with whole_file(path) as partial:
        figure.savefig(partial, dpi=120, metadata={"Software": None})


def _colour(predictor: str) -> str:
    return _ORANGE if predictor == "wrong_prompt" else _GREEN if EXTERNAL in predictor else _BLUE


def _name_of(predictor: str) -> str:
    first, minus, second = predictor.partition(" − ")
    if minus:
        return f"right prompt − {_name_of(second).removeprefix('model, ')}"
    return first.removeprefix(EXTERNAL) if first.startswith(EXTERNAL) else NAMES[first]


def _predictors(summary: pd.DataFrame) -> list[str]:
    """Return all predictors in the order of the page: the model, other models, baselines."""
    own = ["model", *GAPS, "absent_prompt"]
    return [*own, *externals(summary), *(name for name in NAMES if name not in own)]


def _tables(summary: pd.DataFrame) -> dict[str, pd.DataFrame]:
    """Return the tables of the page: `gaps` with a model only, `others` with a model and other models' maps."""
    overall, gaps = summary[summary.by == "all"], [gap_name(other) for other in GAPS]
    others = [gap_name(other) for other in externals(overall)]
    sphere = [metric for name in TITLES if (metric := f"{name}_sphere") in set(overall.metric)]
    tables = {}
    if "model" in set(overall.predictor):
        tables["gaps"] = _table(overall, gaps, _GAP_METRICS, counts=True)
    if set(others) & set(overall.predictor):
        tables["others"] = _table(overall, others, list(TITLES), counts=True)
    tables |= {
        "clips": _table(overall, _predictors(overall), list(TITLES), intervals=False),
        "videos": _table(overall, _predictors(overall), list(TITLES)),
        "sphere": _table(overall, _predictors(overall), sphere),
    }
    return {name: table.drop(columns="group").rename(columns={"predictor": ""}) for name, table in tables.items()}


def _about(scores: pd.DataFrame, annotations: pd.DataFrame, targets: str) -> list[str]:
    clips = scores.drop_duplicates("clip_id")
    events = annotations[annotations.event_id.isin(clips.event_id)]
    others = {name: set(scores.clip_id[scores.predictor == name]) for name in externals(scores)}
    n_drafts = int((events.caption_origin == "machine").sum())
    folds = ", ".join(map(str, sorted(clips.fold.unique())))
    lines = [f"{len(clips)} clips of {clips.video.nunique()} test videos, fold {folds}."]
    if "model" not in set(scores.predictor):
        lines.append("No model was evaluated (`evaluate.model: false`).")
    lines += [f"**{_name_of(name)}**, maps of another model: {coverage(clips, ids)}." for name, ids in others.items()]
    if n_drafts:
        drafts = f"**{n_drafts} of the {len(events)} captions are drafts**"
        lines.append(f"{drafts}: written by a machine and not reviewed by a curator.")
    published = clips[clips.event_id.isin(events.event_id[events.caption_origin == "published"])]
    if len(published):
        below = int((published.target_peak < 255).sum())
        lines.append(
            f"**{len(published)} targets are published maps**: the map of all observers, faded out between 15° and 35° "
            "from the event and not scaled. They also show neighbours that other observers watch, and the maximum of "
            f"{below} of them is below 255 (median {published.target_peak.median():.0f})."
        )
    if targets == "rescaled":
        lines.append("Each target was rescaled to maximum 255 (`evaluate.targets`).")
    elif len(published):
        lines.append("They were used as they are; `evaluate.targets: rescaled` rescales each to maximum 255.")
    lines.append(
        "Intervals are 95 % percentile bootstrap intervals over videos. "
        f"{_MISSING}: not available. Fixation metrics need gaze, which the archive of TSV360 does not contain; "
        "the row of other observers needs two observers; an interval needs two videos."
    )
    if clips.nss.isna().all():
        lines.append("**This dataset has no fixation points**: NSS, AUC-Judd, sAUC and information gain are missing.")
    return lines


def _text_drivenness(summary: pd.DataFrame, scores: pd.DataFrame) -> list[str]:
    clips = scores[scores.predictor == "model"]
    alone, same = int((clips.n_others == 0).sum()), int(((clips.n_others > 0) & (clips.n_wrong == 0)).sum())
    gap = summary[(summary.by == "all") & (summary.predictor == gap_name("wrong_prompt")) & (summary.metric == "cc")]
    result = (
        f"**Text-drivenness: CC(right) − CC(wrong) = {_with_interval(gap.iloc[0])}** over the {gap.n_clips.iloc[0]} "
        "clips in which another event with another caption is visible."
        if len(gap)
        else "**Text-drivenness cannot be measured**: no clip shows another event with another caption."
    )
    rest = (
        f"The wrong prompt is that event's caption. {alone} clips show no other event, {same} only others with the "
        "same caption: they have no wrong prompt and are groups of their own."
    )
    signs = "Differences are paired by clip. Where the text helps, those of CC and NSS are above 0, those of KL below."
    return [f"{result} {rest}", signs]


def _table(
    summary: pd.DataFrame, predictors: list[str], metrics: list[str], *, intervals: bool = True, counts: bool = False
) -> pd.DataFrame:
    """Return the cells as text, a row for each group and predictor that exists, and a column for each metric.

    Means over videos with `intervals`, or means over clips without; `counts` of clips and videos stand before them.
    """
    keys = ["group", "predictor"]
    text = [_with_interval(row) if intervals else f"{row.mean_clips:.3f}" for row in summary.itertuples()]
    cells = summary.assign(text=text).pivot(index=keys, columns="metric", values="text")
    cells = cells.reindex(columns=metrics, fill_value=_MISSING).fillna(_MISSING).rename(columns=title_of)
    if counts:
        n = summary.groupby(keys)[["n_clips", "n_videos"]].max().astype(str)
        cells = n.rename(columns={"n_clips": "clips", "n_videos": "videos"}).join(cells)
    groups = sorted(summary.group.unique(), key=_leading_number)
    rows = [key for group in groups for name in predictors if (key := (group, name)) in cells.index]
    return cells.loc[rows].reset_index().assign(predictor=lambda table: table.predictor.map(_name_of))


def _leading_number(group: str) -> tuple[float, str]:
    first = group.split()[0]
    return (float(first) if first.replace(".", "").isdigit() else 0.0, group)


def _with_interval(row: Any) -> str:
    bounds = f" [{row.low:.3f}, {row.high:.3f}]" if pd.notna(row.low) else ""
    return f"{row.mean_videos:.3f}{bounds}"


def title_of(metric: str) -> str:
    """Return the heading of a metric, with an arrow to where it is better."""
    name = metric.removesuffix("_sphere")
    return f"{TITLES[name]} {'↓' if name in LOWER_IS_BETTER else '↑'}"


def _formatted(table: Any, style: str) -> str:  # Any: the types of tabulate do not include data frames
    return tabulate(table, headers="keys", tablefmt=style, showindex=False, disable_numparse=True)


def escape_latex(text: str) -> str:
    """Return text as LaTeX shows it."""
    signs = {"_": r"\_", "%": r"\%", "−": "$-$", "‖": r"$\|$", "↑": r"$\uparrow$", "↓": r"$\downarrow$", "–": "--"}
    return "".join(signs.get(sign, sign) for sign in text)
