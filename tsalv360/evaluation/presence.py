"""Whether the peak of a map tells that something fits the prompt: right prompts beside captions of other videos."""

from pathlib import Path

import pandas as pd
from matplotlib.figure import Figure
from tabulate import tabulate

from tsalv360.job.files import whole_file
from tsalv360.sphere.directions import Array

RATES = (0.05, 0.1, 0.2)  # of false alarms
_BLUE, _GRAY = "#0072b2", "#8a94a0"


def peaks(scores: pd.DataFrame) -> tuple[Array, Array]:
    """Return the peaks of the maps of right prompts [n], and of captions of other videos [m], 0 with one video."""
    right, absent = (scores.peak[scores.predictor == name].to_numpy(float) for name in ("model", "absent_prompt"))
    return right, absent


def curve(right: Array, absent: Array) -> tuple[Array, Array]:
    """Return the share of absent prompts that count as found (false alarms), and that of right ones, by threshold."""
    from sklearn.metrics import roc_curve  # slow to import

    false_alarms, found, _ = roc_curve([True] * len(right) + [False] * len(absent), [*right, *absent])
    return false_alarms, found


def found_at(rate: float, right: Array, absent: Array) -> float:
    """Return the share of right prompts that are found where at most `rate` of absent ones are."""
    false_alarms, found = curve(right, absent)
    return float(found[false_alarms <= rate].max())


def about_presence(right: Array, absent: Array) -> list[str]:
    """Return what the peaks tell, as paragraphs of the page."""
    from sklearn.metrics import auc

    area = auc(*curve(right, absent))
    rows = [[f"{rate:.0%}", f"{found_at(rate, right, absent):.0%}"] for rate in RATES]
    table = tabulate(rows, headers=["false alarms", "right prompts found"], tablefmt="github", disable_numparse=True)
    return [
        f"A right prompt's map peaks higher than that of another video's caption in {area:.0%} of pairs; 50 % is "
        "chance. A prompt counts as found where its map peaks above a threshold, a false alarm is another video's "
        "caption that does (`presence.png` shows all thresholds):",
        table,
    ]


def write_curve(path: str | Path, right: Array, absent: Array) -> None:
    """Write the figure of `curve`, with chance, and dots at the page's rates; without absent prompts it says so."""
    figure = Figure(figsize=(5, 5), layout="constrained")
    axes = figure.subplots()
    axes.plot([0, 1], [0, 1], color=_GRAY, linewidth=1, linestyle="--", label="chance")
    if len(absent):
        axes.plot(*curve(right, absent), color=_BLUE, linewidth=2, label="peak of the map")
        axes.plot(RATES, [found_at(rate, right, absent) for rate in RATES], "o", color=_BLUE)
    else:
        axes.text(0.5, 0.6, "no caption of another video", ha="center")
    axes.set(xlabel="false alarms: captions of other videos", ylabel="right prompts found", aspect="equal")
    axes.legend(frameon=False, loc="lower right")
    axes.spines[["top", "right"]].set_visible(False)
    with whole_file(path) as partial:
        figure.savefig(partial, dpi=120, metadata={"Software": None})
