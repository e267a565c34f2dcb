"""The published way to events: bright regions of saliency maps, clustered per frame and linked over time.

As described for CA-SUM-360 and TSV360 (Kontostathis, Apostolidis & Mezaris): regions of a frame's saliency map above an
intensity, clustered by great-circle distance; clusters linked to the next frames' within a distance; gaps filled, short
events dropped. It is here for comparison, and mended: regions go on over the seam, distances are angles
everywhere, two events never take the same cluster, and directions are weighted by intensity and area.
"""

from collections import deque
from collections.abc import Iterator

import cv2
import numpy as np
from numpy.typing import NDArray
from scipy.cluster.hierarchy import fcluster, linkage

from tsalv360.contracts.gaze_grid import Looks
from tsalv360.events.clusters import Candidate, link
from tsalv360.events.settings import RegionSettings
from tsalv360.saliency import density
from tsalv360.sphere.directions import Array, normalise, pixel_to_direction, to_angles, to_vectors

_HEIGHT = 180  # of the maps; a pixel is a degree, a fifth of σ


def find_regions(looks: Looks, settings: RegionSettings) -> list[Candidate]:
    """Chains of clusters of bright regions, in the order of their first frame."""
    size = _HEIGHT, 2 * _HEIGHT
    column, row = np.meshgrid(np.arange(size[1]), np.arange(size[0]))
    vectors = to_vectors(*pixel_to_direction(column, row, *size))
    area = np.cos(np.radians(pixel_to_direction(column, row, *size)[1]))
    alive: list[Candidate] = []
    ended: list[Candidate] = []
    for time, saliency in zip(looks.time_s, _maps(looks, settings, size), strict=True):
        ended += [c for c in alive if time - c.times[-1] > settings.fill_gap_s]
        alive = [c for c in alive if time - c.times[-1] <= settings.fill_gap_s]
        if saliency.max() > 0:
            bright = saliency / saliency.max() >= settings.intensity / 255
            centres = _clusters(_regions(bright), vectors * (saliency * area)[..., None], settings.cluster_deg)
            last = [c.centres[-1] for c in alive]
            link(alive, last, float(time), centres, settings.link_deg)
    return sorted(ended + alive, key=lambda c: (c.times[0], c.times[-1]))


def _maps(looks: Looks, settings: RegionSettings, size: tuple[int, int]) -> Iterator[NDArray[np.float32]]:
    """Saliency of all observers at each frame: the looks at it and within half a window before and after."""
    near: deque[NDArray[np.float32]] = deque(maxlen=2 * round(settings.window_s * looks.rate / 2) + 1)
    half = near.maxlen // 2 if near.maxlen else 0
    for ahead in range(len(looks.time_s) + half):
        if ahead < len(looks.time_s):
            there = looks.present[ahead]
            yaw, pitch = to_angles(looks.vectors[ahead, there])
            near.append(density(yaw, pitch, looks.weights[ahead, there], settings.sigma_deg, size))
        elif len(near) > half:
            near.popleft()
        if ahead >= half:
            yield np.sum(near, axis=0)


def _regions(bright: NDArray[np.bool_]) -> NDArray[np.int32]:
    """Number of the connected region of each pixel, 0 outside; regions go on over the seam."""
    _, labels = cv2.connectedComponents(bright.astype(np.uint8), connectivity=8)
    for row in np.flatnonzero(labels[:, 0]):
        for other in labels[max(row - 1, 0) : row + 2, -1]:
            if other:
                labels[labels == other] = labels[row, 0]
    return np.asarray(labels, dtype=np.int32)


def _clusters(regions: NDArray[np.int32], weighted: Array, cluster_deg: float) -> list[Array]:
    """Centres of the regions [H, W] that lie within `cluster_deg` of one another, from weighted vectors [H, W, 3]."""
    inside = regions > 0
    _, own = np.unique(regions[inside], return_inverse=True)
    sums = np.stack([np.bincount(own, part) for part in weighted[inside].T], axis=-1)
    if len(sums) > 1:
        chords = normalise(sums)
        group = fcluster(linkage(chords, "single"), 2 * np.sin(np.radians(cluster_deg) / 2), "distance")
        sums = np.stack([sums[group == k].sum(axis=0) for k in np.unique(group)])
    return list(normalise(sums))
