"""Which hypotheses are the same event: made by hand, so that what happens at a jump or a crossing is known."""

import numpy as np
import pytest

from tsalv360.contracts.gaze_grid import GazeGrid
from tsalv360.events.hypothesis import Hypothesis
from tsalv360.events.merge_split import drop_duplicates, join, resolve_swaps, split
from tsalv360.sphere.directions import Array, to_vectors, vector_angle

FPS, N, OBSERVERS = 16, 160, 20


def scene(places: list[Array], noise_deg: float = 1.0, seed: int = 3) -> GazeGrid:
    """Observers in equal parts at each of the paths [N, 3], with an error."""
    rng = np.random.default_rng(seed)
    vectors = np.stack([places[k % len(places)] for k in range(OBSERVERS)], axis=1)
    vectors = vectors + rng.normal(0, np.radians(noise_deg), vectors.shape)
    vectors /= np.linalg.norm(vectors, axis=-1, keepdims=True)
    return GazeGrid(np.arange(N) / FPS, vectors, np.ones((N, OBSERVERS)))


def hypothesis(grid: GazeGrid, path: Array, frames: slice = slice(None), width_s: float = 0.4) -> Hypothesis:
    """A hypothesis on the path, to which gaze within 12° is assigned."""
    active = np.zeros(N, dtype=bool)
    active[frames] = True
    assigned = (vector_angle(grid.vectors, path[:, None]) < 12) & active[:, None]
    return Hypothesis(path.copy(), active.copy(), active, assigned, np.zeros(N), width_s)


def still(yaw: float, pitch: float = 0.0) -> Array:
    return np.broadcast_to(to_vectors(yaw, pitch), (N, 3)).copy()


def test_a_jump_splits_an_event_at_its_frame() -> None:
    jump = np.where(np.arange(N)[:, None] < 80, still(0), still(15))
    grid = scene([jump])
    parts = split(grid, [hypothesis(grid, jump)], max_gap_s=2)
    assert [p.ends for p in parts] == [(0, pytest.approx(79, abs=4)), (pytest.approx(80, abs=4), N - 1)]


@pytest.mark.parametrize("speed", [0, 10, 18, 30])
def test_steady_motion_is_one_event(speed: float) -> None:
    moving = to_vectors(speed * np.arange(N) / FPS, 20.0)
    grid = scene([moving])
    assert len(split(grid, [hypothesis(grid, moving)], max_gap_s=2)) == 1


def test_a_long_gap_splits_an_event_and_a_short_one_does_not() -> None:
    grid = scene([still(0)])
    one = hypothesis(grid, still(0))
    one.active[50:90] = False  # 2.5 s
    assert [p.ends for p in split(grid, [one], max_gap_s=2)] == [(0, 49), (90, N - 1)]
    assert len(split(grid, [one], max_gap_s=3)) == 1


def test_swapped_tracks_are_swapped_back_where_they_cross() -> None:
    angle = 10 * (np.arange(N) / FPS - 5)
    east, north = to_vectors(angle, 0.0), to_vectors(0.0, angle)
    grid = scene([east, north])
    middle = N // 2
    bounced = [np.concatenate([a[:middle], b[middle:]]) for a, b in ((east, north), (north, east))]
    one, other = (hypothesis(grid, path, width_s=0.2) for path in bounced)
    before = np.arange(N)[:, None] < middle
    for one_of_two, k in ((one, 0), (other, 1)):
        one_of_two.assigned = np.where(before, np.arange(OBSERVERS) % 2 == k, np.arange(OBSERVERS) % 2 != k)
    one, other = resolve_swaps(grid, [one, other], merge_deg=12)
    assert vector_angle(one.path, east).max() < 1e-6
    assert vector_angle(other.path, north).max() < 1e-6
    one, other = resolve_swaps(grid, [one, other], merge_deg=12)
    assert vector_angle(one.path, east).max() < 1e-6


def test_a_hypothesis_that_continues_another_is_joined_to_it_and_one_elsewhere_is_not() -> None:
    grid = scene([still(0)])
    first, second = hypothesis(grid, still(0), slice(0, 70)), hypothesis(grid, still(0), slice(85, N))
    (whole,) = join(grid, [second, first], max_gap_s=2)
    assert whole.ends == (0, N - 1)
    away = scene([np.where(np.arange(N)[:, None] < 78, still(0), still(30))])
    first, second = hypothesis(away, still(0), slice(0, 70)), hypothesis(away, still(30), slice(85, N))
    assert len(join(away, [first, second], max_gap_s=2)) == 2
    assert len(join(grid, [first, hypothesis(grid, still(0), slice(85, N))], max_gap_s=0.5)) == 2


def test_of_two_that_stay_together_the_one_with_less_gaze_is_dropped() -> None:
    grid = scene([still(0)])
    strong, weak, other = (
        hypothesis(grid, still(0)),
        hypothesis(grid, still(5), slice(20, 60)),
        hypothesis(grid, still(40)),
    )
    drop_duplicates([weak, strong, other], merge_deg=12)
    assert weak.dropped and weak.dropped.rule == "merge_deg"
    assert not strong.dropped and not other.dropped
