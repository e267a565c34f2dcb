"""Speed and memory of captioning with LLaVA-NeXT-Video in its true 7B shape on a GPU, by batch size.

    python benchmarks/captions_gpu.py --json captions_gpu.json

The weights are random, so nothing is downloaded and the captions mean nothing; shapes, types and kernels are those of
the real model: bf16, 336 px pictures, 144 tokens each. Needs only torch and transformers. `--tiny` tests the script
without a GPU.
"""

import argparse
import gc
import json
import platform
import time
from pathlib import Path
from typing import Any

import torch
import transformers

VIDEO, IMAGE, PAD, N_WORDS = 32000, 32001, 0, 32064
PROMPT_TOKENS = 60  # about those of the default prompt and the chat template
Row = dict[str, Any]


def make_model(tiny: bool, device: str) -> Any:
    """Return the model with random weights on the device, in bf16; `tiny`: the same parts, small, in float32."""
    sizes = {"hidden_size": 64, "intermediate_size": 128, "num_hidden_layers": 2, "num_attention_heads": 2}
    text = sizes if tiny else sizes | {"hidden_size": 4096, "intermediate_size": 11008}
    text |= {} if tiny else {"num_hidden_layers": 32, "num_attention_heads": 32}
    vision = sizes if tiny else sizes | {"hidden_size": 1024, "intermediate_size": 4096}
    vision |= {} if tiny else {"num_hidden_layers": 24, "num_attention_heads": 16}
    config = transformers.LlavaNextVideoConfig(
        vision_config=transformers.CLIPVisionConfig(**vision, image_size=336, patch_size=14, projection_dim=768),
        text_config=transformers.LlamaConfig(**text, vocab_size=N_WORDS, max_position_embeddings=4096),
        video_token_index=VIDEO,
        image_token_index=IMAGE,
        vision_feature_layer=-2,
    )
    torch.manual_seed(0)
    torch.set_default_dtype(torch.float32 if tiny else torch.bfloat16)
    with torch.device(device):
        model = transformers.LlavaNextVideoForConditionalGeneration(config).eval()
    torch.set_default_dtype(torch.float32)
    return model


def make_batch(model: Any, n_clips: int, n_frames: int) -> dict[str, torch.Tensor]:
    """Return token ids, mask and pixels of clips as the processor would return them."""
    n_video = n_frames * (336 // 14 // 2) ** 2
    ids = torch.full((n_clips, PROMPT_TOKENS + n_video), 100)
    ids[:, 5 : 5 + n_video] = VIDEO
    pixels = torch.randn(n_clips, n_frames, 3, 336, 336, dtype=model.dtype)
    batch = {"input_ids": ids, "attention_mask": torch.ones_like(ids), "pixel_values_videos": pixels}
    return {name: value.to(model.device) for name, value in batch.items()}


@torch.inference_mode()
def seconds(model: Any, batch: dict[str, torch.Tensor], n_tokens: int) -> float:
    """Return the time of greedy decoding of exactly `n_tokens` per clip."""
    if model.device.type == "cuda":
        torch.cuda.synchronize()
    start = time.perf_counter()
    out = model.generate(
        **batch, do_sample=False, num_beams=1, min_new_tokens=n_tokens, max_new_tokens=n_tokens, pad_token_id=PAD
    )
    if model.device.type == "cuda":
        torch.cuda.synchronize()
    assert out.shape[1] == batch["input_ids"].shape[1] + n_tokens
    return time.perf_counter() - start


def measure(model: Any, n_clips: int, n_frames: int, n_tokens: int, repeats: int) -> Row:
    """Return the best of `repeats` runs of one batch size, after a warm-up run."""
    batch = make_batch(model, n_clips, n_frames)
    on_gpu = model.device.type == "cuda"
    seconds(model, batch, 2)
    if on_gpu:
        torch.cuda.reset_peak_memory_stats()
    first = min(seconds(model, batch, 1) for _ in range(repeats))
    whole = min(seconds(model, batch, n_tokens) for _ in range(repeats))
    return {
        "batch_size": n_clips,
        "prefill_s": first,
        "total_s": whole,
        "tokens_per_s": n_clips * (n_tokens - 1) / (whole - first),
        "captions_per_minute": 60 * n_clips / whole,
        "peak_gb": torch.cuda.max_memory_allocated() / 1e9 if on_gpu else None,
    }


def measure_all(model: Any, options: argparse.Namespace) -> list[Row]:
    """Return rows of increasing batch sizes, until the memory or the time is used up."""
    rows: list[Row] = []
    end = time.monotonic() + options.seconds
    for n_clips in options.batch_sizes:
        expected = 2.5 * (options.repeats + 1) * rows[-1]["total_s"] if rows else 0.0
        if time.monotonic() + expected > end:
            print(f"batch {n_clips}: no time left")
            break
        try:
            rows.append(measure(model, n_clips, options.frames, options.tokens, options.repeats))
        except torch.OutOfMemoryError:
            print(f"batch {n_clips}: does not fit into memory")
            break
        finally:
            gc.collect()
            if model.device.type == "cuda":
                torch.cuda.empty_cache()
    return rows


def as_markdown(rows: list[Row]) -> str:
    """Return the rows as a Markdown table."""
    lines = ["| batch | prefill | whole | tokens/s | captions/min | peak memory |", "|---:|---:|---:|---:|---:|---:|"]
    lines += [
        f"| {row['batch_size']:.0f} | {row['prefill_s']:.2f} s | {row['total_s']:.2f} s | {row['tokens_per_s']:.0f} "
        f"| {row['captions_per_minute']:.0f} | {'–' if row['peak_gb'] is None else format(row['peak_gb'], '.1f')} GB |"
        for row in rows
    ]
    return "\n".join(lines)


def main() -> None:
    """Measure, print, and write."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--frames", type=int, default=8, help="pictures per clip")
    parser.add_argument("--tokens", type=int, default=40, help="tokens per caption: a sentence of 25 to 30 words")
    parser.add_argument("--batch-sizes", type=int, nargs="+", default=[1, 2, 4, 8, 16, 32, 64])
    parser.add_argument("--repeats", type=int, default=2)
    parser.add_argument("--seconds", type=float, default=200, help="time limit for all measurements")
    parser.add_argument("--json", type=Path, help="file for the figures")
    parser.add_argument("--tiny", action="store_true", help="a tiny model on the CPU")
    options = parser.parse_args()
    device = "cpu" if options.tiny else "cuda"
    start = time.perf_counter()
    model = make_model(options.tiny, device)
    n_weights = sum(weights.numel() for weights in model.parameters())
    machine = {
        "device": platform.processor() or "CPU" if options.tiny else torch.cuda.get_device_name(),
        "torch": torch.__version__,
        "transformers": transformers.__version__,
        "billion_weights": n_weights / 1e9,
        "weights_gb": sum(w.numel() * w.element_size() for w in model.parameters()) / 1e9,
        "made_in_s": time.perf_counter() - start,
        "dtype": str(model.dtype),
        "frames": options.frames,
        "prompt_tokens": make_batch(model, 1, options.frames)["input_ids"].shape[1],
        "answer_tokens": options.tokens,
    }
    print(json.dumps(machine, indent=1))
    rows = measure_all(model, options)
    print(as_markdown(rows))
    if options.json:
        options.json.write_text(json.dumps({"machine": machine, "rows": rows}, indent=1) + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()
