"""Figures of the evaluation: means with intervals, and pictures of the best, median and worst clips."""

from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
from matplotlib.figure import Figure
from numpy.typing import NDArray

from tsalv360.evaluation.page import NAMES, name_of
from tsalv360.evaluation.score import PICTURE, Scored
from tsalv360.evaluation.summary import GAPS, gap_name
from tsalv360.evaluation.truth import Truth
from tsalv360.job.files import whole_file
from tsalv360.media.drawing import MARGIN, SMALL, SOFT, WIDTH, mark, overlay_saliency, paper, stacked, text_width, write
from tsalv360.media.pictures import resized, write_picture
from tsalv360.saliency import Map
from tsalv360.sphere.projection import Picture

_BLUE, _ORANGE, _GRID = "#0072b2", "#d55e00", "#dfe4ea"
_GAP = (WIDTH - 4 * PICTURE[1]) // 3  # pixels between pictures


def write_intervals(path: str | Path, summary: pd.DataFrame) -> None:
    """Write a figure of CC, means over videos with 95 % intervals: all predictors, and the gaps of the right prompt."""
    rows = summary[(summary.by == "all") & (summary.metric == "cc")].set_index("predictor")
    figure = Figure(figsize=(10, 4), layout="constrained")
    left, right = figure.subplots(1, 2, width_ratios=(3, 2))
    gaps = [gap_name(other) for other in GAPS]
    for axes, names, title in ((left, list(NAMES), "CC"), (right, gaps, "gap in CC, paired by clip")):
        shown = [name for name in names if name in rows.index][::-1]
        part, places = rows.loc[shown], range(len(shown))
        colours = [_ORANGE if name == "wrong_prompt" else _BLUE for name in shown]
        axes.hlines(places, part.low.astype(float), part.high.astype(float), colors=colours, linewidth=2)
        axes.scatter(part.mean_videos, places, color=colours, zorder=2)
        axes.set_yticks(places, [name_of(name) for name in shown])
        axes.set_title(title, fontsize=11)
        axes.axvline(0, color=_GRID, zorder=0)
        axes.spines[["top", "right", "left"]].set_visible(False)
        axes.tick_params(axis="y", length=0)
    with whole_file(path) as partial:
        figure.savefig(partial, dpi=120, metadata={"Software": None})


def write_examples(path: str | Path, scored: Scored, truth: Truth, n: int) -> None:
    """Write the n best, median and worst clips by CC of the right prompt: frame, target, right and wrong prompt.

    Every map is stretched over the whole colour map, from its minimum to its maximum.
    """
    of_predictor = scored.table.set_index("clip_id").groupby("predictor").cc
    cc = of_predictor.get_group("model").sort_values(ascending=False)
    clips = truth.clips.set_index("clip_id")
    rows = []
    for rank, names in pick_examples(list(cc.index), n).items():
        for name in names:
            clip: Any = clips.loc[name]
            frame = resized(truth.files.picture(clip.video, clip.target_frame), PICTURE)
            pictures = [frame, *(overlay_saliency(frame, _stretched(one)) for one in scored.maps[name])]
            labels = ["frame", "target", f"right prompt: CC {cc[name]:.2f}"]
            if clip.wrong:
                labels.append(f"wrong prompts: CC {of_predictor.get_group('wrong_prompt')[name]:.2f}")
            for picture, label in zip(pictures, labels, strict=True):
                mark(picture, label, (8, 20))
            texts = [f"{rank} of fold {truth.fold}: {name}: {clip.caption}", *(f"wrong: {w}" for w in clip.wrong[:1])]
            rows.append(_row(pictures, "      ".join(texts)))
    with whole_file(path) as partial:
        write_picture(partial, np.ascontiguousarray(stacked(rows)[..., ::-1]))


def pick_examples(ranked: list[str], n: int) -> dict[str, list[str]]:
    """Return the n first, middle and last names of a ranking, none of them twice."""
    middle = max(0, (len(ranked) - n) // 2)
    best, worst = ranked[:n], ranked[max(n, len(ranked) - n) :]
    median = [name for name in ranked[middle : middle + n] if name not in best]
    return {"best": best, "median": median, "worst": [name for name in worst if name not in median]}


def _row(pictures: list[Picture], text: str) -> Picture:
    """Return pictures side by side under one line of text."""
    row = paper(PICTURE[0] + 2 * MARGIN, WIDTH)
    while text_width(text, SMALL) > WIDTH:
        text = f"{text.rstrip(' …')[:-1]} …"
    write(row, text, (0, MARGIN), SMALL, SOFT)
    for k, picture in enumerate(pictures):
        left = k * (PICTURE[1] + _GAP)
        row[2 * MARGIN :, left : left + PICTURE[1]] = picture
    return row


def _stretched(one: Map) -> NDArray[np.uint8]:
    """Return a map stretched over 0 to 255."""
    extent = max(float(np.ptp(one)), 1e-12)
    return np.rint((one - one.min()) * (255 / extent)).astype(np.uint8)
