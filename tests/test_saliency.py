"""Saliency maps against the von Mises-Fisher density summed over all pixels, and the files of an event's maps."""

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from numpy.typing import NDArray
from shards import maps_in, read_map

from tsalv360.contracts.tables import ASSIGNMENTS, FIXATIONS, TRACKS, empty
from tsalv360.saliency import (
    MapInput,
    SaliencySettings,
    map_densities,
    map_inputs,
    saliency_map,
    to_8bit,
    write_saliency_maps,
)
from tsalv360.sphere.density import density
from tsalv360.sphere.directions import pixel_to_direction, solid_angle, to_angles, to_vectors

PLACES = {
    "front": ([0.0], [0.0]),
    "seam": ([-180.0], [10.0]),
    "left of the seam": ([179.9], [-30.0]),
    "right of the seam": ([-179.9], [30.0]),
    "north pole": ([0.0], [90.0]),
    "beside the north pole": ([133.0], [89.0]),
    "south pole": ([50.0], [-90.0]),
    "where the cap just misses the pole": ([-120.0], [62.4]),
    "where the cap just reaches the pole": ([-120.0], [62.6]),
    "many": (np.linspace(-180, 179, 40).tolist(), np.linspace(-90, 90, 40).tolist()),
}


def brute_force(yaw: NDArray, pitch: NDArray, weights: NDArray, sigma: float, size: tuple[int, int]) -> NDArray:
    """The sum over all fixations at every pixel, in double precision, without any cut."""
    column, row = np.meshgrid(np.arange(size[1]), np.arange(size[0]))
    pixels = to_vectors(*pixel_to_direction(column, row, *size))
    total = np.zeros(size)
    for centre, weight in zip(to_vectors(yaw, pitch), weights, strict=True):
        total += weight * np.exp((pixels @ centre - 1) / np.radians(sigma) ** 2)
    return total / total.max()


def divergence(truth: NDArray, found: NDArray) -> float:
    """The larger one of two: between pixels as they are, and between densities on the sphere, by their area."""
    area = np.cos(np.radians(pixel_to_direction(0, np.arange(len(truth)), *truth.shape)[1]))[:, None]
    found = found.astype(float)
    pairs = [(truth, found), (truth * area, found * area)]
    normal = [(p / p.sum(), q / q.sum()) for p, q in pairs]
    return max(float(np.sum(p * np.log((p + 1e-12) / (q + 1e-12)))) for p, q in normal)


@pytest.mark.parametrize(("yaw", "pitch"), PLACES.values(), ids=PLACES.keys())
@pytest.mark.parametrize(("sigma", "size"), [(5.0, (480, 960)), (5.0, (64, 128)), (1.5, (240, 480)), (12.0, (96, 192))])
def test_map_is_the_von_mises_fisher_density(yaw: list, pitch: list, sigma: float, size: tuple[int, int]) -> None:
    weights = 1 + np.arange(len(yaw)) % 3
    found = saliency_map(yaw, pitch, weights, sigma, size)
    exact = brute_force(np.array(yaw), np.array(pitch), weights, sigma, size)
    assert found.dtype == np.float32
    assert found.shape == size
    assert divergence(exact, found) < 1e-5
    assert np.abs(found - exact).max() < 3e-4  # a twelfth of a gray level


@pytest.mark.parametrize("sigma", [2.0, 3.5, 5.0, 8.0, 15.0])
@pytest.mark.parametrize("size", [(480, 960), (90, 180)])
def test_map_is_exact_at_random_directions_with_random_weights(sigma: float, size: tuple[int, int]) -> None:
    rng = np.random.default_rng(int(10 * sigma))
    for count in (1, 1, 1, 31):
        yaw, pitch = to_angles(rng.normal(size=(count, 3)))
        weights = rng.uniform(0.01, 3, count)
        exact = brute_force(yaw, pitch, weights, sigma, size)
        assert divergence(exact, saliency_map(yaw, pitch, weights, sigma, size)) < 1e-5


def test_a_fixation_of_no_weight_leaves_no_trace() -> None:
    np.testing.assert_allclose(saliency_map([0, 50], [0, 0], [2, 0]), saliency_map(0, 0), rtol=1e-5)


def test_the_widest_allowed_sigma_has_no_hole_opposite_to_a_fixation() -> None:
    exact = brute_force(np.zeros(1), np.full(1, 90.0), np.ones(1), 30.0, (96, 192))
    assert divergence(exact, saliency_map(0, 90, sigma=30.0, size=(96, 192))) < 1e-5


