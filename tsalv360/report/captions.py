"""What the captioners wrote: language and length, what is odd about captions, and events that have none."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from statistics import median
from typing import Any

from tsalv360.captions.checks import statistics
from tsalv360.files import read_json


@dataclass(frozen=True)
class Captions:
    """Statistics, one row per model and prompt; flags of shown captions; failures, each with event and reason."""

    rows: list[dict[str, Any]]
    n_counted: int
    longest: int | None
    flags: list[tuple[str, str]]
    failures: list[tuple[str, dict[str, str]]]


def read_captions(paths: Sequence[str | Path]) -> Captions:
    """All that the shards of the caption stage tell, in the order of events."""
    entries = {event: entry for path in paths for video in read_json(path).values() for event, entry in video.items()}
    entries = dict(sorted(entries.items(), key=lambda item: _order(item[0])))
    rows = []
    for row in statistics(list(entries.values())):
        words = row.pop("words")
        rows.append(row | {"fewest": words[0], "median": median(words), "most": words[-1]})
    tokens = [entry["n_tokens"] for entry in entries.values() if entry["n_tokens"] is not None]
    return Captions(
        rows=rows,
        n_counted=len(tokens),
        longest=max(tokens, default=None),
        flags=[(event, flag) for event, entry in entries.items() for flag in entry["flags"]],
        failures=[(event, failure) for event, entry in entries.items() for failure in entry["failures"]],
    )


def _order(event: str) -> tuple[str, int]:
    video, _, number = event.rpartition("_")
    return video, int(number)
