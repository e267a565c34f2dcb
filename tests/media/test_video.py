"""What `probe` accepts, refuses and reports for real files; decoding in order; what VideoWriter writes."""

import gc
import os
import struct
from collections.abc import Callable
from pathlib import Path

import av
import numpy as np
import pytest

from tsalv360.job.errors import InputError
from tsalv360.media.video import VideoWriter, View, decode, pictures_at, probe, read_pictures

LAYOUTS = {
    "plain": {},
    "faststart": {"movflags": "+faststart"},
    "fragmented": {"movflags": "frag_keyframe+empty_moov"},
}


def boxes(content: bytes) -> list[str]:
    """Names of the top-level boxes of an MP4."""
    names, offset = [], 0
    while offset < len(content):
        names.append(content[offset + 4 : offset + 8].decode())
        offset += struct.unpack(">I", content[offset : offset + 4])[0]
    return names


def cut(source: Path, share: float) -> Path:
    """A copy of the first part of a file."""
    content = source.read_bytes()
    target = source.with_name(f"cut{source.suffix}")
    target.write_bytes(content[: int(len(content) * share)])
    return target


def test_probe_returns_what_a_video_holds(video: Path) -> None:
    info = probe(video)
    assert (info.fps, info.n_frames, info.width, info.height) == (25, 60, 192, 96)
    assert info.display_aspect == 2
    assert info.duration_s == pytest.approx(2.4)
    assert info.notes == []


@pytest.mark.parametrize("fps", [12, 24, 30, 60])
def test_probe_returns_the_frame_rate(tmp_path: Path, write_video: Callable[..., Path], fps: int) -> None:
    info = probe(write_video(tmp_path / "a.mp4", n_frames=12, fps=fps))
    assert (info.fps, info.n_frames) == (fps, 12)


def test_missing_video_is_named_with_the_way_out(tmp_path: Path) -> None:
    with pytest.raises(InputError, match=r"nowhere\.mp4: found no such file; .*Correct the path"):
        probe(tmp_path / "nowhere.mp4")


def test_a_folder_is_not_a_video(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="no such file"):
        probe(tmp_path)


@pytest.mark.parametrize(
    "content", [b"", b"<html>404: not found</html>\n", b"\0" * 5000], ids=["empty", "text", "zeros"]
)
def test_a_file_that_is_a_video_by_name_only_is_unreadable(tmp_path: Path, content: bytes) -> None:
    path = tmp_path / "127.mp4"
    path.write_bytes(content)
    with pytest.raises(InputError, match=r"127\.mp4: found no readable video .*Replace the file"):
        probe(path)


def test_a_sound_file_has_no_video_stream(tmp_path: Path) -> None:
    path = tmp_path / "sound.mp4"
    with av.open(path, "w") as container:
        stream = container.add_stream("aac", rate=8000)
        frame = av.AudioFrame.from_ndarray(np.zeros((1, 1024), dtype=np.float32), format="fltp", layout="mono")
        frame.rate = 8000
        container.mux(stream.encode(frame))
        container.mux(stream.encode(None))
    with pytest.raises(InputError, match=r"sound\.mp4: found no video stream"):
        probe(path)


@pytest.mark.parametrize("share", [0.2, 0.5, 0.8, 0.97])
@pytest.mark.parametrize("layout", LAYOUTS)
def test_a_truncated_video_is_refused_wherever_it_was_cut(
    tmp_path: Path, write_video: Callable[..., Path], layout: str, share: float
) -> None:
    whole = write_video(tmp_path / "whole.mp4", options=LAYOUTS[layout])
    names = boxes(whole.read_bytes())
    assert (names.index("moov") < names.index("mdat")) == (layout != "plain")
    assert ("moof" in names) == (layout == "fragmented")
    assert probe(whole).n_frames == 60
    with pytest.raises(InputError, match=r"cut\.mp4: found a truncated video .*Download or copy it again"):
        probe(cut(whole, share))


def test_a_video_whose_index_is_cut_off_is_refused(tmp_path: Path, video: Path) -> None:
    content = video.read_bytes()
    path = tmp_path / "headless.mp4"
    path.write_bytes(content[: content.index(b"moov") - 4])
    with pytest.raises(InputError, match=r"headless\.mp4: found no readable video"):
        probe(path)


