"""Gaze that comes as maps: directions and times, missing maps, and errors that name broken ones."""

from collections.abc import Mapping
from pathlib import Path

import cv2
import numpy as np
import pandas as pd
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray

from tsalv360.contracts.tables import FIXATIONS, as_table
from tsalv360.events import detect_events
from tsalv360.fixations import FixationSettings, find_fixations
from tsalv360.job.errors import InputError
from tsalv360.saliency import saliency_map, to_8bit
from tsalv360.sources.maps import MapSettings, read_fixation_maps, read_saliency_maps
from tsalv360.sphere.directions import angular_distance, direction_to_pixel

SIZE = (90, 180)
SETTINGS = MapSettings()
ONE = to_8bit(saliency_map(30, -20, size=SIZE))
BLACK = np.zeros(SIZE, dtype=np.uint8)


def write_maps(folder: Path, maps: Mapping[int, NDArray]) -> Path:
    folder.mkdir(parents=True, exist_ok=True)
    for number, picture in maps.items():
        cv2.imwrite(str(folder / f"{number:04d}.png"), picture)
    return folder


def write_raw(folder: Path, maps: NDArray, name: str | None = None) -> Path:
    frames, height, width = maps.shape
    path = folder / (name or f"4_Ocean_{width}x{height}x{frames}_32b.bin")
    maps.astype("<f4").tofile(path)
    return path


def dots(*pixels: tuple[int, int]) -> NDArray:
    """A binary map with these pixels (row, column) marked."""
    picture = BLACK.copy()
    picture[tuple(zip(*pixels, strict=True))] = 255
    return picture


def read(path: Path, fps: float = 16, notes: list[str] | None = None) -> pd.DataFrame:
    return read_saliency_maps(path, fps, SETTINGS, notes)


# binary maps


def test_each_connected_set_of_pixels_is_one_fixation_at_its_centre(tmp_path: Path) -> None:
    disc = cv2.circle(BLACK.copy(), (100, 30), 4, 255, -1)
    diagonal = dots((60, 20), (61, 21), (62, 22))
    table = read_fixation_maps(write_maps(tmp_path, {0: disc | diagonal}), 25)
    assert sorted(zip(*direction_to_pixel(table.yaw_deg, table.pitch_deg, *SIZE), strict=True)) == [
        (pytest.approx(21, abs=0.02), pytest.approx(61, abs=0.02)),
        (pytest.approx(100, abs=0.02), pytest.approx(30, abs=0.1)),
    ]
    assert table.weight.tolist() == [1, 1]
    assert table.observer.tolist() == ["map-01", "map-02"]
    as_table(table, FIXATIONS, "read")


@pytest.mark.parametrize("value", [1, 255])
def test_a_fixation_over_the_seam_is_one(tmp_path: Path, value: int) -> None:
    seam = dots((45, 179), (45, 0), (44, 179), (44, 0), (20, 0), (21, 179), (72, 179), (70, 5)) // 255 * value
    table = read_fixation_maps(write_maps(tmp_path, {0: seam}), 25).sort_values("pitch_deg")
    found = angular_distance(table.yaw_deg, table.pitch_deg, [179, -169, 180, 180], [-55, -51, 0, 48])
    assert found.max() < 0.05


def test_a_ring_over_the_seam_and_a_fixation_at_the_pole(tmp_path: Path) -> None:
    ring = BLACK.copy()
    cv2.circle(ring, (90, 45), 10, 255, 1)
    ring = np.roll(ring, 90, axis=1)
    ring[0] = 255
    table = read_fixation_maps(write_maps(tmp_path, {0: ring}), 25).sort_values("pitch_deg")
    assert angular_distance(table.yaw_deg, table.pitch_deg, [-179, 0], [-1, 90]).tolist() == pytest.approx(
        [0, 0], abs=0.05
    )


