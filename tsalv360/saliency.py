"""Saliency maps: the density of fixations on the sphere.

Fixation points: the directions that a frame's saliency map is made of, one for each fixation.

They are what NSS and AUC judge a saliency map by (Bylinskii et al. 2019, "What do different evaluation metrics tell us
about saliency models?"): a binary map of where people looked. A long fixation counts once here, while the saliency map
weighs it by how long it lasted.
"""

import math
from collections import deque
from collections.abc import Iterator, Mapping
from functools import lru_cache
from pathlib import Path
from typing import Self

import cv2
import numpy as np
import pandas as pd
from numpy.typing import ArrayLike, NDArray
from pydantic import model_validator
from pydantic.dataclasses import dataclass

from tsalv360.contracts.gaze_grid import rows_at, sample_looks
from tsalv360.contracts.settings import STRICT, setting
from tsalv360.contracts.tables import POINTS, empty
from tsalv360.job.files import whole_folder
from tsalv360.job.log import progress
from tsalv360.media.pictures import write_picture
from tsalv360.sphere.directions import Array, direction_to_pixel, pixel_to_direction, to_angles

Map = NDArray[np.float32]
Subject = tuple[pd.DataFrame, pd.DataFrame]

ALL_OBSERVERS = "all"  # among the names of events, the folder of the maps of all fixations

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
    all_observers: bool = setting(
        False, "make the map of all observers for every kept frame as well, 28 kB each at 480 px"
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
    sigma : σ in degrees, above 0.
    size : height and width of the map in pixels.

    Returns float32 [H, W]. Raises ValueError without any weight: there is no saliency map of nothing. Also for numbers
    that are not finite or not allowed, and for a σ so far below a pixel that every fixation falls between the pixels.
    """
    yaw, pitch = np.atleast_1d(yaw).astype(float), np.atleast_1d(pitch).astype(float)
    weights = np.ones(len(yaw)) if weights is None else np.atleast_1d(weights).astype(float)
    if not len(yaw) == len(pitch) == len(weights):
        raise ValueError(
            f"found {len(yaw)} yaws, {len(pitch)} pitches, {len(weights)} weights; expected as many of each"
        )
    if not (np.isfinite([yaw, pitch, weights]).all() and (weights >= 0).all() and sigma > 0):
        raise ValueError("found NaN, infinity, a negative weight or a σ that is not above 0; expected none of these")
    if not weights.any():
        raise ValueError("found no fixation of positive weight; expected at least one for a saliency map")
    total = density(yaw, pitch, weights / weights.max(), sigma, size)
    if not total.max() > 0:
        raise ValueError(f"found σ {sigma:g}° on a map of {180 / size[0]:.2g}° a pixel; expected at least half a pixel")
    return np.divide(total, total.max(), out=total)


def density(yaw: Array, pitch: Array, weights: Array, sigma: float, size: tuple[int, int]) -> Map:
    """The sum of `saliency_map` before scaling: each fixation alone peaks at its weight. Zero without fixations.

    The exponent κ(cos d − 1) is −2κ times the haversine of the distance d: no small difference of large numbers, so
    single precision is enough for it.
    """
    height, width = size
    kappa = 1 / np.radians(sigma) ** 2
    reach = np.arccos(max(-1.0, 1 - _FADED / kappa))
    lam, phi = _axes(height, width)
    lam0, phi0 = np.radians(yaw[weights > 0]), np.radians(pitch[weights > 0])
    # hav d = hav(φ − φ₀) + cos φ cos φ₀ hav(λ − λ₀): the product of a row's two numbers with a column's two
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
    """Longitude of the columns and latitude of the rows, radians."""
    lam = np.radians(pixel_to_direction(np.arange(width), 0, height, width)[0])
    phi = np.radians(pixel_to_direction(0, np.arange(height), height, width)[1])
    return lam, phi


def _haversines(a: Array, b: Array) -> Array:
    """sin²((b − a) / 2) of all pairs [len(a), len(b)]; outer products cost less than a sine for each."""
    sine = np.outer(np.cos(a / 2), np.sin(b / 2)) - np.outer(np.sin(a / 2), np.cos(b / 2))
    return np.square(sine, out=sine)


def _columns_within(lam0: float, phi0: float, reach: float, width: int) -> list[slice]:
    """Columns that a cap of radius `reach` (radians) around a direction touches: two runs over the seam."""
    if abs(phi0) + reach >= math.pi / 2:
        return [slice(0, width)]
    half = math.asin(math.sin(reach) / math.cos(phi0)) / (2 * math.pi) * width
    centre = (lam0 / (2 * math.pi) + 0.5) * width - 0.5
    first, last = math.floor(centre - half), math.ceil(centre + half)
    if last - first + 1 >= width:
        return [slice(0, width)]
    if first < 0:
        return [slice(0, last + 1), slice(first + width, width)]
    if last >= width:
        return [slice(first, width), slice(0, last + 1 - width)]
    return [slice(first, last + 1)]


def subjects(
    fixations: pd.DataFrame, assignments: pd.DataFrame, tracks: pd.DataFrame, kept: pd.DataFrame
) -> dict[str, Subject]:
    """What maps are made of: for each event, then for all observers, the fixations and the frames.

    Parameters: tables of the video, and `kept`: `frame` and `time_s` of all its kept frames. Returns, by event id, the
    fixations assigned to the event and its track; as `ALL_OBSERVERS`, all fixations and all kept frames.
    """
    events: dict[str, Subject] = {
        str(event): (fixations.iloc[assignments.row[assignments.event_id == event]], track)
        for event, track in tracks.groupby("event_id", sort=False)
    }
    return {**events, ALL_OBSERVERS: (fixations, kept)}


def write_saliency_maps(
    directory: str | Path, subjects_of_video: Mapping[str, Subject], settings: SaliencySettings
) -> None:
    """Write `<event>/NNNN.png`: 8-bit maps of what `subjects` gives.

    `all/NNNN.png` only where the settings want it. A frame without a fixation in the window gets no map.
    """
    wanted = {
        name: subject for name, subject in subjects_of_video.items() if name != ALL_OBSERVERS or settings.all_observers
    }
    total = sum(len(frames) for _, frames in wanted.values())
    with whole_folder(directory) as partial, progress(total=total, what="maps") as bar:
        for name, (fixations, frames) in wanted.items():
            folder = partial / name
            folder.mkdir()
            densities = _densities(fixations, frames.time_s.to_numpy(), settings)
            for frame, density_there in zip(frames.frame, densities, strict=True):
                if (peak := density_there.max()) > 0:
                    write_picture(folder / f"{frame:04d}.png", to_8bit(density_there / peak))
                bar.update()


def _densities(fixations: pd.DataFrame, time_s: Array, settings: SaliencySettings) -> Iterator[Map]:
    """The density at each of the times: the looks of all times within the window, added up."""
    looks = sample_looks(fixations, time_s)
    size = settings.height, 2 * settings.height
    near: deque[tuple[float, slice, Map]] = deque()
    ahead = 0
    for time in time_s:
        while ahead < len(time_s) and time_s[ahead] <= time + settings.window_s / 2 + 1e-9:
            present = looks.present[ahead]
            yaw, pitch = to_angles(looks.vectors[ahead, present])
            one = density(yaw, pitch, looks.weights[ahead, present], settings.sigma_deg, size)
            near.append((time_s[ahead], _rows_above_0(one), one))
            ahead += 1
        while near[0][0] < time - settings.window_s / 2 - 1e-9:
            near.popleft()
        total = np.zeros(size, dtype=np.float32)
        for _, rows, one in near:
            total[rows] += one[rows]
        yield total


def _rows_above_0(one: Map) -> slice:
    """The rows from the first to the last that is not all 0: those of an event are a part of all."""
    rows = np.flatnonzero(one.any(axis=1))
    return slice(rows[0], rows[-1] + 1) if len(rows) else slice(0)


def to_8bit(saliency: Map) -> NDArray[np.uint8]:
    """A map of maximum 1 as 0 to 255."""
    return cv2.convertScaleAbs(saliency, alpha=255).astype(np.uint8, copy=False)


def points_of(subjects: Mapping[str, Subject], window_s: float) -> pd.DataFrame:
    """The points table: `fixation_points` of every event, then those of all observers, with an empty `event_id`.

    Parameters: `subjects` as `tsalv360.saliency.subjects` gives them.
    """
    parts = [
        fixation_points(fixations, frames, window_s).assign(event_id=None if name == ALL_OBSERVERS else name)
        for name, (fixations, frames) in subjects.items()
    ]
    return pd.concat([empty(POINTS), *(part for part in parts if len(part))], ignore_index=True)[list(POINTS)]


def fixation_points(fixations: pd.DataFrame, frames: pd.DataFrame, window_s: float) -> pd.DataFrame:
    """Where the fixations within the window of each frame were: one point for each observer and fixation.

    Parameters
    ----------
    fixations : columns of the fixations table. Rows of one `observer` and `fixation_id` are one fixation, those with
        -1 one each.
    frames : `frame` and `time_s`, increasing: a track, or all kept frames. Looks are read at these times, as for maps.
    window_s : length of the window around a frame in seconds, as `SaliencySettings.window_s`.

    Returns `frame`, `observer`, `yaw_deg`, `pitch_deg`, `weight`; of a fixation that moves, where it was nearest in
    time to the frame, of two equally near ones the earlier. A frame has points just when it has a map.
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
        looks = rows[near[np.argsort(distance[near].round(9), kind="stable")]].ravel()
        seen = looks[looks >= 0]
        chosen.append(np.sort(seen[np.unique(fixation[seen], return_index=True)[1]]))
    points = fixations.iloc[np.concatenate([*chosen, np.zeros(0, dtype=np.int64)])]
    points = points[["observer", "yaw_deg", "pitch_deg", "weight"]].reset_index(drop=True)
    return points.assign(frame=np.repeat(frames.frame.to_numpy(), [len(rows) for rows in chosen]))


def points_map(yaw: ArrayLike, pitch: ArrayLike, size: tuple[int, int] = (480, 960)) -> NDArray[np.bool_]:
    """The binary map of fixation points: True at the pixels [H, W] that the directions [n], in degrees, fall into."""
    height, width = size
    column, row = (np.floor(place + 0.5).astype(int) for place in direction_to_pixel(yaw, pitch, height, width))
    points = np.zeros(size, dtype=bool)
    points[np.minimum(row, height - 1), column % width] = True
    return points
