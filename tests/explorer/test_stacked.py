"""The stacked video, read back: each picture is its frame, each tile the map of its event then and there."""

import base64
from collections.abc import Callable
from pathlib import Path
from typing import NamedTuple

import av
import numpy as np
import pandas as pd
import pytest
from entries import index_entry
from shards import write_maps

from tsalv360.explorer.stacked import (
    TILE,
    Layout,
    layout_of,
    maps_of_all,
    rate_of,
    stacked_pictures,
    write_as_script,
    write_stacked,
)
from tsalv360.job.errors import InputError
from tsalv360.media.maps import Maps
from tsalv360.media.pictures import write_picture
from tsalv360.sources.recording import fixations_table
from tsalv360.sphere.directions import direction_to_pixel

KEPT = [round(i / 16 * 25) for i in range(40)]
SPANS = {"v_1": range(2, 20), "v_2": [*range(5, 12), *range(20, 30)], "v_3": range(20, 36)}  # places among the kept
PANORAMA = 192, 384


class Made(NamedTuple):
    frames: Path
    saliency: Maps
    tracks: pd.DataFrame
    layout: Layout
    pictures: list[np.ndarray]


def frame_of(j: int) -> np.ndarray:
    """A soft picture of its own for each j, BGR."""
    row, column = np.mgrid[: PANORAMA[0], : PANORAMA[1]]
    waves = [
        np.sin(row / (20 + 5 * c) + j) + np.cos(2 * np.pi * column / PANORAMA[1] * (c + 1) + j / 3) for c in range(3)
    ]
    return (128 + 50 * np.stack(waves, axis=-1)).astype(np.uint8)


def map_of(event: str, j: int) -> np.ndarray:
    """A bright block on a map of twice the size of a tile; its place says which event and picture it belongs to."""
    found = np.zeros((256, 512), dtype=np.uint8)
    row, column = 24 * int(event[-1]) + 2 * j, 8 * j + 40 * int(event[-1])
    found[row : row + 24, column : column + 24] = 255
    return found


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory, make_track: Callable[..., pd.DataFrame]) -> Made:
    """A video of 40 kept frames at 25 fps with three events, and its stacked video; v_1 has no map at picture 7."""
    root = tmp_path_factory.mktemp("stacked")
    (root / "frames").mkdir()
    for j, frame in enumerate(KEPT):
        write_picture(root / "frames" / f"{frame:04d}.png", frame_of(j))
    shown: dict[str | None, dict[int, np.ndarray]] = {
        event: {KEPT[j]: map_of(event, j) for j in places if (event, j) != ("v_1", 7)}
        for event, places in SPANS.items()
    }
    write_maps(root / "saliency.parquet", shown)
    saliency = Maps(root / "saliency.parquet")
    tracks = pd.concat([make_track(event, [KEPT[j] for j in places]) for event, places in SPANS.items()])
    layout = layout_of(tracks, PANORAMA[0], 960)
    of_all = (np.full(TILE, 6 * j, dtype=np.uint8) for j in range(len(KEPT)))
    pictures = stacked_pictures(layout, root / "frames", saliency, tracks, KEPT, of_all)
    write_stacked(root / "v.mp4", pictures, layout, len(KEPT), 16.0)
    with av.open(root / "v.mp4") as container:
        decoded = [frame.to_ndarray(format="rgb24") for frame in container.decode(video=0)]
    return Made(root / "frames", saliency, tracks, layout, decoded)


def tile(made: Made, j: int, slot: int) -> np.ndarray:
    return made.pictures[j][made.layout.tile(slot)].mean(axis=2)


def test_picture_j_is_the_jth_kept_frame(made: Made) -> None:
    assert len(made.pictures) == len(KEPT)
    for j, picture in enumerate(made.pictures):
        shown = picture[: PANORAMA[0]].astype(float)
        errors = [np.mean((shown - frame_of(k)[..., ::-1]) ** 2) for k in range(max(0, j - 2), min(40, j + 3))]
        assert 10 * np.log10(255**2 / min(errors)) > 34
        assert np.argmin(errors) == min(j, 2)


