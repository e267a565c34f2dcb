"""Saliency maps, the density of fixations on the sphere, and the fixation points that they are made of.

Points serve metrics that compare a map with where people fixated, such as NSS and AUC (Bylinskii et al. 2019, "What do
different evaluation metrics tell us about saliency models?"). Each fixation is one point however long it lasts; in the
map it counts by its duration.
"""

import math
from collections import deque
from collections.abc import Iterator, Mapping
from functools import lru_cache
from pathlib import Path
from typing import NamedTuple, Self

import cv2
import numpy as np
import pandas as pd
from numpy.typing import ArrayLike, NDArray
from pydantic import model_validator
from pydantic.dataclasses import dataclass

from tsalv360.contracts.gaze_grid import Looks, rows_at, sample_looks
from tsalv360.contracts.settings import STRICT, setting
from tsalv360.contracts.tables import POINTS, empty
from tsalv360.job.files import whole_folder
from tsalv360.job.log import progress
from tsalv360.media.pictures import write_picture
from tsalv360.sphere.directions import Array, direction_to_pixel, pixel_to_direction, to_angles

Map = NDArray[np.float32]

ALL_OBSERVERS = "all"  # name of the maps of all fixations, among those of events

_CUTOFF = 15.0  # the density of a fixation is cut off at e^−15 of its peak, 3e-7


class MapInput(NamedTuple):
    """What a series of maps is made of: rows of the fixations table, and `frame` and `time_s` of the frames."""

    fixations: pd.DataFrame
    frames: pd.DataFrame


