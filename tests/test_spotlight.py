"""Spotlights: the map of all observers times a cone about the event, against closed forms and golden vectors."""

from pathlib import Path

import cv2
import numpy as np
import pandas as pd
import pytest
from numpy.typing import NDArray
from shards import maps_in, read_map

from tsalv360.contracts.tables import FIXATIONS, empty
from tsalv360.saliency import (
    ALL_OBSERVERS,
    MapInput,
    SaliencySettings,
    points_table,
    saliency_map,
    spotlight,
    to_8bit,
    write_saliency_maps,
)
from tsalv360.sphere.directions import angular_distance, pixel_to_direction

GOLDEN = Path(__file__).parent / "data" / "golden" / "published-construction" / "masks.npz"
SETTINGS = SaliencySettings(method="spotlight", height=64, window_s=0.01)
SIZE = 64, 128
PLACES = {
    "front": (0.0, 0.0),
    "seam": (-180.0, 10.0),
    "left of the seam": (179.9, -30.0),
    "north pole": (0.0, 90.0),
    "beside the north pole": (133.0, 80.0),
    "south pole": (50.0, -90.0),
}


def distances(yaw: float, pitch: float, height: int) -> NDArray[np.float64]:
    column, row = np.meshgrid(np.arange(2 * height), np.arange(height))
    return angular_distance(*pixel_to_direction(column, row, height, 2 * height), yaw, pitch)


@pytest.mark.parametrize(("yaw", "pitch"), PLACES.values(), ids=PLACES.keys())
def test_on_a_flat_map_a_spotlight_is_the_cone_of_great_circle_distances(yaw: float, pitch: float) -> None:
    found = spotlight(np.full((240, 480), 7, np.uint8), yaw, pitch)
    assert found.dtype == np.float32
    away = distances(yaw, pitch, 240)
    np.testing.assert_allclose(found, np.clip((35 - away) / 20, 0, 1), atol=1e-6)
    assert found[away <= 15].min() == 1
    assert not found[away >= 35].any()


def test_the_cone_may_be_another() -> None:
    found = spotlight(np.ones((240, 480)), 170, -60, full_deg=0, zero_deg=90)
    np.testing.assert_allclose(found, np.clip(1 - distances(170, -60, 240) / 90, 0, 1) / found.max(), atol=0.02)
    assert (found > 0).mean() == pytest.approx((distances(170, -60, 240) < 90).mean())


def test_rolling_map_and_event_rolls_the_spotlight() -> None:
    saliency = np.random.default_rng(0).random((60, 120))
    yaw = 150.0
    rolled = spotlight(np.roll(saliency, 40, axis=1), yaw + 120, 50)  # over the seam
    np.testing.assert_allclose(rolled, np.roll(spotlight(saliency, yaw, 50), 40, axis=1), atol=1e-6)


def test_a_weak_event_beside_a_strong_one_reaches_the_maximum() -> None:
    """Nine look at the front, one at 100° to the right: the spotlight there is that one look."""
    both = saliency_map([0, 100], [0, 0], [9, 1], size=SIZE)
    found = spotlight(both, 100, 0)
    assert found.max() == 1
    np.testing.assert_allclose(found, saliency_map(100, 0, size=SIZE), atol=0.01)


def test_a_neighbour_of_30_degrees_shows_at_a_quarter() -> None:
    column = 480 + 80  # yaw 30.1875
    saliency = np.zeros((480, 960))
    saliency[239, [480, column]] = 1
    found = spotlight(saliency, 0.1875, 0.1875)
    assert found[239, 480] == 1
    assert found[239, column] == pytest.approx(0.25, abs=1e-4)


