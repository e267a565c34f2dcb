"""Gaze that comes as maps, one per frame: binary fixation maps, or continuous saliency maps.

The maps of a video are a folder of gray pictures `0000.png`, `0001.png`, … named by 0-based native frame number, like
those reproduced for VR-EyeTracking, or one file of raw 32-bit numbers, as Salient360! distributes them. Only the maps
of the grid of kept frames are read, since the pipeline uses no other times; a map is valid until the next of these.
Where a map is missing, there is no gaze.
"""

import re
from collections.abc import Callable, Iterator, Sequence
from itertools import pairwise
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray
from pydantic.dataclasses import dataclass

from tsalv360.contracts.grid import FPS, frame_numbers
from tsalv360.contracts.settings import STRICT, setting
from tsalv360.job.errors import InputError
from tsalv360.job.log import progress
from tsalv360.sources.recording import fixations_table
from tsalv360.sphere.directions import Array, pixel_to_direction, to_angles, to_vectors
from tsalv360.sphere.regions import label_regions

FIXATION_MAPS = "fixation_maps"
SALIENCY_MAPS = "saliency_maps"
_NUMBER = re.compile(r"[0-9]{4}|[1-9][0-9]{4,5}")
_RAW = re.compile(r"[0-9]+_.+_(?P<width>[0-9]+)x(?P<height>[0-9]+)x(?P<frames>[0-9]+)_32b\.bin")

GazeMap = NDArray[Any]  # gray [H, 2H]: uint8, uint16 or float32
Directions = Array  # [3, n]: yaw, pitch, weight


@dataclass(frozen=True, config=STRICT)
class MapSettings:
    """Directions recovered from continuous saliency maps."""

    sigma_deg: float = setting(
        5.0, "width σ of the Gaussian in the maps; 9.35 in those reproduced for VR-EyeTracking", unit="deg", ge=2, le=15
    )
    max_directions: int = setting(
        40, "largest number of gaze directions per map; they count as that many observers", ge=1, le=40
    )


def read_fixation_maps(
    folder: str | Path, fps: float, notes: list[str] | None = None, rate: float = FPS
) -> pd.DataFrame:
    """Return the fixations in binary maps: each connected set of marked pixels is one, at its centre.

    Parameters: the video's folder of maps; its frame rate; a list to which remarks are appended; the rate of the kept
    frames. Returns rows of the fixations table. Observers are not stored: the k-th fixation of a frame counts as
    observer `map-k`. Raises InputError, which names the file.
    """
    return _read(Path(folder), fps, rate, _marked, notes)


def read_saliency_maps(
    path: str | Path, fps: float, settings: MapSettings, notes: list[str] | None = None, rate: float = FPS
) -> pd.DataFrame:
    """Return the directions from which saliency maps were blurred.

    Parameters: the video's folder of maps (8 or 16 bit), or its file `<n>_<Name>_<W>x<H>x<F>_32b.bin`; its frame rate;
    settings; a list to which remarks are appended; the rate of the kept frames. Returns rows of the fixations table;
    the weights of a frame sum to 1. Observers are not stored: `max_directions` observers `map-01`, … are divided
    among the directions of a frame by weight. Raises InputError, which names the file, in a `.bin` file also the frame.
    """
    from tsalv360.sources.recover import recover_directions  # SciPy takes 0.3 s to import, which planning need not pay

    most = settings.max_directions

    def directions(_where: str, saliency: GazeMap) -> Directions:
        return _repeated(np.stack(recover_directions(saliency, settings.sigma_deg, most)), most)

    return _read(Path(path), fps, rate, directions, notes)


def map_numbers(path: Path) -> Sequence[int]:
    """Return the frame numbers of a video's maps, increasing, from file names; raise InputError for a wrong name."""
    if not path.is_dir():
        return range(len(_raw_maps(path)))
    files = sorted(path.glob("*.png"))
    for file in files:
        if not _NUMBER.fullmatch(file.stem):
            raise InputError(file, "this name", "a frame number with 4 digits, like 0021.png", "Rename or remove it.")
    if not files:
        raise InputError(path, "no map", "0000.png, 0001.png, …", "Correct the path of the maps.")
    return sorted(int(file.stem) for file in files)


def maps_of_frames(path: Path, frames: Sequence[int]) -> Iterator[GazeMap | None]:
    """Yield the map of each frame, None where there is none; raise InputError for a damaged one.

    Parameters: the video's maps as in `read_saliency_maps`; native frame numbers, increasing.
    """
    present = set(map_numbers(path))
    kept = [frame for frame in frames if frame in present]
    found = _pictures(path, kept) if path.is_dir() else _raw_pictures(path, kept)
    for frame in frames:
        yield next(found)[1] if frame in present else None


