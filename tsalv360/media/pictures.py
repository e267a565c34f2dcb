"""Pictures: reading, writing and resizing them."""

import base64
from pathlib import Path
from typing import Any, Literal

import cv2
import numpy as np
from numpy.typing import NDArray

from tsalv360 import MAX_PIXELS
from tsalv360.job.errors import InputError

Chroma = Literal["4:2:0", "4:4:4"]

_SAMPLING = {"4:2:0": cv2.IMWRITE_JPEG_SAMPLING_FACTOR_420, "4:4:4": cv2.IMWRITE_JPEG_SAMPLING_FACTOR_444}


def read_picture(path: Path, gray: bool = False) -> NDArray[np.uint8]:
    """Return a picture as uint8 RGB [H, W, 3] or gray [H, W]; raises as `decode_picture`."""
    picture = decode_picture(path, cv2.IMREAD_GRAYSCALE if gray else cv2.IMREAD_COLOR_RGB)
    return picture.astype(np.uint8, copy=False)


def decode_picture(path: Path, flags: int = cv2.IMREAD_UNCHANGED) -> NDArray[Any]:
    """Decode a picture by OpenCV's `flags`; InputError if it is missing, damaged, cut off or over `MAX_PIXELS`."""
    content = np.frombuffer(path.read_bytes() if path.is_file() else b"", dtype=np.uint8)
    try:
        # not imread, which fills up what is cut off
        picture = cv2.imdecode(content, flags) if content.size else None
    except cv2.error as error:
        if error.code == cv2.Error.StsNoMem:
            raise MemoryError(error.err) from None
        found, expected = "a picture that is too large", f"at most {MAX_PIXELS:,} pixels"
        raise InputError(path, found, expected, "Make it smaller, or remove it.") from None
    if picture is None:
        raise InputError(path, "no readable picture", "a whole PNG or JPEG", "Make or copy it again.")
    return picture


def write_picture(path: Path, picture: NDArray[np.uint8], quality: int = 95, chroma: Chroma = "4:2:0") -> None:
    """Write a gray or BGR picture in the format of the file's name; OSError if the disk is full."""
    jpeg = [cv2.IMWRITE_JPEG_QUALITY, quality, cv2.IMWRITE_JPEG_SAMPLING_FACTOR, _SAMPLING[chroma]]
    # not imwrite, which hides a full disk
    _, encoded = cv2.imencode(path.suffix, picture, jpeg if path.suffix == ".jpg" else [])
    path.write_bytes(encoded.data)


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
