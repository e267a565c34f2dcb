"""Fixtures that several test files share: tiny real videos, a small disk, and how to read a frame's number."""

import subprocess
from collections import Counter
from collections.abc import Callable, Iterator
from fractions import Fraction
from pathlib import Path

import av
import numpy as np
import pandas as pd
import pytest
from numpy.typing import NDArray

import tsalv360  # noqa: F401 - before any test imports OpenCV, which then reads the largest size of pictures

BITS = 8
ENCODERS = {
    "libx264": {"preset": "superfast", "crf": "10", "b_strategy": "0", "sc_threshold": "0"},  # with B-frames
    "libx265": {"preset": "superfast", "crf": "10", "x265-params": "log-level=none:b-adapt=0:scenecut=0:pools=none"},
    "mpeg4": {"qmin": "1", "qmax": "3"},
    "libvpx-vp9": {"deadline": "realtime", "cpu-used": "8", "crf": "10"},
    "libsvtav1": {"preset": "12", "crf": "10"},
}

WriteVideo = Callable[..., Path]


def numbered_picture(number: int, size: tuple[int, int]) -> NDArray[np.uint8]:
    """A picture whose upper half shows `number` as 8 black and white stripes; the lower half is coloured noise."""
    height, width = size
    picture = np.random.default_rng(number).integers(60, 180, (height, width, 3), dtype=np.uint8)
    stripes = [255 * (number >> bit & 1) for bit in range(BITS)]
    picture[: height // 2] = np.repeat(stripes, width // BITS)[None, :, None]
    return picture


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Long files first, lest one worker still runs one when the other has nothing left: workflows, then slow tests."""
    slow = Counter(item.path for item in items if item.get_closest_marker("slow"))
    items.sort(key=lambda item: (item.path.parent.name != "workflow", -slow[item.path]))


@pytest.fixture(scope="session")
def write_video() -> WriteVideo:
    """Writes an H.264 video whose frame n shows the number n (below 256), or what `draw` draws.

    `milliseconds` are the time stamps of a variable frame rate, `options` those of the muxer.
    """

    def write(
        path: Path,
        n_frames: int = 60,
        fps: float = 25,
        size: tuple[int, int] = (96, 192),
        sample_aspect: tuple[int, int] | None = None,
        options: dict[str, str] | None = None,
        codec: str = "libx264",
        pix_fmt: str = "yuv420p",
        milliseconds: list[int] | None = None,
        draw: Callable[[int, tuple[int, int]], NDArray[np.uint8]] = numbered_picture,
    ) -> Path:
        with av.open(path, "w", options=options or {}) as container:
            stream = container.add_stream(codec, rate=Fraction(fps), options=ENCODERS[codec])
            stream.height, stream.width, stream.pix_fmt = *size, pix_fmt
            stream.codec_context.thread_count, stream.codec_context.gop_size = 1, 12
            if codec == "mpeg4":
                stream.codec_context.max_b_frames = 2
            if sample_aspect:
                stream.codec_context.sample_aspect_ratio = Fraction(*sample_aspect)
            if milliseconds:
                stream.codec_context.time_base = stream.time_base = Fraction(1, 1000)
            for number in range(n_frames):
                frame = av.VideoFrame.from_ndarray(draw(number, size), format="rgb24")
                if milliseconds:
                    frame.pts, frame.time_base = milliseconds[number], Fraction(1, 1000)
                container.mux(stream.encode(frame))
            container.mux(stream.encode(None))
        return path

    return write


@pytest.fixture(scope="session")
def shown_number() -> Callable[[NDArray[np.uint8]], int]:
    """Reads the number that a frame of `write_video` shows, at any size."""

    def read(picture: NDArray[np.uint8]) -> int:
        height, width = picture.shape[:2]
        columns = [round((bit + 0.5) * width / BITS) for bit in range(BITS)]
        return sum(1 << bit for bit, column in enumerate(columns) if picture[height // 4, column].mean() > 127)

    return read


@pytest.fixture(scope="session")
def video(tmp_path_factory: pytest.TempPathFactory, write_video: WriteVideo) -> Path:
    """60 frames of 192 x 96 at 25 fps; not to be changed."""
    return write_video(tmp_path_factory.mktemp("video") / "whole.mp4")


@pytest.fixture(scope="session")
def make_track() -> Callable[..., pd.DataFrame]:
    """Makes the track of an event at 16 fps that starts at `yaw` and turns by `step` degrees per frame."""

    def make(event: str, frames: list[int], yaw: float = 0.0, pitch: float = 0.0, step: float = 0.0) -> pd.DataFrame:
        direction = (yaw + step * np.arange(len(frames)) + 180) % 360 - 180
        return pd.DataFrame(
            {
                "event_id": event,
                "frame": frames,
                "time_s": np.array(frames) / 16,
                "yaw_deg": direction,
                "pitch_deg": pitch,
                "spread_deg": 2.0,
                "n_observers": 5,
                "camera_yaw_deg": direction,
                "camera_pitch_deg": pitch,
                "camera_hfov_deg": 75.0,
            }
        )

    return make


@pytest.fixture(scope="session")
def make_events() -> Callable[[pd.DataFrame], pd.DataFrame]:
    """Makes the events table of tracks."""

    def make(tracks: pd.DataFrame) -> pd.DataFrame:
        rows = [
            {
                "event_id": event,
                "video": str(event).rsplit("_", 1)[0],
                "start_frame": track.frame.iloc[0],
                "end_frame": track.frame.iloc[-1],
                "start_s": track.time_s.iloc[0],
                "end_s": track.time_s.iloc[-1],
                "n_segments": 1,
                "yaw_deg": track.yaw_deg.iloc[0],
                "pitch_deg": track.pitch_deg.iloc[0],
                "n_observers": 7,
                "share": 0.5,
                "evidence": 37.7,
                "by_chance": 1e-3,
                "confidence": 0.61234,
            }
            for event, track in tracks.groupby("event_id", sort=False)
        ]
        return pd.DataFrame(rows)

    return make


@pytest.fixture
def mount(tmp_path: Path) -> Iterator[Callable[[str], Path]]:
    """Mounts an empty file system in memory with the given options; skips where that is not allowed."""
    mounted: list[Path] = []

    def make(options: str) -> Path:
        folder = tmp_path / f"mounted{len(mounted)}"
        folder.mkdir()
        command = ["mount", "-t", "tmpfs", "-o", options, "tmpfs", str(folder)]
        try:
            allowed = subprocess.run(command, capture_output=True, check=False).returncode == 0
        except OSError:
            allowed = False
        if not allowed:
            pytest.skip("needs the right to mount a file system")
        mounted.append(folder)
        return folder

    yield make
    for folder in mounted:
        subprocess.run(["umount", str(folder)], check=True)
