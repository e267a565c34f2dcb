"""Viewport videos: their length, what the camera sees, marks outside the event, the overlay; and posters."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import pandas as pd
import pytest
from numpy.typing import NDArray
from shards import write_maps

from tsalv360.contracts.entries import ViewportLength
from tsalv360.contracts.tables import TRACKS, empty
from tsalv360.job.errors import InputError
from tsalv360.job.files import read_json
from tsalv360.media.drawing import draw_path, overlay_saliency
from tsalv360.media.pictures import read_picture, write_picture
from tsalv360.media.video import VideoWriter, decode, probe, read_pictures
from tsalv360.sphere.directions import angular_distance, pixel_to_direction
from tsalv360.sphere.projection import direction_to_viewport
from tsalv360.viewports import ViewportSettings, plan_shots, write_viewports

HEIGHT = 240
SETTINGS = ViewportSettings(width=160, height=120, lead_s=0.25)
FRAMES = list(range(24))
RED, GREEN = (220, 40, 40), (40, 200, 60)

Track = Callable[..., pd.DataFrame]


def spot(yaw: float, pitch: float, colour: tuple[int, int, int]) -> NDArray[np.uint8]:
    """A gray panorama with a disc of 8 degrees, RGB."""
    column, row = np.meshgrid(np.arange(2 * HEIGHT), np.arange(HEIGHT))
    picture = np.full((HEIGHT, 2 * HEIGHT, 3), 120, dtype=np.uint8)
    picture[angular_distance(*pixel_to_direction(column, row, HEIGHT, 2 * HEIGHT), yaw, pitch) < 8] = colour
    return picture


def is_colour(picture: NDArray[np.uint8], colour: tuple[int, int, int]) -> bool:
    middle = picture[picture.shape[0] // 2 - 4 :, picture.shape[1] // 2 - 4 :][:8, :8]
    return bool(np.abs(middle.mean(axis=(0, 1)) - colour).max() < 30)


@pytest.fixture
def stages(tmp_path: Path) -> Path:
    """Frames in which a disc moves by 6 degrees a frame from yaw 150 on, red in even frames and green in odd ones."""
    (tmp_path / "frames").mkdir()
    for frame in FRAMES:
        picture = spot(150 + 6 * (frame - 8), 10, RED if frame % 2 == 0 else GREEN)
        write_picture(tmp_path / "frames" / f"{frame:04d}.png", picture[..., ::-1])
    write_maps(tmp_path / "saliency", {})
    return tmp_path


def render(stages: Path, tracks: pd.DataFrame) -> Path:
    write_viewports(stages / "viewports", stages / "frames", stages / "saliency", tracks, SETTINGS, HEIGHT)
    return stages / "viewports"


def test_picture_j_after_the_lead_in_is_row_j_of_the_track(stages: Path, make_track: Track) -> None:
    folder = render(stages, make_track("v_1", FRAMES[8:18], yaw=150, pitch=10, step=6))
    assert sorted(path.name for path in folder.iterdir()) == ["v_1.jpg", "v_1.mp4", "v_1.overlay.mp4", "viewports.json"]
    lengths = {"lead_in": 4, "pictures": 10, "lead_out": 4}
    assert read_json(folder / "viewports.json") == {"fps": 16, "events": {"v_1": lengths}}
    for name in ("v_1.mp4", "v_1.overlay.mp4"):
        info = probe(folder / name, force_2to1=True)
        assert (info.n_frames, info.fps, info.width, info.height) == (18, 16, 160, 120)
    event = read_pictures(folder / "v_1.mp4", list(range(4, 14)))
    assert [is_colour(picture, RED) for picture in event] == [frame % 2 == 0 for frame in range(8, 18)]
    assert [is_colour(picture, GREEN) for picture in event] == [frame % 2 == 1 for frame in range(8, 18)]


def test_viewports_as_published_are_square_and_play_every_native_frame_at_its_own_rate(
    stages: Path, make_track: Track
) -> None:
    """40° wide, 420×420, no lead-in; a picture of a video of 29.97 fps lasts 1/29.97 s."""
    settings = ViewportSettings(width=420, height=420, lead_s=0)
    track = make_track("v_1", FRAMES[8:18], yaw=150, pitch=10, step=6).assign(camera_hfov_deg=40.0)
    folders = [stages / name for name in ("viewports", "frames", "saliency")]
    write_viewports(*folders, track, settings, HEIGHT, 30_000 / 1001)
    info = probe(stages / "viewports" / "v_1.mp4", force_2to1=True)
    assert (info.n_frames, info.width, info.height) == (10, 420, 420)
    assert info.fps == pytest.approx(30_000 / 1001)
    assert read_json(stages / "viewports" / "viewports.json")["fps"] == pytest.approx(30_000 / 1001)
    (picture,) = read_pictures(stages / "viewports" / "v_1.mp4", [0])
    radius = np.tan(np.radians(8)) / np.tan(np.radians(20)) * 210  # of the disc, 8° wide to each side
    red = np.abs(picture.astype(int) - RED).max(axis=2) < 60
    assert red.sum() == pytest.approx(np.pi * radius**2, rel=0.06)


def test_lead_in_of_native_frames_lasts_as_long(stages: Path, make_track: Track) -> None:
    folders = [stages / name for name in ("viewports", "frames", "saliency")]
    write_viewports(*folders, make_track("v_1", FRAMES[9:18]), SETTINGS, HEIGHT, 24)
    assert read_json(stages / "viewports" / "viewports.json")["events"]["v_1"]["lead_in"] == 6  # 0.25 s


GOLDEN = Path(__file__).parent / "data" / "golden" / "published-construction" / "viewports.npz"


def test_pixels_of_a_published_viewport_see_the_golden_directions() -> None:
    golden = np.load(GOLDEN)
    column, row = golden["pixels"].T
    for (yaw, pitch), directions in zip(golden["published_3840x1920"], golden["directions"], strict=True):
        camera = float(yaw), float(pitch), 40.0
        seen = direction_to_viewport(*directions.T, camera, (420, 420))
        np.testing.assert_allclose(np.stack(seen), np.stack([column, row]), atol=0.001)


def test_pictures_outside_the_event_are_gray_and_marked(stages: Path, make_track: Track) -> None:
    folder = render(stages, make_track("v_1", FRAMES[8:18], yaw=150, pitch=10, step=6))
    pictures = [frame.to_ndarray(format="rgb24").astype(int) for frame in decode(folder / "v_1.mp4")]
    colourful = [np.ptp(picture, axis=2).max() > 60 for picture in pictures]
    assert colourful == [False] * 4 + [True] * 10 + [False] * 4
    bar = [picture[:10].mean() < 60 for picture in pictures]
    assert bar == [True] * 4 + [False] * 10 + [True] * 4


def test_the_text_before_an_event_differs_from_that_after_it(stages: Path, make_track: Track) -> None:
    folder = render(stages, make_track("v_1", FRAMES[8:18], yaw=-60))  # where all frames are plain gray
    first, fourth, last = read_pictures(folder / "v_1.mp4", [0, 3, 17])[:, :10].astype(int)
    assert np.abs(first - last).max() > 60 > 3 * np.abs(first - fourth).max()


def test_lead_in_and_lead_out_end_where_the_video_does(make_track: Track) -> None:
    tracks = pd.concat([make_track("v_1", FRAMES[:5]), make_track("v_2", FRAMES[20:24])])
    shots, lengths = plan_shots(tracks, FRAMES, lead=16)
    assert lengths == {"v_1": ViewportLength(0, 5, 16), "v_2": ViewportLength(16, 4, 0)}
    assert [(shot.event, shot.part) for shot in shots[20]] == [("v_1", "after"), ("v_2", "event")]


def test_the_lead_counts_kept_frames_and_not_native_numbers(make_track: Track) -> None:
    kept = [22, 23, 25, 27, 28, 30, 31]
    shots, lengths = plan_shots(make_track("v_1", [27, 28]), kept, lead=2)
    assert lengths == {"v_1": ViewportLength(2, 2, 2)}
    assert {frame: shot.part for frame, (shot,) in shots.items()} == {
        23: "before", 25: "before", 27: "event", 28: "event", 30: "after", 31: "after",
    }  # fmt: skip


def test_before_and_after_an_event_the_camera_stays_where_it_starts_and_ends(make_track: Track) -> None:
    shots, _ = plan_shots(make_track("v_1", [4, 5, 6], yaw=10, step=3), FRAMES, lead=2)
    yaw = {frame: shot.camera[0] for frame, (shot,) in shots.items()}
    assert yaw == {2: 10, 3: 10, 4: 10, 5: 13, 6: 16, 7: 16, 8: 16}


def test_an_event_of_two_segments_shows_its_own_frames_only(make_track: Track) -> None:
    shots, lengths = plan_shots(make_track("v_1", [4, 5, 12, 13]), FRAMES, lead=1)
    assert lengths == {"v_1": ViewportLength(1, 4, 1)}
    assert sorted(shots) == [3, 4, 5, 12, 13, 14]


def test_only_the_videos_of_present_events_are_open(
    stages: Path, make_track: Track, monkeypatch: pytest.MonkeyPatch
) -> None:
    """An encoder holds 20 MB: those of all events of a long video would not fit."""
    at_work: set[Path] = set()
    most = 0

    class Watched(VideoWriter):
        def __init__(self, path: Path, *args: Any, **kwargs: Any) -> None:
            nonlocal most
            super().__init__(path, *args, **kwargs)
            self.path = path
            at_work.add(path)
            most = max(most, len(at_work))

        def __exit__(self, *error: Any) -> None:
            super().__exit__(*error)
            at_work.remove(self.path)

    monkeypatch.setattr("tsalv360.viewports.VideoWriter", Watched)
    settings = ViewportSettings(width=64, height=64, lead_s=0)
    tracks = pd.concat([make_track(f"v_{k}", FRAMES[2 * k : 2 * k + 4]) for k in range(11)])
    write_viewports(stages / "viewports", stages / "frames", stages / "saliency", tracks, settings, HEIGHT)
    assert most == 4, "two events at a time"
    assert not at_work
    for k in range(11):
        assert probe(stages / "viewports" / f"v_{k}.overlay.mp4", force_2to1=True).n_frames == 4


def test_the_overlay_changes_where_the_map_is_bright(stages: Path, make_track: Track) -> None:
    column, row = np.meshgrid(np.arange(240), np.arange(120))
    away = angular_distance(*pixel_to_direction(column, row, 120, 240), 150, -5)
    write_maps(stages / "saliency", {"v_1": {8: np.uint8(255 * (away < 6))}})
    folder = render(stages, make_track("v_1", [8, 9], yaw=150, pitch=-5))
    plain, overlay = (read_pictures(folder / name, [4, 5]).astype(int) for name in ("v_1.mp4", "v_1.overlay.mp4"))
    change = np.abs(overlay - plain).max(axis=3)
    assert change[0, 56:64, 76:84].min() > 40
    assert change[0, :, :30].max() < 25
    assert change[1, :90].max() < 25, "a frame without a map stays plain"
    legend = overlay[:, -SETTINGS.height // 8 :, -SETTINGS.width // 3 :]
    assert np.abs(legend[0] - legend[1]).max() < 25, "the legend does not flicker"


@pytest.mark.parametrize("size", [(480, 640), (120, 160), (80, 64), (720, 64)])
def test_a_legend_shows_the_colours_from_low_to_high(stages: Path, make_track: Track, size: tuple[int, int]) -> None:
    settings = ViewportSettings(width=size[1], height=size[0], lead_s=0)
    write_viewports(stages / "v", stages / "frames", stages / "saliency", make_track("v_1", [8]), settings, HEIGHT)
    plain, overlay = (read_pictures(stages / "v" / name, [0])[0].astype(int) for name in ("v_1.mp4", "v_1.overlay.mp4"))
    changed = np.abs(overlay - plain).max(axis=2) > 25
    assert changed[size[0] * 4 // 5 :, size[1] // 4 :].any()
    assert not changed[: size[0] * 4 // 5].any()
    assert changed.mean() < 0.12
    unit = max(min(size) // 60, 3)
    bar = overlay[size[0] - 2 * unit + 1, -16 * unit : -2 * unit]
    light = bar @ (0.3, 0.6, 0.1)
    assert light[-unit:].mean() > light[:unit].mean() + 40
    assert bar[-1, 2] < bar[-1, 1], "yellow at the high end"


def test_the_interpolation_setting_is_used(stages: Path, make_track: Track) -> None:
    rng = np.random.default_rng(1)
    fine = cv2.GaussianBlur(rng.integers(0, 255, (HEIGHT, 2 * HEIGHT), dtype=np.uint8), (0, 0), 0.5)
    write_picture(stages / "frames" / "0008.png", cv2.merge([fine] * 3))
    spread = {}
    for kind in ("linear", "cubic", "area"):
        settings = ViewportSettings(width=64, height=64, lead_s=0, interpolation=kind)
        write_viewports(stages / kind, stages / "frames", stages / "saliency", make_track("v_1", [8]), settings, HEIGHT)
        spread[kind] = read_pictures(stages / kind / "v_1.mp4", [0]).std()
    assert spread["area"] < 0.9 * spread["linear"]
    assert spread["cubic"] > 1.02 * spread["linear"]


def test_an_overlay_leaves_the_picture_where_saliency_is_zero() -> None:
    picture = np.random.default_rng(1).integers(0, 255, (20, 30, 3), dtype=np.uint8)
    saliency = np.zeros((20, 30), dtype=np.uint8)
    saliency[5, 5] = 255
    found = overlay_saliency(picture, saliency)
    changed = (found != picture).any(axis=2)
    assert changed.sum() == 1
    assert changed[5, 5]


def test_a_poster_shows_the_panorama_and_the_track(stages: Path, make_track: Track) -> None:
    folder = render(stages, make_track("v_1", FRAMES[8:18], yaw=150, pitch=10, step=6))
    poster = read_picture(folder / "v_1.jpg")
    assert poster.shape == (480, 960, 3)
    start = poster[int((0.5 - 10 / 180) * 480), int((150 / 360 + 0.5) * 960)]
    assert np.abs(start.astype(int) - (0, 158, 255)).max() < 60
    assert np.abs(poster[400, 480].astype(int) - 120).max() < 12


@pytest.mark.parametrize(("level", "opacity"), [(0, 0), (128, 0.375), (255, 0.75)])
def test_an_overlay_is_as_opaque_as_stated(level: int, opacity: float) -> None:
    """However bright the picture below is, so much of it is left."""
    black, white = (np.full((4, 4, 3), shade, dtype=np.uint8) for shade in (0, 200))
    saliency = np.full((4, 4), level, dtype=np.uint8)
    left = overlay_saliency(white, saliency).astype(int) - overlay_saliency(black, saliency)
    assert np.abs(left - 200 * (1 - opacity)).max() <= 1.5


def test_a_poster_outlines_the_view_in_the_middle_of_the_event(stages: Path, make_track: Track) -> None:
    poster = read_picture(render(stages, make_track("v_1", FRAMES[8:19], yaw=-100, step=8)) / "v_1.jpg").astype(int)
    white = poster.min(axis=2) > 200
    column = [round((yaw / 360 + 0.5) * 960) for yaw in (-60 - 37.5, -60 + 37.5)]  # at pitch 0, 40° after the start
    assert [white[225:255, c - 2 : c + 3].any(axis=1).sum() > 15 for c in column] == [True, True]


@pytest.mark.parametrize("yaw", [-180, 179.9])
def test_a_thick_line_beside_the_seam_reaches_over_it(yaw: float) -> None:
    picture = np.zeros((480, 960, 3), dtype=np.uint8)
    draw_path(picture, [yaw, yaw], [-20, 20], ((255, 0, 0), 5))
    assert picture[240, 0, 0] == picture[240, -1, 0] == 255


def yellow(poster: NDArray[np.uint8], yaw: float, pitch: float) -> bool:
    """Whether the line of a track passes within two pixels of a direction."""
    row, column = int((0.5 - pitch / 180) * 480), int((yaw / 360 + 0.5) * 960)
    near = poster[row - 2 : row + 3, column - 2 : column + 3].astype(int)
    return bool((np.abs(near - (255, 196, 0)).max(axis=2) < 80).any())


@pytest.mark.parametrize("step", [1, 2])
def test_a_poster_leaves_the_gaps_of_a_track_open(tmp_path: Path, make_track: Track, step: int) -> None:
    """Whether kept frames are all native ones or every second one."""
    (tmp_path / "frames").mkdir()
    write_maps(tmp_path / "saliency", {})
    kept = [step * frame for frame in FRAMES]
    for frame in kept:
        write_picture(tmp_path / "frames" / f"{frame:04d}.png", np.full((HEIGHT, 2 * HEIGHT, 3), 120, dtype=np.uint8))
    track = make_track("v_1", kept[2:6] + kept[10:14], yaw=-150, pitch=60, step=2)
    track.loc[4:, "yaw_deg"] += 100  # -150 to -144 degrees, then -42 to -36
    poster = read_picture(render(tmp_path, track) / "v_1.jpg")
    assert yellow(poster, -146, 60) and yellow(poster, -40, 60)
    assert not yellow(poster, -120, 60) and not yellow(poster, -70, 60)


def test_a_video_without_events_gives_an_empty_list(stages: Path) -> None:
    folder = render(stages, empty(TRACKS))
    assert [path.name for path in folder.iterdir()] == ["viewports.json"]
    assert read_json(folder / "viewports.json") == {"fps": 16, "events": {}}


def test_a_frame_that_is_missing_is_named_and_nothing_stays(stages: Path, make_track: Track) -> None:
    (stages / "frames" / "0010.png").unlink()
    with pytest.raises(InputError, match=r"frames: found no frame 0010; .*Delete the folder and run again"):
        render(stages, make_track("v_1", FRAMES[8:18]))
    assert sorted(path.name for path in stages.iterdir()) == ["frames", "saliency"]


def test_a_frame_that_is_damaged_is_named_and_nothing_stays(stages: Path, make_track: Track) -> None:
    (stages / "frames" / "0010.png").write_bytes(b"half")
    with pytest.raises(InputError, match=r"0010\.png: found no readable picture"):
        render(stages, make_track("v_1", FRAMES[8:18]))
    assert sorted(path.name for path in stages.iterdir()) == ["frames", "saliency"]


def test_a_full_disk_is_an_error_and_nothing_stays(
    stages: Path, make_track: Track, mount: Callable[[str], Path]
) -> None:
    disk = mount("size=24k")
    for frame in FRAMES:
        noise = np.random.default_rng(frame).integers(0, 255, (HEIGHT, 2 * HEIGHT, 3), dtype=np.uint8)
        cv2.imwrite(str(stages / "frames" / f"{frame:04d}.png"), noise)
    with pytest.raises(OSError, match="No space left"):
        write_viewports(disk / "v", stages / "frames", stages / "saliency", make_track("v_1", FRAMES), SETTINGS, HEIGHT)
    assert list(disk.iterdir()) == []


def test_frames_of_another_size_are_refused_by_name(stages: Path, make_track: Track) -> None:
    write_picture(stages / "frames" / "0012.png", np.zeros((100, 200, 3), dtype=np.uint8))
    with pytest.raises(InputError, match=r"0012\.png: found 200×100; expected 480×240"):
        render(stages, make_track("v_1", FRAMES))
    assert not (stages / "viewports").exists()
