"""The evaluation's page in Markdown, and its tables in LaTeX."""

from collections.abc import Sequence

import pandas as pd
from tabulate import tabulate

from tsalv360.evaluation.summary import GAPS, LOWER_IS_BETTER, gap_name

NAMES = {
    "model": "model, right prompt",
    "wrong_prompt": "model, wrong prompt",
    "neutral_prompt": "model, neutral prompt",
    "other_video": "model, another video",
    "clip_zero_shot": "CLIP, not trained",
    "mean_map": "mean map of training",
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
BY = {
    "source": "source",
    "fold": "fold",
    "length": "length of the event",
    "equator": "distance of the target's peak from the equator",
    "others": "other events that can be seen in the clip",
}
_GAP_METRICS = ("cc", "kld", "nss")
_DASH = "–"


def page(summary: pd.DataFrame, scores: pd.DataFrame, annotations: pd.DataFrame) -> str:
    """The page: what was evaluated, how much the text decides, all predictors, and groups of clips."""
    tables = _tables(summary)
    parts = ["# Evaluation", _about(scores, annotations), "## How much the text decides", _gap_words(summary, scores)]
    parts.append(_markdown(tables["gaps"]))
    parts += ["## All predictors", "Means over clips on the ERP grid, as published:", _markdown(tables["clips"])]
    parts += ["Means over videos on the ERP grid, with 95 % intervals by video:", _markdown(tables["videos"])]
    parts += ["Means over videos, weighted by solid angle, with 95 % intervals:", _markdown(tables["sphere"])]
    parts += ["## Groups of clips", "Means over videos on the ERP grid, with 95 % intervals by video."]
    for by, words in BY.items():
        parts += [f"By {words}:", _markdown(_groups(summary, by))]
    return "\n\n".join(parts) + "\n"


def latex(summary: pd.DataFrame) -> str:
    """The same tables of gaps and of all predictors."""
    captions = {
        "gaps": "The gap between the right prompt and others, paired by clip: means over videos, 95 % intervals",
        "clips": "Means over clips on the ERP grid",
        "videos": "Means over videos on the ERP grid, 95 % intervals",
        "sphere": "Means over videos, weighted by solid angle, 95 % intervals",
    }
    return "\n".join(
        f"\\begin{{table}}\n\\caption{{{_escaped(captions[name])}}}\n{_latex(table)}\n\\end{{table}}\n"
        for name, table in _tables(summary).items()
    )


def _tables(summary: pd.DataFrame) -> dict[str, pd.DataFrame]:
    everything = summary[summary.by == "all"]
    shown = [name for name in NAMES if name in set(everything.predictor)]
    metrics = list(TITLES)
    sphere = [f"{name}_sphere" for name in metrics if f"{name}_sphere" in set(everything.metric)]
    gaps = [gap_name(other) for other in GAPS if gap_name(other) in set(everything.predictor)]
    return {
        "gaps": _cells(everything, gaps, _GAP_METRICS, "n"),
        "clips": _cells(everything, shown, metrics, "clips"),
        "videos": _cells(everything, shown, metrics, "videos"),
        "sphere": _cells(everything, shown, sphere, "videos"),
    }


def _about(scores: pd.DataFrame, annotations: pd.DataFrame) -> str:
    clips = scores[scores.predictor == "model"]
    events = annotations[annotations.event_id.isin(clips.event_id)]
    n_drafts = int((events.caption_origin == "machine").sum())
    folds = ", ".join(map(str, sorted(clips.fold.unique())))
    lines = [f"{len(clips)} clips of {clips.video.nunique()} test videos, fold {folds}."]
    if n_drafts:
        lines.append(
            f"**{n_drafts} of the {len(events)} captions are drafts**: a machine wrote them, nobody judged them."
        )
    lines.append(
        "An interval is where 95 % of the means lie when the videos are drawn anew. "
        f"{_DASH}: nothing to judge by. Fixation metrics need gaze, which published datasets do not hold; "
        "other observers need at least two; an interval needs two videos."
    )
    if clips.nss.isna().all():
        lines.append("**This dataset has no fixation points**: NSS, AUC-Judd, sAUC and information gain are empty.")
    return "\n\n".join(lines)


def _gap_words(summary: pd.DataFrame, scores: pd.DataFrame) -> str:
    clips = scores[scores.predictor == "model"]
    alone, same = int((clips.n_others == 0).sum()), int(((clips.n_others > 0) & (clips.n_wrong == 0)).sum())
    row = summary[(summary.by == "all") & (summary.predictor == gap_name("wrong_prompt")) & (summary.metric == "cc")]
    words = (
        f"**Text-drivenness: CC(right) − CC(wrong) = {_with_interval(row.iloc[0])}** over the {row.n_clips.iloc[0]} "
        "clips in which another event with another caption can be seen."
        if len(row)
        else "**Text-drivenness cannot be told**: no clip shows another event with another caption."
    )
    rest = (
        f"The wrong prompt is that event's caption. Scored apart, without a wrong prompt: {alone} clips that show no "
        f"other event, {same} whose others have the same caption."
    )
    signs = "Differences are paired by clip. Where text helps, those of CC and NSS are above 0, those of KL below."
    return f"{words} {rest}\n\n{signs}"


def _groups(summary: pd.DataFrame, by: str) -> pd.DataFrame:
    rows = []
    part = summary[summary.by == by]
    for group in sorted(part.group.unique(), key=_as_number):
        members = part[part.group == group]
        for predictor in ("model", "wrong_prompt", gap_name("wrong_prompt"), "mean_map", "observers"):
            if predictor in set(members.predictor):
                cells = _cells(members, [predictor], _GAP_METRICS, "n").iloc[0]
                rows.append({"group": group, "predictor": cells.name, **cells})
    return pd.DataFrame(rows).set_index("group")


def _as_number(group: str) -> tuple[float, str]:
    first = group.split()[0]
    return (float(first) if first.replace(".", "").isdigit() else 0.0, group)


def _cells(summary: pd.DataFrame, predictors: Sequence[str], metrics: Sequence[str], what: str) -> pd.DataFrame:
    """A row for each predictor and a column for each metric.

    `what`: `clips`, means over clips; `videos`, over videos with intervals; `n`, those with counts of clips and videos.
    """
    rows = {}
    for predictor in predictors:
        found = summary[summary.predictor == predictor].set_index("metric")
        row = {}
        if what == "n":
            row = {"clips": str(found.n_clips.max()), "videos": str(found.n_videos.max())}
        for metric in metrics:
            there = metric in found.index
            cell = f"{found.mean_clips[metric]:.3f}" if there and what == "clips" else _DASH
            row[_title(metric)] = _with_interval(found.T[metric]) if there and what != "clips" else cell
        rows[words_for(predictor)] = row
    return pd.DataFrame.from_dict(rows, orient="index")


def _with_interval(row: pd.Series) -> str:
    where = f" [{row.low:.3f}, {row.high:.3f}]" if pd.notna(row.low) else ""
    return f"{row.mean_videos:.3f}{where}"


def _title(metric: str) -> str:
    name = metric.removesuffix("_sphere")
    return f"{TITLES[name]} {'↓' if name in LOWER_IS_BETTER else '↑'}"


def words_for(predictor: str) -> str:
    """A predictor of the summary, in words."""
    first, minus, second = predictor.partition(" − ")
    return f"right prompt − {NAMES[second].removeprefix('model, ')}" if minus else NAMES[first]


def _markdown(table: pd.DataFrame) -> str:
    return tabulate(_columns(table), headers="keys", tablefmt="github", disable_numparse=True)


def _columns(table: pd.DataFrame) -> dict[str, list[str]]:
    return {str(table.index.name or ""): list(table.index), **{str(name): list(table[name]) for name in table}}


def _latex(table: pd.DataFrame) -> str:
    escaped = table.rename(index=_escaped, columns=_escaped).map(_escaped)
    return tabulate(_columns(escaped), headers="keys", tablefmt="latex_raw", disable_numparse=True)


def _escaped(text: str) -> str:
    signs = {"%": r"\%", "−": "$-$", "‖": r"$\|$", "↑": r"$\uparrow$", "↓": r"$\downarrow$", "–": "--"}
    return "".join(signs.get(sign, sign) for sign in text)
