"""The index entry of a video: what its pictures hold; it does not depend on gaze, source or licence."""

import hashlib
from dataclasses import asdict
from typing import TYPE_CHECKING

from tsalv360.contracts.entries import IndexEntry, VideoInfo
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
    recording, `video_id`, `video`, `fps`, `view`, `projection`, `pose` and `skip_first` are read.
    """
    info = probe_recording(recording, force_2to1, ready, native)
    if recording.video.is_dir():
        from tsalv360.media.pictures import ready_frames  # videos need no OpenCV here

        files = list(ready_frames(recording.video).values())
        listing = "".join(f"{sha256(file)}  {file.name}\n" for file in files)  # the format of sha256sum
        checksum, cuts_s = hashlib.sha256(listing.encode()).hexdigest(), []
    else:
        files, checksum, cuts_s = [recording.video], sha256(recording.video), find_cuts(recording.video)
    return IndexEntry(
        id=recording.video_id,
        skip_first=recording.skip_first,
        rate=rate_of_kept(info, native),
        size_bytes=sum(file.stat().st_size for file in files),
        sha256=checksum,
        cuts_s=cuts_s,
        **asdict(info),
    )


def rate_of_kept(info: VideoInfo, native: bool) -> float:
    """Return the rate of the kept frames; a video below 16 fps has all of its frames on the grid, too."""
    return max(FPS, info.fps) if native else FPS


def probe_recording(recording: Recording, force_2to1: bool, ready: "Ready", native: bool = False) -> VideoInfo:
    """Return what the video or the ready frames of a recording hold; parameters and errors as `index_video`."""
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
