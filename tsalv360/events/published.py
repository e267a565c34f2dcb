"""The published method: bright regions of saliency maps, clustered in each frame and linked over time.

As described for CA-SUM-360 and TSV360 (Kontostathis, Apostolidis & Mezaris): regions of a frame's saliency map above an
intensity are clustered by great-circle distance, clusters are linked to those of the next frames within a distance,
gaps are filled, and short events are dropped. It is here for comparison, and corrected: regions go on over the seam,
distances are angles, two events never take the same cluster, and directions are weighted by intensity and area.
"""

from dataclasses import replace

import numpy as np
from numpy.typing import NDArray
from scipy.cluster.hierarchy import fcluster, linkage

from tsalv360.contracts.gaze_grid import GazeGrid
from tsalv360.events.clusters import Candidate, link
from tsalv360.events.settings import RegionSettings
from tsalv360.sphere.density import sliding_density
from tsalv360.sphere.directions import Array, normalise, pixel_to_direction, to_vectors
from tsalv360.sphere.regions import label_regions

_SIZE = 180, 360  # of the maps; a pixel is a degree, a fifth of σ


def find_regions(grid: GazeGrid, settings: RegionSettings) -> list[Candidate]:
    """Return the tracks of clusters of bright regions, sorted by their times."""
    column, row = np.meshgrid(np.arange(_SIZE[1]), np.arange(_SIZE[0]))
    yaw, pitch = pixel_to_direction(column, row, *_SIZE)
    by_area = to_vectors(yaw, pitch) * np.cos(np.radians(pitch))[..., None]
    even = replace(grid, time_s=np.arange(len(grid.time_s)) / grid.rate)  # so that all windows have as many frames
    window_s = (2 * round(settings.window_s * grid.rate / 2) + 1) / grid.rate
    maps = sliding_density(even, window_s, settings.sigma_deg, _SIZE)
    clusters = (
        (float(time), _clusters(saliency, saliency[..., None] * by_area, settings))
        for time, saliency in zip(grid.time_s, maps, strict=True)
    )
    return link(clusters, settings.link_deg, settings.fill_gap_s, extrapolate=False)


def _clusters(saliency: NDArray[np.float32], weighted: Array, settings: RegionSettings) -> list[Array]:
    """Return the centres of the clusters of bright regions of a map [H, W], from weighted vectors [H, W, 3]."""
    if not saliency.max() > 0:
        return []
    regions = label_regions(saliency / saliency.max() >= settings.intensity / 255)
    inside = regions > 0
    _, own = np.unique(regions[inside], return_inverse=True)
    sums = np.stack([np.bincount(own, part) for part in weighted[inside].T], axis=-1)
    if len(sums) > 1:
        chord = 2 * np.sin(np.radians(settings.cluster_deg) / 2)
        group = fcluster(linkage(normalise(sums), "single"), chord, "distance")
        sums = np.stack([sums[group == k].sum(axis=0) for k in np.unique(group)])
    return list(normalise(sums))
