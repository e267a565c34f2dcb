"""TSV360's published construction, mended: golden vectors of its steps, yaw, and what made the published code fail."""

from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
from numpy.typing import NDArray

from tsalv360.contracts.tables import ASSIGNMENTS, DROPPED, EVENTS, FIXATIONS, TRACKS, as_table, empty
from tsalv360.events import DetectedEvents, EventSettings, detect_events, salient_centres
from tsalv360.events.published import Volume, link_peaks
from tsalv360.events.settings import Tsv360Settings
from tsalv360.saliency import saliency_map, to_8bit
from tsalv360.sources.recording import fixations_table
from tsalv360.sphere.directions import (
    angular_distance,
    direction_to_pixel,
    pixel_to_direction,
    to_angles,
    to_vectors,
    wrap_yaw,
)

SIZE = 320, 640
FPS = 30.0
METHOD = EventSettings(method="tsv360")
GOLDEN = Path(__file__).parents[1] / "data" / "golden" / "published-construction"


def golden(step: str) -> dict[str, NDArray[Any]]:
    with np.load(GOLDEN / f"{step}.npz") as arrays:
        return dict(arrays)


def directions(pixels: NDArray[Any]) -> NDArray[np.float64]:
    """Unit vectors of positions [n, 2] of the published pixels, which stand for their upper left corners."""
    return to_vectors(*pixel_to_direction(pixels[:, 0] - 0.5, pixels[:, 1] - 0.5, *SIZE))


def pixels_off(vectors: NDArray[np.float64], pixels: NDArray[Any]) -> float:
    """Largest difference, in pixels along either axis, of unit vectors [n, 3] from published pixels [n, 2]."""
    column, row = direction_to_pixel(*to_angles(vectors), *SIZE)
    across = np.abs(column + 0.5 - pixels[:, 0])
    return float(np.max([np.minimum(across, SIZE[1] - across), np.abs(row + 0.5 - pixels[:, 1])]))


def samples(scene: NDArray[Any]) -> list[tuple[int, NDArray[np.float64]]]:
    """Frames and unit vectors of a golden scene [n, 4]: frame, rank, x, y."""
    return [(int(frame), directions(scene[scene[:, 0] == frame][:, 2:])) for frame in np.unique(scene[:, 0])]


def kept(volumes: list[Volume]) -> list[Volume]:
    return [volume for volume in volumes if volume.n_frames >= Tsv360Settings().min_length_frames]


def blobs(*places: tuple[float, float], weights: list[float] | None = None) -> NDArray[np.float32]:
    yaw, pitch = np.array(places).T
    return saliency_map(yaw, pitch, weights)


# ------------------------------------------------------------------------------------------------ golden vectors


@pytest.mark.parametrize("case", ["two", "seam", "pole", "side", "weak", "gaze_pole"])
def test_centres_are_the_mended_ones(case: str) -> None:
    vectors = golden("centres")
    column, row = direction_to_pixel(*salient_centres(vectors[f"{case}_map"]), *SIZE)
    assert np.stack([column, row], axis=-1) == pytest.approx(vectors[f"{case}_mended"], abs=0.3)


@pytest.mark.parametrize("case", ["two", "seam", "weak", "gaze_pole"])
def test_centres_are_the_published_ones_where_no_defect_acts(case: str) -> None:
    """To a pixel: the published code takes the upper left one of equal pixels."""
    vectors = golden("centres")
    column, row = direction_to_pixel(*salient_centres(vectors[f"{case}_map"]), *SIZE)
    assert np.stack([column, row], axis=-1) == pytest.approx(vectors[f"{case}_published"], abs=1)


@pytest.mark.parametrize("scene", ["apart", "seam", "gaps", "side", "returns"])
def test_volumes_are_the_mended_ones(scene: str) -> None:
    vectors = golden("groups")
    volumes = kept(link_peaks(samples(vectors[f"{scene}_input"])))
    assert [[v.frames[0], v.frames[-1]] for v in volumes] == vectors[f"{scene}_mended_volumes"].tolist()
    for number, volume in enumerate(volumes):
        own = vectors[f"{scene}_mended_centres"]
        own = own[own[:, 0] == number]
        assert own[:, 1].tolist() == list(range(volume.frames[0], volume.frames[-1] + 1))
        assert pixels_off(volume.path(own[:, 1]), own[:, 2:]) < 1e-6


