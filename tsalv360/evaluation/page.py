"""The evaluation's tables, as a page in Markdown and in LaTeX."""

from collections.abc import Sequence
from typing import Any

import pandas as pd
from tabulate import tabulate

from tsalv360.evaluation.summary import GAPS, LOWER_IS_BETTER, gap_name

NAMES = {
    "model": "model, right prompt",
    "wrong_prompt": "model, wrong prompt",
    "neutral_prompt": "model, neutral prompt",
    "other_video": "model, other video",
    "clip_zero_shot": "CLIP, not trained",
    "mean_map": "mean training map",
    "equator": "equator",
    "centre": "centre",
    "uniform": "uniform",
    "observers": "other observers",
}
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
_GAP_METRICS = ("cc", "kld", "nss")
_MISSING = "–"


def markdown(summary: pd.DataFrame, scores: pd.DataFrame, annotations: pd.DataFrame) -> str:
    """Return the page: what was evaluated, how much the text matters, all predictors, and groups of clips."""
    tables = {name: _markdown_table(table) for name, table in _tables(summary).items()}
    parts = ["# Evaluation", *_about(scores, annotations), "## How much the text matters"]
    parts += [*_text_drivenness(summary, scores), tables["gaps"], "## All predictors"]
    parts += ["Means over clips on the ERP grid, as published:", tables["clips"]]
    parts += ["Means over videos on the ERP grid, with 95 % intervals:", tables["videos"]]
    parts += ["Means over videos, weighted by solid angle, with 95 % intervals:", tables["sphere"]]
    parts += ["## Groups of clips", "Means over videos on the ERP grid, with 95 % intervals."]
    for by, words in GROUPS.items():
        parts += [f"By {words}:", _markdown_table(_group_table(summary[summary.by == by]))]
    return "\n\n".join(parts) + "\n"


def latex(summary: pd.DataFrame) -> str:
    """Return the tables of gaps and of all predictors in LaTeX."""
    captions = {
        "gaps": "The gap between the right prompt and others, paired by clip: means over videos, 95 % intervals",
        "clips": "Means over clips on the ERP grid",
        "videos": "Means over videos on the ERP grid, 95 % intervals",
        "sphere": "Means over videos, weighted by solid angle, 95 % intervals",
    }
    return "\n".join(
        f"\\begin{{table}}\n\\caption{{{_escape(captions[name])}}}\n{_latex_table(table)}\n\\end{{table}}\n"
        for name, table in _tables(summary).items()
    )


def name_of(predictor: str) -> str:
    """Return the name of a summary's predictor in words."""
    first, minus, second = predictor.partition(" − ")
    return f"right prompt − {NAMES[second].removeprefix('model, ')}" if minus else NAMES[first]


def _tables(summary: pd.DataFrame) -> dict[str, pd.DataFrame]:
    overall = summary[summary.by == "all"]
    predictors, metrics = set(overall.predictor), set(overall.metric)
    shown = [name for name in NAMES if name in predictors]
    gaps = [gap_name(other) for other in GAPS if gap_name(other) in predictors]
    sphere = [f"{name}_sphere" for name in TITLES if f"{name}_sphere" in metrics]
    return {
        "gaps": _table(overall, gaps, _GAP_METRICS, counts=True),
        "clips": _table(overall, shown, list(TITLES), intervals=False),
        "videos": _table(overall, shown, list(TITLES)),
        "sphere": _table(overall, shown, sphere),
    }


def _about(scores: pd.DataFrame, annotations: pd.DataFrame) -> list[str]:
    clips = scores[scores.predictor == "model"]
    events = annotations[annotations.event_id.isin(clips.event_id)]
    n_drafts = int((events.caption_origin == "machine").sum())
    folds = ", ".join(map(str, sorted(clips.fold.unique())))
    lines = [f"{len(clips)} clips of {clips.video.nunique()} test videos, fold {folds}."]
    if n_drafts:
        drafts = f"**{n_drafts} of the {len(events)} captions are drafts**"
        lines.append(f"{drafts}: written by a machine and not reviewed by a curator.")
    lines.append(
        "Intervals are 95 % percentile bootstrap intervals over videos. "
        f"{_MISSING}: not available. Fixation metrics need gaze, which published datasets do not contain; "
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


def _group_table(summary: pd.DataFrame) -> pd.DataFrame:
    """Return a row for each group and predictor; the group is the index."""
    rows = []
    for group in sorted(summary.group.unique(), key=_leading_number):
        members = summary[summary.group == group]
        predictors = ("model", "wrong_prompt", gap_name("wrong_prompt"), "mean_map", "observers")
        shown = [name for name in predictors if name in set(members.predictor)]
        table = _table(members, shown, _GAP_METRICS, counts=True).rename_axis("predictor").reset_index()
        rows.append(table.set_index(pd.Index([group] * len(table), name="group")))
    return pd.concat(rows)


def _leading_number(group: str) -> tuple[float, str]:
    first = group.split()[0]
    return (float(first) if first.replace(".", "").isdigit() else 0.0, group)


def _table(
    summary: pd.DataFrame,
    predictors: Sequence[str],
    metrics: Sequence[str],
    *,
    intervals: bool = True,
    counts: bool = False,
) -> pd.DataFrame:
    """Return the cells, a row for each predictor and a column for each metric.

    Means over videos with `intervals`, or means over clips without; `counts` of clips and videos stand before them.
    """
    rows = {}
    for predictor in predictors:
        found = summary[summary.predictor == predictor].set_index("metric")
        row = {"clips": str(found.n_clips.max()), "videos": str(found.n_videos.max())} if counts else {}
        for metric in metrics:
            cell = _MISSING
            if metric in found.index:
                cell = _with_interval(found.T[metric]) if intervals else f"{found.mean_clips[metric]:.3f}"
            row[_title(metric)] = cell
        rows[name_of(predictor)] = row
    return pd.DataFrame.from_dict(rows, orient="index")


def _with_interval(row: pd.Series) -> str:
    bounds = f" [{row.low:.3f}, {row.high:.3f}]" if pd.notna(row.low) else ""
    return f"{row.mean_videos:.3f}{bounds}"


def _title(metric: str) -> str:
    name = metric.removesuffix("_sphere")
    return f"{TITLES[name]} {'↓' if name in LOWER_IS_BETTER else '↑'}"


def _markdown_table(table: Any) -> str:  # tabulate's types do not know data frames
    return tabulate(table, headers="keys", tablefmt="github", disable_numparse=True)


def _latex_table(table: pd.DataFrame) -> str:
    escaped: Any = table.rename(index=_escape, columns=_escape).map(_escape)
    return tabulate(escaped, headers="keys", tablefmt="latex_raw", disable_numparse=True)


def _escape(text: str) -> str:
    signs = {"%": r"\%", "−": "$-$", "‖": r"$\|$", "↑": r"$\uparrow$", "↓": r"$\downarrow$", "–": "--"}
    return "".join(signs.get(sign, sign) for sign in text)
