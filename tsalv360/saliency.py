"""Saliency maps, the density of fixations on the sphere, and the fixation points that they are made of.

There are two methods. `fixations`: the map of an event is made of the fixations assigned to it, and of its path, which
counts as a number of further looks: few looks say little about where other people look, and together with the path
more. `spotlight`, the published one: the map of all observers times a cone about the event (docs/saliency.md).

Points serve metrics that compare a map with where people fixated, such as NSS and AUC (Bylinskii et al. 2019, "What do
different evaluation metrics tell us about saliency models?"). Each fixation is one point however long it lasts; in the
map it counts by its duration.
"""

from collections.abc import Iterator, Mapping
from math import gcd
from pathlib import Path
from typing import Any, Literal, NamedTuple, Self

import cv2
import numpy as np
import pandas as pd
from numpy.typing import ArrayLike, NDArray
from pydantic import model_validator
from pydantic.dataclasses import dataclass

from tsalv360.contracts.gaze_grid import GazeGrid, rows_at, sample_gaze
from tsalv360.contracts.settings import STRICT, setting
from tsalv360.contracts.shards import write_shard
from tsalv360.contracts.tables import MAPS, POINTS, empty
from tsalv360.job.log import progress
from tsalv360.media.pictures import as_png
from tsalv360.sources.maps import maps_of_frames
from tsalv360.sphere.density import density, peak_density, sliding_density
from tsalv360.sphere.directions import Array, angular_distance, direction_to_pixel, pixel_vectors, to_vectors

Map = NDArray[np.float32]

Method = Literal["fixations", "spotlight"]

ALL_OBSERVERS = "all"  # name of the maps of all fixations, among those of events
FULL_DEG, ZERO_DEG = 15.0, 35.0  # the published cone: its weight is 1 up to the first, 0 from the second on


class MapInput(NamedTuple):
    """What a series of maps is made of: rows of the fixations table, and `frame` and `time_s` of the frames.

    The frames of an event also have its path, `yaw_deg` and `pitch_deg`.
    """

    fixations: pd.DataFrame
    frames: pd.DataFrame


@dataclass(frozen=True, config=STRICT)
class SaliencySettings:
    """Saliency map of an event per frame."""

    method: Method = setting(
        "fixations",
        "what an event's map shows: the fixations assigned to it and its path; or, as published, the map of all "
        "observers within 15° of the event, faded to 0 at 35°",
    )
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
        25.0,
        "number of looks that the event's path counts for in its map; 0: the map shows looks only; not for spotlight",
        ge=0,
        le=1000,
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

    >>> saliency = saliency_map([0.1875], [-0.1875], sigma=3.75)  # the centre of a pixel; σ is 10 pixels
    >>> float(saliency[240, 480]), round(float(saliency[250, 480]), 3)  # a σ below it: about exp(−½) = 0.6065
    (1.0, 0.607)
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


def spotlight(
    saliency_map: NDArray[Any], yaw: float, pitch: float, full_deg: float = FULL_DEG, zero_deg: float = ZERO_DEG
) -> Map:
    """Return a map [H, 2H] times a cone about a direction in degrees, scaled to maximum 1, as float32.

    The cone is 1 up to `full_deg` from the direction, 0 from `zero_deg` on, and linear in the angle in between. Raises
    ValueError if the map is 0 within the cone, or has numbers that are negative or not finite.

    The cone itself, along a row:

    >>> spotlight(np.ones((18, 36)), yaw=5, pitch=5)[8, 18:23].round(2)
    array([1.  , 1.  , 0.75, 0.26, 0.  ], dtype=float32)
    """
    saliency_map = np.asarray(saliency_map)
    if saliency_map.ndim != 2 or saliency_map.shape[1] != 2 * saliency_map.shape[0]:
        raise ValueError(f"found a map of shape {saliency_map.shape}; expected [H, 2H]")
    if not 0 <= full_deg < zero_deg:
        raise ValueError(f"found full_deg {full_deg:g} and zero_deg {zero_deg:g}; expected 0 ≤ full_deg < zero_deg")
    if not (np.isfinite(saliency_map).all() and (saliency_map >= 0).all()):
        raise ValueError("found a map with NaN, infinity or negative numbers; expected none of these")
    lit = saliency_map * _cone(yaw, pitch, saliency_map.shape[0], full_deg, zero_deg)
    if not lit.max() > 0:
        raise ValueError(f"found no saliency within {zero_deg:g}° of yaw {yaw:g}°, pitch {pitch:g}°; expected some")
    return (lit / lit.max()).astype(np.float32)