def test_frames_of_a_fragmented_video_cut_after_a_fragment_are_counted_by_decoding(
    tmp_path: Path, write_video: Callable[..., Path]
) -> None:
    content = write_video(tmp_path / "whole.mp4", options=LAYOUTS["fragmented"]).read_bytes()
    path = tmp_path / "cut.mp4"
    path.write_bytes(content[: content.rindex(b"moof") - 4])
    info = probe(path)
    assert info.n_frames == sum(1 for _ in decode(path)) < 60
    assert info.notes == [f"header says 0 frames, decoding gives {info.n_frames}"]


@pytest.mark.parametrize(("box", "after"), [(b"mdat", -4), (b"moof", 1)], ids=["header without data", "start of a box"])
def test_a_fragmented_video_cut_around_a_box_header_is_refused(
    tmp_path: Path, write_video: Callable[..., Path], box: bytes, after: int
) -> None:
    content = write_video(tmp_path / "whole.mp4", options=LAYOUTS["fragmented"]).read_bytes()
    path = tmp_path / "cut.mp4"
    path.write_bytes(content[: content.rindex(box) + after])
    with pytest.raises(InputError, match="truncated video"):
        probe(path)


def test_a_truncated_matroska_video_is_refused(tmp_path: Path, write_video: Callable[..., Path]) -> None:
    whole = write_video(tmp_path / "whole.mkv")
    assert probe(whole).n_frames == 60
    with pytest.raises(InputError):
        probe(cut(whole, 0.5))


@pytest.mark.parametrize(("size", "aspect"), [((96, 128), "1.333"), ((96, 184), "1.917"), ((96, 96), "1.000")])
def test_a_display_aspect_other_than_2_to_1_is_refused_unless_forced(
    tmp_path: Path, write_video: Callable[..., Path], size: tuple[int, int], aspect: str
) -> None:
    path = write_video(tmp_path / "flat.mp4", n_frames=3, size=size)
    with pytest.raises(InputError) as caught:
        probe(path)
    for part in ("flat.mp4", f"{size[1]}×96", aspect, "2:1", "frames.force_2to1: true"):
        assert part in str(caught.value)
    assert probe(path, force_2to1=True).n_frames == 3


@pytest.mark.parametrize(("size", "sample_aspect"), [((322, 640), (161, 160)), ((96, 96), (2, 1)), ((96, 144), (4, 3))])
def test_a_sample_aspect_that_makes_a_2_to_1_picture_is_accepted(
    tmp_path: Path, write_video: Callable[..., Path], size: tuple[int, int], sample_aspect: tuple[int, int]
) -> None:
    info = probe(write_video(tmp_path / "a.mp4", n_frames=3, size=size, sample_aspect=sample_aspect))
    assert info.display_aspect == pytest.approx(2, abs=1e-3)
    assert (info.height, info.width) == size


def test_a_sample_aspect_that_spoils_a_2_to_1_picture_is_refused(
    tmp_path: Path, write_video: Callable[..., Path]
) -> None:
    path = write_video(tmp_path / "a.mp4", n_frames=3, sample_aspect=(4, 3))
    with pytest.raises(InputError, match=r"display aspect 2\.667"):
        probe(path)


def test_a_fragmented_video_without_a_count_in_its_header_is_counted_and_noted(
    tmp_path: Path, write_video: Callable[..., Path]
) -> None:
    info = probe(write_video(tmp_path / "a.mp4", options=LAYOUTS["fragmented"]))
    assert (info.n_frames, info.fps) == (60, 25)
    assert info.notes == ["header says 0 frames, decoding gives 60"]


