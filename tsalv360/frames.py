"""Frames: the pictures of a video at the kept frame numbers, as files named by native frame number.

Frame number i of the 16 fps grid is round(i/16 · fps), halves to even, as in the published TSV360.
"""

import logging
from pathlib import Path
from typing import Literal

import cv2
import numpy as np
from numpy.typing import NDArray
from pydantic.dataclasses import dataclass

from tsalv360.errors import InputError
from tsalv360.files import whole_folder
from tsalv360.progress import progress
from tsalv360.settings import STRICT, setting
from tsalv360.video import decode, probe

FPS = 16  # of everything that is made from videos
_JPEG = [cv2.IMWRITE_JPEG_QUALITY, 95]

log = logging.getLogger(__name__)


@dataclass(frozen=True, config=STRICT)
class FrameSettings:
    """Frames that are kept of every video."""

    height: int = setting(
        960, "height of the kept frames; the width is twice that", unit="px", ge=64, le=8192, multiple_of=2
    )
    format: Literal["jpg", "png"] = setting("jpg", "file format of the kept frames")
    force_2to1: bool = setting(False, "take videos of any display aspect as full panoramas")


def frame_numbers(fps: float, n_frames: int, skip_first: int, rate: int = FPS) -> list[int]:
    """Native numbers of the kept frames, increasing, each once.

    Parameters
    ----------
    fps : native rate. Below `rate` every frame is kept once.
    n_frames : number of frames of the video.
    skip_first : the last frame number that is left out, as published (20 keeps 21, 22, …); 0 keeps all.
    """
    count = int(np.ceil(n_frames / fps * rate)) + 1
    numbers = dict.fromkeys(round(i / rate * fps) for i in range(count))
    return [n for n in numbers if n < n_frames and (skip_first == 0 or n > skip_first)]


def extract_frames(
    video: str | Path,
    directory: str | Path,
    fps: int = FPS,
    size: tuple[int, int] = (960, 1920),
    format: str = "jpg",
    skip_first: int = 20,
    n_frames: int | None = None,
    native_fps: float | None = None,
) -> list[int]:
    """Write the kept frames of a video as `NNNN.<format>` in one sequential decode.

    Parameters
    ----------
    video : any video that FFmpeg decodes.
    directory : appears when all frames are written; a folder of that name is replaced.
    fps : rate of the kept frames.
    size : height and width in pixels; resized with OpenCV's area kernel, JPEG at quality 95.
    skip_first : see `frame_numbers`.
    n_frames, native_fps : as the index states them; probed when left out.

    Returns the frame numbers written. Raises InputError when the video ends before `n_frames`, and OSError
    (disk full, no permission) after removing what was written.
    """
    if n_frames is None or native_fps is None:
        info = probe(video)
        n_frames, native_fps = info.n_frames, info.fps
    if native_fps < fps:
        log.warning("%s has %.2f fps, fewer than %d: every frame is kept once", video, native_fps, fps)
    numbers = frame_numbers(native_fps, n_frames, skip_first, fps)
    wanted, decoded = set(numbers), 0
    with whole_folder(directory) as partial, progress(total=len(numbers), what="frames") as bar:
        for number, frame in enumerate(decode(video)):
            decoded += 1
            if number in wanted:
                write_picture(
                    partial / f"{number:04d}.{format}",
                    _resized(frame.to_ndarray(format="bgr24").astype(np.uint8, copy=False), size),
                )
                bar.update()
        if decoded < n_frames:
            raise InputError(video, f"{decoded} frames", f"{n_frames}, as its index says", "Download or copy it again.")
    return numbers


def write_picture(path: Path, picture: NDArray[np.uint8]) -> None:
    """Write a gray or BGR picture in the format of its name; OSError when the disk is full."""
    # OpenCV's own writer says nothing when the disk is full
    _, encoded = cv2.imencode(path.suffix, picture, _JPEG if path.suffix == ".jpg" else [])
    path.write_bytes(encoded.tobytes())


def read_picture(path: Path, gray: bool = False) -> NDArray[np.uint8]:
    """Read a picture as uint8 RGB [H, W, 3] or gray [H, W]; InputError when it is missing or damaged."""
    picture = cv2.imread(str(path), cv2.IMREAD_GRAYSCALE if gray else cv2.IMREAD_COLOR_RGB)
    if picture is None:
        raise InputError(
            path, "no readable picture", "a PNG or JPEG of this pipeline", "Delete its folder and run again."
        )
    return picture.astype(np.uint8, copy=False)


def _resized(picture: NDArray[np.uint8], size: tuple[int, int]) -> NDArray[np.uint8]:
    if picture.shape[:2] == size:
        return picture
    return cv2.resize(picture, (size[1], size[0]), interpolation=cv2.INTER_AREA).astype(np.uint8, copy=False)