def test_a_map_of_another_width_would_be_noticed() -> None:
    exact = brute_force(np.array([170.0]), np.array([60.0]), np.ones(1), 5.0, (480, 960))
    assert divergence(exact, saliency_map(170, 60, sigma=5.1)) > 1e-5
    assert divergence(exact, saliency_map(170.19, 60)) > 1e-5  # half a pixel


def test_default_is_sigma_5_on_480_by_960_and_the_maximum_is_one() -> None:
    found = saliency_map([20, 21], [5, 5])
    assert found.shape == (480, 960)
    assert found.max() == 1
    np.testing.assert_array_equal(found, saliency_map([20, 21], [5, 5], [1, 1], 5.0, (480, 960)))


def test_density_falls_to_exp_minus_half_at_about_one_sigma() -> None:
    row, column = np.unravel_index(saliency_map(0.1875, 0.1875).argmax(), (480, 960))
    found = saliency_map(0.1875, 0.1875)
    one_sigma = 5 / (360 / 960)
    beside = np.interp(column + one_sigma, np.arange(960), found[row])
    assert beside == pytest.approx(np.exp(-0.5), abs=2e-3)


def test_shifting_all_fixations_by_whole_pixels_shifts_the_map() -> None:
    yaw, pitch = np.array([-175.0, -30.0, 170.0]), np.array([88.0, 0.0, -60.0])
    shifted = saliency_map(yaw + 100 * 0.375, pitch)
    np.testing.assert_allclose(shifted, np.roll(saliency_map(yaw, pitch), 100, axis=1), atol=2e-5)


def test_weights_count_like_repeated_fixations() -> None:
    np.testing.assert_allclose(saliency_map([0, 50], [0, 0], [3, 1]), saliency_map([0, 0, 0, 50], [0] * 4), atol=1e-6)


@pytest.mark.parametrize(("yaw", "weights"), [([], None), ([0.0], [0.0]), ([0.0, 1.0], [0.0, 0.0])])
def test_there_is_no_map_of_nothing(yaw: list[float], weights: list[float] | None) -> None:
    with pytest.raises(ValueError, match="no fixation of positive weight"):
        saliency_map(yaw, yaw, weights)


@pytest.mark.parametrize(
    "wrong",
    [
        {"yaw": [0, np.nan]},
        {"pitch": [np.inf, 0]},
        {"weights": [1, np.nan]},
        {"weights": [1, np.inf]},
        {"weights": [2, -1]},
        {"sigma": 0},
        {"sigma": -5},
        {"sigma": np.nan},
        {"yaw": [0]},
        {"weights": [1]},
    ],
    ids=str,
)
def test_invalid_fixations_are_refused(wrong: dict) -> None:
    with pytest.raises(ValueError, match=r"found .*; expected"):
        saliency_map(**{"yaw": [0, 1], "pitch": [0, 1], **wrong})


@pytest.mark.parametrize("unit", [1e-300, 1e300])
def test_the_unit_of_the_weights_does_not_matter(unit: float) -> None:
    found = saliency_map([0, 50], [0, 0], [3 * unit, unit])
    np.testing.assert_array_equal(found, saliency_map([0, 50], [0, 0], [3, 1]))


def test_a_fixation_narrower_than_a_pixel_never_becomes_nan() -> None:
    try:
        found = saliency_map(0, 0, sigma=0.3, size=(32, 64))
    except ValueError:
        return
    assert found.max() == 1


def test_density_of_one_fixation_peaks_at_its_weight() -> None:
    yaw, pitch = pixel_to_direction(13, 20, 48, 96)
    found = density(np.array([yaw]), np.array([pitch]), np.array([2.5]), 5.0, (48, 96))
    assert found[20, 13] == found.max() == pytest.approx(2.5, abs=1e-4)


def test_8_bit_maps_reach_255() -> None:
    assert to_8bit(np.float32([[0, 0.5, 1]])).tolist() == [[0, 128, 255]]


def fixations(rows: list[tuple[str, float, float, float, float]]) -> pd.DataFrame:
    """A fixations table of (observer, time, duration, yaw, pitch)."""
    table = pd.DataFrame(rows, columns=["observer", "time_s", "duration_s", "yaw_deg", "pitch_deg"])
    return table.assign(fixation_id=0, frame=0, weight=1.0)[list(FIXATIONS)]


def track(event: str, frames: list[int], yaw: float = 0.0, pitch: float = 0.0) -> pd.DataFrame:
    times = np.array(frames) / 16
    return pd.DataFrame({"event_id": event, "frame": frames, "time_s": times, "yaw_deg": yaw, "pitch_deg": pitch})


def write_maps(
    folder: Path,
    table: pd.DataFrame,
    assignments: pd.DataFrame,
    tracks: pd.DataFrame,
    settings: SaliencySettings,
    kept: tuple[int, ...] = (),
) -> None:
    frames = np.array(kept, dtype=int)
    all_frames = pd.DataFrame({"frame": frames, "time_s": frames / 16})
    write_saliency_maps(folder, map_inputs(table, assignments, tracks, all_frames), settings)


