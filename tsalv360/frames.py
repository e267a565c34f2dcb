"""Frames: the pictures of a video at the kept frame numbers, as files named by native frame number."""

import errno
import logging
import shutil
from pathlib import Path
from typing import Literal

import cv2
from pydantic.dataclasses import dataclass

from tsalv360.contracts.entries import VideoInfo
from tsalv360.contracts.grid import FPS
from tsalv360.contracts.settings import STRICT, setting
from tsalv360.job.errors import InputError
from tsalv360.job.files import link_or_copy, whole_folder
from tsalv360.job.log import progress
from tsalv360.media.pictures import (
    Chroma,
    Ready,
    decode_content,
    format_of,
    has_format,
    kept_pictures,
    ready_frames,
    resized,
    write_picture,
)
from tsalv360.media.video import View, probe

# the maximum of three real 360° videos at 1920×960; synthetic film grain takes 2 to 3 times as much
_BYTES_PER_PIXEL = {"jpg": 0.2, "png": 1.0}

log = logging.getLogger(__name__)


@dataclass(frozen=True, config=STRICT)
class FrameSettings:
    """Frames that are kept of every video."""

    height: int = setting(
        960, "height of the kept frames; the width is twice that", unit="px", ge=64, le=8192, multiple_of=2
    )
    format: Literal["jpg", "png"] = setting("jpg", "file format of the kept frames; public readers of TSV360 need png")
    jpeg_quality: int = setting(95, "quality of JPEG frames", ge=1, le=100)
    jpeg_chroma: Chroma = setting("4:2:0", "chroma subsampling of JPEG frames")
    ready: Ready = setting("refuse", "what happens to a folder of frames, given as a video, whose rate or size differs")
    native: bool = setting(
        False, "keep every native frame, at its own rate, and not 16 a second; also of tracks, maps and viewports"
    )
    force_2to1: bool = setting(False, "accept videos of any display aspect as full panoramas")


def extract_frames(
    video: str | Path,
    directory: str | Path,
    fps: float = FPS,
    size: tuple[int, int] = (960, 1920),
    format: str = "jpg",
    skip_first: int = 20,
    index: VideoInfo | None = None,
    view: View = "whole",
    jpeg_quality: int = 95,
    jpeg_chroma: Chroma = "4:2:0",
    ready: Ready = "refuse",
) -> list[int]:
    """Write the kept frames of a video as `NNNN.<format>` in one sequential decode, or link ready frames.

    Parameters
    ----------
    video : any video that FFmpeg decodes, a folder of ready frames, or a shard of published ones. Ready and published
        frames of the right size and format are linked or copied unchanged.
    directory : appears when all frames are written; a folder of that name is replaced.
    fps : rate of the kept frames.
    size : height and width in pixels; resized with OpenCV's area kernel, or its cubic one if a side grows.
    skip_first : see `frame_numbers`.
    index : the index entry of `video`; by default the video is probed, which ready frames do not allow.
    view : the part of each picture that is the panorama.
    ready : whether ready frames of another size are refused or resized.

    Returns the frame numbers written. Raises InputError if the video ends before its index entry says or ready frames
    cannot be used, and OSError (disk full, no permission) after removing what was written.
    """
    path, directory = Path(video), Path(directory)
    if path.suffix == ".parquet":
        return _unpack(path, directory, size, format, jpeg_quality, jpeg_chroma, ready)
    if index is None:
        index = probe(path, view=view)
    if index.fps < fps:
        log.warning("%s has %.2f fps, fewer than %g: every frame is kept once", path, index.fps, fps)
    if index.height < size[0] or index.width < size[1]:
        log.warning("%s has pictures of %d×%d, which are enlarged", path, index.width, index.height)
    numbers = index.frames_to_keep(skip_first, fps)
    files = ready_frames(path) if path.is_dir() else {}
    _check_space(directory, len(numbers), size, format, refuse=not files)  # ready frames may be linked
    pictures = kept_pictures(path, numbers, index, view)
    with whole_folder(directory) as partial, progress(total=len(numbers), what="frames") as bar:
        for number, picture in pictures:
            source, target = files.get(number), partial / f"{number:04d}.{format}"
            if source and ready == "refuse":
                check_size(source, (picture.shape[0], picture.shape[1]), size)
            unchanged = picture.shape[:2] == size and view == "whole"
            if source and unchanged and has_format(source, format):
                link_or_copy(source, target)
            else:
                picture = resized(picture, size)  # the same name, so that the large picture is freed before the next
                write_picture(target, picture, jpeg_quality, jpeg_chroma)
            bar.update()
    return numbers


def _unpack(
    path: Path,
    directory: Path,
    size: tuple[int, int],
    format: str,
    jpeg_quality: int,
    jpeg_chroma: Chroma,
    ready: Ready,
) -> list[int]:
    """Write the frames of a shard as files; parameters, result and errors as `extract_frames`."""
    from tsalv360.contracts.shards import open_shard  # videos need no tables here
    from tsalv360.contracts.tables import FRAMES

    shard = open_shard(path, FRAMES)
    numbers = shard.rows.frame.tolist()
    _check_space(directory, len(numbers), size, format, refuse=True)
    with whole_folder(directory) as partial, progress(total=len(numbers), what="frames") as bar:
        for row, number in enumerate(numbers):
            content, target = shard.content(row), partial / f"{number:04d}.{format}"
            picture = decode_content(content, f"{path}, frame {number}", cv2.IMREAD_COLOR)
            found = picture.shape[0], picture.shape[1]
            if ready == "refuse":
                check_size(path, found, size)
            if found == size and format_of(content) == format:
                target.write_bytes(content)
            else:
                write_picture(target, resized(picture, size), jpeg_quality, jpeg_chroma)
            bar.update()
    return numbers


def check_size(where: Path, found: tuple[int, int], size: tuple[int, int]) -> None:
    """Raise InputError unless a ready frame has the size (height, width) of the kept frames."""
    if found != size:
        advice = "Set frames.height to its height, or frames.ready: resample."
        raise InputError(where, f"a picture of {found[1]}×{found[0]}", f"{size[1]}×{size[0]}", advice)


def estimated_bytes(n_frames: int, size: tuple[int, int], format: str) -> int:
    """Return about how much disk space frames of `size` (height, width) take, JPEG at quality 95."""
    return round(n_frames * size[0] * size[1] * _BYTES_PER_PIXEL[format])


def _check_space(directory: Path, n_frames: int, size: tuple[int, int], format: str, refuse: bool) -> None:
    """Log how much disk space frames will take; raise OSError if less is free and `refuse` is true."""
    needed = estimated_bytes(n_frames, size, format)
    free = shutil.disk_usage(next(path for path in directory.absolute().parents if path.exists())).free
    frames = f"{n_frames} frames of {size[1]}×{size[0]} as {format}"
    text = f"{frames}: about {needed / 1e6:.1f} MB; {free / 1e9:.1f} GB free"
    log.info("%s", text)
    if refuse and needed > free:
        raise OSError(errno.ENOSPC, f"No space left for {text}", str(directory))
