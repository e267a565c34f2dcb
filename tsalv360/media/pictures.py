"""Pictures: reading, writing and resizing them; and ready frames, pictures that were extracted from a video before.

Ready frames are a folder of files named by native frame number, such as `0021.jpg`.
"""

import base64
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any, Literal

import cv2
import numpy as np
from numpy.typing import NDArray

from tsalv360 import MAX_PIXELS
from tsalv360.contracts.entries import VideoInfo
from tsalv360.contracts.grid import FPS
from tsalv360.job.errors import InputError
from tsalv360.media.panorama import View, crop, panorama_aspect

Chroma = Literal["4:2:0", "4:4:4"]
Ready = Literal["refuse", "resample"]  # what to do with ready frames of another rate or size

_MAX_NUMBER = 1_000_000  # 9 hours at 30 fps; a file with a huge number would make a list of all numbers below it
_NAME = re.compile(r"(\d+)\.(jpg|jpeg|png)", re.IGNORECASE)
_SAMPLING = {"4:2:0": cv2.IMWRITE_JPEG_SAMPLING_FACTOR_420, "4:4:4": cv2.IMWRITE_JPEG_SAMPLING_FACTOR_444}


def read_picture(path: Path, gray: bool = False) -> NDArray[np.uint8]:
    """Return a picture as uint8 RGB [H, W, 3] or gray [H, W]; raises as `decode_picture`."""
    picture = decode_picture(path, cv2.IMREAD_GRAYSCALE if gray else cv2.IMREAD_COLOR_RGB)
    return picture.astype(np.uint8, copy=False)


def decode_picture(path: Path, flags: int = cv2.IMREAD_UNCHANGED) -> NDArray[Any]:
    """Return the picture in a file; parameters and errors as `decode_content`, also if the file is missing."""
    return decode_content(path.read_bytes() if path.is_file() else b"", path, flags)


def decode_content(content: bytes, where: object, flags: int = cv2.IMREAD_UNCHANGED, which: str = "") -> NDArray[Any]:
    """Return the picture that the content of a file holds, decoded by OpenCV's `flags`.

    InputError, which names `where` and, if there are several pictures in it, `which`, if it is damaged, cut off or over
    `MAX_PIXELS`.
    """
    try:
        # not imread, which fills up what is cut off
        picture = cv2.imdecode(np.frombuffer(content, dtype=np.uint8), flags) if content else None
    except cv2.error as error:
        if error.code == cv2.Error.StsNoMem:
            raise MemoryError(error.err) from None
        found, expected = f"a picture that is too large{which}", f"at most {MAX_PIXELS:,} pixels"
        raise InputError(where, found, expected, "Make it smaller, or remove it.") from None
    if picture is None:
        raise InputError(where, f"no readable picture{which}", "a whole PNG or JPEG", "Make or copy it again.")
    return picture


def write_picture(path: Path, picture: NDArray[np.uint8], quality: int = 95, chroma: Chroma = "4:2:0") -> None:
    """Write a gray or BGR picture in the format of the file's name; OSError if the disk is full."""
    jpeg = [cv2.IMWRITE_JPEG_QUALITY, quality, cv2.IMWRITE_JPEG_SAMPLING_FACTOR, _SAMPLING[chroma]]
    # not imwrite, which hides a full disk
    _, encoded = cv2.imencode(path.suffix, picture, jpeg if path.suffix == ".jpg" else [])
    path.write_bytes(encoded.data)


def format_of(content: bytes) -> str:
    """Return the format of a picture file's content, "png" or "jpg"."""
    return "png" if content.startswith(b"\x89PNG") else "jpg"


def as_png(picture: NDArray[Any]) -> bytes:
    """Return a gray or BGR picture as the content of a PNG file."""
    return cv2.imencode(".png", picture)[1].tobytes()


def has_format(path: Path, format: str) -> bool:
    """Return whether the name of a picture has the ending of a format, "jpg" or "png"."""
    return path.suffix.lower().replace("jpeg", "jpg") == f".{format}"


def data_url(kind: str, content: bytes) -> str:
    """Return content of a media type such as image/jpeg as a URL that needs no file."""
    return f"data:{kind};base64,{base64.b64encode(content).decode()}"


def as_jpeg(picture: NDArray[np.uint8], quality: int) -> bytes:
    """Return an RGB picture [H, W, 3] as the content of a JPEG file."""
    return cv2.imencode(".jpg", picture[..., ::-1], [cv2.IMWRITE_JPEG_QUALITY, quality])[1].tobytes()


def resized(picture: NDArray[np.uint8], size: tuple[int, int]) -> NDArray[np.uint8]:
    """Return a picture in the size (height, width), by OpenCV's area kernel, or its cubic one if a side grows.

    A picture that has this size is returned itself.
    """
    height, width = size
    if picture.shape[:2] == size:
        return picture
    kernel = cv2.INTER_CUBIC if height > picture.shape[0] or width > picture.shape[1] else cv2.INTER_AREA
    return cv2.resize(picture, (width, height), interpolation=kernel).astype(np.uint8, copy=False)


def is_ready_frame(path: Path) -> bool:
    """Return whether a path has the name of a ready frame, such as 0021.jpg."""
    return _NAME.fullmatch(path.name) is not None


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


def check_rate(folder: Path, video: VideoInfo, skip_first: int, rate: float = FPS) -> None:
    """Raise InputError unless a folder of ready frames has every frame to keep from its first one on."""
    wanted, existing = video.wanted_and_existing(skip_first, rate)
    if lost := np.setdiff1d(wanted, existing).tolist():
        found = (len(existing) - 1) / (existing[-1] - existing[0]) * video.fps
        kept = "all of them" if rate > FPS else f"all of them or those kept at {FPS} fps"
        raise InputError(
            folder,
            f"frames of about {found:.3g} fps, without {len(lost)} of the {len(wanted)} to be kept, such as {lost[0]}",
            f"frames numbered at the native rate of {video.fps:g} fps, {kept}",
            "Correct the video's fps, extract the frames again, or set frames.ready: resample.",
        )


def kept_pictures(
    path: Path, frames: list[int], video: VideoInfo, view: View = "whole"
) -> Iterator[tuple[int, NDArray[np.uint8]]]:
    """Yield the numbers of frames (increasing) with their pictures, uint8 BGR [H, W, 3], of a video or ready frames.

    Parameters: `video` is what `probe` or `probe_ready` returned. Pictures are as those of `pictures_at`; one that is
    on screen for several of the frames is yielded for each.
    """
    from tsalv360.media.video import pictures_at  # FFmpeg, which jobs that read pictures need not load

    if path.is_dir():
        files = ready_frames(path)
        for frame in frames:
            yield frame, crop(read_picture(files.get(frame, path / f"{frame:04d}.*"))[..., ::-1], view)
        return
    shown: dict[int, list[int]] = {}
    for frame, number in zip(frames, video.pictures_of(frames), strict=True):
        shown.setdefault(number, []).append(frame)
    for number, picture in pictures_at(path, list(shown), video.n_pictures, view, video.conversion):
        for frame in shown[number]:
            yield frame, picture
