"""Saliency maps: the density of fixations on the sphere."""

from pathlib import Path

import numpy as np
import pandas as pd
from numpy.typing import ArrayLike, NDArray
from pydantic.dataclasses import dataclass

from tsalv360.files import whole_folder
from tsalv360.frames import write_picture
from tsalv360.geometry import pixel_to_direction
from tsalv360.progress import progress
from tsalv360.settings import STRICT, setting

_REACH = 5.5  # in σ; the von Mises–Fisher mass beyond is 3e-7


@dataclass(frozen=True, config=STRICT)
class SaliencySettings:
    """Saliency map of an event per frame."""

    sigma_deg: float = setting(5.0, "width σ of a fixation; κ = 1/σ² of the von Mises–Fisher density", unit="deg", gt=0.2, le=30)
    height: int = setting(480, "height of the maps; the width is twice that", unit="px", ge=32, le=4096, multiple_of=2)
    window_s: float = setting(
        0.5,
        "fixations within half of this before and after a frame make its map; about one fixation with its neighbours",
        unit="s",
        gt=0,
        le=10,
    )


def saliency_map(
    yaw: ArrayLike,
    pitch: ArrayLike,
    weights: ArrayLike | None = None,
    sigma: float = 5.0,
    size: tuple[int, int] = (480, 960),
) -> NDArray[np.float32]:
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
    height, width = size
    kappa, reach = 1 / np.radians(sigma) ** 2, np.radians(min(_REACH * sigma, 180.0))
    lam = np.radians(pixel_to_direction(np.arange(width), 0, *size)[0])
    phi = np.radians(pixel_to_direction(0, np.arange(height), *size)[1])
    total = np.zeros(size, dtype=np.float32)
    for lam0, phi0, weight in zip(np.radians(yaw), np.radians(pitch), weights, strict=True):
        top, bottom = np.searchsorted(-phi, [-(phi0 + reach), -(phi0 - reach)])
        columns = _columns_within(lam0, phi0, reach, width)
        meridian = np.cos(lam[columns] - lam0).astype(np.float32)
        along = (kappa * np.cos(phi[top:bottom]) * np.cos(phi0)).astype(np.float32)
        level = (kappa * (np.sin(phi[top:bottom]) * np.sin(phi0) - 1)).astype(np.float32)
        total[top:bottom, columns] += np.float32(weight) * np.exp(along[:, None] * meridian + level[:, None])
    return total / total.max()


def _columns_within(lam0: float, phi0: float, reach: float, width: int) -> NDArray[np.int64]:
    """Columns that a cap of radius `reach` (radians) around a direction touches; all of them over a pole."""
    if abs(phi0) + reach >= np.pi / 2:
        return np.arange(width)
    half = np.arcsin(np.sin(reach) / np.cos(phi0)) / (2 * np.pi) * width
    centre = (lam0 / (2 * np.pi) + 0.5) * width - 0.5
    return np.unique(np.arange(np.floor(centre - half), np.ceil(centre + half) + 1).astype(np.int64) % width)


def fixations_near(fixations: pd.DataFrame, time_s: float, window_s: float) -> tuple[pd.DataFrame, NDArray[np.float64]]:
    """Rows of a fixations table within a window around `time_s`, and the seconds of each that lie in it times its weight."""
    start, end = fixations.time_s, fixations.time_s + fixations.duration_s
    overlap = np.minimum(end, time_s + window_s / 2) - np.maximum(start, time_s - window_s / 2)
    inside = overlap > 0
    return fixations[inside], (overlap * fixations.weight)[inside].to_numpy()


def write_saliency_maps(
    directory: str | Path,
    fixations: pd.DataFrame,
    assignments: pd.DataFrame,
    tracks: pd.DataFrame,
    settings: SaliencySettings,
) -> None:
    """Write `<event>/NNNN.png` for every row of `tracks`: 8-bit maps of the fixations assigned to that event.

    A frame without such a fixation in the window gets no map.
    """
    size = settings.height, 2 * settings.height
    with whole_folder(directory) as partial, progress(total=len(tracks), what="maps") as bar:
        for event, track in tracks.groupby("event_id", sort=False):
            (partial / str(event)).mkdir()
            own = fixations.iloc[assignments.row[assignments.event_id == event]]
            for row in track.itertuples():
                near, weights = fixations_near(own, row.time_s, settings.window_s)
                if weights.sum() > 0:
                    density = saliency_map(near.yaw_deg, near.pitch_deg, weights, settings.sigma_deg, size)
                    write_picture(partial / str(event) / f"{row.frame:04d}.png", to_8bit(density))
                bar.update()


def to_8bit(density: NDArray[np.floating]) -> NDArray[np.uint8]:
    """A map of maximum 1 as 0 to 255."""
    return np.round(density * 255).astype(np.uint8)
