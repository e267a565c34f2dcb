"""Saliency maps, the density of fixations on the sphere, and the fixation points that they are made of.

The map of an event also shows its path, which counts as a number of further looks (`SaliencySettings.path_looks`):
few looks say little about where other people look, and together with the path more (docs/saliency.md).

Points serve metrics that compare a map with where people fixated, such as NSS and AUC (Bylinskii et al. 2019, "What do
different evaluation metrics tell us about saliency models?"). Each fixation is one point however long it lasts; in the
map it counts by its duration.
"""

from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import NamedTuple, Self

import cv2
import numpy as np
import pandas as pd
from numpy.typing import ArrayLike, NDArray
from pydantic import model_validator
from pydantic.dataclasses import dataclass

from tsalv360.contracts.gaze_grid import GazeGrid, rows_at, sample_gaze
from tsalv360.contracts.settings import STRICT, setting
from tsalv360.contracts.tables import POINTS, empty
from tsalv360.job.files import whole_folder
from tsalv360.job.log import progress
from tsalv360.media.pictures import write_picture
from tsalv360.sphere.density import density, peak_density, sliding_density
from tsalv360.sphere.directions import Array, direction_to_pixel

Map = NDArray[np.float32]

ALL_OBSERVERS = "all"  # name of the maps of all fixations, among those of events


class MapInput(NamedTuple):
    """What a series of maps is made of: rows of the fixations table, and `frame` and `time_s` of the frames.

    The frames of an event also have its path, `yaw_deg` and `pitch_deg`.
    """

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
        "length of the window around a frame whose gaze makes the map",
        unit="s",
        gt=0,
        le=10,
    )
    path_looks: float = setting(
        25.0, "number of looks that the event's path counts for in its map; 0: the map shows looks only", ge=0, le=1000
    )
    path_sigma_deg: float = setting(4.5, "width σ of the event's path in its map", unit="deg", gt=0.2, le=30)
    all_observers: bool = setting(
        False, "also make the map of all observers for every kept frame, 28 kB each at 480 px"
    )

    @model_validator(mode="after")
    def _sigma_of_pixels(self) -> Self:
        for name in ("sigma_deg", "path_sigma_deg"):
            if (sigma := getattr(self, name)) < 90 / self.height:
                raise ValueError(f"{name} ({sigma:g}°) must be at least half a pixel, {90 / self.height:.2g}°")
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
    with whole_folder(directory) as partial, progress(total=total, what="maps") as bar:
        for name, own in wanted.items():
            folder = partial / name
            folder.mkdir()
            for frame, summed in zip(own.frames.frame, map_densities(own, settings), strict=True):
                if (peak := summed.max()) > 0:
                    write_picture(folder / f"{frame:04d}.png", to_8bit(summed / peak))
                bar.update()


def map_densities(own: MapInput, settings: SaliencySettings) -> Iterator[Map]:
    """Yield the map [H, W] of each frame before it is scaled: the density of the looks, and that of an event's path.

    A frame without gaze in the window has a map of zeros.
    """
    fixations, frames = own
    size = settings.height, 2 * settings.height
    grid = sample_gaze(fixations, frames.time_s.to_numpy())
    of_looks = sliding_density(grid, settings.window_s, settings.sigma_deg, size)
    if "yaw_deg" not in frames or not settings.path_looks:
        yield from of_looks
        return
    path = frames[["yaw_deg", "pitch_deg"]].to_numpy()
    weights = _path_weights(own, grid, settings)
    for looks, (yaw, pitch), weight in zip(of_looks, path[:, :, None], weights[:, None], strict=True):
        yield looks + density(yaw, pitch, weight, settings.path_sigma_deg, size)


def _path_weights(own: MapInput, grid: GazeGrid, settings: SaliencySettings) -> Array:
    """Return the weight [n_frames] of the path in `density`: `path_looks` times the mean weight of a look of the frame.

    The integral of its density is that of so many looks, though it is narrower. 0 at a frame without gaze.
    """
    window = np.abs(grid.time_s[:, None] - grid.time_s) <= settings.window_s / 2 + 1e-9
    points = fixation_points(*own, settings.window_s)
    n_looks = points.groupby("frame").size().reindex(own.frames.frame, fill_value=0).to_numpy()
    of_a_look = window @ grid.weights.sum(axis=1) / np.maximum(n_looks, 1)
    return settings.path_looks * of_a_look * (peak_density(settings.path_sigma_deg) / peak_density(settings.sigma_deg))


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
