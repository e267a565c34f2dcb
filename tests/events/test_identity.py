"""Which drafts are the same event: made by hand, so that what happens at a jump or a crossing is known."""

import numpy as np
import pytest

from tsalv360.contracts.gaze_grid import Looks
from tsalv360.events.hypothesis import Draft
from tsalv360.events.merge_split import drop_doubles, join, part, untangle
from tsalv360.sphere.directions import Array, to_vectors, vector_angle

FPS, N, OBSERVERS = 16, 160, 20


def scene(places: list[Array], noise_deg: float = 1.0, seed: int = 3) -> Looks:
    """Observers in equal parts at each of the paths [N, 3], with an error."""
    rng = np.random.default_rng(seed)
    vectors = np.stack([places[k % len(places)] for k in range(OBSERVERS)], axis=1)
    vectors = vectors + rng.normal(0, np.radians(noise_deg), vectors.shape)
    vectors /= np.linalg.norm(vectors, axis=-1, keepdims=True)
    return Looks(np.arange(N) / FPS, vectors, np.ones((N, OBSERVERS)))


def draft(looks: Looks, path: Array, frames: slice = slice(None), width_s: float = 0.4) -> Draft:
    """A draft on the path whose looks are those within 12°."""
    on = np.zeros(N, dtype=bool)
    on[frames] = True
    own = (vector_angle(looks.vectors, path[:, None]) < 12) & on[:, None]
    return Draft(path.copy(), on.copy(), on, own, np.zeros(N), width_s)


def still(yaw: float, pitch: float = 0.0) -> Array:
    return np.broadcast_to(to_vectors(yaw, pitch), (N, 3)).copy()


def test_a_jump_parts_an_event_at_its_frame() -> None:
    jump = np.where(np.arange(N)[:, None] < 80, still(0), still(15))
    looks = scene([jump])
    parts = part(looks, [draft(looks, jump)], max_gap_s=2)
    assert [p.ends for p in parts] == [(0, pytest.approx(79, abs=4)), (pytest.approx(80, abs=4), N - 1)]


@pytest.mark.parametrize("speed", [0, 10, 18, 30])
def test_steady_motion_is_one_event(speed: float) -> None:
    moving = to_vectors(speed * np.arange(N) / FPS, 20.0)
    looks = scene([moving])
    assert len(part(looks, [draft(looks, moving)], max_gap_s=2)) == 1


def test_a_long_gap_parts_an_event_and_a_short_one_does_not() -> None:
    looks = scene([still(0)])
    one = draft(looks, still(0))
    one.on[50:90] = False  # 2.5 s
    assert [p.ends for p in part(looks, [one], max_gap_s=2)] == [(0, 49), (90, N - 1)]
    assert len(part(looks, [one], max_gap_s=3)) == 1


def test_exchanged_tracks_are_changed_back_where_they_cross() -> None:
    angle = 10 * (np.arange(N) / FPS - 5)
    east, north = to_vectors(angle, 0.0), to_vectors(0.0, angle)
    looks = scene([east, north])
    middle = N // 2
    bounced = [np.concatenate([a[:middle], b[middle:]]) for a, b in ((east, north), (north, east))]
    one, other = (draft(looks, path, width_s=0.2) for path in bounced)
    before = np.arange(N)[:, None] < middle
    for own, k in ((one.own, 0), (other.own, 1)):
        own[:] = np.where(before, np.arange(OBSERVERS) % 2 == k, np.arange(OBSERVERS) % 2 != k)
    untangle(looks, [one, other], merge_deg=12)
    assert vector_angle(one.path, east).max() < 1e-6
    assert vector_angle(other.path, north).max() < 1e-6
    untangle(looks, [one, other], merge_deg=12)
    assert vector_angle(one.path, east).max() < 1e-6


def test_what_goes_on_where_another_ends_is_joined_and_what_lies_elsewhere_is_not() -> None:
    looks = scene([still(0)])
    first, second = draft(looks, still(0), slice(0, 70)), draft(looks, still(0), slice(85, N))
    (whole,) = join(looks, [second, first], max_gap_s=2)
    assert whole.ends == (0, N - 1)
    away = scene([np.where(np.arange(N)[:, None] < 78, still(0), still(30))])
    first, second = draft(away, still(0), slice(0, 70)), draft(away, still(30), slice(85, N))
    assert len(join(away, [first, second], max_gap_s=2)) == 2
    assert len(join(looks, [first, draft(looks, still(0), slice(85, N))], max_gap_s=0.5)) == 2


def test_of_two_that_stay_together_the_one_with_fewer_looks_is_dropped() -> None:
    looks = scene([still(0)])
    strong, weak, other = draft(looks, still(0)), draft(looks, still(5), slice(20, 60)), draft(looks, still(40))
    drop_doubles([weak, strong, other], merge_deg=12)
    assert weak.dropped and weak.dropped.rule == "merge_deg"
    assert not strong.dropped and not other.dropped
