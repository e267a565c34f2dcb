"""Rectilinear viewports of an equirectangular panorama, exact over the seam and at the poles."""

import math
from typing import Literal

import cv2
import numpy as np
from numpy.typing import ArrayLike, NDArray

from tsalv360.sphere.directions import Array, to_vectors, wrap_yaw

Picture = NDArray[np.uint8]
Floats = NDArray[np.float32]
Interpolation = Literal["linear", "cubic", "area"]

_POLE_ROWS = 2  # beyond each pole, as many as the cubic kernel reaches
_STRIP = 64  # rows
# arctan(r) / r in degrees, as a polynomial in r² from 0 to 1: a Chebyshev fit of degree 7
_ARCTAN = np.array(
    [57.2957737, -19.0978062, 11.4415291, -8.03091166, 5.67577544, -3.40148432, 1.38462067, -0.267501006], np.float32
)
_WIDEST = 21_840  # columns of a panorama: positions reach 1.5 times as far, in OpenCV up to 32,767


def viewport_directions(yaw: float, pitch: float, hfov: float, size: tuple[int, int]) -> tuple[Floats, Floats]:
    """Return yaw and pitch in degrees, float32 [H, W], of the pixel centres of a camera that never rolls.

    Yaw is not wrapped: it lies within 180° of the camera's, which is. Parameters: as `render_viewport`.
    """
    height, width = size
    half, focal = width // 2, _focal_length(hfov, width)
    right = ((np.arange(half, width, dtype=np.float32) + 0.5 - width / 2) / focal)[None, :]  # the left is its mirror
    up = ((height / 2 - 0.5 - np.arange(height, dtype=np.float32)) / focal)[:, None]
    sine, cosine = math.sin(math.radians(pitch)), math.cos(math.radians(pitch))
    forward, above = cosine - up * sine, sine + up * cosine
    centre = np.float32(wrap_yaw(yaw))
    lam, phi = np.empty(size, dtype=np.float32), np.empty(size, dtype=np.float32)
    for strip in _strips(height):
        away = _arctan(right, np.abs(forward[strip]))
        if (behind := forward[strip] < 0).any():  # beyond the pole
            away = np.where(behind, np.float32(180) - away, away)
        np.add(centre, away, out=lam[strip, half:])
        np.subtract(centre, away[:, ::-1][:, :half], out=lam[strip, :half])
        aside = np.sqrt(right**2 + forward[strip] ** 2)
        np.multiply(_arctan(np.abs(above[strip]), aside), np.sign(above[strip]), out=phi[strip, half:])
        phi[strip, :half] = phi[strip, half:][:, ::-1][:, :half]
    return lam, phi


def _strips(height: int) -> list[slice]:
    """Return slices of rows that are processed together, so that they stay in the processor's cache."""
    return [slice(top, top + _STRIP) for top in range(0, height, _STRIP)]


def _arctan(y: Floats, x: Floats) -> Floats:
    """Return the angle of (x, y), neither negative, in degrees to 2·10⁻⁵°: a polynomial in the smaller over the larger.

    NumPy's function for single precision is several times slower on processors without AVX-512.
    """
    ratio, larger = np.minimum(y, x), np.maximum(y, x)
    ratio /= np.maximum(larger, np.finfo(np.float32).tiny, out=larger)
    square = np.multiply(ratio, ratio, out=larger)
    angle = square * _ARCTAN[-1]
    angle += _ARCTAN[-2]
    for coefficient in _ARCTAN[-3::-1]:
        angle *= square
        angle += coefficient
    angle *= ratio
    np.copyto(angle, np.subtract(np.float32(90), angle, out=ratio), where=y > x)
    return angle


def direction_to_viewport(
    yaw: ArrayLike, pitch: ArrayLike, camera: tuple[float, float, float], size: tuple[int, int]
) -> tuple[Array, Array]:
    """Return column and row (floats, pixel centres at whole numbers) at which a camera sees directions in degrees.

    The inverse of `viewport_directions`; NaN for directions behind the camera. Parameters: yaw, pitch and horizontal
    field of view of the `camera` in degrees; `size` height and width in pixels.
    """
    camera_yaw, camera_pitch, hfov = camera
    height, width = size
    x, right, z = np.moveaxis(to_vectors(np.subtract(yaw, camera_yaw), pitch), -1, 0)
    sine, cosine = math.sin(math.radians(camera_pitch)), math.cos(math.radians(camera_pitch))
    forward, above = x * cosine + z * sine, z * cosine - x * sine
    scale = _focal_length(hfov, width) / np.where(forward > 0, forward, np.nan)
    return width / 2 - 0.5 + scale * right, height / 2 - 0.5 - scale * above


