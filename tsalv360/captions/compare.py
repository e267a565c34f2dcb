"""A page that puts the captions of two backends side by side, with the clips, and how well each fits its pictures."""

import os
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from urllib.parse import quote

import numpy as np
from numpy.typing import NDArray

from tsalv360.captions import shard_of
from tsalv360.captions.run import spread
from tsalv360.contracts.entries import CaptionEntry, Captions, ViewportLengths, read_entry
from tsalv360.job.errors import InputError
from tsalv360.job.files import whole_file
from tsalv360.media.drawing import page_template
from tsalv360.media.video import read_pictures

ARCHITECTURE = "RN50-quickgelu"
N_PICTURES = 8  # of an event on which similarities are measured
Measure = Callable[[Sequence[str], NDArray[np.uint8]], list[float]]


@dataclass(frozen=True)
class Pair:
    """One event: its viewport video as an address relative to the page, and its captions.

    `similarities` has those of the candidates of each backend, nothing where they were not measured.
    """

    event: str
    video: str
    entry: CaptionEntry
    similarities: dict[str, list[float]]


def write_comparison(
    results: Path, shards: int, backends: tuple[str, str], page: Path, measure: Measure | None, left_out: str = ""
) -> int:
    """Write the page, and return the number of events on it.

    Parameters: `results`, the folder of the dataset's results, made with `shards` shards; `measure`, which returns the
    similarities of texts with pictures uint8 RGB [T, H, W, 3]; without it the page says why it is `left_out`.
    Raises InputError where one of the backends has captioned nothing.
    """
    pairs = []
    for viewports in sorted((results / "viewports").glob("[!.]*")):
        shard = results / "captions" / "shards" / f"{shard_of(viewports.name, shards)}.json"
        entries = read_entry(shard, Captions).get(viewports.name, {}) if shard.exists() else {}
        for event, entry in entries.items():
            if not any(one.backend in backends for one in [*entry.candidates, *entry.failures]):
                continue
            texts = {name: [one.text for one in entry.candidates if one.backend == name] for name in backends}
            similarities = {}
            if measure:
                pictures = _pictures(viewports, event)
                similarities = {name: measure(texts[name], pictures) for name in backends if texts[name]}
            address = quote(os.path.relpath(viewports / f"{event}.mp4", page.parent))
            pairs.append(Pair(event, address, entry, similarities))
    for backend in backends:
        if not any(one.backend == backend for pair in pairs for one in pair.entry.candidates):
            raise InputError(
                results / "captions" / "shards",
                f"no caption by {backend}",
                "captions by both backends",
                f"Set captions.backends: [{', '.join(backends)}], and run snakemake.",
            )
    template = page_template("tsalv360.captions", "compare.html")
    text = template.render(pairs=pairs, backends=backends, measured=measure is not None, left_out=left_out)
    with whole_file(page) as partial:
        partial.write_text(text, encoding="utf-8")
    return len(pairs)


def _pictures(folder: Path, event: str) -> NDArray[np.uint8]:
    length = read_entry(folder / "viewports.json", ViewportLengths).events[event]
    numbers = [length.lead_in + number for number in spread(length.pictures, N_PICTURES)]
    return read_pictures(folder / f"{event}.mp4", numbers)


class Similarity:
    """How well captions fit the pictures of a viewport, by CLIP RN50 with weights from a file."""

    def __init__(self, weights: str | Path) -> None:
        """Load the weights; InputError where there is no such file, or it holds another model."""
        import open_clip  # of the extra train, as PyTorch: a page without similarities does without them

        from tsalv360.model.checkpoint import load_weights, read_clip

        expected = f"weights of CLIP {ARCHITECTURE}"
        content = read_clip(weights, expected)
        if content is None:
            raise InputError(weights, "weights of something else", expected, "Name another file.")
        self._model = open_clip.CLIP(**open_clip.get_model_config(ARCHITECTURE))
        load_weights(self._model, content, weights)
        self._model.eval()
        self._transform = open_clip.image_transform(self._model.visual.image_size, is_train=False)
        self._tokenize: Any = open_clip.get_tokenizer(ARCHITECTURE)

    def __call__(self, texts: Sequence[str], pictures: NDArray[np.uint8]) -> list[float]:
        """Return the mean cosine of each text with the RGB pictures [T, H, W, 3]: −1 to 1; 0.15 to 0.35 is usual."""
        import torch
        from PIL import Image

        with torch.inference_mode():
            images = torch.stack([self._transform(Image.fromarray(picture)) for picture in pictures])
            image_vectors = self._model.encode_image(images, normalize=True)
            text_vectors = self._model.encode_text(self._tokenize(list(texts)), normalize=True)
            return (text_vectors @ image_vectors.T).mean(1).tolist()