@pytest.mark.parametrize("scene", ["apart", "seam", "gaps", "returns"])
def test_volumes_are_the_published_ones_where_no_defect_acts(scene: str) -> None:
    """But for a group's last sample, which the published code leaves out; between samples it is early by one share."""
    vectors = golden("groups")
    volumes = kept(link_peaks(samples(vectors[f"{scene}_input"])))
    published = vectors[f"{scene}_published_volumes"]
    assert [v.frames[0] for v in volumes] == published[:, 0].tolist()
    assert {v.frames[-1] - last for v, last in zip(volumes, published[:, 1], strict=True)} <= {0, 1}
    for number, volume in enumerate(volumes):
        own = vectors[f"{scene}_published_centres"]
        own = own[(own[:, 0] == number) & np.isin(own[:, 1], volume.frames)]
        assert pixels_off(volume.path(own[:, 1]), own[:, 2:]) < 1e-6


def test_distances_and_ways_between_samples_are_great_circles() -> None:
    vectors = golden("interpolation")
    x1, y1, x2, y2 = vectors["distance_input"].T - 0.5
    away = angular_distance(*pixel_to_direction(x1, y1, *SIZE), *pixel_to_direction(x2, y2, *SIZE))
    assert np.radians(away) == pytest.approx(vectors["distance_mended"], abs=1e-9)
    between = vectors["between_mended"]
    for number, (*ends, n_frames) in enumerate(vectors["pairs"]):
        own = between[between[:, 0] == number]
        volume = Volume([0, int(n_frames)], list(directions(np.reshape(ends, (2, 2)))))
        assert pixels_off(volume.path(own[:, 1]), own[:, 2:]) < 1e-6


# ------------------------------------------------------------------------------------------------ centres


def test_the_most_salient_centre_comes_first() -> None:
    yaw, pitch = salient_centres(blobs((-60, 10), (80, -20), weights=[0.8, 1.0]))
    assert angular_distance(yaw, pitch, [80, -60], [-20, 10]).max() < 1


@pytest.mark.parametrize("columns", [1, 160, 333, 639])
@pytest.mark.parametrize("case", ["two", "seam", "pole", "side", "weak", "gaze_pole"])
def test_a_rolled_map_has_the_same_centres_rolled(case: str, columns: int) -> None:
    """By whole pixels of the working map, each of which is 1.5 of the golden maps' pixels."""
    picture = golden("centres")[f"{case}_map"].repeat(2, axis=0).repeat(2, axis=1)  # three for each of 640
    yaw, pitch = salient_centres(picture)
    rolled_yaw, rolled_pitch = salient_centres(np.roll(picture, 3 * columns, axis=1))
    expected = np.sort_complex(wrap_yaw(yaw + columns * 360 / 640) + 1j * pitch)
    found = np.sort_complex(rolled_yaw + 1j * rolled_pitch)
    assert angular_distance(found.real, found.imag, expected.real, expected.imag) == pytest.approx(0, abs=1e-6)


@pytest.mark.parametrize("columns", [0, 100, 320, 500])
def test_a_region_about_a_pole_is_found_at_its_peak_however_the_map_is_rolled(columns: int) -> None:
    around = [(yaw, 80.0) for yaw in range(0, 360, 20)]
    picture = np.roll(to_8bit(blobs(*around, (40, 70))), columns, axis=1)
    expected = wrap_yaw(40 + columns * 360 / 960)
    plain = angular_distance(*salient_centres(to_8bit(blobs(*around, (40, 70)))), 0, 90)
    yaw, pitch = salient_centres(picture)
    assert len(yaw) == 1
    assert angular_distance(yaw, pitch, 0, 90) == pytest.approx(plain, abs=0.5)
    assert abs(wrap_yaw(yaw - expected)) < 25  # where the ring is brightest


@pytest.mark.parametrize("level", [0, 80, 89, 90, 255])
def test_a_map_without_a_region_has_no_centre(level: int) -> None:
    """All black, all below the level, and all bright, which is nowhere in particular."""
    yaw, pitch = salient_centres(np.full((480, 960), level, np.uint8))
    assert yaw.shape == pitch.shape == (0,)


def test_small_regions_have_no_centre() -> None:
    """Columns or rows of 16 pixels between the first and the last are too few, 17 are enough."""
    for pixels, n_centres in ((17, 0), (18, 1)):
        for shape in ((pixels, 5), (5, pixels)):
            picture = np.zeros((320, 640), np.uint8)
            picture[100 : 100 + shape[0], 200 : 200 + shape[1]] = 200
            assert len(salient_centres(picture)[0]) == n_centres


@pytest.mark.parametrize(("row", "column"), [(12, 0), (28, 0), (20, -20), (20, 20)])
def test_a_peak_is_found_on_any_side_of_the_middle_of_its_region(row: int, column: int) -> None:
    """The region goes over the seam."""
    picture = np.zeros((320, 640), np.uint8)
    picture[100:141, :41] = picture[100:141, -40:] = 120
    picture[100 + row, column] = 250
    yaw, pitch = salient_centres(picture)
    assert angular_distance(yaw, pitch, *pixel_to_direction(column % 640, 100 + row, *SIZE)) == pytest.approx(
        [0], abs=0.1
    )