def _read(
    path: Path, fps: float, rate: float, directions: Callable[[str, GazeMap], Directions], notes: list[str] | None
) -> pd.DataFrame:
    """Return the fixations table of the `directions` in the maps of the grid of kept frames."""
    numbers = map_numbers(path)
    following = dict(pairwise(frame_numbers(fps, numbers[-1] + int(fps) + 2, 0, rate)))  # on the grid
    kept = [number for number in numbers if number in following]
    found: list[Directions] = []
    with progress(total=len(kept), what="maps") as bar:
        for where, picture in _pictures(path, kept) if path.is_dir() else _raw_pictures(path, kept):
            found.append(directions(where, picture))
            bar.update()
    times = [one.shape[1] for one in found]
    frame = np.repeat(np.array(kept, dtype=int), times)
    lasts_s = np.repeat([(following[number] - number) / fps for number in kept], times)
    observer = pd.Series([f"map-{k:02d}" for n in times for k in range(1, n + 1)], dtype="str")
    if notes is not None:
        gaps = numbers[-1] - numbers[0] + 1 - len(numbers)
        missing = f", {gaps} missing in between" if gaps else ""
        notes.append(f"maps for frames {numbers[0]} to {numbers[-1]}{missing}")
        if 0 in times:
            notes.append(f"frames whose map is empty: {times.count(0)}")
        notes.append(f"no observers: up to {observer.nunique()} directions per map stand for them")
    yaw, pitch, weight = np.concatenate([np.zeros((3, 0)), *found], axis=1)
    fixation_id = observer.groupby(observer).cumcount()
    return fixations_table(observer, frame / fps, lasts_s, frame, yaw, pitch, fixation_id, weight)


def _pictures(folder: Path, kept: list[int]) -> Iterator[tuple[str, GazeMap]]:
    """Yield path and map; raise InputError unless all are gray, of the size of the first and twice as wide as high."""
    from tsalv360.media.pictures import decode_picture  # planning needs the settings above, and not OpenCV

    size: tuple[int, ...] | None = None
    for path in (folder / f"{number:04d}.png" for number in kept):
        picture = decode_picture(path)
        if picture.ndim != 2 or picture.dtype not in (np.uint8, np.uint16):
            raise InputError(path, "a picture in colour or with alpha", "a gray PNG", "Convert the maps to gray.")
        _check_panorama(path, *picture.shape)
        size = size or picture.shape
        if picture.shape != size:
            found, expected = (f"{width}×{height} pixels" for height, width in (picture.shape, size))
            raise InputError(path, found, f"{expected}, as in the video's first map", "Make the map again.")
        yield str(path), picture


def _raw_pictures(path: Path, kept: list[int]) -> Iterator[tuple[str, GazeMap]]:
    """Yield place and map; raise InputError unless all values are finite and not negative."""
    maps = _raw_maps(path)
    for number in kept:
        where, saliency = f"{path}, frame {number}", maps[number]
        bad = ~(np.isfinite(saliency) & (saliency >= 0))
        if bad.any():
            found, expected = f"the value {saliency[bad][0]:g}", "finite numbers that are not negative"
            raise InputError(where, found, expected, "Copy it again, or make the maps again.")
        yield where, saliency


def _raw_maps(path: Path) -> NDArray[np.float32]:
    """Return the maps [F, H, W] of a file of raw numbers, which is mapped into memory and not yet read."""
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


def _check_panorama(where: object, height: int, width: int) -> None:
    if width != 2 * height:
        raise InputError(where, f"{width}×{height} pixels", "twice as many columns as rows", "Use full panoramas.")


def _marked(where: str, picture: GazeMap) -> Directions:
    """Return the centres of the connected sets of marked pixels, weight 1 each."""
    marked = picture == picture.max()
    if (between := (picture > 0) & ~marked).any():
        found, expected = f"the values {picture[between][0]} and {picture.max()}", "0 and one other"
        raise InputError(where, found, expected, f"Read the maps as {SALIENCY_MAPS}.")
    if marked.all():
        return np.zeros((3, 0))
    labels = label_regions(marked)
    rows, columns = np.nonzero(labels)
    vectors = to_vectors(*pixel_to_direction(columns, rows, *labels.shape))
    _, own = np.unique(labels[rows, columns], return_inverse=True)
    yaw, pitch = to_angles(np.stack([np.bincount(own, part) for part in vectors.T], axis=-1))
    return np.stack([yaw, pitch, np.ones(len(yaw))])


def _repeated(directions: Directions, observers: int) -> Directions:
    """Repeat each direction once per observer that it receives: at least one, in proportion to its weight.

    The observers divide the weight.
    """
    weight = directions[2]
    times = np.ones(len(weight), dtype=int)
    while 0 < times.sum() < observers:
        times[(weight / times).argmax()] += 1
    return np.repeat([*directions[:2], weight / times], times, axis=1)