def test_fixations_are_numbered_and_last_until_the_next_frame_of_the_grid(tmp_path: Path) -> None:
    two = dots((10, 10), (40, 90))
    table = read_fixation_maps(write_maps(tmp_path, {n: two if n < 4 else dots((10, 10)) for n in range(7)}), 25)
    first = table[table.observer == "map-01"]
    assert first.frame.tolist() == [0, 2, 3, 5, 6]
    assert first.time_s.tolist() == pytest.approx([0, 0.08, 0.12, 0.2, 0.24])
    assert first.duration_s.tolist() == pytest.approx([0.08, 0.04, 0.08, 0.04, 0.08])
    assert first.fixation_id.tolist() == [0, 1, 2, 3, 4]
    assert table[table.observer == "map-02"].fixation_id.tolist() == [0, 1, 2]


def test_below_16_fps_every_map_is_read(tmp_path: Path) -> None:
    table = read_fixation_maps(write_maps(tmp_path, {n: dots((10, 10)) for n in range(4)}), 10)
    assert table.frame.tolist() == [0, 1, 2, 3]
    assert table.duration_s.tolist() == pytest.approx([0.1] * 4)


def test_a_map_with_more_than_two_values_is_refused_as_a_fixation_map(tmp_path: Path) -> None:
    folder = write_maps(tmp_path, {0: dots((3, 3)), 1: ONE})
    with pytest.raises(InputError, match=r"0001\.png: found the values \d+ and 255; .*Read the maps as saliency_maps"):
        read_fixation_maps(folder, 16)


# saliency maps


@pytest.mark.parametrize("depth", [np.uint8, np.uint16])
def test_directions_and_weights_of_a_frame(tmp_path: Path, depth: type) -> None:
    both = saliency_map([170, -60], [40, -80], [3, 1], size=(240, 480))
    table = read(write_maps(tmp_path, {0: np.round(both * np.iinfo(depth).max).astype(depth)}))
    for yaw, pitch, weight in [(170, 40, 0.75), (-60, -80, 0.25)]:
        here = angular_distance(table.yaw_deg, table.pitch_deg, yaw, pitch) < 0.2
        assert table.weight[here].sum() == pytest.approx(weight, abs=0.01)
        assert here.sum() == 40 * weight  # of the 40 observers that stand for the unknown ones
    assert table.weight.sum() == pytest.approx(1)
    as_table(table, FIXATIONS, "read")


def test_the_rows_of_a_frame_reproduce_its_map(tmp_path: Path) -> None:
    rng = np.random.default_rng(3)
    truth = saliency_map(rng.normal(100, 25, 30), rng.normal(10, 25, 30), size=(240, 480))
    table = read(write_maps(tmp_path, {0: to_8bit(truth)}))
    again = saliency_map(table.yaw_deg, table.pitch_deg, table.weight, size=(240, 480))
    assert np.corrcoef(again.ravel(), truth.ravel())[0, 1] > 0.99
    assert len(table) == 40


def test_observers_are_numbered_and_their_rows_are_recorded_fixations(tmp_path: Path) -> None:
    maps = {n: to_8bit(saliency_map([40 * n, -90], [0, 0], size=SIZE)) for n in range(5)}
    table = read(write_maps(tmp_path, maps))
    assert sorted(set(table.observer)) == [f"map-{k:02d}" for k in range(1, 41)]
    for _, own in table.groupby("observer"):
        assert own.fixation_id.tolist() == [0, 1, 2, 3, 4]
        assert own.frame.tolist() == [0, 1, 2, 3, 4]
    assert len(find_fixations(table, FixationSettings())) == len(table)  # jumps of 40° are no saccades


def test_a_moving_peak_in_the_maps_of_a_video_is_an_event(tmp_path: Path) -> None:
    table = read(write_maps(tmp_path, {n: to_8bit(saliency_map(178 + n / 8, 30, size=SIZE)) for n in range(64)}))
    found = detect_events(table, "127", 16)
    assert len(found.events) == 1
    assert angular_distance(found.tracks.yaw_deg, found.tracks.pitch_deg, 178 + found.tracks.frame / 8, 30).max() < 1
    assert found.events.end_s[0] - found.events.start_s[0] > 3.5


