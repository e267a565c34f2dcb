"""Candidates: clusters of looks in short windows, linked over time by optimal assignment."""

from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray
from scipy.optimize import linear_sum_assignment

from tsalv360.contracts.gaze_grid import Looks
from tsalv360.events.settings import EventSettings
from tsalv360.sphere.directions import Array, normalise, vector_angle

_FAR = 1e6  # cost of a pair beyond the gate
_EPSILON_DEG = 3.0  # clusters are not split below this


@dataclass(eq=False)
class Candidate:
    """The cluster centres of one possible event: times in seconds and unit vectors."""

    times: list[float] = field(default_factory=list)
    centres: list[Array] = field(default_factory=list)

    def add(self, time: float, centre: Array) -> None:
        """Append the next centre."""
        self.times.append(time)
        self.centres.append(centre)

    def joined_with(self, later: "Candidate") -> "Candidate":
        """This candidate, going on as `later` from its first time on."""
        kept = sum(time < later.times[0] for time in self.times)
        return Candidate(self.times[:kept] + later.times, self.centres[:kept] + later.centres)

    def expected(self, time: float) -> Array:
        """Where the centre is expected at a later time: on with the velocity of the last second, for half a second."""
        back = max(0, len(self.times) - 4)
        span = self.times[-1] - self.times[back]
        if span == 0:
            return self.centres[-1]
        velocity = (self.centres[-1] - self.centres[back]) / span
        return normalise(self.centres[-1] + velocity * min(time - self.times[-1], 0.5))


def find_candidates(looks: Looks, settings: EventSettings) -> list[Candidate]:
    """Chains of clusters, in the order of their first window."""
    alive: list[Candidate] = []
    ended: list[Candidate] = []
    start, end = looks.time_s[0], looks.time_s[-1]
    for time in np.arange(start, end + settings.step_s / 2, settings.step_s):
        silent = [c for c in alive if time - c.times[-1] > settings.max_gap_s + settings.step_s]
        ended += silent
        alive = [c for c in alive if c not in silent]
        inside = np.abs(looks.time_s - time) <= settings.window_s / 2 + 1e-9
        expected = [c.expected(time) for c in alive]
        link(alive, expected, time, cluster(looks.vectors[inside], settings), settings.link_deg)
    return sorted(ended + alive, key=lambda c: (c.times[0], c.times[-1], -len(c.times)))


def link(alive: list[Candidate], expected: list[Array], time: float, centres: list[Array], gate_deg: float) -> None:
    """Extend the candidates by the clusters nearest to where they are expected; the rest begin new ones.

    All at once, by the Hungarian method.
    """
    free = set(range(len(centres)))
    if alive and centres:
        cost = vector_angle(np.stack(expected)[:, None], np.stack(centres)[None])
        for row, column in zip(*linear_sum_assignment(np.where(cost <= gate_deg, cost, _FAR)), strict=True):
            if cost[row, column] <= gate_deg:
                alive[row].add(time, centres[column])
                free.discard(column)
    for column in sorted(free):
        alive.append(Candidate([time], [centres[column]]))


def cluster(vectors: Array, settings: EventSettings) -> list[Array]:
    """Centres of the clusters of looks [n_frames, n_observers, 3] by HDBSCAN on unit vectors.

    The chord grows with the angle, so the Euclidean tree is that of the great-circle distance. The density of a look
    is judged by the neighbours beyond the observer's own looks: one person alone is never a cluster.
    """
    n_frames, n_observers = vectors.shape[:2]
    person = np.broadcast_to(np.arange(n_observers), (n_frames, n_observers))
    present = ~np.isnan(vectors[..., 0])
    points, person = vectors[present], person[present]
    people = max(settings.min_observers, int(np.ceil(settings.min_share * n_observers)))
    size = max(2, people * n_frames * 2 // 3)
    if len(points) < size + 1:
        return []
    centres = _clusters(points, person, people, size, n_frames, settings.max_spread_deg, single=False)
    return centres or _clusters(points, person, people, size, n_frames, settings.max_spread_deg, single=True)


def _clusters(
    points: Array,
    person: NDArray[np.int64],
    people: int,
    size: int,
    n_frames: int,
    max_spread_deg: float,
    single: bool,
) -> list[Array]:
    from sklearn.cluster import HDBSCAN  # takes a second to import, which planning and other stages need not pay

    found = HDBSCAN(
        min_cluster_size=size,
        min_samples=min(len(points), n_frames + max(1, n_frames // 2)),
        cluster_selection_epsilon=2 * np.sin(np.radians(_EPSILON_DEG) / 2),
        allow_single_cluster=single,
        copy=True,
    ).fit(points)
    centres = []
    for label in range(found.labels_.max() + 1):
        core = points[np.where(found.labels_ == label, found.probabilities_, -1.0).argmax()]
        # the label also stands on far points that fell out of the cluster while it was still wide
        own = (found.labels_ == label) & (vector_angle(points, core) <= max_spread_deg)
        centre = robust_mean(points[own])
        spread = np.sqrt(np.mean(vector_angle(points[own], centre) ** 2))
        if own.sum() >= size and len(np.unique(person[own])) >= people and spread <= max_spread_deg:
            centres.append(centre)
    return centres


def robust_mean(vectors: Array) -> Array:
    """Mean direction of unit vectors [n, 3] after leaving out those farther than twice the median distance."""
    centre = normalise(vectors.mean(axis=0))
    distance = vector_angle(vectors, centre)
    return normalise(vectors[distance <= 2 * np.median(distance) + 1e-6].mean(axis=0))
