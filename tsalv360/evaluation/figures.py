"""A figure of means with their intervals.

The best, median and worst clips of a fold as rows of pictures.
"""

from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
from matplotlib.figure import Figure
from numpy.typing import NDArray

from tsalv360.evaluation.score import PICTURE, Scored
from tsalv360.evaluation.summary import GAPS, gap_name
from tsalv360.evaluation.tables import NAMES, words_for
from tsalv360.evaluation.truth import Truth
from tsalv360.job.files import whole_file
from tsalv360.media.drawing import MARGIN, SMALL, SOFT, WIDTH, mark, overlay_saliency, paper, stacked, text_width, write
from tsalv360.media.pictures import resized, write_picture
from tsalv360.saliency import Map
from tsalv360.sphere.projection import Picture

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


_GAP = (WIDTH - 4 * PICTURE[1]) // 3


def write_picture_rows(path: str | Path, scored: Scored, truth: Truth, n: int) -> None:
    """Write the n best, median and worst clips by CC of the right prompt: frame, target, right and wrong prompt.

    Every map is spread over all colours, from its least to its most; a wrong prompt is there where there is one.
    """
    cc = scored.table[scored.table.predictor == "model"].set_index("clip_id").cc.sort_values(ascending=False)
    wrong = scored.table[scored.table.predictor == "wrong_prompt"].set_index("clip_id").cc
    clips = truth.clips.set_index("clip_id")
    pieces = []
    for word, names in picked(list(cc.index), n).items():
        for name in names:
            clip: Any = clips.loc[name]
            cells = [resized(truth.files.picture(clip.video, clip.target_frame), PICTURE)]
            cells += [overlay_saliency(cells[0], _spread(one)) for one in scored.maps[name]]
            labels = ["frame", "target", f"right prompt: CC {cc[name]:.2f}"]
            if name in wrong:
                labels.append(f"wrong prompts: CC {wrong[name]:.2f}")
            for cell, label in zip(cells, labels, strict=True):
                mark(cell, label, (8, 20))
            texts = [f"{word} of fold {truth.fold}: {name}: {clip.caption}", *(f"wrong: {w}" for w in clip.wrong[:1])]
            pieces.append(_row(cells, "      ".join(texts)))
    with whole_file(path) as partial:
        write_picture(partial, np.ascontiguousarray(stacked(pieces)[..., ::-1]))


def picked(ranked: list[str], n: int) -> dict[str, list[str]]:
    """The n first, middle and last of a ranking, none of them twice."""
    middle = max(0, (len(ranked) - n) // 2)
    wanted = {"best": ranked[:n], "median": ranked[middle : middle + n], "worst": ranked[-n:]}
    seen: set[str] = set()
    found = {}
    for word, names in wanted.items():
        found[word] = [name for name in names if name not in seen]
        seen.update(names)
    return found


def _row(cells: list[Picture], text: str) -> Picture:
    piece = paper(PICTURE[0] + 2 * MARGIN, WIDTH)
    while text_width(text, SMALL) > WIDTH:
        text = f"{text.rstrip(' …')[:-1]} …"
    write(piece, text, (0, MARGIN), SMALL, SOFT)
    for k, cell in enumerate(cells):
        left = k * (PICTURE[1] + _GAP)
        piece[2 * MARGIN :, left : left + PICTURE[1]] = cell
    return piece


def _spread(one: Map) -> NDArray[np.uint8]:
    """A map over all bytes."""
    extent = max(float(np.ptp(one)), 1e-12)
    return np.rint((one - one.min()) * (255 / extent)).astype(np.uint8)