def test_frames_that_an_edit_list_hides_are_not_counted_and_noted(tmp_path: Path, video: Path) -> None:
    content = bytearray(video.read_bytes())
    at = content.index(b"elst") + 8  # version and flags, then the number of entries
    assert struct.unpack(">I", content[at : at + 4]) == (1,)
    length, start = struct.unpack(">Ii", content[at + 4 : at + 12])
    rate = 25 * 512  # ticks of the muxer
    content[at + 4 : at + 12] = struct.pack(">Ii", length * 50 // 60, start + 10 * rate // 25)
    path = tmp_path / "edited.mp4"
    path.write_bytes(content)
    info = probe(path)
    assert info.n_frames == sum(1 for _ in decode(path)) < 60
    assert info.fps == pytest.approx(25)
    assert info.notes == [f"header says 60 frames, decoding gives {info.n_frames}"]


MATRICES = {  # a, b, c, d of x' = ax + cy, y' = bx + dy, and how the decoded picture is shown
    "as decoded": ((1, 0, 0, 1), lambda p: p),
    "90 degrees": ((0, 1, -1, 0), lambda p: np.rot90(p, -1)),
    "180 degrees": ((-1, 0, 0, -1), lambda p: np.rot90(p, 2)),
    "270 degrees": ((0, -1, 1, 0), lambda p: np.rot90(p)),
    "left to right": ((-1, 0, 0, 1), lambda p: p[:, ::-1]),
    "upside down": ((1, 0, 0, -1), lambda p: p[::-1]),
    "transposed": ((0, 1, 1, 0), lambda p: p.swapaxes(0, 1)),
}


def with_matrix(video: Path, a: float, b: float, c: float, d: float) -> Path:
    """A copy of an MP4 whose track header has this matrix."""
    content = bytearray(video.read_bytes())
    at = content.index(b"tkhd") + 4 + 40
    values = [round(v * 65536) for v in (a, b, 0, c, d, 0, 0, 0)]
    content[at : at + 32] = struct.pack(">8i", *values)
    path = video.with_name("rotated.mp4")
    path.write_bytes(content)
    return path


def four_colours(number: int, size: tuple[int, int]) -> np.ndarray:
    """Another colour in each quarter, of which the first changes with `number`."""
    height, width = size
    picture = np.zeros((height, width, 3), dtype=np.uint8)
    picture[: height // 2, : width // 2] = (200, 30, 3 * number)
    picture[: height // 2, width // 2 :] = (40, 180, 60)
    picture[height // 2 :, : width // 2] = (30, 60, 220)
    picture[height // 2 :, width // 2 :] = (230, 220, 210)
    return picture


def sequential(path: Path) -> list[np.ndarray]:
    """All pictures by a plain decode, BGR, as they are coded."""
    with av.open(path) as container:
        return [frame.to_ndarray(format="bgr24") for frame in container.decode(video=0)]


@pytest.mark.parametrize("rotation", MATRICES)
def test_a_rotated_video_is_shown_upright(tmp_path: Path, write_video: Callable[..., Path], rotation: str) -> None:
    matrix, shown = MATRICES[rotation]
    size = (192, 96) if matrix[0] == 0 else (96, 192)
    path = with_matrix(write_video(tmp_path / "a.mp4", n_frames=4, size=size, draw=four_colours), *matrix)
    info = probe(path)
    assert (info.width, info.height, info.display_aspect) == (192, 96, 2)
    for number, picture in pictures_at(path, [0, 2, 3], 4):
        np.testing.assert_array_equal(picture, shown(sequential(path)[number]))


def test_the_sample_aspect_of_a_rotated_video_is_rotated_too(tmp_path: Path, write_video: Callable[..., Path]) -> None:
    path = write_video(tmp_path / "a.mp4", n_frames=3, size=(192, 64), sample_aspect=(3, 2))
    info = probe(with_matrix(path, 0, 1, -1, 0))
    assert (info.width, info.height, info.display_aspect) == (192, 64, 2)


@pytest.mark.parametrize("degrees", [10, 45, 100])
def test_a_video_rotated_by_another_angle_is_refused(tmp_path: Path, video: Path, degrees: int) -> None:
    (tmp_path / "a.mp4").write_bytes(video.read_bytes())
    c, s = np.cos(np.radians(degrees)), np.sin(np.radians(degrees))
    with pytest.raises(InputError, match=rf"rotated\.mp4: .*rotated by {degrees}°; expected 0, 90, 180 or 270°"):
        probe(with_matrix(tmp_path / "a.mp4", c, s, -s, c))


@pytest.mark.parametrize("name", ["a.mp4", "a.mkv"])
def test_time_stamps_that_jitter_by_a_few_milliseconds_are_a_constant_rate(
    tmp_path: Path, write_video: Callable[..., Path], name: str
) -> None:
    times = [40 * i + 5 * (i % 3) for i in range(50)]
    info = probe(write_video(tmp_path / name, n_frames=50, milliseconds=times))
    assert info.n_frames == 50
    assert info.fps == pytest.approx(25, abs=0.3)
    assert not any("variable" in note for note in info.notes)


@pytest.mark.parametrize(
    ("size", "view", "panorama", "note"),
    [
        ((192, 192), "top", (96, 192), "stereo: the top half of 192×192 pictures is used"),
        ((192, 192), "bottom", (96, 192), "stereo: the bottom half of 192×192 pictures is used"),
        ((64, 256), "left", (64, 128), "stereo: the left half of 256×64 pictures is used"),
        ((64, 256), "right", (64, 128), "stereo: the right half of 256×64 pictures is used"),
        ((96, 192), "top", (48, 192), "stereo: the top half of 192×96 pictures is used, squeezed from 2:1 to 4:1"),
        ((96, 192), "right", (96, 96), "stereo: the right half of 192×96 pictures is used, squeezed from 2:1 to 1:1"),
    ],
)
def test_one_half_of_stereo_pictures_is_the_panorama(
    tmp_path: Path,
    write_video: Callable[..., Path],
    size: tuple[int, int],
    view: View,
    panorama: tuple[int, int],
    note: str,
) -> None:
    path = write_video(tmp_path / "a.mp4", n_frames=3, size=size, draw=four_colours)
    info = probe(path, view=view)
    assert (info.height, info.width) == panorama
    assert info.display_aspect == 2
    assert info.notes == [note]
    rows = {"top": slice(panorama[0]), "bottom": slice(panorama[0], None)}.get(view, slice(None))
    columns = {"left": slice(panorama[1]), "right": slice(panorama[1], None)}.get(view, slice(None))
    for number, picture in pictures_at(path, [0, 2], 3, view):
        np.testing.assert_array_equal(picture, sequential(path)[number][rows, columns])


@pytest.mark.parametrize(
    ("size", "views"), [((96, 96), "top or bottom"), ((48, 192), "left or right"), ((96, 144), None)]
)
def test_pictures_that_may_be_stereo_are_refused_with_the_view_to_set(
    tmp_path: Path, write_video: Callable[..., Path], size: tuple[int, int], views: str | None
) -> None:
    with pytest.raises(InputError) as caught:
        probe(write_video(tmp_path / "a.mp4", n_frames=3, size=size))
    assert (f"view to {views}" in str(caught.value)) == bool(views)
    assert ("stereo" in str(caught.value)) == bool(views)


@pytest.mark.parametrize(("size", "view"), [((96, 96), "left"), ((48, 192), "top"), ((96, 128), "bottom")])
def test_a_view_whose_half_is_no_panorama_is_refused(
    tmp_path: Path, write_video: Callable[..., Path], size: tuple[int, int], view: View
) -> None:
    path = write_video(tmp_path / "a.mp4", n_frames=3, size=size)
    with pytest.raises(InputError, match=f"for the view {view}; expected 2:1"):
        probe(path, view=view)
    assert probe(path, force_2to1=True, view=view).n_frames == 3


def test_a_note_says_that_stereo_pictures_are_used_whole(tmp_path: Path, video: Path) -> None:
    path = tmp_path / "a.mkv"
    with av.open(video) as source, av.open(path, "w") as target:
        stream = target.add_stream_from_template(source.streams.video[0])
        stream.metadata["stereo_mode"] = "top_bottom"
        for packet in source.demux(video=0):
            if packet.size:
                packet.stream = stream
                target.mux(packet)
    assert any("its header says stereo pictures" in note for note in probe(path).notes)
    assert not any("its header says stereo" in note for note in probe(path, view="top").notes)


def test_colours_that_cannot_be_converted_are_refused(tmp_path: Path, write_video: Callable[..., Path]) -> None:
    whole = write_video(tmp_path / "a.mp4", n_frames=3)
    path = tmp_path / "b.mkv"
    with av.open(whole) as source, av.open(path, "w") as target:
        stream = target.add_stream_from_template(source.streams.video[0])
        stream.codec_context.colorspace = 8  # YCgCo
        for packet in source.demux(video=0):
            if packet.size:
                packet.stream = stream
                target.mux(packet)
    with pytest.raises(InputError, match=r"b\.mkv: found no readable video"):
        probe(path)


@pytest.mark.parametrize(
    ("codec", "name", "pix_fmt"),
    [
        ("libx264", "a.mp4", "yuv420p"),
        ("libx264", "a.mkv", "yuv420p10le"),
        ("libx264", "a.ts", "yuv420p"),
        ("libx264", "a.avi", "yuv420p"),  # which has no time stamps of presentation
        ("libx265", "a.mp4", "yuv420p10le"),
        ("mpeg4", "a.mp4", "yuv420p"),
        ("mpeg4", "a.avi", "yuv420p"),
        ("libvpx-vp9", "a.webm", "yuv420p"),
        ("libsvtav1", "a.mp4", "yuv420p10le"),
    ],
)
@pytest.mark.parametrize("numbers", [[2, 4, 6, 8, 9, 11, 13, 15, 17, 19], list(range(3, 40, 4)), [1, 39], []])
def test_pictures_at_numbers_are_those_of_a_plain_sequential_decode(
    coded: Callable[..., Path], codec: str, name: str, pix_fmt: str, numbers: list[int]
) -> None:
    path = coded(codec, name, pix_fmt)
    expected = sequential(path)
    assert probe(path).n_frames == len(expected) == 40
    found = list(pictures_at(path, numbers, 40))
    assert [number for number, _ in found] == numbers
    for number, picture in found:
        np.testing.assert_array_equal(picture, expected[number])


@pytest.fixture(scope="module")
def coded(tmp_path_factory: pytest.TempPathFactory, write_video: Callable[..., Path]) -> Callable[..., Path]:
    """Videos of 40 frames in other codecs and files, each written once."""
    folder = tmp_path_factory.mktemp("coded")

    def make(codec: str, name: str, pix_fmt: str) -> Path:
        path = folder / codec / name
        if not path.exists():
            path.parent.mkdir(exist_ok=True)
            write_video(path, n_frames=40, codec=codec, pix_fmt=pix_fmt)
        return path

    return make


@pytest.mark.parametrize(("codec", "dropped"), [("libx264", True), ("mpeg4", True), ("libx265", False)])
def test_frames_that_are_not_needed_are_not_decoded(
    coded: Callable[..., Path], monkeypatch: pytest.MonkeyPatch, codec: str, dropped: bool
) -> None:
    path = coded(codec, "a.mp4", "yuv420p10le" if codec == "libx265" else "yuv420p")
    whole_passes = []

    def count(path: Path) -> list[av.VideoFrame]:
        whole_passes.append(path)
        return list(decode(path))

    monkeypatch.setattr("tsalv360.media.video.decode", count)
    assert len(list(pictures_at(path, [2, 12, 22], 40))) == 3
    assert (whole_passes == []) == dropped


@pytest.mark.slow
def test_frames_do_not_accumulate_in_memory(coded: Callable[..., Path]) -> None:
    path = coded("libx264", "a.mp4", "yuv420p")
    gc.collect()
    gc.disable()
    try:
        for _ in pictures_at(path, list(range(40)), 40):
            alive = sum(type(thing) is av.VideoFrame for thing in gc.get_objects())
    finally:
        gc.enable()
    assert alive < 10


@pytest.mark.parametrize("wrong", [lambda n: n + 1000, lambda n: n ^ 1, lambda n: n + (n > 5)])
def test_misleading_time_stamps_do_not_change_the_pictures(
    coded: Callable[..., Path], monkeypatch: pytest.MonkeyPatch, wrong: Callable[[int], int]
) -> None:
    path = coded("libx264", "a.mp4", "yuv420p")
    with av.open(path) as container:
        stamps = [frame.pts for frame in container.decode(video=0)]
    step = stamps[1] - stamps[0]
    monkeypatch.setattr(
        "tsalv360.media.video._display_stamps", lambda path: [stamps[0] + step * wrong(n) for n in range(40)]
    )
    found = dict(pictures_at(path, [4, 5, 6, 7, 39], 40))
    assert sorted(found) == [4, 5, 6, 7, 39]
    for number, picture in found.items():
        np.testing.assert_array_equal(picture, sequential(path)[number])


@pytest.mark.skipif("TSALV360_REAL_DATA" not in os.environ, reason="TSALV360_REAL_DATA names no folder")
@pytest.mark.parametrize("name", ["overpass-clip.mp4", "richoh1_0_3.mp4"])
def test_pictures_of_real_videos_with_an_edit_list_or_no_count_are_exact(name: str) -> None:
    path = Path(os.environ["TSALV360_REAL_DATA"]) / "videos" / name
    info = probe(path)
    numbers = [21, 22, 24, 26, 28, 30, 32, 34, 36, 38, 39, info.n_frames - 1]
    found = dict(pictures_at(path, numbers, info.n_frames))
    with av.open(path) as container:
        for number, frame in enumerate(container.decode(video=0)):
            if number in found:
                np.testing.assert_array_equal(found.pop(number), frame.to_ndarray(format="bgr24"))
    assert found == {}


def test_frames_before_the_first_key_frame_that_cannot_be_decoded_are_not_counted(tmp_path: Path) -> None:
    whole, path = tmp_path / "whole.mp4", tmp_path / "cut.mp4"
    open_groups = {"x264-params": "open-gop=1:keyint=12:bframes=3:b-adapt=0:scenecut=0"}
    with av.open(whole, "w") as container:
        stream = container.add_stream("libx264", rate=25, options=open_groups)
        stream.width, stream.height, stream.pix_fmt = 192, 96, "yuv420p"
        for number in range(60):
            container.mux(stream.encode(av.VideoFrame.from_ndarray(four_colours(number, (96, 192)), format="rgb24")))
        container.mux(stream.encode(None))
    with av.open(whole) as source, av.open(path, "w") as target:
        stream, key_frames = target.add_stream_from_template(source.streams.video[0]), 0
        for packet in source.demux(video=0):
            key_frames += packet.is_keyframe
            if packet.size and key_frames >= 2:
                packet.stream = stream
                target.mux(packet)
    path.write_bytes(path.read_bytes().replace(b"edts", b"free"))  # the edit list, which hides them
    n_frames = len(sequential(path))
    info = probe(path)
    assert info.n_frames == n_frames < 51
    assert info.notes == [f"header says 51 frames, decoding gives {n_frames}"]
    for number, picture in pictures_at(path, [0, 7, n_frames - 1], n_frames):
        np.testing.assert_array_equal(picture, sequential(path)[number])


def test_frames_are_decoded_in_order_of_display(video: Path, shown_number: Callable[..., int]) -> None:
    assert [shown_number(frame.to_ndarray(format="rgb24")) for frame in decode(video)] == list(range(60))


def test_pictures_are_read_by_their_number(video: Path, shown_number: Callable[..., int]) -> None:
    pictures = read_pictures(video, [0, 7, 8, 59])
    assert pictures.shape == (4, 96, 192, 3)
    assert [shown_number(picture) for picture in pictures] == [0, 7, 8, 59]


def test_pictures_past_the_end_are_an_error_that_names_the_video(video: Path) -> None:
    with pytest.raises(InputError, match=r"whole\.mp4: .*1 of 2 wanted pictures"):
        read_pictures(video, [59, 60])


def pictures(n: int) -> list[np.ndarray]:
    """A bright bar that moves by 8 px per picture."""
    result = np.full((n, 64, 128, 3), 40, dtype=np.uint8)
    for i in range(n):
        result[i, :, 8 * i : 8 * i + 16] = (220, 60, 30)
    return list(result)


def write(path: Path, n: int = 12) -> Path:
    with VideoWriter(path, 16, (64, 128)) as writer:
        for picture in pictures(n):
            writer.write(picture)
    return path


def test_written_video_is_h264_that_browsers_play_from_the_start(tmp_path: Path) -> None:
    path = write(tmp_path / "a.mp4")
    names = boxes(path.read_bytes())
    assert names.index("moov") < names.index("mdat")
    with av.open(path) as container:
        stream = container.streams.video[0]
        assert (stream.codec_context.name, stream.codec_context.pix_fmt) == ("h264", "yuv420p")
        times = sorted(packet.pts * packet.time_base for packet in container.demux(stream) if packet.pts is not None)
        assert np.diff(np.array(times, dtype=float)) == pytest.approx(1 / 16)


def test_written_pictures_come_back_in_order_and_colour(tmp_path: Path) -> None:
    back = read_pictures(write(tmp_path / "a.mp4"), list(range(12)))
    for found, drawn in zip(back, pictures(12), strict=True):
        assert np.abs(found.astype(int) - drawn).mean() < 6


def test_the_same_pictures_give_the_same_bytes(tmp_path: Path) -> None:
    assert write(tmp_path / "a.mp4").read_bytes() == write(tmp_path / "b.mp4").read_bytes()