@pytest.mark.parametrize(
    ("wrong", "message"),
    [
        ({"saliency_map": np.zeros((32, 64))}, "found no saliency within 35° of yaw 0°, pitch 0°"),
        ({"saliency_map": np.full((32, 64), np.nan)}, "NaN, infinity or negative"),
        ({"saliency_map": np.full((32, 64), -1)}, "NaN, infinity or negative"),
        ({"saliency_map": np.ones((32, 32))}, r"found a map of shape \(32, 32\); expected \[H, 2H\]"),
        ({"full_deg": 35}, "expected 0 ≤ full_deg < zero_deg"),
        ({"full_deg": -1}, "expected 0 ≤ full_deg < zero_deg"),
    ],
)
def test_what_makes_no_spotlight_is_refused(wrong: dict, message: str) -> None:
    with pytest.raises(ValueError, match=message):
        spotlight(**{"saliency_map": np.ones((32, 64)), "yaw": 0, "pitch": 0, **wrong})


def test_golden_vectors_of_the_published_construction() -> None:
    """The golden centres are whole pixels of a map whose grid has both ends: up to 0.2° beside the pixel itself."""
    golden = np.load(GOLDEN)
    weights = spotlight(np.ones((720, 1440)), 0.125, 0.125)[359, 720:1440]  # whose distances are 0, 0.25, …
    np.testing.assert_allclose(weights[:181], golden["weight"], atol=1e-5)
    for k, (x, y) in enumerate(golden["centres"]):
        yaw, pitch = 360 * round(1.5 * x) / 959 - 180, 90 - 180 * round(1.5 * y) / 479
        expected = golden[f"mended_{k}"].astype(int)
        if not expected.any():
            with pytest.raises(ValueError, match="found no saliency"):
                spotlight(golden["map"], yaw, pitch)
            continue
        assert np.abs(to_8bit(spotlight(golden["map"], yaw, pitch)) - expected).max() <= 1
    flat = spotlight(np.full((480, 960), 200, np.uint8), 360 * 480 / 959 - 180, 90 - 180 * 240 / 479)
    assert np.abs(to_8bit(flat) - golden["flat_mended"].astype(int)).max() <= 1


def gaze(rows: list[tuple[str, float, float, float, float]]) -> pd.DataFrame:
    table = pd.DataFrame(rows, columns=["observer", "time_s", "duration_s", "yaw_deg", "pitch_deg"])
    return table.assign(fixation_id=0, frame=0, weight=1.0)[list(FIXATIONS)]


def inputs(table: pd.DataFrame, paths: dict[str, list[tuple[int, float, float]]]) -> dict[str, MapInput]:
    """Inputs of events at (frame, yaw, pitch), each with the first fixation assigned; frames 0 to 15 are kept."""
    events = {}
    for name, path in paths.items():
        track = pd.DataFrame(path, columns=["frame", "yaw_deg", "pitch_deg"])
        events[name] = MapInput(table[:1], track.assign(time_s=track.frame / 16))
    kept = pd.DataFrame({"frame": range(16), "time_s": np.arange(16) / 16})
    return {**events, ALL_OBSERVERS: MapInput(table, kept)}


def read(path: Path, event: str | None, frame: int) -> NDArray[np.int64]:
    return read_map(path, event, frame).astype(int)


def test_an_event_shows_the_map_of_all_observers_about_its_path(tmp_path: Path) -> None:
    """Two look at the front, one 28° beside; the event moves from one to the other."""
    table = gaze([("a", 0, 1, 0, 0), ("b", 0, 1, 2, 0), ("c", 0, 1, 28, 0)])
    of_video = inputs(table, {"v_1": [(3, 0, 0), (4, 30, 0)]})
    write_saliency_maps(tmp_path / "maps", of_video, SETTINGS)
    assert maps_in(tmp_path / "maps") == {"v_1": [3, 4]}
    everybody = saliency_map([0, 2, 28], [0, 0, 0], size=SIZE)
    for frame, yaw in ((3, 0), (4, 30)):
        exact = to_8bit(spotlight(everybody, yaw, 0))
        assert np.abs(read(tmp_path / "maps", "v_1", frame) - exact).max() <= 1


def test_the_path_does_not_count_as_looks_in_a_spotlight(tmp_path: Path) -> None:
    table = gaze([("a", 0, 1, 12, 0)])
    write_saliency_maps(tmp_path / "maps", inputs(table, {"v_1": [(3, 0, 0)]}), SETTINGS)
    exact = to_8bit(spotlight(saliency_map(12, 0, size=SIZE), 0, 0))
    assert np.abs(read(tmp_path / "maps", "v_1", 3) - exact).max() <= 1


