"""The same pictures from every container: rate, numbers, late starts, longer sound, joined and truncated files."""

import bisect
from fractions import Fraction
from pathlib import Path

import av
import numpy as np
import pytest
from films import film, number_of

from tsalv360.frames import extract_frames
from tsalv360.job.errors import InputError
from tsalv360.media.pictures import kept_pictures, read_picture
from tsalv360.media.video import probe

CONTAINERS = {
    "a.mp4": ("libx264", "aac"),
    "a.mov": ("libx264", "aac"),
    "a.mkv": ("libx264", "aac"),
    "a.webm": ("libvpx", "libopus"),
    "a.ts": ("libx264", "aac"),
    "a.m2ts": ("mpeg2video", "mp2"),
    "a.flv": ("libx264", "aac"),
    "b.flv": ("flv", "aac"),
    "a.mpg": ("mpeg2video", "mp2"),
    "a.vob": ("mpeg2video", "mp2"),
    "a.avi": ("mpeg4", "mp2"),
    "a.wmv": ("wmv2", None),
    "fragmented.mp4": ("libx264", "aac"),
}
RATES = [15, Fraction(24000, 1001), 24, 25, Fraction(30000, 1001), 30, 50, Fraction(60000, 1001), 60]
FRAGMENTED = {"movflags": "frag_keyframe+empty_moov"}
COUNTED = "header says 0 frames"  # a remark that most containers give, which have no count


def written(folder: Path, name: str, **given) -> Path:
    options = FRAGMENTED if name.startswith("fragmented") else None
    return film(folder / name, codec=CONTAINERS[name][0], options=options, **given)


def shown(path: Path) -> list[int]:
    """The number that each frame of a video shows."""
    info = probe(path)
    pictures = kept_pictures(path, list(range(info.n_frames)), info)
    return [number_of(picture) for _, picture in pictures]


def blank(width: int, height: int) -> av.VideoFrame:
    return av.VideoFrame.from_ndarray(np.full((height, width, 3), 90, np.uint8), format="rgb24")


def remarks(path: Path) -> list[str]:
    return [note for note in probe(path).notes if not note.startswith(COUNTED)]


@pytest.mark.parametrize("rate", RATES, ids=lambda rate: f"{float(rate):.5g} fps")
def test_every_container_gives_the_nominal_rate_and_the_same_kept_frames(tmp_path: Path, rate: Fraction) -> None:
    for name in CONTAINERS:
        path = written(tmp_path, name, n=70, rate=rate)
        info = probe(path)
        assert (name, info.fps, info.n_frames) == (name, float(rate), 70)
        assert (info.picture_times_s, remarks(path)) == ([], [])


@pytest.mark.parametrize("name", CONTAINERS)
def test_frames_of_every_container_are_its_pictures_in_order(tmp_path: Path, name: str) -> None:
    assert shown(written(tmp_path, name, sound=CONTAINERS[name][1])) == list(range(40))


@pytest.mark.parametrize("name", [name for name, (_, sound) in CONTAINERS.items() if sound])
def test_longer_sound_is_no_truncation(tmp_path: Path, name: str) -> None:
    path = written(tmp_path, name, sound=CONTAINERS[name][1], sound_s=6)
    assert (probe(path).fps, probe(path).n_frames, remarks(path)) == (30, 40, [])


@pytest.mark.parametrize("name", ["a.mp4", "a.mov", "a.mkv", "a.webm", "a.ts", "a.flv", "a.mpg"])
def test_pictures_that_start_after_the_sound_are_noted_with_the_setting(tmp_path: Path, name: str) -> None:
    path = written(tmp_path, name, sound=CONTAINERS[name][1], sound_s=2, late_s=0.5)
    (note,) = remarks(path)
    assert note.startswith("pictures begin 0.5") and "after the file's start" in note
    assert float(note.rpartition("table.time_zero: ")[2].removesuffix(" (s)")) == pytest.approx(0.5, abs=0.03)
    assert shown(path) == list(range(40))


