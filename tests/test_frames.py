"""Which frames are kept, that their pictures are exact, and that a failed extraction leaves nothing behind."""

import logging
import os
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import av
import cv2
import numpy as np
import pytest
from entries import index_entry

from tsalv360.contracts.entries import VideoInfo
from tsalv360.contracts.grid import frame_numbers
from tsalv360.frames import estimated_bytes, extract_frames
from tsalv360.job.errors import InputError
from tsalv360.media.pictures import check_rate, probe_ready, read_picture, write_picture
from tsalv360.media.video import View, probe


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
    with pytest.raises(InputError, match=r"whole\.mp4: found 60 frames; expected 61, as in its index entry"):
        extract_frames(video, tmp_path / "frames", size=(48, 96), index=replace(probe(video), n_frames=61))
    assert list(tmp_path.iterdir()) == []


def test_an_interrupted_extraction_leaves_no_folder(
    tmp_path: Path, video: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    written = []

    def stop_at_the_fifth(path: Path, picture: np.ndarray, *settings: object) -> None:
        written.append(path)
        if len(written) == 5:
            raise KeyboardInterrupt
        write_picture(path, picture)

    monkeypatch.setattr("tsalv360.frames.write_picture", stop_at_the_fifth)
    with pytest.raises(KeyboardInterrupt):
        extract_frames(video, tmp_path / "frames", size=(48, 96))
    assert len(written) == 5
    assert list(tmp_path.iterdir()) == []


def test_a_killed_extraction_leaves_no_folder_and_the_next_one_is_whole(tmp_path: Path, video: Path) -> None:
    code = f"""if True:
        import time
        from tsalv360 import frames
        write = frames.write_picture
        frames.write_picture = lambda *parts: (write(*parts), time.sleep(0.2))
        frames.extract_frames({str(video)!r}, {str(tmp_path / "frames")!r}, size=(48, 96))"""
    process = subprocess.Popen([sys.executable, "-c", code], stderr=subprocess.DEVNULL)
    deadline = time.monotonic() + 60
    while len(list(tmp_path.glob("*/*.jpg")) + list(tmp_path.glob(".*/*.jpg"))) < 3:
        assert process.poll() is None
        assert time.monotonic() < deadline
        time.sleep(0.02)
    process.send_signal(signal.SIGKILL)
    assert process.wait() == -signal.SIGKILL
    assert not (tmp_path / "frames").exists()
    numbers = extract_frames(video, tmp_path / "frames", size=(48, 96))
    assert [path.name for path in tmp_path.iterdir()] == ["frames"]
    assert sorted(path.name for path in (tmp_path / "frames").iterdir()) == [f"{n:04d}.jpg" for n in numbers]


def test_a_disk_that_fills_up_is_an_error_and_no_folder_stays(
    mount: Callable[[str], Path], video: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    disk = mount("size=200k")
    monkeypatch.setattr("tsalv360.frames.estimated_bytes", lambda *frames: 0)
    with pytest.raises(OSError, match="No space left on device"):
        extract_frames(video, disk / "frames", size=(96, 192), format="png", skip_first=0)
    assert list(disk.iterdir()) == []


def test_a_disk_that_is_too_small_is_an_error_before_anything_is_written(
    mount: Callable[[str], Path], video: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    disk = mount("size=200k")
    monkeypatch.setattr("tsalv360.media.video.pictures_at", lambda *parts: pytest.fail("started"))
    with pytest.raises(OSError, match=r"No space left for 39 frames of 192×96 as png: about 0\.7 MB; 0\.0 GB"):
        extract_frames(video, disk / "frames", size=(96, 192), format="png", skip_first=0)


def test_the_disk_space_that_frames_will_take_is_logged_first(
    tmp_path: Path, video: Path, caplog: pytest.LogCaptureFixture
) -> None:
    with caplog.at_level(logging.INFO):
        extract_frames(video, tmp_path / "new" / "frames", size=(96, 192), skip_first=0)
    assert "39 frames of 192×96 as jpg: about 0.1 MB; " in caplog.text
    assert estimated_bytes(1000, (960, 1920), "png") == 5 * estimated_bytes(1000, (960, 1920), "jpg") > 1e9


def test_a_read_only_disk_is_an_error(mount: Callable[[str], Path], video: Path) -> None:
    with pytest.raises(OSError, match="Read-only"):
        extract_frames(video, mount("ro") / "frames", size=(48, 96))


def test_a_broken_video_leaves_no_folder(tmp_path: Path) -> None:
    broken = tmp_path / "broken.mp4"
    broken.write_text("no video")
    with pytest.raises(InputError):
        extract_frames(broken, tmp_path / "frames")
    assert [path.name for path in tmp_path.iterdir()] == ["broken.mp4"]


def test_a_video_with_an_index_entry_is_not_probed_again(
    tmp_path: Path, video: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refuse(path: Path) -> VideoInfo:
        raise AssertionError(path)

    index = probe(video)
    monkeypatch.setattr("tsalv360.frames.probe", refuse)
    extract_frames(video, tmp_path / "frames", size=(48, 96), index=index)


def test_a_fast_video_is_thinned_out(tmp_path: Path, write_video: Callable[..., Path]) -> None:
    fast = write_video(tmp_path / "fast.mp4", n_frames=60, fps=60)
    numbers = extract_frames(fast, tmp_path / "frames", size=(48, 96))
    assert numbers == [22, 26, 30, 34, 38, 41, 45, 49, 52, 56]


def test_enlarging_a_video_is_logged(tmp_path: Path, video: Path, caplog: pytest.LogCaptureFixture) -> None:
    extract_frames(video, tmp_path / "frames", size=(192, 384), skip_first=50)
    assert "pictures of 192×96, which are enlarged" in caplog.text
    assert read_picture(tmp_path / "frames" / "0058.jpg").shape == (192, 384, 3)


@pytest.mark.parametrize(("view", "shown"), [("top", 10), ("bottom", 110)])
def test_one_eye_of_a_stereo_video_fills_the_frames(
    tmp_path: Path, write_video: Callable[..., Path], shown_number: Callable[..., int], view: View, shown: int
) -> None:
    def draw(number: int, size: tuple[int, int]) -> np.ndarray:
        stripes = [[255 * (n >> bit & 1) for bit in range(8)] for n in (number, 100 + number)]
        gray = np.repeat(np.repeat(np.array(stripes, dtype=np.uint8), size[0] // 2, 0), size[1] // 8, 1)
        return np.repeat(gray[..., None], 3, 2)

    stereo = write_video(tmp_path / "stereo.mp4", n_frames=16, fps=16, size=(192, 192), draw=draw)
    extract_frames(stereo, tmp_path / "frames", size=(64, 128), skip_first=0, view=view)
    picture = read_picture(tmp_path / "frames" / "0010.jpg")
    assert picture.shape == (64, 128, 3)
    assert shown_number(picture) == shown_number(picture[::-1]) == shown


COLOURS = np.array([(255, 0, 0), (0, 255, 0), (0, 0, 255), (255, 255, 255), (0, 0, 0), (200, 120, 60), (30, 90, 160)])
LUMA = {1: (0.2126, 0.0722), 6: (0.299, 0.114), 9: (0.2627, 0.0593)}  # red and blue share, by number in H.273


def write_colours(path: Path, matrix: int | None, full: bool, bits: int) -> None:
    """A video of seven stripes of known colour, coded by the formulas of ITU-T H.273."""
    red, blue = LUMA[matrix or 6]
    rgb = COLOURS / 255
    y = rgb @ (red, 1 - red - blue, blue)
    planes = np.array([y, (rgb[:, 2] - y) / 2 / (1 - blue), (rgb[:, 0] - y) / 2 / (1 - red)])
    scale, offset = ((255, 255, 255), (0, 128, 128)) if full else ((219, 224, 224), (16, 128, 128))
    codes = np.array(offset)[:, None] * 2 ** (bits - 8) + planes * np.array(scale)[:, None] * 2 ** (bits - 8)
    codes = np.clip(np.rint(codes), 0, 2**bits - 1).astype(np.uint8 if bits == 8 else np.uint16)
    pix_fmt = "yuv420p" if bits == 8 else "yuv420p10le"
    luma = np.tile(np.repeat(codes[0], 32), (112, 1))
    chroma = [np.tile(np.repeat(plane, 16), (56, 1)).reshape(28, 224) for plane in codes[1:]]
    with av.open(path, "w") as container:
        stream = container.add_stream("libx264", rate=16, options={"crf": "1"})
        stream.width, stream.height, stream.pix_fmt = 224, 112, pix_fmt
        context = stream.codec_context
        context.colorspace, context.color_range = matrix or 2, 2 if full else 1
        frame = av.VideoFrame.from_ndarray(np.concatenate([luma, *chroma]), format=pix_fmt)
        frame.colorspace, frame.color_range = context.colorspace, context.color_range
        container.mux([*stream.encode(frame), *stream.encode(None)])


@pytest.mark.parametrize("format", ["png", "jpg"])
@pytest.mark.parametrize("bits", [8, 10])
@pytest.mark.parametrize("full", [False, True])
@pytest.mark.parametrize("matrix", [1, 6, 9, None], ids=["BT.709", "BT.601", "BT.2020", "none stated"])
def test_colours_come_out_as_the_video_states_them(
    tmp_path: Path, matrix: int | None, full: bool, bits: int, format: str
) -> None:
    write_colours(tmp_path / "a.mp4", matrix, full, bits)
    index = index_entry(n_frames=1, width=224, height=112)
    extract_frames(tmp_path / "a.mp4", tmp_path / "frames", size=(112, 224), format=format, skip_first=0, index=index)
    picture = read_picture(tmp_path / "frames" / f"0000.{format}").astype(int)
    for stripe, colour in enumerate(COLOURS):
        assert np.abs(picture[20:90, 32 * stripe + 8 : 32 * stripe + 24] - colour).max() <= (
            4 if format == "png" else 6
        )


def test_jpegs_have_the_quality_and_chroma_that_are_set(tmp_path: Path, video: Path) -> None:
    def write(name: str, quality: int, chroma: str) -> bytes:
        extract_frames(video, tmp_path / name, size=(96, 192), skip_first=50, jpeg_quality=quality, jpeg_chroma=chroma)
        return (tmp_path / name / "0058.jpg").read_bytes()

    def sampling(content: bytes) -> int:
        return content[content.index(b"\xff\xc0") + 11]  # of the luma, in the header of the frame

    best, coarse, fine = write("best", 95, "4:2:0"), write("coarse", 50, "4:2:0"), write("fine", 95, "4:4:4")
    assert len(coarse) < len(best) < len(fine)
    assert (sampling(best), sampling(fine)) == (0x22, 0x11)


@pytest.mark.skipif("TSALV360_REAL_DATA" not in os.environ, reason="TSALV360_REAL_DATA names no folder")
def test_jpegs_of_a_real_video_are_close_to_its_pngs(tmp_path: Path) -> None:
    path = Path(os.environ["TSALV360_REAL_DATA"]) / "videos" / "overpass-clip.mp4"
    numbers = extract_frames(path, tmp_path / "jpg", skip_first=90)
    extract_frames(path, tmp_path / "png", format="png", skip_first=90)
    for number in numbers:
        exact, near = (
            read_picture(tmp_path / kind / f"{number:04d}.{kind}", gray=True).astype(float) for kind in ("png", "jpg")
        )
        assert 10 * np.log10(255**2 / ((exact - near) ** 2).mean()) >= 38


# Ready frames


@pytest.fixture
def write_ready(tmp_path: Path) -> Callable[..., Path]:
    """Writes a folder of ready frames with the given numbers."""

    def write(numbers: list[int], size: tuple[int, int] = (48, 96), suffix: str = "jpg", name: str = "218") -> Path:
        folder = tmp_path / name
        folder.mkdir()
        for number in numbers:
            picture = np.full((*size, 3), number % 256, dtype=np.uint8)
            folder.joinpath(f"{number:04d}.{suffix}").write_bytes(
                cv2.imencode(f".{suffix.lower()}", picture)[1].tobytes()
            )
        return folder

    return write


def index_of(folder: Path, fps: float = 30, **settings: object) -> VideoInfo:
    return probe_ready(folder, fps, **settings)


def keep(folder: Path, size: tuple[int, int] = (48, 96), **settings: object) -> dict[int, Path]:
    """The frames that are kept of a folder of ready frames, by number."""
    target = folder.parent / "frames"
    index = index_of(folder)
    numbers = extract_frames(folder, target, size=size, index=index, **{"skip_first": 0, **settings})
    assert numbers == index.frames_to_keep(settings.get("skip_first", 0))
    files = {int(path.stem): path for path in target.iterdir()}
    assert sorted(files) == numbers
    return files


def test_ready_frames_are_counted_from_their_names_and_other_files_do_not_matter(
    write_ready: Callable[..., Path],
) -> None:
    folder = write_ready(list(range(1, 61)))
    (folder / "0001_gt.npy").write_bytes(b"map")
    (folder / "info.txt").write_text("Sports-360")
    (folder / "._0001.jpg").write_bytes(b"metadata")
    info = probe_ready(folder, 30)
    assert (info.fps, info.n_frames, info.width, info.height) == (30, 61, 96, 48)
    assert info.missing_frames == [0]
    assert info.duration_s == pytest.approx(61 / 30)
    assert info.notes == []


@pytest.mark.parametrize("first", [0, 1])
def test_all_frames_of_a_native_folder_can_be_kept(write_ready: Callable[..., Path], first: int) -> None:
    folder = write_ready(list(range(first, 61)))
    check_rate(folder, index_of(folder), 0)
    assert list(keep(folder))
    assert index_of(folder).frames_to_keep(0) == [n for n in frame_numbers(30, 61, 0) if n >= first]
    assert index_of(folder).frames_to_keep(20) == frame_numbers(30, 61, 20)


def test_a_folder_sampled_by_the_published_rule_is_used_unchanged(write_ready: Callable[..., Path]) -> None:
    published = frame_numbers(30, 90, 20)
    folder = write_ready(published)
    check_rate(folder, index_of(folder), 20)
    assert keep(folder, skip_first=20)
    assert index_of(folder).frames_to_keep(20) == index_of(folder).frames_to_keep(0) == published


def test_a_folder_of_another_rate_is_refused_with_its_rate_and_the_way_out(write_ready: Callable[..., Path]) -> None:
    folder = write_ready(list(range(0, 61, 3)))
    with pytest.raises(InputError) as caught:
        check_rate(folder, index_of(folder), 0)
    for part in ("218", "about 10 fps", "without 20 of the 33", "such as 2", "30 fps", "frames.ready: resample"):
        assert part in str(caught.value)


def test_a_folder_of_another_rate_is_resampled_to_the_nearest_frames_each_once(
    write_ready: Callable[..., Path],
) -> None:
    folder = write_ready(list(range(0, 61, 3)))
    assert sorted(keep(folder, ready="resample")) == list(range(0, 61, 3))
    sparse = write_ready([0, 1, 2, 3, 4, 5, 20, 21, 22, 23, 24, 25], name="219")
    # the grid is 0 2 4 6 8 9 11 13 15 17 19 21 22 24
    assert index_of(sparse).frames_to_keep(0) == [0, 2, 4, 5, 20, 21, 22, 24]
    assert index_of(sparse).frames_to_keep(4) == [5, 20, 21, 22, 24]


def test_frames_missing_in_between_are_noted(write_ready: Callable[..., Path]) -> None:
    numbers = [n for n in range(1, 61) if n not in (7, 30)]
    info = probe_ready(write_ready(numbers), 30)
    assert info.notes == ["2 of the frames 1 to 60 are missing"]
    assert info.missing_frames == [0, 7, 30]


def test_ready_frames_of_the_right_size_and_format_are_not_encoded_again(write_ready: Callable[..., Path]) -> None:
    folder = write_ready(list(range(31)))
    for number, path in keep(folder, jpeg_quality=10).items():
        assert path.samefile(folder / f"{number:04d}.jpg")


def test_ready_frames_are_linked_whatever_their_suffix(write_ready: Callable[..., Path]) -> None:
    folder = write_ready(list(range(31)), suffix="JPEG")
    assert keep(folder)[30].samefile(folder / "0030.JPEG")


@pytest.mark.parametrize(("suffix", "format"), [("jpg", "png"), ("png", "jpg")])
def test_ready_frames_of_another_format_are_converted(
    write_ready: Callable[..., Path], suffix: str, format: str
) -> None:
    folder = write_ready(list(range(31)), suffix=suffix)
    path = keep(folder, format=format)[30]
    assert path.name == f"0030.{format}"
    np.testing.assert_array_equal(read_picture(path), read_picture(folder / f"0030.{suffix}"))


def test_ready_frames_of_another_size_are_refused_or_resized(write_ready: Callable[..., Path]) -> None:
    folder = write_ready(list(range(31)), size=(96, 192))
    with pytest.raises(InputError, match=r"0000\.jpg: found a picture of 192×96; expected 96×48.*ready: resample"):
        keep(folder)
    assert not (folder.parent / "frames").exists()
    files = keep(folder, ready="resample")
    assert read_picture(files[30]).shape == (48, 96, 3)
    assert read_picture(files[30]).mean() == pytest.approx(30, abs=1)


def test_a_single_frame_of_another_size_is_found(write_ready: Callable[..., Path]) -> None:
    folder = write_ready(list(range(31)))
    write_picture(folder / "0009.jpg", np.zeros((96, 192, 3), dtype=np.uint8))
    with pytest.raises(InputError, match=r"0009\.jpg: found a picture of 192×96"):
        keep(folder)


def test_one_eye_of_ready_stereo_frames_is_cut_out(write_ready: Callable[..., Path]) -> None:
    folder = write_ready([0, 1, 2], size=(96, 96), suffix="png")
    two = np.zeros((96, 96, 3), dtype=np.uint8)
    two[48:] = 200
    write_picture(folder / "0002.png", two)
    index = index_of(folder, view="bottom")
    assert (index.width, index.height) == (96, 48)
    extract_frames(
        folder, folder.parent / "frames", size=(48, 96), format="png", skip_first=0, index=index, view="bottom"
    )
    assert (read_picture(folder.parent / "frames" / "0002.png") == 200).all()


def test_flat_ready_frames_are_refused_unless_forced(write_ready: Callable[..., Path]) -> None:
    folder = write_ready([0, 1, 2], size=(48, 64))
    with pytest.raises(InputError, match=r"218: found 64×48 pictures .*frames\.force_2to1"):
        probe_ready(folder, 30)
    assert probe_ready(folder, 30, force_2to1=True).n_frames == 3


def test_a_ready_frame_that_is_cut_off_is_named_and_no_folder_stays(write_ready: Callable[..., Path]) -> None:
    folder = write_ready(list(range(31)))
    noise = np.random.default_rng(1).integers(0, 255, (48, 96, 3), dtype=np.uint8)
    write_picture(folder / "0013.jpg", noise)
    (folder / "0013.jpg").write_bytes((folder / "0013.jpg").read_bytes()[:-500])
    with pytest.raises(InputError, match=r"0013\.jpg: found no readable picture"):
        keep(folder)
    assert not (folder.parent / "frames").exists()


def test_a_ready_frame_removed_after_the_index_was_written_is_named(write_ready: Callable[..., Path]) -> None:
    folder = write_ready(list(range(31)))
    index = index_of(folder)
    (folder / "0013.jpg").unlink()
    with pytest.raises(InputError, match=r"0013\.\*: found no readable picture"):
        extract_frames(folder, folder.parent / "frames", size=(48, 96), skip_first=0, index=index)


def test_two_ready_frames_with_one_number_are_refused(write_ready: Callable[..., Path]) -> None:
    folder = write_ready([0, 1, 2])
    shutil.copy(folder / "0001.jpg", folder / "1.jpg")
    with pytest.raises(InputError, match=r"0001\.jpg and 1\.jpg; expected one picture of each number"):
        probe_ready(folder, 30)


def test_a_folder_without_ready_frames_is_refused(tmp_path: Path) -> None:
    (tmp_path / "0001_gt.npy").write_bytes(b"map")
    with pytest.raises(InputError, match="found no ready frames; expected pictures named by native frame number"):
        probe_ready(tmp_path, 30)


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
