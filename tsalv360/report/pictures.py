"""Pictures inside the page: stills of the viewport videos and the poster, small enough for it, and contact sheets."""

import base64
from itertools import islice
from pathlib import Path
from typing import NamedTuple

import cv2
import numpy as np
from numpy.typing import NDArray

from tsalv360.errors import InputError
from tsalv360.pictures import read_picture
from tsalv360.video import decode

STILL_WIDTH, POSTER_WIDTH = 320, 480  # pixels
_QUALITY = 75  # of JPEG


class Embedded(NamedTuple):
    """A picture as a data URI, with its width and height in pixels."""

    uri: str
    width: int
    height: int


def stills(folder: Path, event: str, lengths: dict[str, int]) -> tuple[Embedded, Embedded]:
    """The middle picture of an event from its viewport video and from the twin with saliency.

    Parameters: `folder` of the viewports stage; `lengths` the pictures of the video as `viewports.json` has them.
    """
    middle = lengths["lead_in"] + lengths["pictures"] // 2
    plain, overlay = (_picture(folder / f"{event}{kind}.mp4", middle) for kind in ("", ".overlay"))
    return embed(plain, STILL_WIDTH), embed(overlay, STILL_WIDTH)


def poster(folder: Path, event: str) -> Embedded:
    """The poster of an event: the panorama with its track."""
    return embed(read_picture(folder / f"{event}.jpg"), POSTER_WIDTH)


def embed(picture: NDArray[np.uint8], width: int) -> Embedded:
    """An RGB picture [H, W, 3], brought down to `width` pixels where it is wider, as JPEG."""
    height = max(1, round(picture.shape[0] * width / picture.shape[1]))
    if width < picture.shape[1]:
        picture = cv2.resize(picture, (width, height), interpolation=cv2.INTER_AREA).astype(np.uint8, copy=False)
    _, encoded = cv2.imencode(".jpg", picture[..., ::-1], [cv2.IMWRITE_JPEG_QUALITY, _QUALITY])
    return _embedded(encoded.tobytes(), picture)


def as_it_is(path: Path) -> Embedded:
    """A JPEG file, not encoded again; InputError when it is missing or damaged."""
    picture = read_picture(path)
    return _embedded(path.read_bytes(), picture)


def _embedded(content: bytes, picture: NDArray[np.uint8]) -> Embedded:
    text = base64.b64encode(content).decode("ascii")
    return Embedded(f"data:image/jpeg;base64,{text}", picture.shape[1], picture.shape[0])


def _picture(path: Path, number: int) -> NDArray[np.uint8]:
    """Picture `number` (0-based) of a video; decoding stops there."""
    for frame in islice(decode(path), number, None):
        return frame.to_ndarray(format="rgb24").astype(np.uint8, copy=False)
    raise InputError(
        path, f"no picture {number}", "as many as viewports.json tells", "Delete its folder and run again."
    )
