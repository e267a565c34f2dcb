"""Events as TSV360 was made by the code that its authors published, with that code's defects mended.

In the saliency map of every eighth native frame, the peaks of bright regions are found; peaks of successive maps that
are close are one event. docs/published.md tells what was published and what is mended. HDBSCAN, as published, gives
connected regions on 579 of 584 real maps, so regions are connected pixels here, at a small part of the cost.
"""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass

import cv2
import numpy as np
import pandas as pd
from numpy.typing import ArrayLike, NDArray

from tsalv360.contracts.gaze_grid import GazeGrid, sample_gaze
from tsalv360.events.hypothesis import Dropped, Hypothesis
from tsalv360.events.refine import assign
from tsalv360.events.settings import Tsv360Settings
from tsalv360.sphere.density import density
from tsalv360.sphere.directions import (
    Array,
    direction_to_pixel,
    normalise,
    pixel_to_direction,
    pixel_vectors,
    to_angles,
    to_vectors,
    vector_angle,
)
from tsalv360.sphere.regions import label_regions

_SIZE = 320, 640  # of the maps, as published
_DEFAULTS = Tsv360Settings()


@dataclass(eq=False)
class Volume:
    """The samples of one possible event: native frame numbers, and the peaks there as unit vectors."""

    frames: list[int]
    peaks: list[Array]

    @property
    def n_frames(self) -> int:
        """Number of native frames from the first to the last sample."""
        return self.frames[-1] - self.frames[0] + 1

    def path(self, frames: ArrayLike) -> Array:
        """Return the unit vectors [n, 3] at native frames [n]: on great circles between samples, at rest outside."""
        known, peaks = np.array(self.frames), np.stack(self.peaks)
        number = np.clip(np.asarray(frames, dtype=float), known[0], known[-1])
        before = np.searchsorted(known, number, side="right") - 1
        after = np.minimum(before + 1, len(known) - 1)
        share = ((number - known[before]) / np.maximum(known[after] - known[before], 1))[:, None]
        turns = vector_angle(peaks[before], peaks[after])[:, None] / 180
        start, end = ((part * np.sinc(part * turns)) / np.sinc(turns) for part in (1 - share, share))
        return start * peaks[before] + end * peaks[after]


def find_volumes(
    fixations: pd.DataFrame, grid: GazeGrid, number: NDArray[np.int64], fps: float, reach_deg: float, s: Tsv360Settings
) -> list[Hypothesis]:
    """Return the volumes as hypotheses with their gaze, sorted by time; short ones are dropped.

    Parameters: the fixations table; the gaze grid and its native frame `number` [n]; the native rate; how far gaze may
    lie from its event; the settings.
    """
    hypotheses = []
    for volume in link_peaks(_peaks(fixations, number, fps, s), s):
        first, last = np.searchsorted(number, volume.frames[0]), np.searchsorted(number, volume.frames[-1], "right")
        active = np.zeros(len(number), dtype=bool)
        active[min(first, len(number) - 1) : max(first + 1, last)] = True  # a single sample may lie between the grid's
        dropped = None
        if volume.n_frames < s.min_length_frames:
            reason = f"lasts {volume.n_frames} native frames, less than {s.min_length_frames}"
            dropped = Dropped("tsv360.min_length_frames", reason)
        nobody = np.zeros(grid.present.shape, dtype=bool)
        hypotheses.append(Hypothesis(volume.path(number), active, active, nobody, reach_deg, dropped=dropped))
    kept = [hypothesis for hypothesis in hypotheses if not hypothesis.dropped]
    assign(grid, kept, reach_deg)
    for hypothesis in kept:
        if not hypothesis.assigned.any():
            reason = f"no gaze within {reach_deg:g}° that is not nearer to another event"
            hypothesis.dropped = Dropped("assign_deg", reason)
    return hypotheses


