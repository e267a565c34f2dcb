"""What the encoders cost that a model can have: parameters, cached features, arithmetic and CPU time of a clip.

    python benchmarks/encoders.py                              the table of docs/model.md, a few minutes on two cores
    python benchmarks/encoders.py open_clip:convnext_base      other ones

Needs the extra `train`. Weights are random: nothing of this depends on them. A clip has eight frames of 18 tangent
images; arithmetic is counted by PyTorch without computing it, and CPU time is that of one frame, times eight, the best
of some rounds. Not a test: times depend on the machine.
"""

import argparse
import os
import time

import torch
from torch.utils.flop_counter import FlopCounterMode

from tsalv360.model import ModelSettings, TSalV360
from tsalv360.training.features import row_types

ENCODERS = ["clip", "open_clip:ViT-B-32", "open_clip:ViT-L-14"]
PROMPT = "a man juggles"


@torch.inference_mode()
def row_of(encoder: str, rounds: int) -> str:
    """Return the row of an encoder in a Markdown table."""
    settings = ModelSettings(encoder=encoder)
    model = TSalV360(settings).eval()
    parts = {"image": model.clip.visual, "all": model.clip, "model": model}
    millions = {name: sum(p.numel() for p in part.parameters()) / 1e6 for name, part in parts.items()}
    pooled, maps = (row_type.itemsize / 1e6 for row_type in row_types(settings))
    frame = torch.randint(0, 255, (1, 960, 1920, 3), dtype=torch.uint8)
    seconds = []
    for _ in range(rounds):
        start = time.process_time()
        model.encode_frames(frame)
        seconds.append(settings.n_frames * (time.process_time() - start))
    side = model.to_tangent(frame).shape[-1]
    visual = model.clip.visual.to("meta")
    torch.backends.mha.set_fastpath_enabled(False)  # whose arithmetic is not counted
    with FlopCounterMode(display=False) as counter:
        visual(torch.zeros(settings.n_tangents, 3, side, side, device="meta"))
    tflop = settings.n_frames * counter.get_total_flops() / 1e12
    return (
        f"| `{encoder}` | {side} px | {millions['image']:.0f} + {millions['all'] - millions['image']:.0f} "
        f"| {millions['model'] - millions['all']:.1f} | {pooled:.2f} + {maps:.1f} "
        f"| {settings.n_frames * pooled + maps:.1f} | {tflop:.2f} | {min(seconds):.0f} |"
    )


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("encoders", nargs="*", default=ENCODERS, help="as in model.encoder")
    parser.add_argument("--threads", type=int, default=2)
    parser.add_argument("--rounds", type=int, default=3)
    asked = parser.parse_args()
    torch.set_num_threads(asked.threads)
    print(f"{asked.threads} threads, load {os.getloadavg()[0]:.1f}, PyTorch {torch.__version__}\n")
    print(
        "| encoder | tangent image | million frozen parameters, images + text | million trained parameters "
        "| cached MB of a frame + of a clip's last frame | cached MB of a clip | TFLOP of a clip | CPU s of a clip |\n"
        "|---|---:|---:|---:|---:|---:|---:|---:|"
    )
    for encoder in asked.encoders:
        print(row_of(encoder, asked.rounds), flush=True)


if __name__ == "__main__":
    main()
