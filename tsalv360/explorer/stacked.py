"""The video of a page: one file with the panorama on top and all saliency maps below, so that they never drift apart.

Picture j is the j-th kept frame. Below the panorama are gray tiles of 256×128, left to right and top to bottom: slot 0
is the map of all observers, and each event has a slot that it shares with no event at the same time.
"""

import base64
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from fractions import Fraction
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from tsalv360.contracts.entries import IndexEntry
from tsalv360.contracts.gaze_grid import sample_gaze
from tsalv360.job.errors import InputError
from tsalv360.job.files import whole_file
from tsalv360.job.log import progress
from tsalv360.media.drawing import lanes
from tsalv360.media.maps import Maps
from tsalv360.media.pictures import read_picture, ready_frames, resized
from tsalv360.media.video import VideoWriter
from tsalv360.saliency import to_8bit
from tsalv360.sphere.density import sliding_density
from tsalv360.sphere.projection import Picture

TILE = 128, 256  # height and width
# of a real street at 1920×960, 4 s take 1.4 MB at 40 dB; ultrafast takes half of the time and twice the space
_CRF, _PRESET = 24, "veryfast"
_HALF_A_PIXEL_DEG = 90 / TILE[0]  # a narrower σ falls between the pixels
_TEXT = b'window.TSALV360_MEDIA = "', b'";\n'
_CHUNK = 3 << 20  # bytes; base64 turns whole threes into fours


@dataclass(frozen=True)
class Layout:
    """Where things are in a stacked picture: size (height, width) of the panorama, number of tiles, slot of each event.

    A video without gaze has no tiles.
    """

    panorama: tuple[int, int]
    n_slots: int
    slots: Mapping[str, int]

    @property
    def columns(self) -> int:
        """Tiles per row."""
        return self.panorama[1] // TILE[1]

    @property
    def size(self) -> tuple[int, int]:
        """Height and width of a stacked picture."""
        return self.panorama[0] + -(-self.n_slots // self.columns) * TILE[0], self.panorama[1]

    def tile(self, slot: int) -> tuple[slice, slice]:
        """Return the rows and columns of the tile of a slot."""
        row, column = divmod(slot, self.columns)
        top, left = self.panorama[0] + row * TILE[0], column * TILE[1]
        return slice(top, top + TILE[0]), slice(left, left + TILE[1])


def layout_of(tracks: pd.DataFrame, frame_height: int, height: int) -> Layout:
    """Return the layout of a video from its tracks table, the height of its frames, and the largest wanted height.

    Frames that are lower than a tile are enlarged.
    """
    height = max(min(frame_height, height), TILE[0])
    frames = tracks.groupby("event_id", sort=False).frame
    spans = list(zip(frames.min(), frames.max(), strict=True))
    slots = {str(event): 1 + lane for event, lane in zip(frames.groups, lanes(spans), strict=True)}
    return Layout((height, 2 * height), 1 + max(slots.values(), default=0), slots)


def rate_of(index: IndexEntry) -> float:
    """Return the pictures per second of the stacked video: the rate of the kept frames, at most the native one."""
    return min(index.rate, index.fps)


def maps_of_all(fixations: pd.DataFrame, kept: pd.DataFrame, sigma_deg: float, window_s: float) -> Iterator[Picture]:
    """Yield the map of all observers, in the size of a tile, at each row (`frame`, `time_s`) of `kept`.

    A frame without gaze has a map of zeros. Parameters: settings of the saliency stage; σ is at least half a pixel.
    """
    grid = sample_gaze(fixations, kept.time_s.to_numpy())
    for total in sliding_density(grid, window_s, max(sigma_deg, _HALF_A_PIXEL_DEG), TILE):
        peak = total.max()
        yield to_8bit(total / peak) if peak > 0 else np.zeros(TILE, dtype=np.uint8)


def stacked_pictures(
    layout: Layout,
    frames_folder: Path,
    saliency: Maps,
    tracks: pd.DataFrame,
    kept: Sequence[int],
    of_all: Iterator[Picture],
) -> Iterator[Picture]:
    """Yield the stacked picture of each kept frame, RGB. InputError for a frame that is missing.

    Parameters: folder of the stage frames, maps of the stage saliency, the tracks table, and the maps of all observers,
    which replace those that the saliency stage has not written.
    """
    files = ready_frames(frames_folder)
    if missing := sorted({*kept} - files.keys()):
        found, expected = f"no frame {missing[0]:04d}", "every kept frame"
        raise InputError(frames_folder, found, expected, "Delete the folder and run again.")
    events_at: dict[Any, list[str]] = {frame: list(names) for frame, names in tracks.groupby("frame").event_id}
    has_all = None in saliency.events
    for frame in kept:
        picture = np.zeros((*layout.size, 3), dtype=np.uint8)
        picture[: layout.panorama[0]] = resized(read_picture(files[frame]), layout.panorama)
        for event in [*events_at.get(frame, []), *([None] if has_all else [])]:
            tile = saliency.find(event, frame)
            if tile is not None:
                picture[layout.tile(layout.slots[event] if event else 0)] = resized(tile, TILE)[..., None]
        if not has_all:
            picture[layout.tile(0)] = next(of_all)[..., None]
        yield picture


def write_stacked(path: str | Path, pictures: Iterator[Picture], layout: Layout, n: int, rate: float) -> None:
    """Write n stacked pictures as H.264 that a browser jumps in: a key frame every second, no B-frames."""
    with (
        whole_file(path) as partial,
        VideoWriter(
            partial, Fraction(rate).limit_denominator(1001), layout.size, _CRF, _PRESET, max(1, round(rate))
        ) as writer,
        progress(total=n, what="pictures") as bar,
    ):
        for picture in pictures:
            writer.write(picture)
            bar.update()


def write_as_script(video: Path, path: Path) -> None:
    """Write a video as a script that sets `window.TSALV360_MEDIA` to it in base64, for pages opened from disk."""
    with whole_file(path) as partial, video.open("rb") as source, partial.open("wb") as target:
        target.write(_TEXT[0])
        while content := source.read(_CHUNK):
            target.write(base64.b64encode(content))
        target.write(_TEXT[1])