@dataclass(frozen=True, config=STRICT)
class SaliencySettings:
    """Saliency map of an event per frame."""

    sigma_deg: float = setting(
        5.0, "width σ of a fixation; κ = 1/σ² of the von Mises–Fisher density", unit="deg", gt=0.2, le=30
    )
    height: int = setting(480, "height of the maps; the width is twice that", unit="px", ge=32, le=4096, multiple_of=2)
    window_s: float = setting(
        0.5,
        "length of the window around a frame whose gaze makes the map; about one fixation with its neighbours",
        unit="s",
        gt=0,
        le=10,
    )
    all_observers: bool = setting(
        False, "also make the map of all observers for every kept frame, 28 kB each at 480 px"
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
    """Return the sum of von Mises–Fisher densities with κ = 1/σ² at fixations, scaled to maximum 1.

    Parameters
    ----------
    yaw, pitch : [n] directions of the fixations, degrees; n ≥ 1.
    weights : [n], not negative, not all zero; 1 each by default.
    sigma : σ in degrees, above 0.
    size : height and width of the map in pixels.

    Returns float32 [H, W]. Raises ValueError if no weight is positive (there is no saliency map of nothing), for
    numbers that are not finite or not allowed, and if σ is so far below a pixel that all fixations fall between pixels.
    """
    yaw, pitch = np.atleast_1d(yaw).astype(float), np.atleast_1d(pitch).astype(float)
    weights = np.ones(len(yaw)) if weights is None else np.atleast_1d(weights).astype(float)
    if not len(yaw) == len(pitch) == len(weights):
        raise ValueError(f"found {len(yaw)} yaws, {len(pitch)} pitches, {len(weights)} weights; expected equal numbers")
    if not (np.isfinite([yaw, pitch, weights]).all() and (weights >= 0).all() and sigma > 0):
        raise ValueError("found NaN, infinity, a negative weight or a σ that is not above 0; expected none of these")
    if not weights.any():
        raise ValueError("found no fixation of positive weight; expected at least one for a saliency map")
    total = density(yaw, pitch, weights / weights.max(), sigma, size)
    if not total.max() > 0:
        raise ValueError(f"found σ {sigma:g}° on a map of {180 / size[0]:.2g}° a pixel; expected at least half a pixel")
    return np.divide(total, total.max(), out=total)


def density(yaw: Array, pitch: Array, weights: Array, sigma: float, size: tuple[int, int]) -> Map:
    """Return the sum of `saliency_map` before scaling: each fixation alone peaks at its weight; zero without any.

    The exponent κ(cos d − 1) is computed as −2κ hav d of the distance d, which is no small difference of large numbers,
    so that single precision is enough.
    """
    height, width = size
    kappa = 1 / np.radians(sigma) ** 2
    reach = np.arccos(max(-1.0, 1 - _CUTOFF / kappa))
    lam, phi = _axes(height, width)
    lam0, phi0 = np.radians(yaw[weights > 0]), np.radians(pitch[weights > 0])
    # hav d = hav(φ − φ₀) + cos φ cos φ₀ hav(λ − λ₀): the product of a row's two numbers and a column's two
    rows = np.empty((len(lam0), height, 2), dtype=np.float32)
    rows[..., 0] = -2 * kappa * np.outer(np.cos(phi0), np.cos(phi))
    rows[..., 1] = -2 * kappa * _haversines(phi0, phi) + np.log(weights[weights > 0])[:, None]
    columns = np.ones((len(lam0), 2, width), dtype=np.float32)
    columns[:, 0] = _haversines(lam0, lam)
    top, bottom = np.searchsorted(-phi, -phi0 - reach), np.searchsorted(-phi, -phi0 + reach)
    total = np.zeros(size, dtype=np.float32)
    for i in range(len(lam0)):
        for run in _columns_within(lam0[i], phi0[i], reach, width):
            part = rows[i, top[i] : bottom[i]] @ columns[i, :, run]
            total[top[i] : bottom[i], run] += np.exp(part, out=part)
    return total


@lru_cache(maxsize=8)
def _axes(height: int, width: int) -> tuple[Array, Array]:
    """Return the longitudes of the columns and the latitudes of the rows, radians."""
    lam = np.radians(pixel_to_direction(np.arange(width), 0, height, width)[0])
    phi = np.radians(pixel_to_direction(0, np.arange(height), height, width)[1])
    return lam, phi


def _haversines(a: Array, b: Array) -> Array:
    """Return sin²((b − a) / 2) of all pairs [len(a), len(b)]; outer products are faster than a sine for each pair."""
    sine = np.outer(np.cos(a / 2), np.sin(b / 2)) - np.outer(np.sin(a / 2), np.cos(b / 2))
    return np.square(sine, out=sine)


def _columns_within(lam0: float, phi0: float, reach: float, width: int) -> list[slice]:
    """Return the columns that a cap of radius `reach` (radians) around a direction touches: two runs over the seam."""
    if abs(phi0) + reach >= math.pi / 2:
        return [slice(0, width)]
    half = math.asin(math.sin(reach) / math.cos(phi0)) / (2 * math.pi) * width
    centre = (lam0 / (2 * math.pi) + 0.5) * width - 0.5
    first, end = math.floor(centre - half), math.ceil(centre + half) + 1
    if end - first >= width:
        return [slice(0, width)]
    runs = [slice(max(0, first + shift), min(width, end + shift)) for shift in (0, width, -width)]
    return [run for run in runs if run.start < run.stop]


def map_inputs(
    fixations: pd.DataFrame, assignments: pd.DataFrame, tracks: pd.DataFrame, kept: pd.DataFrame
) -> dict[str, MapInput]:
    """Return the input of each event's maps by event id, and of all observers' maps as `ALL_OBSERVERS`.

    An event's maps are made of the fixations assigned to it at the frames of its track, those of all observers of all
    fixations at all kept frames. Parameters: tables of the video; `kept` has `frame` and `time_s` of its kept frames.
    """
    events = {
        str(event): MapInput(fixations.iloc[assignments.row[assignments.event_id == event]], track)
        for event, track in tracks.groupby("event_id", sort=False)
    }
    return {**events, ALL_OBSERVERS: MapInput(fixations, kept)}


def write_saliency_maps(directory: str | Path, inputs: Mapping[str, MapInput], settings: SaliencySettings) -> None:
    """Write `<event>/NNNN.png`: 8-bit maps of `map_inputs`; `all/NNNN.png` only if the settings want it.

    A frame without gaze in the window gets no map.
    """
    wanted = {name: own for name, own in inputs.items() if name != ALL_OBSERVERS or settings.all_observers}
    total = sum(len(own.frames) for own in wanted.values())
    size = settings.height, 2 * settings.height
    with whole_folder(directory) as partial, progress(total=total, what="maps") as bar:
        for name, (fixations, frames) in wanted.items():
            folder = partial / name
            folder.mkdir()
            grid = sample_looks(fixations, frames.time_s.to_numpy())
            densities = sliding_density(grid, settings.window_s, settings.sigma_deg, size)
            for frame, summed in zip(frames.frame, densities, strict=True):
                if (peak := summed.max()) > 0:
                    write_picture(folder / f"{frame:04d}.png", to_8bit(summed / peak))
                bar.update()


def sliding_density(grid: Looks, window_s: float, sigma: float, size: tuple[int, int]) -> Iterator[Map]:
    """Yield, for each time of a gaze grid, the sum of `density` over the times within the window around it."""
    near: deque[tuple[float, slice, Map]] = deque()
    ahead, half = 0, window_s / 2 + 1e-9
    for time in grid.time_s:
        while ahead < len(grid.time_s) and grid.time_s[ahead] <= time + half:
            present = grid.present[ahead]
            yaw, pitch = to_angles(grid.vectors[ahead, present])
            one = density(yaw, pitch, grid.weights[ahead, present], sigma, size)
            rows = np.flatnonzero(one.any(axis=1))  # those of an event are a part of all
            near.append((grid.time_s[ahead], slice(rows[0], rows[-1] + 1) if len(rows) else slice(0), one))
            ahead += 1
        while near[0][0] < time - half:
            near.popleft()
        total = np.zeros(size, dtype=np.float32)
        for _, own, one in near:
            total[own] += one[own]
        yield total


def to_8bit(saliency: Map) -> NDArray[np.uint8]:
    """Return a map of maximum 1 as 0 to 255."""
    return cv2.convertScaleAbs(saliency, alpha=255).astype(np.uint8, copy=False)


def points_table(inputs: Mapping[str, MapInput], window_s: float) -> pd.DataFrame:
    """Return the points table: the `fixation_points` of all `map_inputs`; those of all observers have no `event_id`."""
    parts = [
        fixation_points(*own, window_s).assign(event_id=None if name == ALL_OBSERVERS else name)
        for name, own in inputs.items()
    ]
    return pd.concat([empty(POINTS), *(part for part in parts if len(part))], ignore_index=True)[list(POINTS)]


def fixation_points(fixations: pd.DataFrame, frames: pd.DataFrame, window_s: float) -> pd.DataFrame:
    """Return the fixations within the window around each frame: one point for each observer and fixation.

    Parameters
    ----------
    fixations : columns of the fixations table. Rows with the same `observer` and `fixation_id` are one fixation; a row
        with -1 is one by itself.
    frames : `frame` and `time_s`, increasing: a track, or all kept frames. Gaze is read at these times, as for maps.
    window_s : length of the window in seconds, as `SaliencySettings.window_s`.

    Returns `frame`, `observer`, `yaw_deg`, `pitch_deg`, `weight`. The point of a moving fixation is where it was
    nearest in time to the frame, of two equally near ones the earlier. A frame has points exactly if it has a map.
    """
    time_s = frames.time_s.to_numpy()
    rows = rows_at(fixations, time_s)
    alone = fixations.fixation_id.to_numpy() < 0
    number = np.where(alone, -1 - np.arange(len(fixations)), fixations.fixation_id)
    fixation = fixations.groupby([fixations.observer.to_numpy(), number]).ngroup().to_numpy()
    chosen = []
    for time in time_s:
        distance = np.abs(time_s - time)
        near = np.flatnonzero(distance <= window_s / 2 + 1e-9)
        nearest_first = rows[near[np.argsort(distance[near].round(9), kind="stable")]].ravel()
        gazed = nearest_first[nearest_first >= 0]
        chosen.append(np.sort(gazed[np.unique(fixation[gazed], return_index=True)[1]]))
    points = fixations.iloc[np.concatenate([*chosen, np.zeros(0, dtype=np.int64)])]
    points = points[["observer", "yaw_deg", "pitch_deg", "weight"]].reset_index(drop=True)
    return points.assign(frame=np.repeat(frames.frame.to_numpy(), [len(rows) for rows in chosen]))


def points_map(yaw: ArrayLike, pitch: ArrayLike, size: tuple[int, int] = (480, 960)) -> NDArray[np.bool_]:
    """Return the binary map of fixation points: True at the pixels [H, W] that directions [n] in degrees fall into."""
    height, width = size
    column, row = (np.floor(place + 0.5).astype(int) for place in direction_to_pixel(yaw, pitch, height, width))
    points = np.zeros(size, dtype=bool)
    points[np.minimum(row, height - 1), column % width] = True
    return points
