"""How contact sheets look: colours of events, text, and pieces of a picture put together."""

import math
from collections.abc import Sequence

import cv2
import numpy as np
from numpy.typing import ArrayLike, NDArray

from tsalv360.sphere.directions import direction_to_pixel
from tsalv360.sphere.projection import Picture

Colour = tuple[int, int, int]

WIDTH = 1418  # pixels between the margins
MARGIN = 11
# Okabe & Ito (2008), "Color Universal Design", without black; RGB
COLOURS: tuple[Colour, ...] = (
    (230, 159, 0), (86, 180, 233), (0, 158, 115), (204, 121, 167), (240, 228, 66), (213, 94, 0), (0, 114, 178),
)  # fmt: skip
INK, SOFT, LINE, PAPER, EDGE = (29, 39, 51), (86, 99, 115), (223, 228, 234), (255, 255, 255), (0, 0, 0)
SMALL, NORMAL, LARGE = 0.42, 0.5, 0.75  # of text
_ALPHA = 0.75  # of the overlay where saliency is highest
_FONT, _BOLD = cv2.FONT_HERSHEY_SIMPLEX, cv2.FONT_HERSHEY_DUPLEX


def colour_of(k: int) -> Colour:
    """The colour of the k-th event of a video, from 0."""
    return COLOURS[k % len(COLOURS)]


def has_core(k: int) -> bool:
    """Whether the line of the k-th event has a white core: those of every other seven, whose colours come again."""
    return k // len(COLOURS) % 2 == 1


def strokes(k: int) -> list[tuple[Colour, int]]:
    """Lines (colour, width in pixels), the lowest first, that make that of the k-th event."""
    if has_core(k):
        return [(EDGE, 8), (colour_of(k), 6), (PAPER, 2)]
    return [(EDGE, 5), (colour_of(k), 3)]


def paper(height: int, width: int = WIDTH) -> Picture:
    """An empty piece [height, width, 3] of the sheet."""
    return np.full((height, width, 3), PAPER, dtype=np.uint8)


def write(
    picture: Picture, text: str, place: tuple[int, int], size: float = NORMAL, colour: Colour = INK, bold: bool = False
) -> None:
    """Write at `place`: column of the left end and row of the base line."""
    cv2.putText(picture, text, place, _BOLD if bold else _FONT, size, colour, 1, cv2.LINE_AA)


def text_width(text: str, size: float = NORMAL) -> int:
    """In pixels, of plain text."""
    return cv2.getTextSize(text, _FONT, size, 1)[0][0]


def mark(picture: Picture, text: str, place: tuple[int, int]) -> None:
    """Write in white on a picture, dark about the letters, so that it can be read on anything."""
    for colour, width in ((EDGE, 4), (PAPER, 1)):
        cv2.putText(picture, text, place, _FONT, NORMAL, colour, width, cv2.LINE_AA)


def ring(picture: Picture, place: tuple[float, float], k: int, radius: int) -> None:
    """A thin ring of the k-th event's colour about a column and row; nothing at NaN."""
    if np.isfinite(place).all():
        middle = round(float(place[0])), round(float(place[1]))
        cv2.circle(picture, middle, radius, EDGE, 4, cv2.LINE_AA)
        cv2.circle(picture, middle, radius, colour_of(k), 2, cv2.LINE_AA)


def stacked(pieces: Sequence[Picture], gap: int = 12) -> Picture:
    """Pieces of the sheet below each other, with a margin around."""
    height = sum(len(piece) + gap for piece in pieces) - gap
    sheet = paper(height + 2 * MARGIN, WIDTH + 2 * MARGIN)
    row = MARGIN
    for piece in pieces:
        sheet[row : row + len(piece), MARGIN : MARGIN + WIDTH] = piece
        row += len(piece) + gap
    return sheet


def draw_path(picture: Picture, yaw: ArrayLike, pitch: ArrayLike, *strokes: tuple[tuple[int, int, int], int]) -> None:
    """Draw a line through directions [n], degrees, on a panorama [H, W, 3]; over the seam it goes on at the other edge.

    Parameters: `strokes` of colour and width in pixels, the lowest first.
    """
    height, width = picture.shape[:2]
    column, row = direction_to_pixel(yaw, pitch, height, width)
    unwrapped = np.unwrap(column, period=width)
    first, last = math.floor(unwrapped.min() / width), math.floor(unwrapped.max() / width)
    for colour, thickness in strokes:
        for turn in range(first - 1, last + 2):  # one more: thick lines reach over the seam
            points = np.round(np.stack([unwrapped - turn * width, row], axis=-1)).astype(np.int32)
            cv2.polylines(picture, [points.reshape(-1, 1, 2)], False, colour, thickness, cv2.LINE_AA)


def overlay_saliency(picture: Picture, saliency: NDArray[np.uint8]) -> Picture:
    """A picture [H, W, 3] with its saliency map [H, W] laid over in a perceptually uniform colour map.

    Where nobody looks the picture stays as it is.
    """
    level = cv2.merge([saliency] * 3)
    faded = cv2.multiply(picture, cv2.LUT(level, _KEPT), scale=1 / 255)
    return cv2.add(faded, cv2.LUT(level, _ADDED)).astype(np.uint8, copy=False)


def with_legend(picture: Picture) -> Picture:
    """Draw on an overlay [H, W, 3], at the lower right, what its colours mean on a gray picture; returns it."""
    height, width = picture.shape[:2]
    unit = max(min(height, width) // 60, 3)  # as high as the bar
    bar = np.linspace(0, 255, 14 * unit).astype(np.uint8)[None].repeat(unit, axis=0)
    row, column = height - 2 * unit, width - 16 * unit
    picture[row - 3 * unit : row + 3 * unit // 2, column - unit : column + 15 * unit] //= 3
    gray = np.full((*bar.shape, 3), 128, dtype=np.uint8)
    picture[row : row + unit, column : column + 14 * unit] = overlay_saliency(gray, bar)
    font, scale = cv2.FONT_HERSHEY_SIMPLEX, unit / 16
    for text, share in (("low", 0), ("high", 1)):
        left = column + share * (14 * unit - cv2.getTextSize(text, font, scale, 1)[0][0])
        cv2.putText(picture, text, (left, row - unit // 2 - 1), font, scale, (255, 255, 255), 1, cv2.LINE_AA)
    return picture


def _overlay_tables() -> tuple[NDArray[np.uint8], NDArray[np.uint8]]:
    """For each saliency 0 to 255, how much of the picture is kept and which colour is added, uint8 [256, 1, 3]."""
    levels = np.arange(256, dtype=np.uint8)[:, None]
    alpha = _ALPHA * (levels / 255.0)[..., None]
    colours = cv2.applyColorMap(levels, cv2.COLORMAP_INFERNO)[..., ::-1]
    return np.repeat(255 * (1 - alpha), 3, axis=2).round().astype(np.uint8), (alpha * colours).astype(np.uint8)


_KEPT, _ADDED = _overlay_tables()