def test_a_raw_file_gives_the_same_as_pictures(tmp_path: Path) -> None:
    maps = np.stack([saliency_map(20 * n, 10, size=(240, 480)) for n in range(4)])
    raw_notes: list[str] = []
    notes: list[str] = []
    raw = read(write_raw(tmp_path, maps * 1e-6), notes=raw_notes)
    pictures = read(write_maps(tmp_path / "pictures", dict(enumerate(map(to_8bit, maps)))), notes=notes)
    assert angular_distance(raw.yaw_deg, raw.pitch_deg, pictures.yaw_deg, pictures.pitch_deg).max() < 0.05
    pd.testing.assert_frame_equal(
        raw.drop(columns=["yaw_deg", "pitch_deg"]), pictures.drop(columns=["yaw_deg", "pitch_deg"])
    )
    assert raw_notes == notes


# missing maps


def test_missing_maps_are_no_gaze_and_are_noted(tmp_path: Path) -> None:
    notes: list[str] = []
    table = read(write_maps(tmp_path, dict.fromkeys((0, 1, 2, 5, 6), ONE)), notes=notes)
    assert sorted(set(table.frame)) == [0, 1, 2, 5, 6]
    assert (table.time_s + table.duration_s)[table.frame == 2].tolist() == pytest.approx([3 / 16] * 40)
    assert notes == [
        "maps for frames 0 to 6, 2 missing in between",
        "no observers: up to 40 directions per map stand for them",
    ]


@pytest.mark.parametrize("reader", ["fixation", "saliency"])
@pytest.mark.parametrize("value", [0, 255])
def test_constant_maps_are_no_gaze_and_are_counted(tmp_path: Path, value: int, reader: str) -> None:
    full = dots((10, 20), (10, 21))
    folder = write_maps(tmp_path, {0: full, 1: BLACK + np.uint8(value), 2: full, 3: BLACK + np.uint8(value)})
    notes: list[str] = []
    table = read(folder, notes=notes) if reader == "saliency" else read_fixation_maps(folder, 16, notes)
    assert sorted(set(table.frame)) == [0, 2]
    assert notes[:2] == ["maps for frames 0 to 3", "frames whose map is empty: 2"]


def test_a_video_of_empty_maps_has_no_rows(tmp_path: Path) -> None:
    table = read(write_maps(tmp_path, {0: BLACK, 1: BLACK}))
    assert table.empty
    as_table(table, FIXATIONS, "read")


# broken maps

WRONG = {
    "cut off": cv2.imencode(".png", ONE)[1].tobytes()[:-40],
    "empty": b"",
    "not a picture": b"<html>404</html>",
    "in colour": cv2.imencode(".png", np.dstack([ONE] * 3))[1].tobytes(),
    "with alpha": cv2.imencode(".png", np.dstack([ONE] * 4))[1].tobytes(),
    "of another size": cv2.imencode(".png", np.zeros((60, 120), dtype=np.uint8))[1].tobytes(),
    "not 2:1": cv2.imencode(".png", ONE[:, 10:])[1].tobytes(),
}


@pytest.mark.parametrize("reader", ["fixation", "saliency"])
@pytest.mark.parametrize("content", WRONG.values(), ids=WRONG.keys())
def test_a_broken_map_is_named(tmp_path: Path, content: bytes, reader: str) -> None:
    folder = write_maps(tmp_path, {n: dots((10, 20)) for n in range(3)})
    (folder / "0001.png").write_bytes(content)
    with pytest.raises(InputError, match=r"0001\.png: found"):
        read(folder) if reader == "saliency" else read_fixation_maps(folder, 16)


@pytest.mark.parametrize("name", ["map.png", "21.png", "00021.png", "0021b.png", "-021.png", "99999999.png"])
def test_a_name_that_is_no_frame_number_is_named(tmp_path: Path, name: str) -> None:
    folder = write_maps(tmp_path, {0: ONE})
    (folder / "0000.png").rename(folder / name)
    with pytest.raises(InputError, match=rf"{name}: found this name"):
        read(folder)


@pytest.mark.parametrize("name", ["notes.txt", "0000.jpg"])
def test_a_folder_without_maps_is_named(tmp_path: Path, name: str) -> None:
    (tmp_path / name).touch()
    with pytest.raises(InputError, match=rf"{tmp_path.name}: found no map"):
        read(tmp_path)


