"""Saliency maps: the density of fixations on the sphere.

Fixation points: the directions that a frame's saliency map is made of, one for each fixation.

They are what NSS and AUC judge a saliency map by (Bylinskii et al. 2019, "What do different evaluation metrics tell us
about saliency models?"): a binary map of where people looked. A long fixation counts once here, while the saliency map
weighs it by how long it lasted.
"""

from collections.abc import Mapping
from pathlib import Path
from typing import Self

import cv2
import numpy as np
import pandas as pd
from numpy.typing import ArrayLike, NDArray
from pydantic import model_validator
from pydantic.dataclasses import dataclass

from tsalv360.contracts.gaze_grid import rows_at, sample_gaze
from tsalv360.contracts.settings import STRICT, setting
from tsalv360.contracts.tables import POINTS, empty
from tsalv360.job.files import whole_folder
from tsalv360.job.log import progress
from tsalv360.media.pictures import write_picture
from tsalv360.sphere.density import density, sliding_density
from tsalv360.sphere.directions import direction_to_pixel

Map = NDArray[np.float32]
Subject = tuple[pd.DataFrame, pd.DataFrame]

ALL_OBSERVERS = "all"  # among the names of events, the folder of the maps of all fixations


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
            gaze = sample_gaze(fixations, frames.time_s.to_numpy())
            size = settings.height, 2 * settings.height
            densities = sliding_density(gaze, settings.window_s, settings.sigma_deg, size)
            for frame, density_there in zip(frames.frame, densities, strict=True):
                if (peak := density_there.max()) > 0:
                    write_picture(folder / f"{frame:04d}.png", to_8bit(density_there / peak))
                bar.update()


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
    frames : `frame` and `time_s`, increasing: a track, or all kept frames. Gaze is read at these times, as for maps.
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
        nearest = rows[near[np.argsort(distance[near].round(9), kind="stable")]].ravel()
        seen = nearest[nearest >= 0]
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
