"""The published layout of a dataset, in which each map and caption is a file of its own."""

from collections.abc import Iterable, Iterator
from pathlib import Path

from tsalv360.contracts.layout import DESCRIPTION, GROUND_TRUTH
from tsalv360.media.maps import Maps


def loose_files(maps: Maps) -> Iterator[tuple[str, bytes]]:
    """Yield path and content of the files of a video's events: `TSV360_gt/<video>/<event>/NNNN.png`, and the caption.

    Parameters: maps with captions, in a file named by the video.
    """
    for event in maps.events:
        folder = f"{GROUND_TRUTH}/{maps.path.stem}/{event}"
        yield f"{folder}/{DESCRIPTION}", maps.caption(event).encode()
        for frame in maps.numbers(event):
            yield f"{folder}/{frame:04d}.png", maps.content(event, frame)


def write_loose(folder: Path, shards: Iterable[Path]) -> list[Path]:
    """Write the maps of all videos in the published layout and return the files."""
    written = []
    for shard in shards:
        for name, content in loose_files(Maps(shard)):
            path = folder / name
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_bytes(content)
            written.append(path)
    return written