@pytest.mark.parametrize("change", [-4, 4, -1])
def test_a_raw_file_of_another_size_is_named_with_both_sizes(tmp_path: Path, change: int) -> None:
    path = write_raw(tmp_path, np.stack([saliency_map(0, 0, size=SIZE)] * 3))
    content = path.read_bytes()
    path.write_bytes(content[:change] if change < 0 else content + b"\0" * change)
    size = 90 * 180 * 3 * 4
    with pytest.raises(InputError, match=rf"180x90x3_32b\.bin: found {size + change} bytes; expected {size} "):
        read(path)


def test_an_empty_raw_file_is_named(tmp_path: Path) -> None:
    with pytest.raises(InputError, match=r"4_Ocean_180x90x0_32b\.bin: found 0 bytes"):
        read(write_raw(tmp_path, np.ones((0, *SIZE))))


@pytest.mark.parametrize("name", ["4_Ocean_180x90x1.bin", "4_Ocean_90x90x1_32b.bin", "4_Ocean_0x0x0_32b.bin", "x.png"])
def test_a_raw_file_of_another_name_is_named(tmp_path: Path, name: str) -> None:
    with pytest.raises(InputError, match=f"{name}: found"):
        read(write_raw(tmp_path, np.ones((1, *SIZE)), name))


@pytest.mark.parametrize("value", [np.nan, np.inf, -np.inf, -1e-3])
def test_a_value_that_no_map_can_have_is_named_by_frame(tmp_path: Path, value: float) -> None:
    maps = np.stack([saliency_map(0, 0, size=SIZE)] * 4)
    maps[2, 30, 40] = value
    with pytest.raises(InputError, match=r"4_Ocean_180x90x4_32b\.bin, frame 2: found the value -?(nan|inf|0\.001)"):
        read(write_raw(tmp_path, maps))


DAMAGE = st.tuples(st.floats(0, 1), st.integers(0, 12), st.binary(max_size=8))
SMALL = saliency_map([-100, 60], [10, -40], size=(16, 32))


@pytest.mark.parametrize("examples", [100, pytest.param(3_000, marks=pytest.mark.soak)])
@pytest.mark.parametrize("kind", ["png", "fixations", "bin"])
def test_damage_gives_a_table_or_a_named_error(tmp_path: Path, kind: str, examples: int) -> None:
    if kind == "bin":
        target = damaged = write_raw(tmp_path, np.stack([SMALL] * 2))
    else:
        picture = to_8bit(SMALL) if kind == "png" else (SMALL > 0.5).astype(np.uint8)
        target = write_maps(tmp_path / "127", {0: picture, 1: picture})
        damaged = target / "0001.png"
    whole = damaged.read_bytes()

    @settings(max_examples=examples, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
    @given(DAMAGE)
    def check(damage: tuple[float, int, bytes]) -> None:
        place, length, replacement = damage
        start = int(place * len(whole))
        damaged.write_bytes(whole[:start] + replacement + whole[start + length :])
        try:
            table = read_fixation_maps(target, 16) if kind == "fixations" else read(target)
        except InputError as error:
            assert str(damaged) in str(error)
        else:
            as_table(table, FIXATIONS, target)

    check()


def test_every_map_is_read_where_every_native_frame_is_kept(tmp_path: Path) -> None:
    """At 30 fps the grid has 16 of 30 maps; each of the 30 lasts one native frame."""
    for number in range(30):
        picture = np.zeros((32, 64), dtype=np.uint8)
        picture[16, number] = 255
        cv2.imwrite(str(tmp_path / f"{number:04d}.png"), picture)
    grid, native = (read_fixation_maps(tmp_path, 30, rate=rate) for rate in (16, 30))
    assert len(grid) == 16
    assert native.frame.tolist() == list(range(30))
    np.testing.assert_allclose(native.duration_s, 1 / 30)
    np.testing.assert_allclose(native.yaw_deg, (np.arange(30) + 0.5) / 64 * 360 - 180)
