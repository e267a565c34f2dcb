"""Speed and memory of the model, compared with a straightforward implementation.

    python benchmarks/model.py                          CPU, two threads, about half an hour
    python benchmarks/model.py --device cuda            also bf16 and compiled; about 3 minutes

Needs only the extra `train`. Weights are random: time does not depend on them. The straightforward implementation is
below: all frames of a clip are normalised, sampled and encoded in one batch for every prompt and every window,
attention runs over all frames, convolutions get the sum of features and text, and tangent images are projected back
with dense tables. Times are wall time, medians of rounds that alternate between the two. Not a test: times depend on
the machine. `--tiny` tests the script.
"""

import argparse
import ctypes
import json
import os
import statistics
import time
from collections.abc import Callable
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import NamedTuple

import torch
from torch import Tensor
from torch.nn.functional import interpolate
from torch.utils.flop_counter import FlopCounterMode

from tsalv360.model import FrameFeatures, ModelSettings, TSalV360
from tsalv360.model.network import weigh
from tsalv360.model.tangent import DEVIATION, MEAN, taps

PROMPTS = ["a man juggles", "two dogs run past", "a red car turns", "people cross the street", "a bird on a wire"]
N_WINDOWS = 3  # one frame apart


@dataclass(frozen=True)
class Row:
    """One job in both implementations; `base` is another job of ours that it is compared with."""

    job: str
    seconds: float
    plain_s: float | None
    memory_mb: float | None  # above the weights
    plain_memory_mb: float | None
    error: float | None
    tflop: float
    at_least: float | None = None  # speed-up over the straightforward implementation
    base: str | None = None
    at_most: float | None = None  # times the base


class Straightforward:
    """The model's modules in a straightforward implementation, for float clips [1, 8, 3, H, W]."""

    def __init__(self, model: TSalV360) -> None:
        self.model = model
        found = taps(model.settings)
        size = model.settings.decoded_size
        self.weight = found.weight.to(model.device)  # [4, K, H, W]
        self.source = (found.row * size + found.column).flatten(2).to(model.device)

    def normalise(self, frames: Tensor) -> Tensor:
        mean, deviation = (torch.tensor(values, device=frames.device) for values in (MEAN, DEVIATION))
        return ((frames / 255 - mean) / deviation).permute(0, 3, 1, 2)

    def to_tangent(self, frames: Tensor) -> Tensor:
        return self.model.to_tangent(self.normalise(frames)).to(self.model.dtype)

    def encode(self, tangents: Tensor) -> FrameFeatures:
        """Return the features of all frames of a clip, encoded as one batch."""
        maps, vectors = self.model.clip.visual(tangents.flatten(0, 1).contiguous())
        n = tangents.shape[:2]
        maps = tuple(level.unflatten(0, n) for level in maps)
        return FrameFeatures(vectors.unflatten(0, n), tuple(level.mean((3, 4)) for level in maps), maps)

    def decode(self, seen: FrameFeatures, prompt: str) -> Tensor:
        model, text = self.model, self.model.encode_text([prompt])
        weight = weigh(text.vectors, seen.vectors[None], model.settings.similarity)[..., None].to(model.dtype)
        x = None
        for level, (attend, norm) in enumerate(zip(model.VSTCA, model.resnet_norm_layer, strict=True)):
            vectors = attend(seen.pooled[level][None] * weight, text.words, text.mask)[0, -1]
            maps = (norm(seen.maps[level][-1]) + vectors[..., None, None])[None].permute(0, 2, 3, 4, 1)
            x = self.block(level, maps if x is None else torch.cat([x, maps], 1))
        x = self.block(3, x)
        return self.to_erp(model.decoders[4].block[0](x)[:, 0].float().sigmoid().permute(0, 3, 1, 2))

    def block(self, level: int, x: Tensor) -> Tensor:
        """Return [1, C', 2h, 2w, K] from [1, C, h, w, K]."""
        conv, norm = self.model.decoders[level].block
        y = norm(conv(x).permute(0, 4, 1, 2, 3)).relu()
        if level < 3:
            y = interpolate(y.flatten(0, 1), scale_factor=2, mode="bilinear").unflatten(0, y.shape[:2])
        return y.permute(0, 2, 3, 4, 1)

    def gather(self, images: Tensor) -> Tensor:
        """Sum all tangent images at every pixel, divided by the sum of all weights."""
        taken = images[0].flatten(1).expand(4, -1, -1).gather(2, self.source).view_as(self.weight)
        weight = self.weight.where(self.weight > 1e-5, 0)
        return (taken * weight / weight.sum((0, 1))).sum((0, 1))

    def to_erp(self, images: Tensor) -> Tensor:
        return interpolate(self.gather(images)[None, None], scale_factor=2, mode="bilinear")

    def __call__(self, frames: Tensor, prompt: str) -> Tensor:
        return self.decode(self.encode(self.to_tangent(frames)), prompt)


