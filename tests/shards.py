"""Saliency maps in the file of a video, as tests write, read and change them."""

from collections.abc import Callable, Mapping
from pathlib import Path

import cv2
import numpy as np
from numpy.typing import NDArray

from tsalv360.contracts.shards import write_shard
from tsalv360.contracts.tables import MAPS
from tsalv360.media.maps import Maps
from tsalv360.media.pictures import as_png

Pictures = Mapping[str | None, Mapping[int, NDArray[np.uint8] | bytes]]  # by event (None: all observers) and frame


def write_maps(path: Path, pictures: Pictures, captions: Mapping[str, str] | None = None, fps: float = 16.0) -> None:
    """Write maps, or the content of their files."""
    with write_shard(path, MAPS) as shard:
        for event, of_event in pictures.items():
            for frame, picture in of_event.items():
                content = picture if isinstance(picture, bytes) else as_png(picture)
                caption = (captions or {}).get(event or "")
                row = {"video": path.stem, "event_id": event, "frame": frame, "time_s": frame / fps}
                shard.add(content, f"{frame:04d}.png", **row, caption=caption)


def maps_in(path: Path) -> dict[str | None, list[int]]:
    """The frames that have a map, by event."""
    maps = Maps(path)
    return {event: maps.numbers(event) for event in maps.events}


def read_map(path: Path, event: str | None, frame: int) -> NDArray[np.uint8]:
    """A map as it is stored."""
    content = np.frombuffer(Maps(path).content(event, frame), dtype=np.uint8)
    return cv2.imdecode(content, cv2.IMREAD_UNCHANGED)


def edit_maps(path: Path, change: Callable[[dict[str | None, dict[int, bytes]]], object]) -> None:
    """Change the contents of the maps in a file, by event and frame, in place; captions stay."""
    maps = Maps(path)
    contents = {event: {n: maps.content(event, n) for n in maps.numbers(event)} for event in maps.events}
    captions = {event: maps.caption(event) for event in maps.events if event and maps.caption(event)}
    change(contents)
    write_maps(path, contents, captions)


def flip_byte(path: Path, place: int) -> None:
    """Change one byte of a file."""
    content = bytearray(path.read_bytes())
    content[place] ^= 0xFF
    path.write_bytes(content)