def test_maps_of_all_observers_beside_spotlights(tmp_path: Path) -> None:
    table = gaze([("a", 0, 0.2, 0, 0)])
    settings = SaliencySettings(method="spotlight", height=64, window_s=0.01, all_observers=True)
    write_saliency_maps(tmp_path / "maps", inputs(table, {"v_1": [(1, 0, 0)]}), settings)
    assert maps_in(tmp_path / "maps") == {None: [0, 1, 2, 3], "v_1": [1]}
    assert np.abs(read(tmp_path / "maps", None, 1) - to_8bit(saliency_map(0, 0, size=SIZE))).max() <= 1


def test_points_of_a_spotlight_are_all_looks_within_the_cone_and_frames_without_have_no_map(tmp_path: Path) -> None:
    """Looks 20° before and behind the seam, at a pole, and at the front; an event on the seam, one that nobody sees."""
    table = gaze([("a", 0, 1, 170, 0), ("b", 0, 1, -160, 0), ("c", 0, 1, 80, 88), ("d", 0, 0.2, 0, 0)])
    paths = {
        "v_1": [(3, 180.0, 0.0), (8, 100.0, -60.0)],
        "v_2": [(3, -100.0, 90.0 - 34.0 + 2.0)],
        "v_3": [(3, 0, 36.0)],
    }
    of_video = inputs(table, paths)
    points = points_table(of_video, SETTINGS.window_s, SETTINGS.method)
    own = points[points.event_id.notna()]
    found = {event: sorted(rows.observer) for event, rows in own.groupby(["event_id", "frame"])}
    assert found == {("v_1", 3): ["a", "b"], ("v_2", 3): ["c"]}
    assert sorted(points.observer[points.event_id.isna() & (points.frame == 3)]) == ["a", "b", "c", "d"]
    write_saliency_maps(tmp_path / "maps", of_video, SETTINGS)
    assert maps_in(tmp_path / "maps") == {"v_1": [3], "v_2": [3]}


def test_a_video_without_events_has_no_spotlights(tmp_path: Path) -> None:
    for table in (gaze([("a", 0, 1, 0, 0)]), empty(FIXATIONS)):
        of_video = inputs(table, {})
        write_saliency_maps(tmp_path / "maps", of_video, SETTINGS)
        assert maps_in(tmp_path / "maps") == {}
        assert points_table(of_video, 0.5, "spotlight").event_id.notna().sum() == 0


@pytest.mark.filterwarnings("error")
def test_the_spotlight_falls_on_the_maps_of_a_source_without_gaze(tmp_path: Path) -> None:
    """The source's map of the frame itself, of another size; frame 5 has none, that of 7 is black.

    In frame 6 nobody looks at the first event.
    """
    (tmp_path / "source").mkdir()
    shown = {4: saliency_map([0, 24], [0, 5], size=(128, 256)), 6: saliency_map([150], [0], size=(128, 256))}
    for frame, one in shown.items():
        cv2.imwrite(str(tmp_path / "source" / f"{frame:04d}.png"), to_8bit(one))
    cv2.imwrite(str(tmp_path / "source" / "0007.png"), np.zeros((128, 256), np.uint8))
    recovered = gaze([("map-01", 4 / 16, 1 / 16, 0, 0), ("map-02", 4 / 16, 1 / 16, 24, 5), ("x", 5 / 16, 1, 150, 0)])
    of_video = inputs(
        recovered, {"v_1": [(4, 0, 0), (5, 0, 0), (6, 0, 0)], "v_2": [(5, 150, 0), (6, 150, 0), (7, 150, 0)]}
    )
    write_saliency_maps(tmp_path / "maps", of_video, SETTINGS, tmp_path / "source")
    assert maps_in(tmp_path / "maps") == {"v_1": [4], "v_2": [6]}
    exact = to_8bit(spotlight(saliency_map([0, 24], [0, 5], size=SIZE), 0, 0))
    assert np.abs(read(tmp_path / "maps", "v_1", 4) - exact).max() <= 4  # reduced from 8-bit pixels
