"""Whether pictures are a whole panorama: their aspect, one eye's half, and two circles of a fisheye camera."""

from collections.abc import Sequence
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from tsalv360.job.errors import InputError

View = Literal["whole", "top", "bottom", "left", "right"]  # in stereo videos, the half that is one eye's
Projection = Literal["equirect", "hequirect", "c3x2", "c6x1", "eac"]  # the words and layouts of FFmpeg's filter v360
Pose = Literal["refuse", "ignore"]  # what happens to a video whose header turns the sphere

_ASPECT_TOLERANCE = 0.01  # relative; covers sample aspects rounded to small fractions
_CUBE_LAYOUTS = (3 / 2, 16 / 9, 6.0)  # of cubemaps and EAC, as they are published
_DARK = 24  # of 255: black of limited range, and the noise of coding
_BRIGHT = 40
_PARTS = 16  # of a row: their means tell things from noise
_CHANGE = 15  # of 255, from one part to the next
_CHANGES = 3  # around the ring; in real panoramas at most 2, where a small camera blurs a pole
_SAMPLES = 256  # rows, and columns, that are looked at


def panorama_aspect(
    where: object, picture: NDArray[np.uint8], aspect: float, view: View, force_2to1: bool
) -> tuple[float, list[str]]:
    """Return the display aspect of the panorama in `view` of a picture [H, W, C], and notes on what is assumed.

    Halves of stereo pictures are 2:1, or squeezed so that the whole picture is. Raises InputError for other aspects
    unless `force_2to1`. Parameters: `aspect` is the display aspect of the whole picture.
    """
    size = f"{picture.shape[1]}×{picture.shape[0]}"
    half = aspect * {"top": 2, "bottom": 2, "left": 0.5, "right": 0.5}.get(view, 1)
    squeezed = view != "whole" and is_2to1(aspect)
    if not (is_2to1(half) or squeezed or force_2to1):
        raise InputError(
            where,
            f"{size} pictures of display aspect {aspect:.3f}" + (f" for the view {view}" if view != "whole" else ""),
            "2:1, a full equirectangular panorama",
            _advice(aspect, half, view),
        )
    if view == "whole":
        return half, []
    note = f"stereo: the {view} half of {size} pictures is used"
    return (2.0, [f"{note}, squeezed from 2:1 to {half:.0f}:1"]) if squeezed else (half, [note])


def crop(picture: NDArray[np.uint8], view: View) -> NDArray[np.uint8]:
    """Return the part of a picture [H, W, C] that a view names."""
    height, width = picture.shape[:2]
    rows = {"top": slice(height // 2), "bottom": slice(height // 2, None)}.get(view, slice(None))
    columns = {"left": slice(width // 2), "right": slice(width // 2, None)}.get(view, slice(None))
    return picture[rows, columns]


def is_2to1(aspect: float) -> bool:
    """Return whether a display aspect is that of a panorama, as far as rounded sample aspects tell."""
    return abs(aspect / 2 - 1) <= _ASPECT_TOLERANCE


def doubts(pictures: Sequence[NDArray[np.uint8]]) -> list[str]:
    """Return notes on what makes 2:1 pictures [H, W, 3] of a video look like no panorama.

    Cameras of two lenses record two circles on black. The top row of a panorama is one direction, and so is the bottom
    row; those of circles without black corners, of a cubemap and of EAC are not. All pictures must agree; those too
    dark to say do not count.
    """
    circles = [found for picture in pictures if (found := _are_circles(picture)) is not None]
    if circles and all(circles):
        return [
            "no panorama? It looks like two fisheye circles, with black corners around them: stitch the video with "
            "the camera's program"
        ]
    split = [found for picture in pictures if (found := _has_split_poles(picture)) is not None]
    if split and all(split):
        return [
            "no panorama? The top row, one direction in a panorama, shows several things, and so does the bottom row: "
            "two fisheye circles, or a cubemap or EAC, which the video's projection would convert?"
        ]
    return []


def _has_split_poles(picture: NDArray[np.uint8]) -> bool | None:
    """Return whether top and bottom row both show several things; None if these and the middle row show only one."""
    height = picture.shape[0]
    top, middle, bottom = (_changes(picture[row]) for row in (0, height // 2, height - 1))
    return min(top, bottom) >= _CHANGES if top or middle or bottom else None


def _changes(row: NDArray[np.uint8]) -> int:
    """Return how often a row [W, 3], closed to a ring, changes from one part of it to the next."""
    parts = np.array([part.mean(axis=0) for part in np.array_split(row.astype(float), _PARTS)])
    return int((np.abs(parts - np.roll(parts, 1, axis=0)).max(axis=1) > _CHANGE).sum())


def _are_circles(picture: NDArray[np.uint8]) -> bool | None:
    """Return whether a picture shows two circles on black; None if it is too dark to say."""
    rows, columns = (np.linspace(0, side - 1, min(side, _SAMPLES)).round().astype(int) for side in picture.shape[:2])
    gray = picture[np.ix_(rows, columns)].mean(axis=2)
    y = (rows[:, None] + 0.5) / picture.shape[0] * 2 - 1
    x = (columns[None, :] + 0.5) / picture.shape[1] * 4 % 2 - 1
    radius, is_left = np.hypot(x, y), np.broadcast_to(columns < picture.shape[1] / 2, gray.shape)
    insides, outsides = [], []
    for is_half in (is_left, ~is_left):
        # rows where a circle is so much narrower than its half of the picture that its sides can be compared
        for compared in ((y > -0.9) & (y < -0.6), (y > 0.6) & (y < 0.9)):
            insides.append(gray[is_half & compared & (radius > 0.8) & (radius < 0.92)])
            outsides.append(gray[is_half & compared & (radius > 1.06)])
    if not all(part.size for part in insides + outsides) or np.concatenate(insides).mean() < _BRIGHT:
        return None
    is_lit = all(part.mean() > _BRIGHT / 2 for part in insides)
    return is_lit and all(np.percentile(part, 90) < _DARK for part in outsides)


def _advice(aspect: float, half: float, view: View) -> str:
    """Return what to do about pictures that are not 2:1; `half` is the aspect of the view."""
    if any(abs(half / layout - 1) <= _ASPECT_TOLERANCE for layout in _CUBE_LAYOUTS):
        return (
            "If they are a cubemap or an equi-angular one (EAC, as YouTube has it), set the video's projection, "
            "which converts them; docs/sources.md names the layouts, and says what to do about a squeezed panorama."
        )
    stereo = {1.0: "top or bottom", 4.0: "left or right"}.get(round(aspect, 1)) if view == "whole" else None
    hint = f"If they are stereo, set the video's view to {stereo}. " if stereo else ""
    if abs(half / (4 / 3) - 1) <= _ASPECT_TOLERANCE:
        hint = "If they are a cubemap in the form of a cross, convert them first. "
    return f"{hint}If it is one all the same, set frames.force_2to1: true."
