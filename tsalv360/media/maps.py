"""The saliency maps of a video in one file: reading them by event and frame."""

from collections import defaultdict
from functools import lru_cache
from pathlib import Path

import cv2
import numpy as np
from numpy.typing import NDArray

from tsalv360.contracts.shards import Shard, open_shard
from tsalv360.contracts.tables import MAPS
from tsalv360.job.errors import InputError
from tsalv360.media.pictures import decode_content


class Maps:
    """The maps in a file of the contract `MAPS`. The map of all observers has the event None."""

    def __init__(self, path: str | Path) -> None:
        """InputError if the file cannot be read, or has two maps of one event and frame."""
        self.path = Path(path)
        self._shard = open_shard(path, MAPS)
        self._rows = _rows(self._shard)

    def __reduce__(self) -> tuple[type["Maps"], tuple[Path]]:
        return Maps, (self.path,)  # another process opens the file itself

    def numbers(self, event: str | None) -> list[int]:
        """Return the frames in which an event has a map, increasing; none for an event without maps."""
        return list(self._rows.get(event, {}))

    @property
    def events(self) -> list[str | None]:
        """The events that have maps, in the order of the file."""
        return list(self._rows)

    def caption(self, event: str | None) -> str:
        """Return the caption of an event that has maps, "" if there is none."""
        caption = self._shard.rows.caption.iloc[next(iter(self._rows[event].values()))]
        return caption if isinstance(caption, str) else ""

    def content(self, event: str | None, frame: int) -> bytes:
        """Return the PNG file of a map; InputError if there is none."""
        if frame not in self._rows.get(event, {}):
            found = f"no map of {event or 'all observers'} in frame {frame}"
            raise InputError(self.path, found, "one for every frame of a clip", "Run the workflow again.")
        return self._shard.content(self._rows[event][frame])

    def read(self, event: str | None, frame: int) -> NDArray[np.uint8]:
        """Return a map, uint8 [H, W]; InputError if there is none or it is damaged."""
        # the path alone is where: the log of a job then says how to make the file again
        which, content = f" of {event or 'all observers'} in frame {frame}", self.content(event, frame)
        return decode_content(content, self.path, cv2.IMREAD_GRAYSCALE, which).astype(np.uint8, copy=False)

    def find(self, event: str | None, frame: int) -> NDArray[np.uint8] | None:
        """Return a map as `read`, or None where the event has none: there is no map without gaze."""
        return self.read(event, frame) if frame in self._rows.get(event, {}) else None


@lru_cache(maxsize=256)
def _rows(shard: Shard) -> dict[str | None, dict[int, int]]:
    """Return the row of each map by event and frame."""
    rows: dict[str | None, dict[int, int]] = defaultdict(dict)
    events = shard.rows.event_id.astype(object).where(shard.rows.event_id.notna(), None)
    for row, (event, frame) in enumerate(zip(events, shard.rows.frame.tolist(), strict=True)):
        if rows[event].setdefault(frame, row) != row:
            found = f"two maps of {event or 'all observers'} in frame {frame}"
            raise InputError(shard.path, found, "one", "Delete the file and run again, or download it again.")
    return {event: dict(sorted(of_event.items())) for event, of_event in rows.items()}
