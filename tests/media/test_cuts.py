"""Cuts are found where another scene begins, and nowhere else."""

from collections.abc import Callable
from pathlib import Path

import av
import numpy as np
import pytest
from numpy.typing import NDArray

from tsalv360.media.cuts import find_cuts

FPS, SIZE = 25, (96, 192)


def scene(number: int, moved: int) -> NDArray[np.uint8]:
    """A picture of its own for each number, shifted by `moved` pixels as a turning camera shows it."""
    rng = np.random.default_rng(number)
    picture = np.kron(rng.integers(0, 200, (4, 8, 3)), np.ones((24, 24, 1))) + rng.integers(0, 55, (*SIZE, 3))
    return np.roll(picture, moved, axis=1).astype(np.uint8)


def write(path: Path, starts: list[int], n_frames: int, codec: str = "libx264") -> Path:
    """A video whose scenes begin at frames; the camera turns all the time."""
    with av.open(path, "w") as container:
        stream = container.add_stream(codec, rate=FPS)
        stream.height, stream.width = SIZE
        stream.pix_fmt = "yuvj420p" if codec == "mjpeg" else "yuv420p"
        stream.codec_context.gop_size, stream.codec_context.thread_count = 120, 1
        for n in range(n_frames):
            number = sum(start <= n for start in starts)
            container.mux(stream.encode(av.VideoFrame.from_ndarray(scene(number, n // 2), format="rgb24")))
        container.mux(stream.encode(None))
    return path


@pytest.mark.parametrize("codec, name", [("libx264", "a.mp4"), ("libx264", "a.mkv"), ("mjpeg", "a.avi")])
def test_cuts_are_found_where_scenes_begin(tmp_path: Path, codec: str, name: str) -> None:
    starts = [40, 90, 165, 230]
    found = find_cuts(write(tmp_path / name, starts, 300, codec))
    tolerance_s = 0.3 if codec == "mjpeg" else 0.05  # where every frame is a key frame, only some are decoded
    assert found == pytest.approx([start / FPS for start in starts], abs=tolerance_s)


def test_a_turning_camera_makes_no_cut(tmp_path: Path) -> None:
    assert find_cuts(write(tmp_path / "a.mp4", [], 300)) == []


def test_a_damaged_video_gives_the_cuts_that_can_be_read(tmp_path: Path, write_video: Callable[..., Path]) -> None:
    path = write(tmp_path / "a.mkv", [60], 150)
    content = bytearray(path.read_bytes())
    content[len(content) // 2 : len(content) // 2 + 300] = bytes(300)
    path.write_bytes(content)
    assert len(find_cuts(path)) <= 1
