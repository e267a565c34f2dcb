"""Gaze that comes as maps, one per frame: binary maps of fixations, or continuous saliency maps.

The maps of a video are a folder of gray pictures `0000.png`, `0001.png`, … named by 0-based native frame number, as
those that were reproduced for VR-EyeTracking, or one file of raw 32-bit numbers, as Salient360! ships them. Only the
maps of the 16 fps grid are read, for the pipeline looks at no other time; what a map shows lasts until the next
frame of the grid. Where a map is missing, there is no gaze.
"""

import re
from collections.abc import Collection, Iterable, Iterator
from itertools import pairwise
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray
from pydantic.dataclasses import dataclass

from tsalv360.contracts.grid import frame_numbers
from tsalv360.contracts.settings import STRICT, setting
from tsalv360.job.errors import InputError
from tsalv360.job.log import progress
from tsalv360.sources.recording import fixations_table
from tsalv360.sphere.directions import Array, pixel_to_direction, to_angles, to_vectors

FIXATION_MAPS = "fixation_maps"
SALIENCY_MAPS = "saliency_maps"
_NUMBER = re.compile(r"[0-9]{4}|[1-9][0-9]{4,5}")
_RAW = re.compile(r"[0-9]+_.+_(?P<width>[0-9]+)x(?P<height>[0-9]+)x(?P<frames>[0-9]+)_32b\.bin")

GazeMap = NDArray[Any]  # gray [H, 2H]: uint8, uint16 or float32
Directions = tuple[Array, Array, Array]  # yaw, pitch, weight


@dataclass(frozen=True, config=STRICT)
class MapSettings:
    """Directions recovered from continuous saliency maps."""

    sigma_deg: float = setting(
        5.0, "width σ of the Gaussian in the maps; 9.35 in those reproduced for VR-EyeTracking", unit="deg", ge=2, le=15
    )
    max_directions: int = setting(40, "most directions per map, and the observers that they stand for", ge=1, le=40)


def read_fixation_maps(folder: str | Path, fps: float) -> pd.DataFrame:
    """Fixations of a video from binary maps: each connected set of marked pixels is one, at its centre.

    Parameters: the video's folder of maps, its frame rate. Returns the columns of the fixations table. Who looked is
    not stored: the k-th fixation of a frame counts as observer `map-k`. Raises InputError naming the file.
    """
    files = _files(Path(folder))
    kept = _on_grid(files, fps)
    return _table(files, kept, fps, (_marked(path, picture) for path, picture in _pictures(files, kept)))


def read_saliency_maps(path: str | Path, fps: float, settings: MapSettings) -> pd.DataFrame:
    """Directions whose saliency maps are those of a video.

    Parameters: the video's folder of maps (8 or 16 bit), or its file `<n>_<Name>_<W>x<H>x<F>_32b.bin`; its frame
    rate. Returns the columns of the fixations table; the weights of a frame sum to 1. Who looked is not stored:
    `max_directions` observers `map-01`, … stand for them, who share out among the directions of a frame by weight.
    Raises InputError naming the file, in a `.bin` the frame too.
    """
    from tsalv360.sources.recover import recover_directions  # SciPy takes 0.3 s to import, which planning need not pay

    path = Path(path)
    numbers: Collection[int]
    maps: Iterable[GazeMap]
    if path.is_dir():
        files = _files(path)
        kept = _on_grid(files, fps)
        numbers, maps = files, (picture for _, picture in _pictures(files, kept))
    else:
        raw = _raw_maps(path)
        kept = _on_grid(range(len(raw)), fps)
        numbers, maps = range(len(raw)), (_checked(path, number, raw[number]) for number in kept)
    directions = (recover_directions(saliency, settings) for saliency in maps)
    return _table(numbers, kept, fps, (_shared_out(found, settings.max_directions) for found in directions))


def map_numbers(path: Path) -> Collection[int]:
    """Frame numbers of a video's maps, increasing, by their names alone; InputError where one is wrong."""
    return _files(path) if path.is_dir() else range(len(_raw_maps(path)))


def _shared_out(directions: Directions, observers: int) -> Directions:
    """Each direction as often as observers look at it: once at least, else by weight, which they divide."""
    yaw, pitch, weight = directions
    times = np.ones(len(weight), dtype=int)
    while 0 < times.sum() < observers:
        times[(weight / times).argmax()] += 1
    return np.repeat(yaw, times), np.repeat(pitch, times), np.repeat(weight / times, times)


def _table(
    numbers: Collection[int], kept: dict[int, float], fps: float, directions: Iterable[Directions]
) -> pd.DataFrame:
    """The fixations table of the directions in the kept maps, which are those `numbers` that lie on the grid."""
    rows: list[tuple[str, int, float, float, float, float]] = []
    empty = 0
    with progress(total=len(kept), what="maps") as bar:
        for (number, lasts), found in zip(kept.items(), directions, strict=True):
            rows += [(f"map-{k:02d}", number, lasts, *one) for k, one in enumerate(zip(*found, strict=True), start=1)]
            empty += not len(found[0])
            bar.update()
    columns = list(zip(*rows, strict=True)) or [()] * 6
    observer, frame = pd.Series(columns[0], dtype="str"), np.asarray(columns[1], dtype=int)
    gaps = max(numbers) - min(numbers) + 1 - len(numbers)
    notes = [f"maps for frames {min(numbers)} to {max(numbers)}" + (f", {gaps} missing in between" if gaps else "")]
    if empty:
        notes.append(f"frames whose map is empty: {empty}")
    notes.append(f"no observers: up to {observer.nunique()} directions per map stand for them")
    fixation_id = observer.groupby(observer).cumcount()
    _, _, lasts_s, yaw, pitch, weight = columns
    return fixations_table(observer, frame / fps, lasts_s, frame, yaw, pitch, fixation_id, weight, notes)


