"""Rectilinear viewports of an equirectangular panorama, exact over the seam and at the poles."""

import math

import cv2
import numpy as np
from numpy.typing import NDArray

from tsalv360.geometry import direction_to_pixel

Picture = NDArray[np.uint8]


def viewport_directions(
    yaw: float, pitch: float, hfov: float, size: tuple[int, int]
) -> tuple[NDArray[np.float32], NDArray[np.float32]]:
    """Yaw (not wrapped) and pitch in degrees, float32 [H, W], seen by the pixel centres of a camera that never rolls.

    Parameters: `yaw`, `pitch` of the optical axis and horizontal field of view `hfov` (0 < hfov < 180), degrees;
    `size` height and width in pixels.
    """
    height, width = size
    focal = width / 2 / math.tan(math.radians(hfov) / 2)
    right = ((np.arange(width, dtype=np.float32) + 0.5 - width / 2) / focal)[None, :]
    up = ((height / 2 - 0.5 - np.arange(height, dtype=np.float32)) / focal)[:, None]
    sine, cosine = math.sin(math.radians(pitch)), math.cos(math.radians(pitch))
    forward, above = cosine - up * sine, sine + up * cosine
    lam = np.degrees(np.arctan2(right, forward)) + float(yaw)
    return lam, np.degrees(np.arctan2(above, np.hypot(right, forward)))


def pad_poles(erp: Picture) -> Picture:
    """The panorama with one row more at each pole: the pole's own row, seen from the other side (rolled by half)."""
    half = erp.shape[1] // 2
    return np.concatenate([np.roll(erp[:1], half, axis=1), erp, np.roll(erp[-1:], half, axis=1)])


class Viewport:
    """A view whose sampling positions serve panoramas of any size; parameters as `render_viewport`."""

    def __init__(self, yaw: float, pitch: float, hfov: float, size: tuple[int, int]) -> None:
        lam, phi = viewport_directions(yaw, pitch, hfov, size)
        self._across, self._down = direction_to_pixel(lam, phi, 1, 1)  # of a panorama of one pixel

    def of(self, padded: Picture) -> Picture:
        """Bilinear samples of a panorama that went through `pad_poles`."""
        height, width = padded.shape[0] - 2, padded.shape[1]
        column, row = (self._across + np.float32(0.5)) * width - 0.5, (self._down + np.float32(0.5)) * height + 0.5
        return cv2.remap(padded, column, row, cv2.INTER_LINEAR, borderMode=cv2.BORDER_WRAP).astype(np.uint8, copy=False)


def render_viewport(erp: Picture, yaw: float, pitch: float, hfov: float, size: tuple[int, int] = (480, 640)) -> Picture:
    """What a pinhole camera sees in a panorama.

    Parameters
    ----------
    erp : uint8 [h, w, C] or [h, w], equirectangular, w = 2h.
    yaw, pitch : optical axis, degrees.
    hfov : horizontal field of view, degrees.
    size : height and width of the viewport in pixels.

    Returns uint8 [H, W, C] or [H, W].
    """
    return Viewport(yaw, pitch, hfov, size).of(pad_poles(erp))
