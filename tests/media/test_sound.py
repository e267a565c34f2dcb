"""The sound of a viewport video is that of the pictures it shows: clicks at known times, in real files."""

from collections.abc import Callable
from dataclasses import asdict
from fractions import Fraction
from pathlib import Path

import av
import numpy as np
import pandas as pd
import pytest
from entries import index_entry
from numpy.typing import NDArray
from shards import write_maps

from tsalv360.contracts.entries import IndexEntry
from tsalv360.job.errors import InputError
from tsalv360.media.pictures import write_picture
from tsalv360.media.sound import SOUND_RATE, Sound, read_sound, write_with_sound
from tsalv360.media.video import probe
from tsalv360.viewports import ViewportSettings, write_viewports

FPS = 25
CLICKS = (0.5, 1.3, 2.6, 3.1)  # seconds
TOLERANCE_S = 0.003

Track = Callable[..., pd.DataFrame]


def clicking(seconds: float, rate: int, clicks: tuple[float, ...] = CLICKS) -> NDArray[np.int16]:
    """Silence [n] with bursts of a high tone of 4 ms."""
    sound = np.zeros(round(seconds * rate), dtype=np.int16)
    tone = (20_000 * np.sin(2 * np.pi * 3000 * np.arange(round(0.004 * rate)) / rate)).astype(np.int16)
    for click in clicks:
        start = round(click * rate)
        sound[start : start + len(tone)] = tone
    return sound


def heard_clicks(path: Path) -> list[float]:
    """Times of the clicks in a file, in seconds, by a plain decode; from its first picture on."""
    with av.open(path) as container:
        begin = next(container.decode(video=0)).time
    times, loud = [], []
    with av.open(path) as container:
        for frame in container.decode(audio=0):
            level = np.abs(frame.to_ndarray()).max(axis=0)
            times.append(frame.time + np.arange(len(level)) / frame.sample_rate)
            loud.append(level > 0.15)
    found = np.concatenate(times)[np.concatenate(loud)] - begin
    return found[np.diff(found, prepend=-1) > 0.02].tolist()


@pytest.fixture(scope="module")
def write_clip(write_video: Callable[..., Path]) -> Callable[..., Path]:
    """Adds a sound track to a video of `write_video`, either of them some seconds late, and the sound with a hole."""

    def write(
        path: Path,
        seconds: float = 4.0,
        fps: float = FPS,
        rate: int = 44_100,
        codec: str = "aac",
        late: float = 0.0,
        hole: tuple[float, float] | None = None,
        draw: Callable[..., NDArray[np.int16]] = clicking,
        pictures_late: float = 0.0,
    ) -> Path:
        silent = write_video(path.with_name(f"silent-{path.stem}.mp4"), round(seconds * fps), fps)
        with av.open(silent) as source, av.open(path, "w") as target:
            pictures = target.add_stream_from_template(source.streams.video[0])
            sound = target.add_stream(codec, rate=rate, layout="mono")
            for packet in source.demux(video=0):
                if packet.size:
                    shift = round(pictures_late / packet.time_base)
                    packet.pts, packet.dts = packet.pts + shift, packet.dts + shift
                    packet.stream = pictures
                    target.mux(packet)
            samples = draw(seconds, rate)
            for start in range(round(late * rate), len(samples), 1024):
                if hole and hole[0] <= start / rate < hole[1]:
                    continue
                part = samples[start : start + 1024].astype(np.float32)[None] / 32768
                frame = av.AudioFrame.from_ndarray(part, format="fltp", layout="mono")
                frame.rate, frame.pts, frame.time_base = rate, start, Fraction(1, rate)
                target.mux(sound.encode(frame))
            target.mux(sound.encode(None))
        return path

    return write


def index_of(path: Path) -> IndexEntry:
    return index_entry(**asdict(probe(path)))


def clicks_of(sound: Sound, n_pictures: int, fps: float = FPS) -> list[float]:
    """Clicks of all pictures of the 16 fps grid, one after the other."""
    level = np.abs(np.concatenate([sound.at(round(i * fps / 16)) for i in range(n_pictures)])).max(axis=1)
    found = np.flatnonzero(level > 5000) / SOUND_RATE
    return found[np.diff(found, prepend=-1) > 0.02].tolist()