def _cone(yaw: float, pitch: float, height: int, full_deg: float = FULL_DEG, zero_deg: float = ZERO_DEG) -> Array:
    """Return the weights [H, 2H] of `spotlight`, by the distance of the pixels' centres."""
    cosine = np.clip(pixel_vectors(height) @ to_vectors(yaw, pitch), -1, 1)
    return np.clip((zero_deg - np.degrees(np.arccos(cosine))) / (zero_deg - full_deg), 0, 1)


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


def write_saliency_maps(
    path: str | Path,
    inputs: Mapping[str, MapInput],
    settings: SaliencySettings,
    source_maps: str | Path | None = None,
) -> None:
    """Write the maps of `map_inputs` in one file (`contracts.tables.MAPS`), those of all observers only if wanted.

    A frame without gaze in the window gets no map; for `spotlight`, which needs the input of all observers, a frame
    without gaze within the cone.

    Parameters: `source_maps`, the video's saliency maps where its source has maps in place of gaze: the spotlight then
    falls on these.
    """
    wanted = {name: own for name, own in inputs.items() if name != ALL_OBSERVERS or settings.all_observers}
    times = {name: dict(zip(own.frames.frame, own.frames.time_s, strict=True)) for name, own in wanted.items()}
    total = sum(len(own.frames) for own in wanted.values())
    if settings.method == "spotlight":
        series = _spotlights(wanted, inputs[ALL_OBSERVERS], settings, source_maps)
    else:
        series = _densities(wanted, settings)
    with write_shard(path, MAPS) as shard, progress(total=total, what="maps") as bar:
        for name, frame, summed in series:
            if (peak := summed.max()) > 0:
                event, time_s = None if name == ALL_OBSERVERS else name, times[name][frame]
                row = {"video": None, "event_id": event, "frame": frame, "time_s": time_s, "caption": None}
                shard.add(as_png(to_8bit(summed / peak)), f"{frame:04d}.png", **row)
            bar.update()


def _densities(wanted: Mapping[str, MapInput], settings: SaliencySettings) -> Iterator[tuple[str, int, Map]]:
    """Yield name, frame and map before it is scaled, one input after the other."""
    for name, own in wanted.items():
        for frame, summed in zip(own.frames.frame, map_densities(own, settings), strict=True):
            yield name, frame, summed


def _spotlights(
    wanted: Mapping[str, MapInput], everybody: MapInput, settings: SaliencySettings, source_maps: str | Path | None
) -> Iterator[tuple[str, int, Map]]:
    """Yield name, frame and map before it is scaled, frame by frame: that of all observers is made once for all."""
    points = points_in_cones(wanted, everybody, settings.window_s)
    watched = set(zip(points.event_id, points.frame, strict=True))
    if source_maps:
        maps = _resized_maps(Path(source_maps), everybody.frames.frame.tolist(), settings.height)
    else:
        maps = map_densities(everybody, settings)
    shown = pd.concat([own.frames.assign(name=name) for name, own in wanted.items()] or [everybody.frames[:0]])
    by_frame = dict(list(shown.groupby("frame")))
    for frame, summed in zip(everybody.frames.frame, maps, strict=True):
        for row in by_frame.get(frame, shown[:0]).to_dict("records"):
            name = row["name"]
            if name == ALL_OBSERVERS:
                yield name, frame, summed
            else:
                lit = (name, frame) in watched
                cone = lit * _cone(row["yaw_deg"], row["pitch_deg"], settings.height)
                yield name, frame, (summed * cone).astype(np.float32)


