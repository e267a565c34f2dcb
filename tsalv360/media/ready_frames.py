"""Ready frames: pictures extracted before, in a folder of files named by native frame number, such as `0021.jpg`."""

import re
from collections.abc import Iterator
from pathlib import Path
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from tsalv360.contracts.entries import VideoInfo
from tsalv360.contracts.grid import FPS
from tsalv360.job.errors import InputError
from tsalv360.media.pictures import read_picture
from tsalv360.media.video import View, crop, panorama_aspect, pictures_at

Ready = Literal["refuse", "resample"]  # what to do with ready frames of another rate or size
_MAX_NUMBER = 1_000_000  # 9 hours at 30 fps; a file with a huge number would make a list of all numbers below it
_NAME = re.compile(r"(\d+)\.(jpg|jpeg|png)", re.IGNORECASE)


def ready_frames(folder: Path) -> dict[int, Path]:
    """Return the ready frames of a folder by number, increasing; files with other names are ignored.

    Raises InputError if there are none, or two with one number.
    """
    found: dict[int, Path] = {}
    for path in sorted(folder.iterdir()):
        if match := _NAME.fullmatch(path.name):
            if (number := int(match[1])) >= _MAX_NUMBER:
                raise InputError(path, f"the number {number}", f"one below {_MAX_NUMBER:,}", "Rename or remove it.")
            other = found.setdefault(number, path)
            if other != path:
                raise InputError(folder, f"{other.name} and {path.name}", "one picture of each number", "Remove one.")
    if not found:
        expected = "pictures named by native frame number, such as 0021.jpg"
        raise InputError(folder, "no ready frames", expected, "Correct the path.")
    return dict(sorted(found.items()))


def probe_ready(folder: Path, fps: float, force_2to1: bool = False, view: View = "whole") -> VideoInfo:
    """Return what a folder of ready frames of native rate `fps` holds; all have the size of the first.

    Raises InputError as `ready_frames` and `panorama_aspect`, and if the first picture is damaged.
    """
    files = ready_frames(folder)
    first, n_frames = min(files), max(files) + 1
    picture = read_picture(files[first])
    aspect, notes = panorama_aspect(folder, picture, picture.shape[1] / picture.shape[0], view, force_2to1)
    if gaps := n_frames - first - len(files):
        notes.append(f"{gaps} of the frames {first} to {n_frames - 1} are missing")
    height, width = crop(picture, view).shape[:2]
    missing = sorted(set(range(n_frames)) - set(files))
    return VideoInfo(fps, n_frames, width, height, round(aspect, 4), n_frames / fps, notes, missing)


def check_rate(folder: Path, video: VideoInfo, skip_first: int) -> None:
    """Raise InputError unless a folder of ready frames has every frame to keep from its first one on."""
    wanted, existing = video.wanted_and_existing(skip_first, FPS)
    if lost := np.setdiff1d(wanted, existing).tolist():
        rate = (len(existing) - 1) / (existing[-1] - existing[0]) * video.fps
        raise InputError(
            folder,
            f"frames of about {rate:.3g} fps, without {len(lost)} of the {len(wanted)} to be kept, such as {lost[0]}",
            f"frames numbered at the native rate of {video.fps:g} fps, all of them or those kept at {FPS} fps",
            "Correct the video's fps, extract the frames again, or set frames.ready: resample.",
        )


def kept_pictures(
    path: Path, numbers: list[int], n_frames: int, view: View = "whole"
) -> Iterator[tuple[int, NDArray[np.uint8]]]:
    """Yield the pictures of a video or of ready frames with their numbers, BGR, as `pictures_at`."""
    if not path.is_dir():
        return pictures_at(path, numbers, n_frames, view)
    files = ready_frames(path)
    return ((n, crop(read_picture(files.get(n, path / f"{n:04d}.*"))[..., ::-1], view)) for n in numbers)
