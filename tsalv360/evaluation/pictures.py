"""The best, median and worst clips of a fold as rows of pictures."""

from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from tsalv360.evaluation.score import PICTURE, Scored
from tsalv360.evaluation.truth import Truth
from tsalv360.files import whole_file
from tsalv360.pictures import resized, write_picture
from tsalv360.projection import Picture
from tsalv360.saliency import Map
from tsalv360.sheets.style import MARGIN, SMALL, SOFT, WIDTH, mark, paper, stacked, text_width, write
from tsalv360.viewports import overlay_saliency

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
