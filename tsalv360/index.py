"""The index entry of a video: what its pictures hold; it does not depend on gaze, source or licence."""

import hashlib
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING

from tsalv360.contracts.entries import IndexEntry, VideoInfo, read_text
from tsalv360.contracts.grid import FPS
from tsalv360.job.errors import InputError
from tsalv360.job.files import sha256
from tsalv360.media.cuts import find_cuts
from tsalv360.media.video import probe
from tsalv360.sources import Recording

if TYPE_CHECKING:
    from tsalv360.media.pictures import Ready


def index_video(recording: Recording, force_2to1: bool, ready: "Ready" = "refuse", native: bool = False) -> IndexEntry:
    """Return the index entry of a video or a folder of ready frames; InputError if it cannot be used.

    `n_frames` is counted by decoding where the header is wrong; for ready frames it is the last number + 1. `ready`
    says whether ready frames of another rate are refused, `native` whether every native frame is kept. Of the
    recording, `video_id`, `video`, `fps`, `view`, `projection`, `pose` and `skip_first` are read. Published frames keep
    the entry of the video that they were extracted from.
    """
    if recording.video.suffix == ".parquet":
        return packed_index(recording.video)
    info = probe_recording(recording, force_2to1, ready, native)
    cuts_s = [] if recording.video.is_dir() else find_cuts(recording.video)
    return IndexEntry(
        id=recording.video_id,
        skip_first=recording.skip_first,
        rate=rate_of_kept(info, native),
        size_bytes=size_of(recording.video),
        sha256=checksum_of(recording.video),
        cuts_s=cuts_s,
        **asdict(info),
    )


def size_of(video: Path) -> int:
    """Return the size of a video file, or of all ready frames of a folder, in bytes."""
    return sum(file.stat().st_size for file in _files(video))


def checksum_of(video: Path) -> str:
    """Return the SHA-256 of a video file, or of the list of a folder's ready frames as `sha256sum` writes it."""
    if not video.is_dir():
        return sha256(video)
    listing = "".join(f"{sha256(file)}  {file.name}\n" for file in _files(video))
    return hashlib.sha256(listing.encode()).hexdigest()


def packed_index(shard: Path) -> IndexEntry:
    """Return the index entry that published frames keep; InputError if there is none."""
    from tsalv360.contracts.shards import open_shard  # videos need no tables here
    from tsalv360.contracts.tables import FRAMES

    return read_text(open_shard(shard, FRAMES).note, IndexEntry, shard)


def _files(video: Path) -> list[Path]:
    if not video.is_dir():
        return [video]
    from tsalv360.media.pictures import ready_frames  # videos need no OpenCV here

    return list(ready_frames(video).values())


def rate_of_kept(info: VideoInfo, native: bool) -> float:
    """Return the rate of the kept frames; a video below 16 fps has all of its frames on the grid, too."""
    return max(FPS, info.fps) if native else FPS


def probe_recording(recording: Recording, force_2to1: bool, ready: "Ready", native: bool = False) -> VideoInfo:
    """Return what the video or the ready frames of a recording hold; parameters and errors as `index_video`."""
    if recording.video.suffix == ".parquet":
        return packed_index(recording.video)
    if not recording.video.is_dir():
        return probe(recording.video, force_2to1, recording.view, recording.projection, recording.pose)
    if recording.fps is None:
        found, expected = f"the folder of ready frames {recording.video} without a rate", "the rate of their numbers"
        raise InputError(f"video {recording.video_id}", found, expected, "Set its fps in the config.")
    if recording.projection not in (None, "equirect"):
        found, advice = f"projection {recording.projection} of ready frames", "Give the video, or convert the frames."
        raise InputError(f"video {recording.video_id}", found, "equirectangular frames", advice)
    from tsalv360.media.pictures import check_rate, probe_ready

    info = probe_ready(recording.video, recording.fps, force_2to1, recording.view)
    if ready == "refuse":
        check_rate(recording.video, info, recording.skip_first, rate_of_kept(info, native))
    return info
