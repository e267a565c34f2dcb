"""Which frames are kept, that their pictures are exact, and that a failed extraction leaves nothing behind."""

import logging
from collections.abc import Callable
from pathlib import Path

import av
import cv2
import numpy as np
import pytest

from tsalv360.errors import InputError
from tsalv360.frames import extract_frames, frame_numbers, read_picture, write_picture
from tsalv360.video import VideoInfo, probe


@pytest.mark.parametrize(
    ("fps", "first"),
    [
        (25, [22, 23, 25, 27, 28, 30, 31, 33, 34, 36, 38, 39]),
        (30, [21, 22, 24, 26, 28, 30, 32, 34, 36, 38, 39, 41]),
        (24, [21, 22, 24, 26, 27, 28, 30, 32]),
        (60, [22, 26, 30, 34, 38, 41, 45, 49, 52]),
        (16, [21, 22, 23, 24]),
        (12, [21, 22, 23, 24]),
    ],
)
def test_kept_frames_are_those_of_the_published_dataset(fps: float, first: list[int]) -> None:
    numbers = frame_numbers(fps, 600, skip_first=20)
    assert numbers[: len(first)] == first
    assert numbers == [n for i in range(10_000) if 20 < (n := round(i / 16 * fps)) < 600] or fps < 16


@pytest.mark.parametrize("fps", [12, 15.98, 16, 23.976, 24, 25, 29.97, 30, 50, 60])
def test_kept_frames_increase_lie_in_the_video_and_cover_it(fps: float) -> None:
    numbers = frame_numbers(fps, 333, skip_first=0)
    assert numbers[0] == 0
    assert numbers == sorted(set(numbers))
    assert numbers[-1] < 333
    assert 333 - numbers[-1] <= max(1, np.ceil(fps / 16))
    assert len(numbers) == pytest.approx(min(333, 333 / fps * 16), abs=1)


@pytest.mark.parametrize("fps", [8, 12, 16])
def test_at_16_fps_and_below_every_frame_is_kept_once(fps: float) -> None:
    assert frame_numbers(fps, 100, skip_first=0) == list(range(100))


def test_skipping_0_keeps_frame_0_and_skipping_1_leaves_out_0_and_1() -> None:
    assert frame_numbers(16, 5, skip_first=0) == [0, 1, 2, 3, 4]
    assert frame_numbers(16, 5, skip_first=1) == [2, 3, 4]


def test_a_video_shorter_than_what_is_skipped_has_no_kept_frame() -> None:
    assert frame_numbers(25, 20, skip_first=20) == []


def test_extracted_pictures_are_those_of_a_sequential_decode(tmp_path: Path, video: Path) -> None:
    numbers = extract_frames(video, tmp_path / "frames", size=(32, 64), format="png", skip_first=20)
    assert numbers == frame_numbers(25, 60, 20)
    assert sorted(path.name for path in (tmp_path / "frames").iterdir()) == [f"{n:04d}.png" for n in numbers]
    with av.open(video) as container:
        decoded = [frame.to_ndarray(format="bgr24") for frame in container.decode(video=0)]
    for number in numbers:
        exact = cv2.resize(decoded[number], (64, 32), interpolation=cv2.INTER_AREA)
        np.testing.assert_array_equal(cv2.imread(str(tmp_path / "frames" / f"{number:04d}.png")), exact)


def test_pictures_of_the_right_size_stay_as_decoded(tmp_path: Path, video: Path) -> None:
    extract_frames(video, tmp_path / "frames", size=(96, 192), format="png", skip_first=50)
    with av.open(video) as container:
        decoded = [frame.to_ndarray(format="bgr24") for frame in container.decode(video=0)]
    np.testing.assert_array_equal(cv2.imread(str(tmp_path / "frames" / "0058.png")), decoded[58])


def test_each_jpeg_shows_the_frame_of_its_name(tmp_path: Path, video: Path, shown_number: Callable[..., int]) -> None:
    numbers = extract_frames(video, tmp_path / "frames", size=(96, 192), skip_first=0)
    assert numbers[:4] == [0, 2, 3, 5]
    for number in numbers:
        assert shown_number(read_picture(tmp_path / "frames" / f"{number:04d}.jpg")) == number


def test_other_rates_can_be_extracted(tmp_path: Path, video: Path) -> None:
    assert extract_frames(video, tmp_path / "frames", fps=5, size=(48, 96), skip_first=0) == list(range(0, 60, 5))