@pytest.fixture
def map_of(tmp_path: Path) -> Callable[[str | None, int], NDArray[np.uint8]]:
    return lambda event, frame: read_map(tmp_path / "maps", event, frame)


LOOKS_ONLY = SaliencySettings(height=64, path_looks=0)


def test_maps_of_an_event_show_its_own_fixations_only(tmp_path: Path, map_of: Callable) -> None:
    table = fixations([("a", 0, 2, -90, 0), ("b", 0, 2, 90, 20)])
    assignments = pd.DataFrame({"row": [0, 1], "event_id": ["v_1", "v_2"], "distance_deg": 0.0})
    tracks = pd.concat([track("v_1", [0, 1, 2]), track("v_2", [1, 2])])
    write_maps(tmp_path / "maps", table, assignments, tracks, LOOKS_ONLY)
    assert maps_in(tmp_path / "maps") == {"v_1": [0, 1, 2], "v_2": [1, 2]}
    np.testing.assert_array_equal(map_of("v_1", 1), to_8bit(saliency_map(-90, 0, size=(64, 128))))
    np.testing.assert_array_equal(map_of("v_2", 1), to_8bit(saliency_map(90, 20, size=(64, 128))))


def test_a_map_sums_the_gaze_within_half_a_window_before_and_after(tmp_path: Path, map_of: Callable) -> None:
    moves = [("a", i / 16, 1 / 16, 20.0 * i, 0.0) for i in range(9)]
    table = fixations(moves)
    assignments = pd.DataFrame({"row": range(9), "event_id": "v_1", "distance_deg": 0.0})
    settings = replace(LOOKS_ONLY, window_s=0.25)
    write_maps(tmp_path / "maps", table, assignments, track("v_1", list(range(9))), settings)
    for frame, inside in {0: [0, 1, 2], 4: [2, 3, 4, 5, 6], 8: [6, 7, 8]}.items():
        yaw = [20.0 * i for i in inside]
        exact = to_8bit(saliency_map(yaw, [0] * len(yaw), size=(64, 128)))
        assert np.abs(map_of("v_1", frame).astype(int) - exact).max() <= 1


def test_gaze_counts_by_the_weight_of_its_row(tmp_path: Path, map_of: Callable) -> None:
    table = fixations([("a", 0, 1, -90, 0), ("b", 0, 1, 90, 20)]).assign(weight=[4.0, 1.0])
    assignments = pd.DataFrame({"row": [0, 1], "event_id": "v_1", "distance_deg": 0.0})
    write_maps(tmp_path / "maps", table, assignments, track("v_1", [4]), LOOKS_ONLY)
    exact = to_8bit(saliency_map([-90, 90], [0, 20], [4, 1], size=(64, 128)))
    assert np.abs(map_of("v_1", 4).astype(int) - exact).max() <= 1


def test_a_sigma_of_less_than_half_a_pixel_is_refused() -> None:
    SaliencySettings(sigma_deg=2.82, height=32)
    with pytest.raises(ValueError, match=r"sigma_deg \(2\.8°\) must be at least half a pixel, 2\.8°"):
        SaliencySettings(sigma_deg=2.80, height=32)
    with pytest.raises(ValueError, match=r"path_sigma_deg \(2\.8°\) must be at least half a pixel, 2\.8°"):
        SaliencySettings(path_sigma_deg=2.80, height=32)


def test_a_frame_without_a_fixation_in_the_window_gets_no_map(tmp_path: Path) -> None:
    table = fixations([("a", 0, 0.1, 0, 0)])
    assignments = pd.DataFrame({"row": [0], "event_id": ["v_1"], "distance_deg": [0.0]})
    settings = SaliencySettings(height=64, window_s=0.25)
    write_maps(tmp_path / "maps", table, assignments, track("v_1", list(range(0, 32, 2))), settings)
    assert maps_in(tmp_path / "maps") == {"v_1": [0, 2]}


def test_a_video_without_events_gives_a_file_without_maps(tmp_path: Path) -> None:
    write_maps(tmp_path / "maps", empty(FIXATIONS), empty(ASSIGNMENTS), empty(TRACKS), SaliencySettings())
    assert maps_in(tmp_path / "maps") == {}


def shares(densities: list[NDArray]) -> list[NDArray]:
    """Maps as distributions on the sphere: the part of each in a pixel."""
    masses = [one.astype(float) * solid_angle(len(one)) for one in densities]
    return [mass / mass.sum() for mass in masses]


