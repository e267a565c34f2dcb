"""Candidates: clusters of gaze in short windows, linked over time by optimal assignment."""

from collections.abc import Iterable
from dataclasses import dataclass

import numpy as np
from scipy.optimize import linear_sum_assignment

from tsalv360.contracts.gaze_grid import GazeGrid
from tsalv360.events.settings import EventSettings
from tsalv360.sphere.directions import Array, normalise, vector_angle

_FAR = 1e6  # cost of a pair beyond the gate
_RADIUS_DEG = 9.0  # of a cluster about its densest point


@dataclass(eq=False)
class Candidate:
    """A cluster track: the cluster centres of one possible event, as times in seconds and unit vectors."""

    times: list[float]
    centres: list[Array]

    def expected(self, time: float) -> Array:
        """Return where the next centre is expected, at the velocity of the last second, for half a second at most."""
        back = max(0, len(self.times) - 4)
        span = self.times[-1] - self.times[back]
        if span == 0:
            return self.centres[-1]
        velocity = (self.centres[-1] - self.centres[back]) / span
        return normalise(self.centres[-1] + velocity * min(time - self.times[-1], 0.5))


def find_candidates(grid: GazeGrid, settings: EventSettings) -> list[Candidate]:
    """Return the tracks of clusters in windows of `window_s` every `step_s`."""
    times = np.arange(grid.time_s[0], grid.time_s[-1] + settings.step_s / 2, settings.step_s)
    inside = (np.abs(grid.time_s - time) <= settings.window_s / 2 + 1e-9 for time in times)
    clusters = ((time, cluster(grid.vectors[frames], settings)) for time, frames in zip(times, inside, strict=True))
    return link(clusters, settings.link_deg, settings.max_gap_s + settings.step_s)


def link(clusters: Iterable[tuple[float, list[Array]]], gate_deg: float, max_gap_s: float) -> list[Candidate]:
    """Return the tracks of cluster centres, sorted by their times.

    Each time, centres go to the tracks that expect them nearest, all at once by the Hungarian method (Kuhn 1955); the
    rest begin new tracks.

    Parameters
    ----------
    clusters : times, increasing, and the centres then.
    gate_deg : farthest that a centre may lie from where a track expects it.
    max_gap_s : a track without a centre for longer has ended.
    """
    candidates: list[Candidate] = []
    for time, centres in clusters:
        alive = [track for track in candidates if time - track.times[-1] <= max_gap_s]
        free = set(range(len(centres)))
        if alive and centres:
            expected = [track.expected(time) for track in alive]
            cost = vector_angle(np.stack(expected)[:, None], np.stack(centres)[None])
            for row, column in zip(*linear_sum_assignment(np.where(cost <= gate_deg, cost, _FAR)), strict=True):
                if cost[row, column] <= gate_deg:
                    alive[row].times.append(time)
                    alive[row].centres.append(centres[column])
                    free.discard(column)
        candidates += [Candidate([time], [centres[column]]) for column in sorted(free)]
    return sorted(candidates, key=lambda track: (track.times[0], track.times[-1], -len(track.times)))


def cluster(vectors: Array, settings: EventSettings) -> list[Array]:
    """Return the centres of the clusters of gaze [n_frames, n_observers, 3], found by HDBSCAN on unit vectors.

    The chord grows with the angle, so the Euclidean tree is that of the great-circle distance. Density is measured by
    neighbours beyond the observer's own gaze: one observer alone is never a cluster.
    """
    n_frames, n_observers = vectors.shape[:2]
    present = ~np.isnan(vectors[..., 0])
    points, observer = vectors[present], np.nonzero(present)[1]
    min_observers = max(settings.min_observers, int(np.ceil(settings.min_share * n_observers)))
    size = max(2, min_observers * n_frames * 2 // 3)
    if len(points) < size + 1:
        return []
    from sklearn.cluster import HDBSCAN  # takes a second to import, which planning and other stages need not pay

    centres: list[Array] = []
    for single in (False, True):  # all gaze in one place is no cluster among others
        found = HDBSCAN(
            min_cluster_size=size,
            min_samples=min(len(points), n_frames + max(1, n_frames // 2)),
            allow_single_cluster=single,
            copy=True,
        ).fit(points)
        for label in range(found.labels_.max() + 1):
            core = points[np.where(found.labels_ == label, found.probabilities_, -1.0).argmax()]
            # the label also stands on far points that fell out of the cluster while it was still wide
            own = (found.labels_ == label) & (vector_angle(points, core) <= _RADIUS_DEG)
            centre = _robust_mean(points[own])
            observers = len(np.unique(observer[own]))
            if own.sum() >= size and observers >= min_observers:
                centres.append(centre)
        if centres:
            break
    return centres


def _robust_mean(vectors: Array) -> Array:
    """Return the mean direction of unit vectors [n, 3] without those farther than twice the median distance."""
    centre = normalise(vectors.mean(axis=0))
    distance = vector_angle(vectors, centre)
    return normalise(vectors[distance <= 2 * np.median(distance) + 1e-6].mean(axis=0))
