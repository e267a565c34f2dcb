"""What `probe` accepts, refuses and reports, on real files; decoding in order; what VideoWriter writes."""

import struct
from collections.abc import Callable
from pathlib import Path

import av
import numpy as np
import pytest

from tsalv360.errors import InputError
from tsalv360.video import VideoWriter, decode, probe, read_pictures

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


def test_probe_tells_what_a_video_holds(video: Path) -> None:
    info = probe(video)
    assert (info.fps, info.n_frames, info.width, info.height) == (25, 60, 192, 96)
    assert info.display_aspect == 2
    assert info.duration_s == pytest.approx(2.4)
    assert info.notes == []


@pytest.mark.parametrize("fps", [12, 24, 30, 60])
def test_probe_tells_the_frame_rate(tmp_path: Path, write_video: Callable[..., Path], fps: int) -> None:
    info = probe(write_video(tmp_path / "a.mp4", n_frames=12, fps=fps))
    assert (info.fps, info.n_frames) == (fps, 12)


def test_missing_video_is_named_with_the_way_out(tmp_path: Path) -> None:
    with pytest.raises(InputError, match=r"nowhere\.mp4: found no such file; .*Correct the path in the config"):
        probe(tmp_path / "nowhere.mp4")


def test_a_folder_is_no_video(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="no such file"):
        probe(tmp_path)


@pytest.mark.parametrize(
    "content", [b"", b"<html>404: not found</html>\n", b"\0" * 5000], ids=["empty", "text", "zeros"]
)
def test_a_file_that_only_bears_the_name_of_a_video_is_unreadable(tmp_path: Path, content: bytes) -> None:
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


def test_a_fragmented_video_that_ends_with_a_whole_fragment_is_counted_as_it_decodes(
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


def test_frames_come_in_order_of_display(video: Path, shown_number: Callable[..., int]) -> None:
    assert [shown_number(frame.to_ndarray(format="rgb24")) for frame in decode(video)] == list(range(60))


def test_pictures_are_read_by_their_number(video: Path, shown_number: Callable[..., int]) -> None:
    pictures = read_pictures(video, [0, 7, 8, 59])
    assert pictures.shape == (4, 96, 192, 3)
    assert [shown_number(picture) for picture in pictures] == [0, 7, 8, 59]


def test_pictures_past_the_end_are_missed_by_name(video: Path) -> None:
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