def test_an_events_tile_is_its_map_in_the_frames_of_its_track_and_black_elsewhere(made: Made) -> None:
    assert made.layout.slots == {"v_1": 1, "v_2": 2, "v_3": 1}  # the third begins when the first has ended
    assert made.layout.n_slots == 3 and made.layout.columns == 1 and made.layout.size == (192 + 3 * 128, 384)
    for j in range(len(KEPT)):
        for slot in (1, 2):
            shown = tile(made, j, slot)
            on = [event for event, own in made.layout.slots.items() if own == slot and j in SPANS[event]]
            if not on or (on[0], j) == ("v_1", 7):  # also in the gap of v_2
                assert shown.max() < 12, (j, slot)
            else:
                expected = map_of(on[0], j).reshape(128, 2, 256, 2).mean(axis=(1, 3))
                assert np.abs(shown - expected).mean() < 1 and np.abs(shown - expected).max() < 60, (j, slot)
                inside = expected == 255
                inside &= (
                    np.roll(inside, 2, 0) & np.roll(inside, -2, 0) & np.roll(inside, 2, 1) & np.roll(inside, -2, 1)
                )
                assert shown[inside].min() > 235


def test_the_tile_of_all_observers_is_there_in_every_picture(made: Made) -> None:
    for j in range(len(KEPT)):
        error = np.abs(tile(made, j, 0) - 6 * j)
        assert error.mean() < 2 and error.max() < 12


def test_what_is_in_no_tile_is_black(made: Made) -> None:
    assert max(picture[PANORAMA[0] :, 256:].mean() for picture in made.pictures) < 0.5


def test_the_file_is_one_that_browsers_jump_in(made: Made) -> None:
    path = made.frames.parent / "v.mp4"
    with av.open(path) as container:
        stream = container.streams.video[0]
        packets = [packet for packet in container.demux(stream) if packet.size]
        assert stream.codec_context.name == "h264" and stream.codec_context.pix_fmt == "yuv420p"
        assert stream.average_rate == 16 and stream.codec_context.colorspace == 6  # BT.601, and says so
    assert [packet.pts for packet in packets] == [packet.dts for packet in packets]  # no B-frames
    assert [k for k, packet in enumerate(packets) if packet.is_keyframe] == [0, 16, 32]
    content = path.read_bytes()
    assert content.index(b"moov") < content.index(b"mdat")  # faststart


def test_the_same_input_gives_the_same_bytes(made: Made, tmp_path: Path) -> None:
    of_all = (np.full(TILE, 6 * j, dtype=np.uint8) for j in range(len(KEPT)))
    pictures = stacked_pictures(made.layout, made.frames, made.saliency, made.tracks, KEPT, of_all)
    write_stacked(tmp_path / "v.mp4", pictures, made.layout, len(KEPT), 16.0)
    assert (tmp_path / "v.mp4").read_bytes() == (made.frames.parent / "v.mp4").read_bytes()


