"""How contact sheets look: colours of events, text, and pieces of a picture put together."""

from collections.abc import Sequence

import cv2
import numpy as np

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
