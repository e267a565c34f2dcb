"""A figure of means with their intervals."""

from pathlib import Path

import pandas as pd
from matplotlib.figure import Figure

from tsalv360.evaluation.summary import GAPS, gap_name
from tsalv360.evaluation.tables import NAMES, words_for
from tsalv360.files import whole_file

_RIGHT, _WRONG = "#0072b2", "#d55e00"


def write_intervals(path: str | Path, summary: pd.DataFrame) -> None:
    """Write a figure of CC: all predictors, and the gaps of the right prompt; means over videos, 95 % intervals."""
    rows = summary[(summary.by == "all") & (summary.metric == "cc")].set_index("predictor")
    gaps = [gap_name(other) for other in GAPS]
    figure = Figure(figsize=(10, 4), layout="constrained")
    left, right = figure.subplots(1, 2, width_ratios=(3, 2))
    for axes, names, title in ((left, list(NAMES), "CC"), (right, gaps, "gap in CC, paired by clip")):
        there = [name for name in names if name in rows.index][::-1]
        part = rows.loc[there]
        colours = [_WRONG if name == "wrong_prompt" else _RIGHT for name in there]
        axes.hlines(range(len(part)), part.low.astype(float), part.high.astype(float), colors=colours, linewidth=2)
        axes.scatter(part.mean_videos, range(len(part)), color=colours, zorder=2)
        axes.set_yticks(range(len(part)), [words_for(name) for name in there])
        axes.set_title(title, fontsize=11)
        axes.axvline(0, color="#dfe4ea", zorder=0)
        axes.spines[["top", "right", "left"]].set_visible(False)
        axes.tick_params(axis="y", length=0)
    with whole_file(path) as partial:
        figure.savefig(partial, dpi=120, metadata={"Software": None})
