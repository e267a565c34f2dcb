"""Drawing: colours and time lines of events, text, lines on panoramas, saliency overlays, posters, sheets; pages."""

import math
from collections.abc import Callable, Mapping, Sequence
from typing import TYPE_CHECKING, Any

import cv2
import numpy as np
import pandas as pd
from numpy.typing import ArrayLike, NDArray

from tsalv360.contracts.grid import runs
from tsalv360.media.pictures import resized
from tsalv360.sphere.directions import direction_to_pixel
from tsalv360.sphere.projection import Picture, viewport_directions

if TYPE_CHECKING:
    from jinja2 import Template

Colour = tuple[int, int, int]

WIDTH = 1418  # pixels between the margins
MARGIN, GAP = 11, 12  # around and between the pieces
# Okabe & Ito (2008), "Color Universal Design", without black; RGB
COLOURS: tuple[Colour, ...] = (
    (230, 159, 0), (86, 180, 233), (0, 158, 115), (204, 121, 167), (240, 228, 66), (213, 94, 0), (0, 114, 178),
)  # fmt: skip
INK, SOFT, LINE, PAPER, EDGE = (29, 39, 51), (86, 99, 115), (223, 228, 234), (255, 255, 255), (0, 0, 0)
SMALL, NORMAL, LARGE = 0.42, 0.5, 0.75  # text sizes
_TRACK, _START = (255, 196, 0), (0, 158, 255)  # colours of posters
_POSTER = 480, 960
_MAX_TICKS = 8  # about, of a time line
# how much of a picture is kept, and which colour is added, at saliency 0 to 255; most opaque at 0.75
_LEVELS = np.arange(256, dtype=np.uint8)[:, None]
_ALPHA = 0.75 * (_LEVELS / 255.0)[..., None]
_KEPT = np.repeat(255 * (1 - _ALPHA), 3, axis=2).round().astype(np.uint8)
_ADDED = (_ALPHA * cv2.applyColorMap(_LEVELS, cv2.COLORMAP_INFERNO)[..., ::-1]).astype(np.uint8)
_FONT, _BOLD = cv2.FONT_HERSHEY_SIMPLEX, cv2.FONT_HERSHEY_DUPLEX


def colour_of(k: int) -> Colour:
    """Return the colour of the k-th event of a video, from 0."""
    return COLOURS[k % len(COLOURS)]


def has_core(k: int) -> bool:
    """Return whether the line of the k-th event has a white core: in every second round of colours."""
    return k // len(COLOURS) % 2 == 1


def strokes(k: int) -> list[tuple[Colour, int]]:
    """Return the strokes (colour, width in pixels) that make the line of the k-th event, the lowest first."""
    if has_core(k):
        return [(EDGE, 8), (colour_of(k), 6), (PAPER, 2)]
    return [(EDGE, 5), (colour_of(k), 3)]


def lanes(spans: Sequence[tuple[float, float]]) -> list[int]:
    """Return the lane of each span (start, end): the lowest in which it touches no span that starts earlier."""
    lane = [0] * len(spans)
    ends: list[float] = []
    for k in sorted(range(len(spans)), key=lambda k: spans[k]):
        start, end = spans[k]
        lane[k] = next((n for n, last in enumerate(ends) if last < start), len(ends))
        ends[lane[k] : lane[k] + 1] = [end]
    return lane


def ticks(duration_s: float) -> list[tuple[float, float]]:
    """Return at most about eight round times in seconds, each with its place in percent."""
    steps = (base * unit for unit in (1.0, 10.0, 60.0, 600.0, 3600.0, 36000.0) for base in (1, 2, 3, 5))
    step = next(step for step in steps if duration_s / step <= _MAX_TICKS)
    return [(time, _percent(time, duration_s)) for time in np.arange(0.0, duration_s + 1e-9, step).tolist()]


def _percent(part: float, whole: float) -> float:
    return round(100.0 * part / whole, 3)


def paper(height: int, width: int = WIDTH) -> Picture:
    """Return an empty piece [height, width, 3] of a sheet."""
    return np.full((height, width, 3), PAPER, dtype=np.uint8)


def stacked(pieces: Sequence[Picture]) -> Picture:
    """Return pieces of width `WIDTH` below each other, with a margin around."""
    height = sum(len(piece) + GAP for piece in pieces) - GAP
    sheet = paper(height + 2 * MARGIN, WIDTH + 2 * MARGIN)
    row = MARGIN
    for piece in pieces:
        sheet[row : row + len(piece), MARGIN : MARGIN + WIDTH] = piece
        row += len(piece) + GAP
    return sheet


def write(
    picture: Picture,
    text: str,
    place: tuple[int, int],
    size: float = NORMAL,
    colour: Colour = INK,
    bold: bool = False,
    width: int = 1,
) -> None:
    """Write text at `place`, the column of its left end and the row of its base line, with strokes of `width`."""
    cv2.putText(picture, text, place, _BOLD if bold else _FONT, size, colour, width, cv2.LINE_AA)


def text_width(text: str, size: float = NORMAL) -> int:
    """Return the width of plain text in pixels."""
    return cv2.getTextSize(text, _FONT, size, 1)[0][0]


def mark(picture: Picture, text: str, place: tuple[int, int]) -> None:
    """Write white text with dark outlines, readable on any picture."""
    for colour, width in ((EDGE, 4), (PAPER, 1)):
        write(picture, text, place, colour=colour, width=width)