def rows_of(model: TSalV360, frames: Tensor, rounds: int) -> list[Row]:
    """Run each job in both implementations. `frames` uint8 [8 + N_WINDOWS - 1, H, W, 3]."""
    plain, clip = Straightforward(model), frames[: model.settings.n_frames]
    tangents = model.to_tangent(clip).to(model.dtype)
    encoded, seen = model.encode_frames(clip), plain.encode(tangents)
    images = torch.rand(1, model.settings.n_tangents, *[model.settings.decoded_size] * 2, device=model.device)
    windows = [frames[start : start + len(clip)] for start in range(N_WINDOWS)]

    def visual() -> Tensor:
        parts = tangents if model.device.type == "cpu" else [tangents.flatten(0, 1)]
        pictures = [part.contiguous(memory_format=torch.channels_last) for part in parts]
        return torch.cat([model.clip.visual(part).vectors for part in pictures])

    def decode(n: int) -> Tensor:
        return model.decode([encoded], model.encode_text(PROMPTS[:n]))

    def whole(n: int) -> Tensor:
        last = [i == len(clip) - 1 for i in range(len(clip))]
        return model.decode([model.encode_frames(clip, last)], model.encode_text(PROMPTS[:n]))

    def slide() -> Tensor:
        text, found = model.encode_text(PROMPTS[:1]), list[FrameFeatures]()
        out = []
        for frame in frames:
            found = [*(f.without_maps() for f in found[1 - len(clip) :]), *model.encode_frames(frame[None])]
            if len(found) == len(clip):
                out.append(model.decode([found], text))
        return torch.cat(out)

    def each(n: int) -> Tensor:
        return torch.cat([plain.decode(seen, prompt) for prompt in PROMPTS[:n]])

    one, back = "a clip, one prompt", "tangent images → panorama"
    jobs: dict[str, tuple[Callable[[], Tensor], Callable[[], Tensor]]] = {
        "panorama → tangent images, a clip": (lambda: model.to_tangent(clip), lambda: plain.to_tangent(clip)),
        "CLIP of a clip": (visual, lambda: plain.encode(tangents).vectors),
        back: (lambda: model.to_erp.gather(images), lambda: plain.gather(images)),
        "text, attention and decoder, one prompt": (lambda: decode(1), lambda: each(1)),
        "text, attention and decoder, five prompts": (lambda: decode(5), lambda: each(5)),
        one: (lambda: whole(1), lambda: plain(clip, PROMPTS[0])),
        "a clip, five prompts": (lambda: whole(5), lambda: torch.cat([plain(clip, p) for p in PROMPTS])),
        f"{N_WINDOWS} windows, one frame apart": (slide, lambda: torch.cat([plain(w, PROMPTS[0]) for w in windows])),
    }
    model.encode_text(PROMPTS)  # loads the tokenizer
    with FlopCounterMode(display=False):  # imports what it needs
        torch.ones(2, 2) @ torch.ones(2, 2)
    rows = []
    for job, (ours, other) in jobs.items():
        print(f"{job} ...", flush=True)
        with FlopCounterMode(display=False) as counter:
            mine = measure(ours, model.device)
        first = mine, measure(other, model.device)
        tflop = counter.get_total_flops() / 1e12
        off = float((first[0].result.flatten() - first[1].result.flatten()).abs().max())
        n = 20 * max(rounds, 1) if job == back else rounds
        taken = [(measure(ours, model.device), measure(other, model.device)) for _ in range(n)] or [first]
        (s, memory), (plain_s, plain_memory) = (
            (statistics.median(one.seconds for one in way), max(one.mb for one in way))
            for way in zip(*taken, strict=True)
        )
        base = {"a clip, five prompts": one}.get(job)
        rows.append(
            Row(
                job, s, plain_s, memory, plain_memory, off, tflop,
                at_least=100 if job == back and model.device.type == "cpu" else None,
                base=base, at_most=1.5 if base else None,
            )
        )  # fmt: skip
    return rows


class Measured(NamedTuple):
    result: Tensor
    seconds: float
    mb: float  # peak beyond what was allocated before


def measure(run: Callable[[], Tensor], device: torch.device) -> Measured:
    before = reset_peak(device)
    start = time.perf_counter()
    result = run()
    if device.type == "cuda":
        torch.cuda.synchronize()
    return Measured(result, time.perf_counter() - start, (peak(device) - before) / 1e6)


def reset_peak(device: torch.device) -> int:
    if device.type == "cuda":
        torch.cuda.synchronize()
        torch.cuda.reset_peak_memory_stats()
        return torch.cuda.memory_allocated()
    ctypes.CDLL(None).malloc_trim(0)
    Path("/proc/self/clear_refs").write_text("5")
    return peak(device)


def peak(device: torch.device) -> int:
    """Return the peak memory in bytes; on a CPU that of this process (Linux)."""
    if device.type == "cuda":
        return torch.cuda.max_memory_allocated()
    status = Path("/proc/self/status").read_text()
    return 1024 * int(status.split("VmHWM:")[1].split()[0])


