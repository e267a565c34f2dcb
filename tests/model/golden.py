"""Weights, inputs and results of the published model, made by the rules of its golden vectors."""

import json
import math
import zlib
from functools import cache
from pathlib import Path

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

DATA = Path(__file__).parents[1] / "data" / "golden"
STATE = json.loads((DATA / "state_dict.json").read_text("utf-8"))
ENTRIES = {entry["name"]: entry for entry in STATE["entries"]}
SENTENCE = "A man in a red jacket is skiing down a snowy slope."
STEPS = (2, 4, 8)  # of the maps of each level that were kept


@cache
def golden(name: str) -> dict[str, NDArray[np.generic]]:
    with np.load(DATA / f"{name}.npz") as arrays:
        return dict(arrays)


def hashed(n: int, seed: int) -> NDArray[np.float64]:
    """`n` numbers in [−1, 1)."""
    z = np.arange(n, dtype=np.uint32)
    z *= np.uint32(2654435761)
    z += np.uint32(seed)
    z ^= z >> np.uint32(16)
    z *= np.uint32(2246822519)
    z ^= z >> np.uint32(13)
    z *= np.uint32(3266489917)
    z ^= z >> np.uint32(16)
    return z / 2147483648.0 - 1.0


def made(key: str, *shape: int, scale: float = 1.0) -> Tensor:
    values = scale * hashed(math.prod(shape), zlib.crc32(key.encode()))
    return torch.from_numpy(values.astype(np.float32).reshape(shape))


def fill(module: nn.Module, prefix: str = "") -> nn.Module:
    """Return the module in evaluation mode, with the golden weights whose names start with `prefix`."""
    with torch.no_grad():
        for name, tensor in module.state_dict().items():
            entry = ENTRIES[prefix + name]
            assert list(tensor.shape) == entry["shape"], name
            if tensor.is_floating_point():
                values = entry["a"] + entry["b"] * hashed(tensor.numel(), zlib.crc32((prefix + name).encode()))
                values = values.astype(np.float32)
                assert zlib.crc32(values) == entry["crc32_le"], name
                tensor.copy_(torch.from_numpy(values).view(tensor.shape))
    return module.eval()


def wave_clip(n_frames: int, height: int, width: int) -> Tensor:
    """A clip [1, F, 3, H, W], normalised for CLIP: waves, noise-like detail and two blobs that move."""
    lat = ((np.arange(height) + 0.5) / height - 0.5)[:, None] * np.pi
    lon = ((np.arange(width) + 0.5) / width - 0.5)[None] * 2 * np.pi

    def wrap(angle: NDArray[np.float64]) -> NDArray[np.float64]:
        return (angle + np.pi) % (2 * np.pi) - np.pi

    clip = np.empty((1, n_frames, 3, height, width), dtype=np.float32)
    mean, deviation = (0.48145466, 0.4578275, 0.40821073), (0.26862954, 0.26130258, 0.27577711)
    for t in range(n_frames):
        blob1 = np.exp(-((lat - 0.3) ** 2 + wrap(lon - (-2.0 + 0.35 * t)) ** 2) / (2 * 0.15**2))
        blob2 = np.exp(-((lat + 0.6) ** 2 + wrap(lon - (2.6 + 0.2 * t)) ** 2) / (2 * 0.25**2))
        for c in range(3):
            v = 0.5 + 0.20 * np.sin(3 * lon + 1.3 * np.sin(2 * lat) + 0.4 * t + 0.9 * c) * np.cos(2 * lat)
            v += 0.14 * np.sin(23 * lon + 5 * lat - 0.7 * t + 2.1 * c) * np.cos(lat)
            v += 0.10 * np.cos(41 * lat + 9 * np.sin(lon) + 0.3 * t * (c + 1))
            v += 0.08 * np.sin(90 * lon * (lat + 1.6) / 1.6 + 70 * lat + 1.7 * c)
            v += (0.45 - 0.35 * c) * blob1 + (-0.5 + 0.4 * c) * blob2
            clip[0, t, c] = (np.clip(v, 0, 1) - mean[c]) / deviation[c]
    return torch.from_numpy(clip)


def error(ours: Tensor, expected: NDArray[np.generic]) -> float:
    """The largest absolute difference; the shapes must be equal."""
    assert tuple(ours.shape) == expected.shape
    return float(np.abs(ours.detach().double().numpy() - expected.astype(np.float64)).max())
