"""A page that puts the captions of two backends side by side, with the clips."""

import os
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from urllib.parse import quote

import numpy as np
from jinja2 import Environment, PackageLoader, StrictUndefined
from numpy.typing import NDArray

from tsalv360.captions import shard_of
from tsalv360.captions.run import spread
from tsalv360.contracts.entries import Candidate, CaptionEntry, Captions, Failure, ViewportLengths, read_entry
from tsalv360.job.errors import InputError
from tsalv360.job.files import whole_file
from tsalv360.media.video import read_pictures

N_PICTURES = 8  # of an event on which similarities are measured
Measure = Callable[[Sequence[str], NDArray[np.uint8]], list[float]]


@dataclass(frozen=True)
class Side:
    """What one backend wrote about an event: its candidates, each with a similarity where one was measured."""

    candidates: list[Candidate]
    failures: list[Failure]
    similarities: list[float] = field(default_factory=list)


@dataclass(frozen=True)
class Pair:
    """One event: its viewport video as an address relative to the page, and both sides."""

    event: str
    video: str
    sides: tuple[Side, Side]


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
            pictures = _pictures(viewports, event) if measure else None
            first, second = (_side(entry, backend, measure, pictures) for backend in backends)
            address = quote(os.path.relpath(viewports / f"{event}.mp4", page.parent))
            pairs.append(Pair(event, address, (first, second)))
    pairs = [pair for pair in pairs if any(side.candidates or side.failures for side in pair.sides)]
    for k, backend in enumerate(backends):
        if not any(pair.sides[k].candidates for pair in pairs):
            raise InputError(
                results / "captions" / "shards",
                f"no caption by {backend}",
                "captions by both backends",
                f"Set captions.backends: [{', '.join(backends)}], and run snakemake.",
            )
    template = Environment(
        loader=PackageLoader("tsalv360.captions", "."), undefined=StrictUndefined, autoescape=True, trim_blocks=True,
        lstrip_blocks=True,
    ).get_template("compare.html")  # fmt: skip
    text = template.render(pairs=pairs, backends=backends, measured=measure is not None, left_out=left_out)
    with whole_file(page) as partial:
        partial.write_text(text, encoding="utf-8")
    return len(pairs)


def _side(entry: CaptionEntry, backend: str, measure: Measure | None, pictures: NDArray[np.uint8] | None) -> Side:
    candidates = [one for one in entry.candidates if one.backend == backend]
    failures = [one for one in entry.failures if one.backend == backend]
    if measure is None or pictures is None or not candidates:
        return Side(candidates, failures)
    return Side(candidates, failures, measure([one.text for one in candidates], pictures))


def _pictures(folder: Path, event: str) -> NDArray[np.uint8]:
    length = read_entry(folder / "viewports.json", ViewportLengths).events[event]
    numbers = [length.lead_in + number for number in spread(length.pictures, N_PICTURES)]
    return read_pictures(folder / f"{event}.mp4", numbers)
