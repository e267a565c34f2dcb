"""Saliency maps: the density of fixations on the sphere."""

from collections import deque
from collections.abc import Iterator
from pathlib import Path
from typing import Self

import numpy as np
import pandas as pd
from numpy.typing import ArrayLike, NDArray
from pydantic import model_validator
from pydantic.dataclasses import dataclass

from tsalv360.files import whole_folder
from tsalv360.frames import write_picture
from tsalv360.geometry import Array, pixel_to_direction, to_angles
from tsalv360.looks import sample_looks
from tsalv360.progress import progress
from tsalv360.settings import STRICT, setting

Map = NDArray[np.float32]

_FADED = 15.0  # a fixation is cut where its density is e^−15 of its peak: 3e-7


@dataclass(frozen=True, config=STRICT)
class SaliencySettings:
    """Saliency map of an event per frame."""

    sigma_deg: float = setting(
        5.0, "width σ of a fixation; κ = 1/σ² of the von Mises–Fisher density", unit="deg", gt=0.2, le=30
    )
    height: int = setting(480, "height of the maps; the width is twice that", unit="px", ge=32, le=4096, multiple_of=2)
    window_s: float = setting(
        0.5,
        "fixations within half of this before and after a frame make its map; about one fixation with its neighbours",
        unit="s",
        gt=0,
        le=10,
    )

    @model_validator(mode="after")
    def _sigma_of_pixels(self) -> Self:
        if self.sigma_deg < 90 / self.height:
            raise ValueError(f"sigma_deg ({self.sigma_deg:g}°) must be at least half a pixel, {90 / self.height:.2g}°")
        return self


def saliency_map(
    yaw: ArrayLike,
    pitch: ArrayLike,
    weights: ArrayLike | None = None,
    sigma: float = 5.0,
    size: tuple[int, int] = (480, 960),
) -> Map:
    """Sum of von Mises–Fisher densities with κ = 1/σ² at the fixations, scaled to maximum 1.

    Parameters
    ----------
    yaw, pitch : [n] directions of the fixations, degrees; n ≥ 1.
    weights : [n], not negative, not all zero; 1 each when left out.
    sigma : σ in degrees.
    size : height and width of the map in pixels.

    Returns float32 [H, W]. Raises ValueError without any weight: there is no saliency map of nothing.
    """
    yaw, pitch = np.atleast_1d(yaw).astype(float), np.atleast_1d(pitch).astype(float)
    weights = np.ones(len(yaw)) if weights is None else np.atleast_1d(weights).astype(float)
    if not weights.sum() > 0:
        raise ValueError("found no fixation of positive weight; expected at least one for a saliency map")
    total = density(yaw, pitch, weights, sigma, size)
    if not total.max() > 0:
        raise ValueError(f"found σ {sigma:g}° on a map of {180 / size[0]:.2g}° a pixel; expected at least half a pixel")
    return total / total.max()


def density(yaw: Array, pitch: Array, weights: Array, sigma: float, size: tuple[int, int]) -> Map:
    """The sum of `saliency_map` before scaling: each fixation alone peaks at its weight. Zero without fixations."""
    height, width = size
    kappa = 1 / np.radians(sigma) ** 2
    reach = np.arccos(max(-1.0, 1 - _FADED / kappa))
    lam = np.radians(pixel_to_direction(np.arange(width), 0, *size)[0])
    phi = np.radians(pixel_to_direction(0, np.arange(height), *size)[1])
    total = np.zeros(size, dtype=np.float32)
    for lam0, phi0, weight in zip(np.radians(yaw), np.radians(pitch), weights, strict=True):
        top, bottom = np.searchsorted(-phi, [-(phi0 + reach), -(phi0 - reach)])
        along = (kappa * np.cos(phi[top:bottom]) * np.cos(phi0)).astype(np.float32)[:, None]
        level = (kappa * (np.sin(phi[top:bottom]) * np.sin(phi0) - 1)).astype(np.float32)[:, None]
        for columns in _columns_within(lam0, phi0, reach, width):
            meridian = np.cos(lam[columns] - lam0).astype(np.float32)
            total[top:bottom, columns] += np.float32(weight) * np.exp(along * meridian + level)
    return total


def _columns_within(lam0: float, phi0: float, reach: float, width: int) -> list[slice]:
    """Columns that a cap of radius `reach` (radians) around a direction touches: two runs over the seam."""
    if abs(phi0) + reach >= np.pi / 2:
        return [slice(0, width)]
    half = np.arcsin(np.sin(reach) / np.cos(phi0)) / (2 * np.pi) * width
    centre = (lam0 / (2 * np.pi) + 0.5) * width - 0.5
    first, last = int(np.floor(centre - half)), int(np.ceil(centre + half))
    if last - first + 1 >= width:
        return [slice(0, width)]
    if first < 0:
        return [slice(0, last + 1), slice(first + width, width)]
    if last >= width:
        return [slice(first, width), slice(0, last + 1 - width)]
    return [slice(first, last + 1)]


def write_saliency_maps(
    directory: str | Path,
    fixations: pd.DataFrame,
    assignments: pd.DataFrame,
    tracks: pd.DataFrame,
    settings: SaliencySettings,
) -> None:
    """Write `<event>/NNNN.png` for the rows of `tracks`: 8-bit maps of the fixations assigned to that event.

    A frame without such a fixation in the window gets no map.
    """
    with whole_folder(directory) as partial, progress(total=len(tracks), what="maps") as bar:
        for event, track in tracks.groupby("event_id", sort=False):
            folder = partial / str(event)
            folder.mkdir()
            own = fixations.iloc[assignments.row[assignments.event_id == event]]
            for frame, total in zip(track.frame, _densities(own, track.time_s.to_numpy(), settings), strict=True):
                if total.any():
                    write_picture(folder / f"{frame:04d}.png", to_8bit(total / total.max()))
                bar.update()


def _densities(fixations: pd.DataFrame, time_s: Array, settings: SaliencySettings) -> Iterator[Map]:
    """The density at each of the times: the looks of all times within the window, added up."""
    looks = sample_looks(fixations, time_s)
    size = settings.height, 2 * settings.height
    near: deque[tuple[float, Map]] = deque()
    ahead = 0
    for time in time_s:
        while ahead < len(time_s) and time_s[ahead] <= time + settings.window_s / 2 + 1e-9:
            present = looks.present[ahead]
            yaw, pitch = to_angles(looks.vectors[ahead, present])
            near.append((time_s[ahead], density(yaw, pitch, looks.weights[ahead, present], settings.sigma_deg, size)))
            ahead += 1
        while near[0][0] < time - settings.window_s / 2 - 1e-9:
            near.popleft()
        yield np.sum([one for _, one in near], axis=0)


def to_8bit(saliency: Map) -> NDArray[np.uint8]:
    """A map of maximum 1 as 0 to 255."""
    return np.round(saliency * 255).astype(np.uint8)
