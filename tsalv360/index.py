"""The index entry of a video: what its pictures hold. Gaze, source and licence are not asked."""

import hashlib
from dataclasses import asdict
from typing import TYPE_CHECKING

from tsalv360.contracts.entries import IndexEntry, VideoInfo
from tsalv360.job.errors import InputError
from tsalv360.job.files import sha256
from tsalv360.media.video import probe
from tsalv360.sources import Recording

if TYPE_CHECKING:
    from tsalv360.media.ready_frames import Ready


def index_video(recording: Recording, force_2to1: bool, ready: "Ready" = "refuse") -> IndexEntry:
    """The index entry of a video or a folder of ready frames; InputError for what cannot be used.

    `n_frames` is what decoding gives, of ready frames the last number + 1. `ready` says whether ready frames of another
    rate are refused. Of the recording, `video_id`, `video`, `fps`, `view` and `skip_first` are read.
    """
    info = look_into(recording, force_2to1, ready)
    if recording.video.is_dir():
        from tsalv360.media.ready_frames import ready_frames  # videos need no OpenCV here

        files = list(ready_frames(recording.video).values())
        listing = "".join(f"{sha256(file)}  {file.name}\n" for file in files)  # as sha256sum writes it
        checksum = hashlib.sha256(listing.encode()).hexdigest()
    else:
        files, checksum = [recording.video], sha256(recording.video)
    return IndexEntry(
        id=recording.video_id,
        skip_first=recording.skip_first,
        size_bytes=sum(file.stat().st_size for file in files),
        sha256=checksum,
        **asdict(info),
    )


def look_into(recording: Recording, force_2to1: bool, ready: "Ready") -> VideoInfo:
    """What the video of a recording, or its folder of ready frames, holds; raises and parameters as `index_video`."""
    if not recording.video.is_dir():
        return probe(recording.video, force_2to1, recording.view)
    if recording.fps is None:
        raise InputError(
            f"video {recording.video_id}",
            f"the folder of ready frames {recording.video} without a rate",
            "the native rate that its frames are numbered at",
            "Set its fps in the config.",
        )
    from tsalv360.media.ready_frames import check_rate, probe_ready

    info = probe_ready(recording.video, recording.fps, force_2to1, recording.view)
    if ready == "refuse":
        check_rate(recording.video, info, recording.skip_first)
    return info