def _peaks(
    fixations: pd.DataFrame, number: NDArray[np.int64], fps: float, s: Tsv360Settings
) -> Iterator[tuple[int, Array]]:
    """Yield every `step_frames`-th native frame between the first and the last kept one, and the peaks of its map."""
    frames = np.arange(-(-number[0] // s.step_frames) * s.step_frames, number[-1] + 1, s.step_frames)
    gaze = sample_gaze(fixations, frames / fps)
    for frame, vectors, weights, present in zip(frames, gaze.vectors, gaze.weights, gaze.present, strict=True):
        saliency = density(*to_angles(vectors[present]), weights[present], s.sigma_deg, _SIZE)
        if (peak := saliency.max()) > 0:
            yield int(frame), to_vectors(*salient_centres(saliency / peak, s))


def salient_centres(
    saliency_map: NDArray[np.uint8] | NDArray[np.float32], settings: Tsv360Settings = _DEFAULTS
) -> tuple[Array, Array]:
    """Return yaw and pitch [n], in degrees, of the peaks of a saliency map's bright regions, most salient first.

    Parameters
    ----------
    saliency_map : [H, 2H], 8-bit or from 0 to 1; looked at in 8 bits at 640×320. Raises ValueError for other shapes.

    A region is wide or high enough (`min_extent_deg`); its peak is the brightest place within `peak_deg` of the middle
    of its box, the mean direction if there are several. There is none where that place is on another region. Peaks are
    sorted by the sum of the map within `peak_deg` of the middle, pixel by pixel, as published.
    """
    if saliency_map.ndim != 2 or saliency_map.shape[1] != 2 * saliency_map.shape[0]:
        raise ValueError(f"found a map of shape {saliency_map.shape}; expected one gray panorama [H, 2H]")
    if saliency_map.dtype != np.uint8:
        saliency_map = np.rint(np.clip(saliency_map, 0, 1) * 255).astype(np.uint8)
    levels = cv2.resize(saliency_map, _SIZE[::-1], interpolation=cv2.INTER_LINEAR).astype(np.uint8)
    labels = label_regions(levels > settings.level * 255)
    rows, columns = np.nonzero(labels)
    found = []
    for region in np.unique(labels[rows, columns]):
        own = labels[rows, columns] == region
        middle = _middle(rows[own], columns[own], levels, settings.min_extent_deg)
        if middle is None:
            continue
        _, at = direction_to_pixel(*to_angles(middle), *_SIZE)
        reach = settings.peak_deg * _SIZE[0] / 180
        band = slice(max(int(at - reach), 0), int(at + reach) + 2)  # rows that the disc touches
        directions, saliency = pixel_vectors(_SIZE[0])[band], levels[band]
        near = directions @ middle > np.cos(np.radians(settings.peak_deg))
        brightest = near & (labels[band] == region) & (saliency == saliency[near].max(initial=0))
        if brightest.any():
            found.append((int(saliency[near].sum()), directions[brightest].sum(axis=0)))
    found.sort(key=lambda peak: -peak[0])
    return to_angles(np.reshape([vector for _, vector in found], (-1, 3)))


def _middle(
    rows: NDArray[np.int64], columns: NDArray[np.int64], levels: NDArray[np.uint8], min_extent_deg: float
) -> Array | None:
    """Return the unit vector of the middle of a region's box, which goes over the seam where the region does.

    A region all the way round has no middle column: there it is the region's brightest place. None if the region, of
    pixels [n], is neither wide nor high, or if that place is everywhere.
    """
    height, width = levels.shape
    across = np.unique(columns)
    if len(across) == width:
        level = levels[rows, columns]
        place = pixel_vectors(_SIZE[0])[rows, columns][level == level.max()].mean(axis=0)
        return normalise(place) if np.linalg.norm(place) > 1e-6 else None
    steps = np.diff(across, append=across[0] + width)
    widest = int(steps.argmax())  # the box begins after the widest range of columns that the region leaves free
    wide, high = width - steps[widest], rows[-1] - rows[0]
    if max(wide, high) * 180 / height <= min_extent_deg:
        return None
    start = across[(widest + 1) % len(across)]
    return to_vectors(*pixel_to_direction(start + wide / 2, rows[0] + high / 2, height, width))


def link_peaks(peaks: Iterable[tuple[int, Array]], settings: Tsv360Settings = _DEFAULTS) -> list[Volume]:
    """Return the volumes of the peaks of successive frames, sorted by first and last frame.

    Parameters: native frame numbers, increasing, and the unit vectors [n, 3] of their peaks, most salient first.

    A peak goes to the nearest volume, within `link_deg`, that has none at this frame and was not left for longer than
    `fill_gap_frames`. Else it begins a volume, unless another peak of the frame is within `same_deg`.
    """
    volumes: list[Volume] = []
    for frame, centres in peaks:
        open_ = [volume for volume in volumes if frame - volume.frames[-1] <= settings.fill_gap_frames]
        for centre in centres:
            away = [float(vector_angle(volume.peaks[-1], centre)) for volume in open_]
            free = [(angle, k) for k, angle in enumerate(away) if open_[k].frames[-1] < frame]
            angle, nearest = min(free, default=(np.inf, -1))
            if angle < settings.link_deg:
                open_[nearest].frames.append(frame)
                open_[nearest].peaks.append(centre)
            elif not any(
                volume.frames[-1] == frame and angle < settings.same_deg
                for volume, angle in zip(open_, away, strict=True)
            ):
                open_.append(Volume([frame], [centre]))
                volumes.append(open_[-1])
    return sorted(volumes, key=lambda volume: (volume.frames[0], volume.frames[-1]))
