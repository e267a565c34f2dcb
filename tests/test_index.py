"""The index entry of a video, and that a video that cannot be used has none."""

import hashlib
from collections.abc import Callable
from dataclasses import asdict, replace
from pathlib import Path

import numpy as np
import pytest

from tsalv360.contracts.entries import IndexEntry, read_entry
from tsalv360.contracts.grid import frame_numbers
from tsalv360.index import index_video
from tsalv360.job.errors import InputError
from tsalv360.job.files import write_json
from tsalv360.media.pictures import write_picture
from tsalv360.sources import READERS, Recording, read_gaze


@pytest.fixture
def gaze(tmp_path: Path) -> Path:
    path = tmp_path / "gaze.csv"
    path.write_text("observer,frame,yaw_deg,pitch_deg\na,0,1,2\nb,0,1,2\na,1,1,2\n")
    return path


def recording(video: Path, *gaze: Path) -> Recording:
    return Recording("ocean", "own", video, gaze, "gaze_table", "CC BY 4.0")


def test_an_entry_holds_what_all_stages_need(video: Path, gaze: Path) -> None:
    entry = index_video(recording(video, gaze), force_2to1=False)
    assert asdict(entry) == {
        "id": "ocean",
        "fps": 25.0,
        "n_frames": 60,
        "missing_frames": [],
        "picture_times_s": [],
        "conversion": "",
        "width": 192,
        "height": 96,
        "display_aspect": 2.0,
        "duration_s": 2.4,
        "size_bytes": video.stat().st_size,
        "sha256": hashlib.sha256(video.read_bytes()).hexdigest(),
        "notes": [],
        "skip_first": 0,
        "rate": 16,
        "cuts_s": [],
    }


def test_an_entry_is_read_as_written_and_a_damaged_one_is_refused_with_the_place(tmp_path: Path, video: Path) -> None:
    entry, path = index_video(recording(video), force_2to1=False), tmp_path / "ocean.json"
    write_json(path, entry)
    assert read_entry(path, IndexEntry) == entry
    write_json(path, asdict(entry) | {"fps": "fast"})
    with pytest.raises(InputError, match=r"ocean\.json: found 'fast' at fps; expected a valid number"):
        read_entry(path, IndexEntry)


def test_every_native_frame_is_kept_where_that_is_wanted(video: Path) -> None:
    entry = index_video(recording(video), force_2to1=False, native=True)
    assert entry.rate == 25
    assert entry.kept_frames == list(range(60))
    assert entry.kept_times.time_s.tolist() == pytest.approx([n / 25 for n in range(60)])


def test_ready_frames_of_the_grid_alone_are_not_every_native_frame(tmp_path: Path) -> None:
    """Of 25 fps, kept at 16: enough for the grid, too few for native frames, and the message says what is expected."""
    (tmp_path / "frames").mkdir()
    for number in frame_numbers(25, 50, skip_first=0):
        write_picture(tmp_path / "frames" / f"{number:04d}.png", np.zeros((48, 96, 3), dtype=np.uint8))
    ready = replace(recording(tmp_path / "frames"), fps=25.0)
    assert index_video(ready, force_2to1=False).rate == 16
    with pytest.raises(InputError, match=r"expected frames numbered at the native rate of 25 fps, all of them\."):
        index_video(ready, force_2to1=False, native=True)


def test_a_wrong_frame_count_is_noted(tmp_path: Path, write_video: Callable[..., Path], gaze: Path) -> None:
    path = write_video(tmp_path / "a.mp4", n_frames=20, options={"movflags": "frag_keyframe+empty_moov"})
    entry = index_video(recording(path, gaze), force_2to1=False)
    assert entry.n_frames == 20
    assert entry.notes == ["header says 0 frames, decoding gives 20"]


