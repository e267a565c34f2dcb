"""Draw the picture of docs/model.md: python docs/picture_model.py

Shapes come from the settings of the published model.
"""

import matplotlib.pyplot as plt
from matplotlib.patches import FancyArrowPatch, FancyBboxPatch

from tsalv360.model import ModelSettings

FRAME, PROMPT, BOTH, DATA = "#CFE3F3", "#F9DFC0", "#D3EBDD", "#F4F4F4"
WIDTH, HEIGHT = 2.1, 0.82

Boxes = dict[str, tuple[float, float, str, str]]  # centre, text, colour


def boxes(s: ModelSettings) -> Boxes:
    """What is drawn, by name."""
    k, f, p, e = s.n_tangents, s.n_frames, s.patch_size, s.embedding
    levels = [f"{c} × {n} × {n}" for c, n in zip(s.channels, s.sizes, strict=True)]
    height, width = s.map_size
    columns = [0.0, 2.7, 5.4, 8.1]
    return {
        "frame": (columns[0], 5, "frame\nH × W × 3, bytes", DATA),
        "tangent": (columns[1], 5, f"tangent images\n{k} × 3 × {p} × {p}", FRAME),
        "visual": (columns[2], 5, "CLIP RN50\nfrozen", FRAME),
        "maps": (columns[3], 5, "maps of the last frame\n" + "\n".join(f"{k} × {level}" for level in levels), DATA),
        "pooled": (columns[3], 3.7, f"vectors {f} × {k} × {e}\nmeans of the maps\n{f} × {k} × C, 3 levels", DATA),
        "sentence": (columns[0], 2.4, "sentence", DATA),
        "tokens": (columns[1], 2.4, "tokens\n77", PROMPT),
        "text": (columns[2], 2.4, "CLIP text\nfrozen", PROMPT),
        "words": (columns[3], 2.4, f"vector {e}\nwords 77 × {e}, mask", DATA),
        "weigh": (10.8, 3.7, f"cosine, min–max: weights\n{f} × {k}, times the means", BOTH),
        "attend": (10.8, 2.4, f"VSTCA, 3 levels: over\ntime, sphere, words\n→ {k} × C", BOTH),
        "norm": (10.8, 5, "layer norm,\nits convolutions", FRAME),
        "decode": (13.5, 5, "decoder, 5 blocks of\n" + ", ".join(map(str, (*s.decoder, 1))), BOTH),
        "logits": (13.5, 3.7, f"sigmoid\n{k} × {s.decoded_size} × {s.decoded_size}", BOTH),
        "erp": (13.5, 2.4, f"fixed sparse matrix\n{height} × {width}, then twice:\n{2 * height} × {2 * width}", BOTH),
    }


ARROWS = [
    "frame tangent", "tangent visual", "visual maps", "visual pooled", "sentence tokens", "tokens text", "text words",
    "pooled weigh", "words weigh", "words attend", "weigh attend", "maps norm", "norm decode", "attend decode",
    "decode logits", "logits erp",
]  # fmt: skip


def main() -> None:
    """Write docs/model.png."""
    figure, axes = plt.subplots(figsize=(15.5, 5.2))
    found = boxes(ModelSettings())
    for x, y, text, colour in found.values():
        corner = (x - WIDTH / 2, y - HEIGHT / 2)
        axes.add_patch(FancyBboxPatch(corner, WIDTH, HEIGHT, "round,pad=0.08", fc=colour, ec="#444444"))
        axes.text(x, y, text, ha="center", va="center", fontsize=8.5)
    for arrow in ARROWS:
        (x, y, *_), (x2, y2, *_) = (found[name] for name in arrow.split())
        if x == x2:
            start, end = (x, y - HEIGHT / 2 - 0.08), (x2, y2 + HEIGHT / 2 + 0.08)
        else:
            start, end = (x + WIDTH / 2 + 0.08, y), (x2 - WIDTH / 2 - 0.08, y2)
        axes.add_patch(FancyArrowPatch(start, end, arrowstyle="-|>", mutation_scale=11, color="#444444"))
    for i, (colour, text) in enumerate(
        [(FRAME, "once per frame"), (PROMPT, "once per prompt"), (BOTH, "for each clip and prompt")]
    ):
        axes.add_patch(FancyBboxPatch((3.0 * i - 1, 1.15), 0.3, 0.2, "round,pad=0.02", fc=colour, ec="#444444"))
        axes.text(3.0 * i - 0.5, 1.25, text, va="center", fontsize=9)
    axes.set(xlim=(-1.4, 14.9), ylim=(0.9, 5.7))
    axes.axis("off")
    figure.savefig("docs/model.png", dpi=80, bbox_inches="tight", pil_kwargs={"optimize": True})


if __name__ == "__main__":
    main()