def _on_grid(numbers: Collection[int], fps: float) -> dict[int, float]:
    """Those of the frame numbers that lie on the 16 fps grid, each with the seconds until the grid's next frame."""
    grid = frame_numbers(fps, max(numbers) + int(fps) + 2, skip_first=0)
    available = set(numbers)
    return {frame: (following - frame) / fps for frame, following in pairwise(grid) if frame in available}


def _files(folder: Path) -> dict[int, Path]:
    """The maps of a folder by frame number, increasing."""
    files: dict[int, Path] = {}
    for path in sorted(folder.glob("*.png")):
        if not _NUMBER.fullmatch(path.stem):
            raise InputError(path, "this name", "a frame number with 4 digits, like 0021.png", "Rename or remove it.")
        files[int(path.stem)] = path
    if not files:
        raise InputError(folder, "no map", "0000.png, 0001.png, …", "Correct the path of the maps.")
    return dict(sorted(files.items()))


def _pictures(files: dict[int, Path], kept: Iterable[int]) -> Iterator[tuple[Path, GazeMap]]:
    """The kept maps, all gray and of the size of the first, twice as wide as high."""
    from tsalv360.media.pictures import decode_picture  # readers of other gaze share the settings above, not OpenCV

    size: tuple[int, ...] | None = None
    for path in (files[number] for number in kept):
        picture = decode_picture(path)
        if picture.ndim != 2 or picture.dtype not in (np.uint8, np.uint16):
            raise InputError(path, "a picture in colour or with alpha", "a gray PNG", "Convert the maps to gray.")
        _check_panorama(path, *picture.shape)
        size = size or picture.shape
        if picture.shape != size:
            found, expected = (f"{width}×{height} pixels" for height, width in (picture.shape, size))
            raise InputError(path, found, f"{expected}, as in the video's first map", "Make the map again.")
        yield path, picture


def _check_panorama(where: object, height: int, width: int) -> None:
    if width != 2 * height:
        raise InputError(where, f"{width}×{height} pixels", "twice as many columns as rows", "Use full panoramas.")


def _marked(path: Path, picture: GazeMap) -> Directions:
    """Centres of the connected sets of marked pixels, weight 1 each."""
    marked = picture == picture.max()
    if (between := (picture > 0) & ~marked).any():
        found, expected = f"the values {picture[between][0]} and {picture.max()}", "0 and one other"
        raise InputError(path, found, expected, f"Read the maps as {SALIENCY_MAPS}.")
    if marked.all():
        return np.zeros(0), np.zeros(0), np.zeros(0)
    import cv2

    _, labels = cv2.connectedComponents(marked.astype(np.uint8), connectivity=8)
    for row in np.flatnonzero(labels[:, 0]):  # sets go on over the seam
        for other in labels[max(row - 1, 0) : row + 2, -1]:
            if other:
                labels[labels == other] = labels[row, 0]
    rows, columns = np.nonzero(labels)
    vectors = to_vectors(*pixel_to_direction(columns, rows, *labels.shape))
    _, own = np.unique(labels[rows, columns], return_inverse=True)
    yaw, pitch = to_angles(np.stack([np.bincount(own, part) for part in vectors.T], axis=-1))
    return yaw, pitch, np.ones(len(yaw))


def _raw_maps(path: Path) -> NDArray[np.float32]:
    """The maps [F, H, W] of a file of raw numbers, not yet read."""
    if not (match := _RAW.fullmatch(path.name)):
        expected = "a folder of PNG maps, or <n>_<Name>_<W>x<H>x<F>_32b.bin"
        raise InputError(path, "this name", expected, "Use the file as published.")
    width, height, frames = (int(match[name]) for name in ("width", "height", "frames"))
    _check_panorama(path, height, width)
    size, needed = path.stat().st_size, width * height * frames * 4
    if size != needed or not size:
        found, expected = f"{size} bytes", f"{needed} for {frames} maps of {width}×{height} numbers"
        raise InputError(path, found, expected, "Copy it again.")
    return np.memmap(path, dtype="<f4", mode="r", shape=(frames, height, width))


def _checked(path: Path, number: int, saliency: NDArray[np.float32]) -> NDArray[np.float32]:
    """The map itself; InputError unless all its values are finite and not negative."""
    bad = ~(np.isfinite(saliency) & (saliency >= 0))
    if bad.any():
        found, expected = f"the value {saliency[bad][0]:g}", "numbers from 0, none infinite"
        raise InputError(f"{path}, frame {number}", found, expected, "Copy it again, or make the maps again.")
    return saliency