@pytest.mark.parametrize(
    ("name", "rate", "codec"), [("a.mp4", 44_100, "aac"), ("a.mkv", 22_050, "aac"), ("a.mp4", 48_000, "aac")]
)
def test_clicks_are_heard_at_their_time(
    tmp_path: Path, write_clip: Callable[..., Path], name: str, rate: int, codec: str
) -> None:
    path = write_clip(tmp_path / name, rate=rate, codec=codec)
    sound = read_sound(path, index_of(path))
    assert sound is not None
    assert clicks_of(sound, 64) == pytest.approx(CLICKS, abs=TOLERANCE_S)
    assert sound.at(0).shape == (3000, 2)


def test_sound_that_begins_late_stays_at_its_time(tmp_path: Path, write_clip: Callable[..., Path]) -> None:
    path = write_clip(tmp_path / "a.mkv", late=0.9)
    sound = read_sound(path, index_of(path))
    assert sound is not None
    assert clicks_of(sound, 64) == pytest.approx(CLICKS[1:], abs=TOLERANCE_S)


@pytest.mark.parametrize("name", ["a.mkv", "a.mp4"])
def test_sound_before_the_first_picture_is_left_out(tmp_path: Path, write_clip: Callable[..., Path], name: str) -> None:
    path = write_clip(tmp_path / name, pictures_late=0.9)
    sound = read_sound(path, index_of(path))
    assert sound is not None
    assert clicks_of(sound, 64) == pytest.approx([click - 0.9 for click in CLICKS[1:]], abs=TOLERANCE_S)


def humming(seconds: float, rate: int) -> NDArray[np.int16]:
    """A tone of 100 Hz [n]."""
    return (15_000 * np.sin(2 * np.pi * 100 * np.arange(round(seconds * rate)) / rate)).astype(np.int16)


@pytest.mark.parametrize("pictures_late", [0, 0.9])
def test_time_stamps_rounded_to_milliseconds_make_no_crackle(
    tmp_path: Path, write_clip: Callable[..., Path], pictures_late: float
) -> None:
    path = write_clip(tmp_path / "a.mkv", draw=humming, pictures_late=pictures_late)
    sound = read_sound(path, index_of(path))
    assert sound is not None
    whole = np.concatenate([sound.at(round(i * FPS / 16)) for i in range(48)])[:, 0].astype(float)
    steepest = np.abs(whole).max() * 2 * np.pi * 100 / SOUND_RATE
    assert np.abs(np.diff(whole)).max() < 1.5 * steepest


def test_a_hole_in_the_sound_is_silent_and_shifts_nothing(tmp_path: Path, write_clip: Callable[..., Path]) -> None:
    path = write_clip(tmp_path / "a.mkv", hole=(1.0, 2.0))
    sound = read_sound(path, index_of(path))
    assert sound is not None
    assert clicks_of(sound, 64) == pytest.approx((0.5, 2.6, 3.1), abs=TOLERANCE_S)


def test_native_frames_of_any_rate_have_all_of_the_sound_once() -> None:
    samples = np.arange(48_000, dtype=np.int16)[:, None].repeat(2, axis=1)
    sound = Sound(samples, 30_000 / 1001, 30_000 / 1001)
    np.testing.assert_array_equal(np.concatenate([sound.at(n) for n in range(29)]), samples[: round(29 * 1601.6)])


def test_beyond_the_ends_of_the_sound_it_is_silent() -> None:
    sound = Sound(np.ones((4500, 2), dtype=np.int16), 16)
    assert [int(sound.at(frame)[:, 0].sum()) for frame in range(4)] == [3000, 1500, 0, 0]


def test_videos_without_sound_and_folders_of_frames_have_none(tmp_path: Path, video: Path) -> None:
    assert read_sound(video, index_of(video)) is None
    assert read_sound(tmp_path, {"fps": 25, "n_frames": 60}) is None