def test_a_slow_video_is_kept_whole_with_a_warning(
    tmp_path: Path, write_video: Callable[..., Path], caplog: pytest.LogCaptureFixture
) -> None:
    slow = write_video(tmp_path / "slow.mp4", n_frames=12, fps=12)
    with caplog.at_level(logging.WARNING):
        assert extract_frames(slow, tmp_path / "frames", size=(48, 96), skip_first=0) == list(range(12))
    assert "12.00 fps" in caplog.text


def test_a_second_extraction_replaces_the_folder(tmp_path: Path, video: Path) -> None:
    extract_frames(video, tmp_path / "frames", size=(48, 96), skip_first=0)
    numbers = extract_frames(video, tmp_path / "frames", size=(48, 96), format="png", skip_first=50)
    assert sorted(path.name for path in (tmp_path / "frames").iterdir()) == [f"{n:04d}.png" for n in numbers]


def test_a_video_shorter_than_its_index_says_is_refused_and_nothing_stays(tmp_path: Path, video: Path) -> None:
    with pytest.raises(InputError, match=r"whole\.mp4: found 60 frames; expected 61, as its index says"):
        extract_frames(video, tmp_path / "frames", size=(48, 96), n_frames=61, native_fps=25)
    assert list(tmp_path.iterdir()) == []


def test_an_interrupted_extraction_leaves_no_folder(
    tmp_path: Path, video: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    written = []

    def stop_at_the_fifth(path: Path, picture: np.ndarray) -> None:
        written.append(path)
        if len(written) == 5:
            raise KeyboardInterrupt
        write_picture(path, picture)

    monkeypatch.setattr("tsalv360.frames.write_picture", stop_at_the_fifth)
    with pytest.raises(KeyboardInterrupt):
        extract_frames(video, tmp_path / "frames", size=(48, 96))
    assert len(written) == 5
    assert list(tmp_path.iterdir()) == []


def test_an_extraction_after_a_killed_one_clears_what_that_left(tmp_path: Path, video: Path) -> None:
    left = tmp_path / ".frames.partial"
    left.mkdir()
    (left / "9999.jpg").write_bytes(b"half")
    extract_frames(video, tmp_path / "frames", size=(48, 96), skip_first=50)
    assert [path.name for path in tmp_path.iterdir()] == ["frames"]
    assert not (tmp_path / "frames" / "9999.jpg").exists()


def test_a_full_disk_is_an_error_and_no_folder_stays(mount: Callable[[str], Path], video: Path) -> None:
    disk = mount("size=200k")
    with pytest.raises(OSError, match="No space left"):
        extract_frames(video, disk / "frames", size=(96, 192), format="png", skip_first=0)
    assert list(disk.iterdir()) == []


def test_a_read_only_disk_is_an_error(mount: Callable[[str], Path], video: Path) -> None:
    with pytest.raises(OSError, match="Read-only"):
        extract_frames(video, mount("ro") / "frames", size=(48, 96))


def test_a_broken_video_leaves_no_folder(tmp_path: Path) -> None:
    broken = tmp_path / "broken.mp4"
    broken.write_text("no video")
    with pytest.raises(InputError):
        extract_frames(broken, tmp_path / "frames", n_frames=60, native_fps=25)
    assert [path.name for path in tmp_path.iterdir()] == ["broken.mp4"]


def test_what_the_index_says_is_not_looked_up_again(
    tmp_path: Path, video: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refuse(path: Path) -> VideoInfo:
        raise AssertionError(path)

    info = probe(video)
    monkeypatch.setattr("tsalv360.frames.probe", refuse)
    extract_frames(video, tmp_path / "frames", size=(48, 96), n_frames=info.n_frames, native_fps=info.fps)


def test_pictures_are_read_as_rgb_or_gray(tmp_path: Path) -> None:
    picture = np.zeros((4, 6, 3), dtype=np.uint8)
    picture[..., 2] = 200  # red in OpenCV's order
    write_picture(tmp_path / "a.png", picture)
    assert read_picture(tmp_path / "a.png")[0, 0].tolist() == [200, 0, 0]
    assert read_picture(tmp_path / "a.png", gray=True).shape == (4, 6)


@pytest.mark.parametrize("content", [None, b"", b"\x89PNG\r\n\x1a\nhalf"], ids=["missing", "empty", "damaged"])
def test_a_picture_that_cannot_be_read_is_named(tmp_path: Path, content: bytes | None) -> None:
    path = tmp_path / "0056.png"
    if content is not None:
        path.write_bytes(content)
    with pytest.raises(InputError, match=r"0056\.png: found no readable picture"):
        read_picture(path)