@pytest.mark.parametrize("name", ["a.mkv", "a.webm", "a.ts", "a.flv", "a.mpg"])
def test_a_file_whose_clock_starts_late_is_whole(tmp_path: Path, name: str) -> None:
    path = written(tmp_path, name, late_s=1.4)
    assert (probe(path).fps, probe(path).n_frames, remarks(path)) == (30, 40, [])


@pytest.mark.parametrize("name", ["a.mkv", "a.webm", "a.flv"])
def test_a_file_without_its_end_is_refused_though_its_sound_may_be_longer(tmp_path: Path, name: str) -> None:
    path = written(tmp_path, name, n=120, sound=CONTAINERS[name][1], sound_s=6)
    path.write_bytes(path.read_bytes()[: path.stat().st_size // 2])
    with pytest.raises(
        InputError, match=r"truncated video \(.* of the [56]\.\d\d s its header announces|no readable video"
    ):
        probe(path)


STAMPS = {  # in units of 1/30 s
    "phone that slows down": [*range(0, 40, 2), *range(40, 70)],
    "held picture": [*range(20), *range(65, 95)],
    "late second picture": [0, *range(30, 60)],
}


@pytest.mark.parametrize("stamps", STAMPS.values(), ids=STAMPS)
@pytest.mark.parametrize("name", ["a.mp4", "a.mov", "fragmented.mp4", "a.mkv", "a.webm", "a.ts", "a.flv", "a.avi"])
@pytest.mark.parametrize("unit", [Fraction(1, 30), Fraction(1001, 30000)], ids=["30 fps", "29.97 fps"])
def test_a_frame_of_a_variable_rate_is_the_picture_on_screen(
    tmp_path: Path, name: str, stamps: list[int], unit: Fraction
) -> None:
    path = written(tmp_path, name, stamps=stamps, unit=unit, rate=1 / unit)
    info = probe(path)
    assert (info.fps, info.n_frames) == (float(1 / unit), stamps[-1] + 1)
    assert shown(path) == [bisect.bisect_right(stamps, frame) - 1 for frame in range(stamps[-1] + 1)]
    note = next(note for note in info.notes if "variable" in note)
    assert f"{float(1 / unit):.5g} fps, each frame the picture on screen at its time" in note
    assert f"({len(stamps)} pictures, {info.n_frames} frames)" in note


@pytest.mark.parametrize("b_frames", [0, 2])
def test_irregular_pictures_are_on_screen_from_their_stamp_on(tmp_path: Path, b_frames: int) -> None:
    stamps = [0, 17, 34, 51, 451, 467, 484, 500, 620, 637, 654, 1200, 1216, 1233]  # a screen recorder's, in ms
    path = film(tmp_path / "a.mkv", stamps=stamps, b_frames=b_frames)
    info = probe(path)
    assert 50 <= info.fps <= 120
    times = [1000 * frame / info.fps for frame in range(info.n_frames)]
    assert shown(path) == [bisect.bisect_right(stamps, time + 0.001) - 1 for time in times]


def test_a_last_picture_that_is_held_stays_for_its_duration(tmp_path: Path) -> None:
    """A slide show of a screen recorder: the header's mean rate is far from that of the pictures."""
    short, path = film(tmp_path / "short.mp4", n=30, b_frames=0), tmp_path / "a.mp4"
    with av.open(short) as source, av.open(path, "w") as target:
        stream = target.add_stream_from_template(source.streams.video[0])
        for packet in source.demux(video=0):
            if packet.size:
                packet.stream = stream
                packet.duration = 5 * packet.time_base.denominator if packet.pts == 29 * 512 else packet.duration
                target.mux(packet)
    info = probe(path)
    assert (info.fps, info.n_frames) == (30, 29 + 150)
    assert shown(path) == [min(frame, 29) for frame in range(179)]


def test_kept_frames_of_a_variable_rate_are_written_by_time(tmp_path: Path) -> None:
    stamps = STAMPS["phone that slows down"]
    path = film(tmp_path / "a.mp4", stamps=stamps, unit=Fraction(1, 30))
    numbers = extract_frames(path, tmp_path / "frames", size=(96, 192), format="png", skip_first=0)
    assert numbers == [round(k / 16 * 30) for k in range(len(numbers))]
    for number in numbers:
        picture = read_picture(tmp_path / "frames" / f"{number:04d}.png")
        assert number_of(picture) == bisect.bisect_right(stamps, number) - 1


def test_held_pictures_of_an_avi_with_b_frames_are_refused(tmp_path: Path) -> None:
    """AVI has no times of presentation, so nobody knows which picture is held."""
    with pytest.raises(InputError, match="AVI with B-frames"):
        probe(film(tmp_path / "a.avi", stamps=STAMPS["held picture"], unit=Fraction(1, 30)))


@pytest.mark.parametrize("b_frames", [0, 2])
@pytest.mark.parametrize("clocks", [(0.0, 0.05), (0.3, 0.0, 0.1), (100.0, 0.0)], ids=str)
def test_joined_recordings_go_on_where_the_clock_goes_back(
    tmp_path: Path, b_frames: int, clocks: tuple[float, ...]
) -> None:
    parts = [
        film(tmp_path / f"{k}.ts", n=30 + k, b_frames=b_frames, sound="aac", late_s=start).read_bytes()
        for k, start in enumerate(clocks)
    ]
    path = tmp_path / "joined.ts"
    path.write_bytes(b"".join(parts))
    info = probe(path)
    assert (info.fps, info.n_frames) == (30, sum(30 + k for k in range(len(clocks))))
    assert shown(path) == [number for k in range(len(clocks)) for number in range(30 + k)]
    notes = [note for note in info.notes if "time stamps go back" in note]
    places = [sum(30 + one for one in range(k)) for k in range(1, len(clocks))]
    assert [int(note.partition("at picture ")[2].partition(":")[0]) for note in notes] == places


def test_two_streams_give_the_panorama_and_a_note(tmp_path: Path) -> None:
    panorama = film(tmp_path / "a.mp4", n=20)
    path = tmp_path / "two.mp4"
    with av.open(panorama) as source, av.open(path, "w") as target:
        preview = target.add_stream("mpeg4", rate=30)
        preview.width, preview.height, preview.pix_fmt = 64, 36, "yuv420p"
        copied = target.add_stream_from_template(source.streams.video[0])
        target.mux(preview.encode(blank(64, 36)))
        target.mux(preview.encode(None))
        for packet in source.demux(video=0):
            if packet.size:
                packet.stream = copied
                target.mux(packet)
    assert probe(path).notes == ["2 video streams: 192×96 is taken (stream 1); others: 64×36"]
    assert shown(path) == list(range(20))


def test_two_lenses_in_two_streams_are_refused_by_name(tmp_path: Path) -> None:
    lens = tmp_path / "lens.mp4"
    with av.open(lens, "w") as target:
        stream = target.add_stream("mpeg4", rate=30)
        stream.width, stream.height, stream.pix_fmt = 96, 96, "yuv420p"
        target.mux(stream.encode(blank(96, 96)))
        target.mux(stream.encode(None))
    path = tmp_path / "lenses.mp4"
    with av.open(path, "w") as target, av.open(lens) as one, av.open(lens) as other:
        streams = [target.add_stream_from_template(source.streams.video[0]) for source in (one, other)]
        for source, stream in zip((one, other), streams, strict=True):
            for packet in source.demux(video=0):
                if packet.size:
                    packet.stream = stream
                    target.mux(packet)
    with pytest.raises(InputError, match=r"2 video streams, two of them of 96×96; .*GoPro .360.*Export"):
        probe(path)


@pytest.mark.parametrize("name", ["a.flv", "a.mpg"])
def test_the_pixel_limit_holds_in_containers_without_a_list_of_streams(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, name: str
) -> None:
    path = written(tmp_path, name)
    monkeypatch.setattr("tsalv360.media.container.MAX_PIXELS", 192 * 96 - 1)
    with pytest.raises(InputError, match=r"found pictures of 192×96; expected at most 18,431 pixels"):
        probe(path)