def test_the_index_does_not_read_gaze(video: Path, gaze: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    assert index_video(recording(video), force_2to1=False) == index_video(recording(video, gaze), force_2to1=False)
    with pytest.raises(InputError, match="video ocean: found no gaze"):
        read_gaze(recording(video), 25)
    assert read_gaze(recording(video, gaze), 25).n_observers == 2
    monkeypatch.setitem(READERS, "sports360", READERS["gaze_table"])
    assert read_gaze(replace(recording(video, gaze), gaze_format="sports360"), 25).n_observers is None


def test_a_flat_video_is_refused_unless_forced(tmp_path: Path, write_video: Callable[..., Path], gaze: Path) -> None:
    path = write_video(tmp_path / "a.mp4", n_frames=3, size=(96, 128))
    with pytest.raises(InputError, match=r"frames\.force_2to1"):
        index_video(recording(path, gaze), force_2to1=False)
    assert index_video(recording(path, gaze), force_2to1=True).display_aspect == 1.3333


@pytest.fixture
def ready(tmp_path: Path) -> Path:
    """Ready frames 1 to 60 of Sports-360's form."""
    folder = tmp_path / "218"
    folder.mkdir()
    for number in range(1, 61):
        write_picture(folder / f"{number:04d}.jpg", np.full((48, 96, 3), number, dtype=np.uint8))
    (folder / "0001_gt.npy").write_bytes(b"map")
    return folder


def test_an_entry_of_ready_frames_holds_their_numbers_and_a_checksum_of_all(ready: Path, gaze: Path) -> None:
    entry = index_video(replace(recording(ready, gaze), fps=30.0), force_2to1=False)
    assert (entry.fps, entry.n_frames, entry.missing_frames) == (30, 61, [0])
    assert (entry.width, entry.height, entry.display_aspect) == (96, 48, 2)
    pictures = sorted(ready.glob("*.jpg"))
    assert entry.size_bytes == sum(path.stat().st_size for path in pictures)
    listing = "".join(f"{hashlib.sha256(path.read_bytes()).hexdigest()}  {path.name}\n" for path in pictures)
    assert entry.sha256 == hashlib.sha256(listing.encode()).hexdigest()
    assert entry.frames_to_keep(skip_first=20)[:4] == [21, 22, 24, 26]


def test_ready_frames_without_a_rate_are_refused(ready: Path, gaze: Path) -> None:
    with pytest.raises(InputError, match=r"video ocean: .*218 without a rate; .*Set its fps"):
        index_video(recording(ready, gaze), force_2to1=False)


def test_ready_frames_of_another_rate_are_refused_or_resampled(ready: Path, gaze: Path) -> None:
    for number in range(1, 61):
        if number % 3:
            (ready / f"{number:04d}.jpg").unlink()
    slow = replace(recording(ready, gaze), fps=30.0)
    with pytest.raises(InputError, match="frames of about 10 fps"):
        index_video(slow, force_2to1=False)
    entry = index_video(slow, force_2to1=False, ready="resample")
    assert entry.notes == ["38 of the frames 3 to 60 are missing"]
    assert entry.frames_to_keep(skip_first=20) == list(range(21, 61, 3))


def test_skipped_ready_frames_may_be_missing(ready: Path, gaze: Path) -> None:
    for number in range(1, 20):
        if number % 2:
            (ready / f"{number:04d}.jpg").unlink()
    skipping = replace(recording(ready, gaze), fps=30.0, skip_first=20)
    assert index_video(skipping, force_2to1=False).kept_frames[:4] == [21, 22, 24, 26]


def test_half_of_a_stereo_video_is_the_panorama(tmp_path: Path, write_video: Callable[..., Path], gaze: Path) -> None:
    stereo = write_video(tmp_path / "a.mp4", n_frames=3, size=(192, 192))
    entry = index_video(replace(recording(stereo, gaze), view="bottom"), force_2to1=False)
    assert (entry.width, entry.height) == (192, 96)
    assert entry.notes == ["stereo: the bottom half of 192×192 pictures is used"]


def test_ready_frames_are_not_converted(ready: Path) -> None:
    with pytest.raises(InputError, match="projection eac of ready frames"):
        index_video(replace(recording(ready), fps=30.0, projection="eac"), force_2to1=False)


def test_the_config_states_what_the_header_does_not(tmp_path: Path, write_video: Callable[..., Path]) -> None:
    cube = write_video(tmp_path / "a.mp4", n_frames=3, size=(128, 192))
    with pytest.raises(InputError, match="set the video's projection"):
        index_video(recording(cube), force_2to1=False)
    entry = index_video(replace(recording(cube), projection="c3x2"), force_2to1=False)
    assert (entry.width, entry.height, entry.conversion) == (256, 128, "v360=c3x2:e:w=256:h=128")