def _resized_maps(source_maps: Path, frames: list[int], height: int) -> Iterator[Map]:
    """Yield the source's map of each frame at the height of ours, divided by its maximum; zeros where it has none."""
    size = height, 2 * height
    for found in maps_of_frames(source_maps, frames):
        if found is None or not found.max() > 0:
            yield np.zeros(size, dtype=np.float32)
        else:
            yield resize_maps((found / found.max()).astype(np.float32)[None], size)[0]


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


def points_table(inputs: Mapping[str, MapInput], window_s: float, method: Method = "fixations") -> pd.DataFrame:
    """Return the points table: the `fixation_points` of all `map_inputs`; those of all observers have no `event_id`.

    The points of an event's spotlight are those of all observers within its cone.
    """
    spots = method == "spotlight"
    parts = [
        fixation_points(*own, window_s).assign(event_id=None if name == ALL_OBSERVERS else name)
        for name, own in inputs.items()
        if not spots or name == ALL_OBSERVERS
    ]
    if spots:
        parts.insert(0, points_in_cones(inputs, inputs[ALL_OBSERVERS], window_s))
    return pd.concat([empty(POINTS), *(part for part in parts if len(part))], ignore_index=True)[list(POINTS)]


def points_in_cones(inputs: Mapping[str, MapInput], everybody: MapInput, window_s: float) -> pd.DataFrame:
    """Return the points of the events' spotlights: of the points of all observers those nearer than 35° to the event.

    Columns as `fixation_points`, and `event_id`.
    """
    points, parts = fixation_points(*everybody, window_s), []
    for name, own in inputs.items():
        if name != ALL_OBSERVERS:
            path = own.frames[["frame", "yaw_deg", "pitch_deg"]]
            near = points.merge(path, on="frame", suffixes=("", "_event"))
            away = angular_distance(near.yaw_deg, near.pitch_deg, near.yaw_deg_event, near.pitch_deg_event)
            parts.append(near[away < ZERO_DEG].drop(columns=["yaw_deg_event", "pitch_deg_event"]).assign(event_id=name))
    return pd.concat([points[:0].assign(event_id=""), *parts], ignore_index=True)


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

    >>> from tsalv360.sources.recording import fixations_table
    >>> fixations = fixations_table("s01", [0.0, 1.0], 1.0, [0, 30], [-20, 40], 5, fixation_id=[0, 1])
    >>> frames = pd.DataFrame({"frame": [15, 45], "time_s": [0.5, 1.5]})
    >>> fixation_points(fixations, frames, window_s=0.5)[["frame", "observer", "yaw_deg", "pitch_deg"]]
       frame observer  yaw_deg  pitch_deg
    0     15      s01    -20.0        5.0
    1     45      s01     40.0        5.0
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
    """Return the binary map of fixation points: True at the pixels [H, W] that directions [n] in degrees fall into.

    >>> points = points_map([0, 0, 90], [0, 0, 10])
    >>> points.shape, int(points.sum())  # two of them fall into one pixel
    ((480, 960), 2)
    """
    height, width = size
    column, row = (np.floor(place + 0.5).astype(int) for place in direction_to_pixel(yaw, pitch, height, width))
    points = np.zeros(size, dtype=bool)
    points[np.minimum(row, height - 1), column % width] = True
    return points


def resize_maps(maps: NDArray[Any], size: tuple[int, int]) -> Map:
    """Return panoramic maps [P, h, w] resized to [P, H, W], continuous over the seam."""
    (h, w), (height, width) = maps.shape[1:], size
    if (h, w) == size:
        return maps
    margin = w // gcd(w, width)  # whole pixels in both sizes
    wrapped = np.pad(maps, ((0, 0), (0, 0), (margin, margin)), mode="wrap")
    cut = margin * width // w
    kernel = cv2.INTER_LINEAR if width > w else cv2.INTER_AREA
    resized = [cv2.resize(one, (width + 2 * cut, height), interpolation=kernel) for one in wrapped]
    return np.stack(resized)[..., cut : cut + width]