def test_a_place_that_is_brightest_on_another_region_is_not_counted_twice() -> None:
    picture = np.zeros((320, 640), np.uint8)
    picture[150:170, 200:220] = 120
    picture[150:170, 222:242] = 240
    yaw, _ = salient_centres(picture)
    assert yaw == pytest.approx([(231.5 + 0.5) / 640 * 360 - 180 - 0.28125], abs=0.3)


def test_maps_of_any_size_from_0_to_1_or_in_8_bits_give_the_same() -> None:
    picture = blobs((30, 20), (-100, -40))
    for other in (to_8bit(picture), saliency_map([30, -100], [20, -40], size=(1024, 2048))):
        assert angular_distance(*salient_centres(picture), *salient_centres(other)).max() < 0.3


def test_a_picture_that_is_no_gray_panorama_is_refused() -> None:
    with pytest.raises(ValueError, match=r"found a map of shape \(480, 640\); expected one gray panorama"):
        salient_centres(np.zeros((480, 640), np.uint8))


# ------------------------------------------------------------------------------------------------ volumes


def frames_of(volumes: list[Volume]) -> list[tuple[int, int]]:
    return [(volume.frames[0], volume.frames[-1]) for volume in volumes]


def steady(*places: tuple[float, float], last: int = 320) -> list[tuple[int, NDArray[np.float64]]]:
    """Peaks that stay at their places; which of them is the most salient changes from frame to frame."""
    vectors = to_vectors(*np.array(places).T)
    return [(frame, np.roll(vectors, frame // 8, axis=0)) for frame in range(24, last + 1, 8)]


def test_two_things_20_degrees_apart_do_not_destroy_each_other() -> None:
    assert frames_of(link_peaks(steady((0, 0), (20, 0)))) == [(24, 320), (24, 320)]


def test_of_three_peaks_within_the_same_place_one_is_an_event() -> None:
    assert frames_of(link_peaks(steady((0, 0), (8, 0), (4, 6)))) == [(24, 320)]


def test_two_things_above_each_other_at_the_side_stay_two() -> None:
    volumes = link_peaks(steady((90, 25), (90, -25)))
    assert frames_of(volumes) == [(24, 320), (24, 320)]
    assert sorted(float(to_angles(volume.path([100]))[1].item()) for volume in volumes) == pytest.approx([-25, 25])


@pytest.mark.parametrize(("missing", "parts"), [(2, [(24, 320)]), (3, [(24, 96), (128, 320)])])
def test_gaps_up_to_24_frames_are_filled(missing: int, parts: list[tuple[int, int]]) -> None:
    away = range(104, 104 + 8 * missing, 8)
    assert frames_of(link_peaks(peak for peak in steady((0, 0)) if peak[0] not in away)) == parts


def test_no_frame_and_frames_without_a_peak_have_no_volume() -> None:
    assert link_peaks([]) == []
    assert link_peaks((frame, np.zeros((0, 3))) for frame in range(24, 320, 8)) == []


# ------------------------------------------------------------------------------------------------ from gaze to tables


def watched(*targets: tuple[float, float, float, float, range], seconds: float = 8.0) -> pd.DataFrame:
    """Samples of observers who look at (start s, end s, yaw, pitch, observers), and nowhere else."""
    rng, parts = np.random.default_rng(0), []
    for number, (start, end, yaw, pitch, observers) in enumerate(targets):
        for observer in observers:
            time = np.arange(round(start * FPS), round(min(end, seconds) * FPS)) / FPS
            yaws, pitches = wrap_yaw(yaw + rng.normal(0, 0.5)), pitch + rng.normal(0, 0.5)
            columns = np.full((3, len(time)), [[yaws], [pitches], [number]])
            names = [f"p{observer:02d}"] * len(time)
            parts.append(fixations_table(names, time, np.full(len(time), 1 / FPS), np.rint(time * FPS), *columns))
    return pd.concat(parts, ignore_index=True)


TWO = (0.0, 8.0, 175.0, 10.0, range(9)), (2.0, 5.0, -20.0, -60.0, range(9, 18))


def assert_contracts(found: DetectedEvents) -> None:
    for name, table in {"events": EVENTS, "tracks": TRACKS, "assignments": ASSIGNMENTS, "dropped": DROPPED}.items():
        as_table(getattr(found, name), table, name)


def test_events_of_gaze_are_where_and_when_it_was() -> None:
    gaze = watched(*TWO)
    found = detect_events(gaze, "v", FPS, METHOD, list(range(21, 240)))
    assert_contracts(found)
    assert found.events.event_id.tolist() == ["v_1", "v_2"]
    assert angular_distance(found.events.yaw_deg, found.events.pitch_deg, [175, -20], [10, -60]).max() < 1
    assert found.events.start_frame.tolist() == [24, 64]  # multiples of 8 from the first kept frame on
    assert found.events.end_frame.tolist() == [232, 144]
    assert found.events.n_observers.tolist() == [9, 9]
    owner = found.assignments.set_index("row").event_id
    assert (gaze.fixation_id[owner.index].map({0: "v_1", 1: "v_2"}) == owner).all()


@pytest.mark.parametrize("fps", [24.0, 30.0, 60.0])
def test_lengths_are_native_frames(fps: float) -> None:
    """Three samples are 17 frames, too short; four are 25, which is 0.4 s at 60 fps and a second at 24."""
    for n_samples, n_events in ((3, 0), (4, 1)):
        start, end = 32 / fps, (32 + 8 * (n_samples - 1) + 4) / fps
        columns = np.array([10.0, 20.0, 0.0])[:, None].repeat(5, axis=1)
        names, times = [f"p{k}" for k in range(5)], np.full(5, start - 1e-3)
        gaze = fixations_table(names, times, np.full(5, end - start), np.full(5, 32.0), *columns)
        found = detect_events(gaze, "v", fps, METHOD, list(range(21, 200)))
        assert len(found.events) == n_events
        assert found.dropped.rule.tolist() == ["tsv360.min_length_frames"] * (1 - n_events)
        assert_contracts(found)
    assert found.events.end_frame.item() - found.events.start_frame.item() == 24


def test_events_end_on_kept_frames_inside_the_volume() -> None:
    kept_frames = [frame for frame in range(21, 240) if frame % 2]
    found = detect_events(watched(*TWO), "v", FPS, METHOD, kept_frames)
    assert set(found.tracks.frame) <= set(kept_frames)
    assert found.events.start_frame.tolist() == [25, 65]
    assert found.events.end_frame.tolist() == [231, 143]


def test_a_single_map_between_two_kept_frames_is_dropped_at_the_next_one() -> None:
    gaze = watched((32 / FPS, 33 / FPS, 0, 0, range(5)), (4, 8, 90, 0, range(5)))
    found = detect_events(gaze, "v", FPS, METHOD, [frame for frame in range(21, 240) if frame % 2])
    assert_contracts(found)
    assert len(found.events) == 1
    assert found.dropped.reason.tolist() == ["lasts 1 native frames, less than 20"]
    assert found.dropped.start_s.tolist() == [33 / FPS]


def test_few_observers_are_an_event_too() -> None:
    """The rules of the default method do not apply, and whoever looks is the map's maximum."""
    found = detect_events(watched((0, 8, 0, 0, range(1))), "v", FPS, METHOD)
    assert len(found.events) == 1
    assert found.dropped.empty


def test_a_place_that_fewer_than_0_55_as_many_watch_is_too_narrow() -> None:
    for n_looks, n_events in ((9, 1), (13, 2)):
        gaze = watched((0, 8, 0, 0, range(20)), (0, 8, 120, 0, range(20, 20 + n_looks)))
        assert len(detect_events(gaze, "v", FPS, METHOD).events) == n_events


def test_as_many_looks_make_an_event_at_any_latitude() -> None:
    """The published maps, whose fixations are lower off the horizon, lose the one at 75°."""
    gaze = watched((0, 8, 0, 0, range(12)), (0, 8, 120, 75, range(12, 24)))
    assert len(detect_events(gaze, "v", FPS, METHOD).events) == 2


def test_frames_without_gaze_have_no_map_and_split_events() -> None:
    gaze = watched((0, 3, 40, 0, range(6)), (5, 8, 40, 0, range(6)))
    with np.errstate(invalid="raise"):
        found = detect_events(gaze, "v", FPS, METHOD)
    assert found.events.start_frame.tolist() == [0, 152]
    assert_contracts(found)


@pytest.mark.parametrize("frames", [None, [], [21], [21, 22]])
def test_an_empty_video_and_one_without_gaze_have_no_event(frames: list[int] | None) -> None:
    for gaze in (empty(FIXATIONS), watched((0, 0.2, 0, 0, range(3)))):
        found = detect_events(gaze, "v", FPS, METHOD, frames)
        assert found.events.empty
        assert_contracts(found)


def test_what_belongs_to_another_event_altogether_is_dropped_with_the_reason() -> None:
    """Two events on one place: nobody is left for the later one."""
    settings = EventSettings(method="tsv360", assign_deg=0.6)
    rings = [(0.0, 8.0, 6 * np.cos(a), 6 * np.sin(a), range(k, k + 1)) for k, a in enumerate(np.arange(0, 6.2, 0.7))]
    found = detect_events(watched(*rings), "v", FPS, settings)
    assert_contracts(found)
    assert found.events.empty
    assert set(found.dropped.rule) == {"assign_deg"}