def pad_poles(erp: Picture) -> Picture:
    """Return the panorama, of even width, with two rows more at each pole: those beyond it, rolled by half a turn."""
    half = erp.shape[1] // 2
    north, south = erp[:_POLE_ROWS][::-1], erp[-_POLE_ROWS:][::-1]
    return np.concatenate([np.roll(north, half, axis=1), erp, np.roll(south, half, axis=1)])


class Viewport:
    """A camera whose sampling positions serve panoramas of any size; parameters as `render_viewport`."""

    def __init__(
        self, yaw: float, pitch: float, hfov: float, size: tuple[int, int], interpolation: Interpolation = "linear"
    ) -> None:
        self._view = yaw, pitch, hfov
        self._size, self._interpolation = size, interpolation
        self._directions = {1: viewport_directions(yaw, pitch, hfov, size)}  # by samples per pixel and side

    def render(self, padded: Picture) -> Picture:
        """Return the view of a panorama that went through `pad_poles`."""
        height, width = padded.shape[0] - 2 * _POLE_ROWS, padded.shape[1]
        if width > _WIDEST:
            raise ValueError(f"found a panorama of {width} columns; expected at most {_WIDEST}: make it smaller first")
        # pixels are largest at the optical axis; there samples lie as close as the panorama's columns at the equator
        columns = width / (2 * math.pi * _focal_length(self._view[2], self._size[1]))
        n = math.ceil(columns) if self._interpolation == "area" else 1
        if n not in self._directions:
            self._directions[n] = viewport_directions(*self._view, (n * self._size[0], n * self._size[1]))
        lam, phi = self._directions[n]
        kernel = cv2.INTER_CUBIC if self._interpolation == "cubic" else cv2.INTER_LINEAR
        view = np.empty((*lam.shape, *padded.shape[2:]), dtype=np.uint8)
        for strip in _strips(len(lam)):
            column, row = lam[strip] * np.float32(width / 360), phi[strip] * np.float32(-height / 180)
            column += np.float32(width / 2 - 0.5)
            row += np.float32(height / 2 - 0.5 + _POLE_ROWS)
            cv2.remap(padded, column, row, kernel, dst=view[strip], borderMode=cv2.BORDER_WRAP)
        if n > 1:
            view = cv2.resize(view, self._size[::-1], interpolation=cv2.INTER_AREA).astype(np.uint8, copy=False)
        return view


def render_viewport(
    erp: Picture,
    yaw: float,
    pitch: float,
    hfov: float,
    size: tuple[int, int] = (480, 640),
    interpolation: Interpolation = "linear",
) -> Picture:
    """Return what a pinhole camera sees in a panorama, uint8 [H, W, C] or [H, W].

    Parameters
    ----------
    erp : uint8 [h, w, C] or [h, w], equirectangular, w = 2h; at most 21,840 columns, else ValueError.
    yaw, pitch : optical axis, degrees.
    hfov : horizontal field of view, degrees; 0 < hfov < 180, else ValueError.
    size : height and width of the viewport in pixels.
    interpolation : `linear` and `cubic` take one sample per pixel (OpenCV's kernels); `area` takes the mean of n × n
        linear ones, n as large as a pixel has columns of the panorama: for views that are coarser than it.

    >>> erp = np.zeros((180, 360), np.uint8)
    >>> erp[:, 180:] = 255  # the right half is white
    >>> render_viewport(erp, yaw=0, pitch=0, hfov=90, size=(2, 4)).tolist()
    [[0, 0, 255, 255], [0, 0, 255, 255]]
    >>> int(render_viewport(erp, yaw=90, pitch=0, hfov=90).min())
    255
    """
    return Viewport(yaw, pitch, hfov, size, interpolation).render(pad_poles(erp))


def _focal_length(hfov: float, width: int) -> float:
    """Return the focal length in pixels; ValueError for a field of view that no pinhole camera has."""
    if not 0 < hfov < 180:
        raise ValueError(f"found a field of view of {hfov:g}°; expected more than 0° and less than 180°")
    return width / 2 / math.tan(math.radians(hfov) / 2)