def test_pages_from_disk_have_the_same_bytes_as_text(
    made: Made, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("tsalv360.explorer.stacked._CHUNK", 3000)
    video = made.frames.parent / "v.mp4"
    write_as_script(video, tmp_path / "v.mp4.js")
    text = (tmp_path / "v.mp4.js").read_text(encoding="ascii")
    start, end = 'window.TSALV360_MEDIA = "', '";\n'
    assert text.startswith(start) and text.endswith(end)
    assert base64.b64decode(text[len(start) : -len(end)], validate=True) == video.read_bytes()


def test_maps_of_all_observers_that_the_stage_wrote_are_taken(made: Made, tmp_path: Path) -> None:
    write_maps(tmp_path / "maps", {None: {KEPT[1]: map_of("v_4", 1)}})
    pictures = stacked_pictures(made.layout, made.frames, Maps(tmp_path / "maps"), made.tracks, KEPT, iter(()))
    tiles = [picture[made.layout.tile(0)].max() for picture in pictures]
    assert tiles == [255 if j == 1 else 0 for j in range(len(KEPT))]  # a frame without gaze has no map


@pytest.mark.parametrize(
    ("yaw", "pitch"), [(0, 0), (179.9, 0), (-179.9, 0), (31, -40), (-90, 89), (120, -89), (-0.7, 60)]
)
def test_the_map_of_all_observers_is_where_they_look(yaw: float, pitch: float) -> None:
    time = np.arange(0, 1, 0.1)
    gaze = fixations_table(["a"] * 10, time, 0.1, 0, np.full(10, float(yaw)), np.full(10, float(pitch)))
    maps = list(maps_of_all(gaze, pd.DataFrame({"frame": [3, 30], "time_s": [0.3, 3.0]}), 5.0, 0.5))
    column, row = (float(place) for place in direction_to_pixel(yaw, pitch, *TILE))
    peak = np.argwhere(maps[0] == 255)
    distance = np.abs(peak - [row, column])
    distance[:, 1] = np.minimum(distance[:, 1], 256 - distance[:, 1]) * np.cos(np.radians(pitch))
    assert distance.min(axis=0).max() <= 0.51
    assert maps[0].max() == 255 and maps[1].max() == 0  # no gaze at 3 s


@pytest.mark.parametrize(("row", "column"), [(0, 0), (0, 511), (255, 0), (255, 511), (127, 256), (128, 255), (90, 301)])
def test_nothing_shifts_at_the_seam_and_the_poles(
    made: Made, tmp_path: Path, make_track: Callable[..., pd.DataFrame], row: int, column: int
) -> None:
    """One pixel of 512×256 is in one of the tile."""
    saliency = np.zeros((256, 512), dtype=np.uint8)
    saliency[row, column] = 200
    write_maps(tmp_path / "maps", {"v_1": {KEPT[0]: saliency}})
    tracks = make_track("v_1", KEPT[:1])
    layout = layout_of(tracks, PANORAMA[0], 960)
    zeros = iter([np.zeros(TILE, np.uint8)])
    (picture,) = stacked_pictures(layout, made.frames, Maps(tmp_path / "maps"), tracks, KEPT[:1], zeros)
    assert np.argwhere(picture[layout.tile(1)][..., 0]).tolist() == [[row // 2, column // 2]]


def test_events_at_the_same_time_have_slots_of_their_own_even_in_a_gap(make_track: Callable[..., pd.DataFrame]) -> None:
    frames = {"v_1": [0, 1, 8, 9], "v_2": [3, 4], "v_3": [9, 10], "v_4": [10, 11], "v_5": [12]}
    tracks = pd.concat([make_track(event, own) for event, own in frames.items()])
    assert layout_of(tracks, 480, 960).slots == {"v_1": 1, "v_2": 2, "v_3": 2, "v_4": 1, "v_5": 1}


@pytest.mark.parametrize(
    ("frame_height", "height", "panorama", "columns"),
    [(960, 960, (960, 1920), 7), (480, 960, (480, 960), 3), (2160, 960, (960, 1920), 7), (64, 960, (128, 256), 1)],
)
def test_the_panorama_is_as_high_as_wanted_and_never_above_the_frames(
    make_track: Callable[..., pd.DataFrame], frame_height: int, height: int, panorama: tuple[int, int], columns: int
) -> None:
    layout = layout_of(make_track("v_1", [0]), frame_height, height)
    assert (layout.panorama, layout.columns, layout.n_slots) == (panorama, columns, 2)


def test_a_slow_video_plays_at_its_own_rate() -> None:
    assert [rate_of(index_entry(fps=fps)) for fps in (10.0, 25.0)] == [10.0, 16]


def test_a_missing_frame_is_named_and_nothing_is_written(made: Made, tmp_path: Path) -> None:
    pictures = stacked_pictures(made.layout, made.frames, made.saliency, made.tracks, [*KEPT, 99], iter(()))
    with pytest.raises(InputError, match="found no frame 0099; expected every kept frame"):
        write_stacked(tmp_path / "v.mp4", pictures, made.layout, 41, 16.0)
    assert not list(tmp_path.iterdir())


def test_a_damaged_map_is_named(made: Made, tmp_path: Path) -> None:
    write_maps(tmp_path / "maps", {"v_1": {KEPT[2]: b"half"}})
    of_all = (np.zeros(TILE, np.uint8) for _ in KEPT)
    with pytest.raises(InputError, match=f"maps: found no readable picture of v_1 in frame {KEPT[2]};"):
        list(stacked_pictures(made.layout, made.frames, Maps(tmp_path / "maps"), made.tracks, KEPT, of_all))