@pytest.mark.parametrize(("yaw", "pitch"), [(40, 0), (180, 20), (-179.9, -60), (0, 90), (77, -88)])
def test_the_path_counts_as_so_many_looks(yaw: float, pitch: float) -> None:
    """Three looks of an event beside its path, one of them half as long as each of the others."""
    looks = to_angles(to_vectors(yaw, pitch) + 0.1 * np.random.default_rng(0).normal(size=(3, 3)))
    rows = zip("abb", (0, 0, 0.125), (0.25, 0.125, 0.125), *looks, strict=True)
    table = fixations(list(rows)).assign(fixation_id=[0, 0, 1])
    settings = SaliencySettings(height=240, window_s=0.125, path_looks=2, path_sigma_deg=4)
    found = list(map_densities(MapInput(table, track("v_1", [0, 1, 2, 3], yaw, pitch)), settings))
    of_looks = [(2, 2, 0), (3, 2, 1), (3, 1, 2), (2, 0, 2)]  # frames of each within the window
    one = [brute_force(np.array([a]), np.array([b]), np.ones(1), 5.0, (240, 480)) for a, b in zip(*looks, strict=True)]
    (path,) = shares([brute_force(np.array([yaw]), np.array([pitch]), np.ones(1), 4.0, (240, 480))])
    for saliency, weights in zip(shares(found), of_looks, strict=True):
        n = np.count_nonzero(weights)
        (summed,) = shares([np.tensordot(weights, one, 1)])
        exact = (n * summed + 2 * path) / (n + 2)
        assert np.sum(exact * np.log((exact + 1e-12) / (saliency + 1e-12))) < 1e-5


def test_the_more_looks_the_less_of_the_path() -> None:
    """Everybody looks 40° beside the path: the path's share of the map falls as 25 / (25 + looks)."""
    for n in (1, 5, 75):
        table = fixations([(f"{k}", 0, 1, 40, 0) for k in range(n)])
        (saliency,) = map_densities(MapInput(table, track("v_1", [4])), SaliencySettings(height=240))
        (mass,) = shares([saliency])
        assert mass[:, 240 - 27 : 240 + 27].sum() == pytest.approx(25 / (25 + n), abs=0.02)


def test_the_unit_of_the_weights_of_gaze_does_not_matter_beside_the_path() -> None:
    table = fixations([("a", 0, 1, 10, 0), ("b", 0, 1, -5, 5)])
    (one,), (other,) = (
        shares(
            list(map_densities(MapInput(table.assign(weight=weight), track("v_1", [4])), SaliencySettings(height=64)))
        )
        for weight in (1.0, 1e-3)
    )
    np.testing.assert_allclose(one, other, rtol=1e-4, atol=1e-9)


def test_without_the_path_a_map_shows_looks_only() -> None:
    table = fixations([("a", 0, 1, 10, 0), ("b", 0, 1, -5, 5)])
    (saliency,) = map_densities(MapInput(table, track("v_1", [4])), LOOKS_ONLY)
    np.testing.assert_allclose(saliency / saliency.max(), saliency_map([10, -5], [0, 5], size=(64, 128)), rtol=1e-5)


def test_maps_of_all_observers_show_all_fixations_at_all_kept_frames(tmp_path: Path, map_of: Callable) -> None:
    """Two observers watch an event, the third something else; at frame 40 there is no gaze."""
    table = fixations([("a", 0, 1, -90, 0), ("b", 0, 1, -90, 0), ("c", 0.5, 1, 90, 20)])
    assignments = pd.DataFrame({"row": [0, 1], "event_id": "v_1", "distance_deg": 0.0})
    settings = SaliencySettings(height=64, window_s=0.25, all_observers=True)
    write_maps(tmp_path / "maps", table, assignments, track("v_1", [4, 5]), settings, (0, 4, 5, 12, 20, 40))
    assert maps_in(tmp_path / "maps") == {None: [0, 4, 5, 12, 20], "v_1": [4, 5]}
    exact = {
        4: saliency_map(-90, 0, size=(64, 128)),
        12: saliency_map([-90, -90, 90], [0, 0, 20], size=(64, 128)),
        20: saliency_map(90, 20, size=(64, 128)),
    }
    for frame, saliency in exact.items():
        assert np.abs(map_of(None, frame).astype(int) - to_8bit(saliency)).max() <= 1


def test_maps_of_all_observers_are_made_only_if_wanted(tmp_path: Path) -> None:
    table = fixations([("a", 0, 1, 0, 0)])
    write_maps(tmp_path / "maps", table, empty(ASSIGNMENTS), empty(TRACKS), SaliencySettings(height=64), (0, 1))
    assert maps_in(tmp_path / "maps") == {}