def titled(picture: Picture, text: str) -> Picture:
    """Return a picture below a dark bar with white text."""
    bar = np.zeros((28, *picture.shape[1:]), dtype=np.uint8)
    write(bar, text, (8, 20), 0.6, PAPER)
    return np.vstack([bar, picture])


def grayed(picture: Picture, text: str) -> Picture:
    """Return a gray copy of a picture [H, W, 3] whose top is darkened, with white text there."""
    gray = np.repeat(cv2.cvtColor(picture, cv2.COLOR_RGB2GRAY)[..., None], 3, axis=2).astype(np.uint8, copy=False)
    bar = len(picture) // 12
    gray[:bar] //= 4
    write(gray, text, (10, bar * 3 // 4), bar / 45, PAPER)
    return gray


def ring(picture: Picture, place: tuple[float, float], k: int, radius: int) -> None:
    """Draw a thin ring in the k-th event's colour around a column and row; nothing at NaN."""
    if np.isfinite(place).all():
        centre = round(float(place[0])), round(float(place[1]))
        cv2.circle(picture, centre, radius, EDGE, 4, cv2.LINE_AA)
        cv2.circle(picture, centre, radius, colour_of(k), 2, cv2.LINE_AA)


def draw_track(picture: Picture, track: pd.DataFrame, places: ArrayLike, *strokes: tuple[Colour, int]) -> None:
    """Draw a track (`yaw_deg`, `pitch_deg`) on a panorama, as `draw_path`, with gaps where `places` skip a kept frame.

    Parameters: `places` [n], increasing, are the indices of the track's rows among the kept frames.
    """
    for run in runs(places):
        draw_path(picture, track.yaw_deg.iloc[run], track.pitch_deg.iloc[run], *strokes)


def draw_path(picture: Picture, yaw: ArrayLike, pitch: ArrayLike, *strokes: tuple[Colour, int]) -> None:
    """Draw a line through directions [n], degrees, on a panorama [H, W, 3]; at the seam it continues at the other edge.

    Parameters: `strokes` are colours and widths in pixels, the lowest first.
    """
    height, width = picture.shape[:2]
    column, row = direction_to_pixel(yaw, pitch, height, width)
    unwrapped = np.unwrap(column, period=width)
    first, last = math.floor(unwrapped.min() / width), math.floor(unwrapped.max() / width)
    for colour, thickness in strokes:
        for copy in range(first - 1, last + 2):  # one more at each end, because thick lines reach over the seam
            points = np.round(np.stack([unwrapped - copy * width, row], axis=-1)).astype(np.int32)
            cv2.polylines(picture, [points.reshape(-1, 1, 2)], False, colour, thickness, cv2.LINE_AA)


def poster(panorama: Picture, track: pd.DataFrame, places: ArrayLike, camera: tuple[float, float, float]) -> Picture:
    """Return a panorama with an event's track, its start, and the outline of one viewport, uint8 RGB [480, 960, 3].

    Parameters: `track` and `places` as `draw_track`; yaw, pitch and field of view of the `camera` in degrees.
    """
    picture = resized(panorama, _POSTER).copy()
    draw_track(picture, track, places, (EDGE, 5), (_TRACK, 3))
    lam, phi = viewport_directions(*camera, (48, 64))
    outline = [np.concatenate([a[0], a[:, -1], a[-1, ::-1], a[::-1, 0]]) for a in (lam, phi)]
    draw_path(picture, outline[0], outline[1], (EDGE, 4), (PAPER, 2))
    column, row = direction_to_pixel(track.yaw_deg.iloc[0], track.pitch_deg.iloc[0], *_POSTER)
    cv2.circle(picture, (round(float(column)), round(float(row))), 7, _START, -1, cv2.LINE_AA)
    return picture


def overlay_saliency(picture: Picture, saliency: NDArray[np.uint8]) -> Picture:
    """Return a picture [H, W, 3] under its saliency map [H, W] in a perceptually uniform colour map.

    Where saliency is 0 the picture stays as it is.
    """
    level = cv2.merge([saliency] * 3)
    faded = cv2.multiply(picture, cv2.LUT(level, _KEPT), scale=1 / 255)
    return cv2.add(faded, cv2.LUT(level, _ADDED)).astype(np.uint8, copy=False)


def with_legend(picture: Picture) -> Picture:
    """Draw the colours of saliency on gray at the lower right of an overlay [H, W, 3], and return it."""
    height, width = picture.shape[:2]
    unit = max(min(height, width) // 60, 3)  # height of the colour bar
    bar = np.linspace(0, 255, 14 * unit).astype(np.uint8)[None].repeat(unit, axis=0)
    row, column = height - 2 * unit, width - 16 * unit
    picture[row - 3 * unit : row + 3 * unit // 2, column - unit : column + 15 * unit] //= 3
    gray = np.full((*bar.shape, 3), 128, dtype=np.uint8)
    picture[row : row + unit, column : column + 14 * unit] = overlay_saliency(gray, bar)
    size = unit / 16
    for text, left in (("low", column), ("high", column + 14 * unit - text_width("high", size))):
        write(picture, text, (left, row - unit // 2 - 1), size, PAPER)
    return picture


def page_template(package: str, name: str, filters: Mapping[str, Callable[..., Any]] | None = None) -> "Template":
    """Return the Jinja template of an HTML page, a file of `package`; it escapes values and refuses missing ones."""
    from jinja2 import Environment, PackageLoader, StrictUndefined  # slow to import

    environment = Environment(
        loader=PackageLoader(package, "."),
        undefined=StrictUndefined,
        autoescape=True,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    environment.filters |= filters or {}
    return environment.get_template(name)