def matmul_tflops(device: torch.device, dtype: torch.dtype) -> float:
    """Return the speed of large matrix products here, in TFLOP/s."""
    n = 8192 if device.type == "cuda" else 2048
    a, b = (torch.randn(n, n, device=device, dtype=dtype) for _ in range(2))
    return 2 * n**3 / min(measure(lambda: a @ b, device).seconds for _ in range(8)) / 1e12


def table(rows: list[Row], tflops: float) -> str:
    """Return the rows as a Markdown table."""
    lines = [
        "| job | ours | straightforward | speed-up | memory | straightforward | largest difference "
        "| share of matmul speed | target | met |",
        "|---|---:|---:|---:|---:|---:|---:|---:|---|---|",
    ]
    seconds = {row.job: row.seconds for row in rows}
    for row in rows:
        goal, reached = "", ""
        if row.at_least:
            goal, reached = f"≥ {row.at_least:g}×", str(row.plain_s / row.seconds >= row.at_least)
        if row.base:
            ratio = row.seconds / seconds[row.base]
            goal, reached = f"≤ {row.at_most:g} of {row.base}", f"{ratio <= row.at_most} ({ratio:.2f})"
        share = row.tflop / row.seconds / tflops
        lines.append(
            f"| {row.job} | {shown(row.seconds)} | {shown(row.plain_s)} | {row.plain_s / row.seconds:.1f} "
            f"| {row.memory_mb:.0f} MB | {row.plain_memory_mb:.0f} MB | {row.error:.1e} "
            f"| {share:.0%} | {goal} | {reached} |"
        )
    return "\n".join(lines)


def shown(seconds: float) -> str:
    return f"{seconds:.2f} s" if seconds >= 1 else f"{1000 * seconds:.3g} ms"


def rate(model: TSalV360, frames: Tensor, batch: int, seconds: float = 3) -> float:
    """Return clips per second of complete forward passes with `batch` clips of one prompt each."""
    clips = frames[: model.settings.n_frames].expand(batch, -1, -1, -1, -1).contiguous()
    prompts = [PROMPTS[i % 5] for i in range(batch)]
    for _ in range(3):
        model(clips, prompts)
    taken = [measure(lambda: model(clips, prompts), model.device).seconds]
    while sum(taken) < seconds:
        taken.append(measure(lambda: model(clips, prompts), model.device).seconds)
    return batch / statistics.median(taken)


@torch.inference_mode()
def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--device", default="cpu")
    parser.add_argument("--threads", type=int, default=2)
    parser.add_argument("--rounds", type=int, default=3, help="rounds after a first one; 0: times of the first")
    parser.add_argument("--json", type=Path, help="also write the figures to this file")
    parser.add_argument("--tiny", action="store_true", help="a tiny model")
    asked = parser.parse_args()
    torch.set_num_threads(asked.threads)
    torch.manual_seed(0)
    device = torch.device(asked.device)
    model = TSalV360(ModelSettings.tiny() if asked.tiny else ModelSettings()).eval().to(device)
    size = (120, 240) if asked.tiny else (960, 1920)
    frames = torch.randint(0, 255, (model.settings.n_frames + N_WINDOWS - 1, *size, 3), dtype=torch.uint8).to(device)
    on_gpu = device.type == "cuda"
    where = torch.cuda.get_device_name() if on_gpu else f"{asked.threads} threads, load {os.getloadavg()[0]:.1f}"
    found: dict[str, object] = {"machine": where, "torch": torch.__version__}
    for dtype in [torch.float32, torch.bfloat16] if on_gpu else [torch.float32]:
        model.to(dtype)
        tflops = matmul_tflops(device, dtype)
        rows = rows_of(model, frames, asked.rounds)
        print(
            f"\n{dtype} on {where}; large matrix products: {tflops:.3g} TFLOP/s\n\n{table(rows, tflops)}\n", flush=True
        )
        found[str(dtype)] = {"matmul_tflops": tflops, "rows": [asdict(row) for row in rows]}
    if on_gpu:
        with FlopCounterMode(display=False) as counter:
            model(frames[None, : model.settings.n_frames], PROMPTS[:1])
        tflop = counter.get_total_flops() / 1e12
        rates = {f"bf16, {batch} at once": rate(model, frames, batch) for batch in (1, 4)}
        model.compile()
        rates |= {f"bf16, compiled, {batch} at once": rate(model, frames, batch) for batch in (1, 4)}
        for way, clips in rates.items():
            print(
                f"{way}: {clips:.1f} clips/s, {clips * tflop:.0f} TFLOP/s, {clips * tflop / tflops:.0%} of matmul speed"
            )
        found["clips_per_s"] = rates
    if asked.json:
        asked.json.write_text(json.dumps(found, indent=1) + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()