def test_a_video_below_16_fps_which_is_shown_faster_has_no_sound(
    tmp_path: Path, write_clip: Callable[..., Path]
) -> None:
    path = write_clip(tmp_path / "a.mp4", fps=12)
    assert read_sound(path, index_of(path)) is None


def test_sound_that_cannot_be_read_names_the_way_out(
    tmp_path: Path, write_clip: Callable[..., Path], monkeypatch: pytest.MonkeyPatch
) -> None:
    path = write_clip(tmp_path / "a.mp4")
    index = index_of(path)

    def broken(*_: object, **__: object) -> None:
        raise av.error.InvalidDataError(1094995529, "Invalid data")

    monkeypatch.setattr(av, "AudioResampler", broken)
    with pytest.raises(InputError, match=r"a\.mp4: found no readable sound .*viewports\.sound: false"):
        read_sound(path, index)


def test_a_viewport_video_sounds_like_the_pictures_it_shows(
    tmp_path: Path, write_clip: Callable[..., Path], make_track: Track
) -> None:
    path = write_clip(tmp_path / "a.mp4")
    index = index_of(path)
    kept = index.kept_frames
    (tmp_path / "frames").mkdir()
    for frame in kept:
        write_picture(tmp_path / "frames" / f"{frame:04d}.jpg", np.full((64, 128, 3), 90, dtype=np.uint8))
    gap = slice(30, 44)  # pictures of the 16 fps grid that the event does not have
    tracks = make_track("v_1", kept[12:30] + kept[44:56])
    settings = ViewportSettings(width=64, height=64, lead_s=0.25)
    sound = read_sound(path, index)
    write_maps(tmp_path / "saliency", {})
    write_viewports(tmp_path / "silent", tmp_path / "frames", tmp_path / "saliency", tracks, settings, 64)
    write_with_sound(tmp_path / "v", tmp_path / "silent", tracks, kept, sound)
    begin, cut = (12 - 4) / 16, (gap.stop - gap.start) / 16
    expected = [0.5 - begin, 1.3 - begin, 3.1 - begin - cut]  # the one at 2.6 s lies in the gap
    for name in ("v_1.mp4", "v_1.overlay.mp4"):
        with av.open(tmp_path / "v" / name) as container:
            assert [stream.codec_context.name for stream in container.streams] == ["h264", "aac"]
            assert container.streams.audio[0].layout.name == "stereo"
            for stream in container.streams:
                assert float(stream.duration * stream.time_base) == pytest.approx((4 + 30 + 4) / 16, abs=1e-3)
        assert heard_clicks(tmp_path / "v" / name) == pytest.approx(expected, abs=TOLERANCE_S)

        silent = tmp_path / "silent" / name
        assert pictures_of(tmp_path / "v" / name) == pictures_of(silent)
    assert (tmp_path / "v" / "v_1.jpg").samefile(tmp_path / "silent" / "v_1.jpg")


def pictures_of(path: Path) -> list[bytes]:
    """The pictures of a video as they are encoded."""
    with av.open(path) as container:
        return [bytes(packet) for packet in container.demux(video=0) if packet.size]


def test_without_sound_the_silent_videos_are_linked(
    tmp_path: Path, write_clip: Callable[..., Path], make_track: Track
) -> None:
    (tmp_path / "frames").mkdir()
    for frame in range(16):
        write_picture(tmp_path / "frames" / f"{frame:04d}.jpg", np.full((64, 128, 3), 90, dtype=np.uint8))
    tracks = make_track("v_1", list(range(2, 14)))
    settings = ViewportSettings(width=64, height=64)
    write_maps(tmp_path / "saliency", {})
    write_viewports(tmp_path / "silent", tmp_path / "frames", tmp_path / "saliency", tracks, settings, 64)
    write_with_sound(tmp_path / "v", tmp_path / "silent", tracks, list(range(16)), None)
    assert (tmp_path / "v" / "v_1.mp4").samefile(tmp_path / "silent" / "v_1.mp4")
    with av.open(tmp_path / "v" / "v_1.mp4") as container:
        assert len(container.streams) == 1
