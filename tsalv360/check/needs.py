"""Disk space and time that a build needs, estimated from what builds of real and drawn videos took.

The figures are of the three real videos of `tests/real` and of the demo, on one core of an AMD EPYC; see
`docs/speed.md`. Most of both depends on how much there is to watch, which nobody knows before events are found.
"""

import shutil
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from tsalv360.check.videos import VideoCheck
from tsalv360.config import Config
from tsalv360.frames import estimated_bytes
from tsalv360.sources import maps, published

_EVENTS_AT_ONCE = 2.0  # 1.5 on the real videos and the demo; TSV360 has about 128,000 maps for 160 videos
_MAP_BYTES_PER_PIXEL, _FULL_MAP_BYTES_PER_PIXEL = 0.0135, 0.061
_VIEWPORT_BYTES_PER_PIXEL = 0.075  # the video and its overlay twin
_OVERHEAD = 1.1  # Snakemake between the jobs

_SECONDS_PER_VIDEO = 12.0  # its jobs start one interpreter each
_SECONDS_PER_DECODED_PIXEL = 2.5e-9
_SECONDS_PER_WRITTEN_PIXEL = {"jpg": 8e-9, "png": 32e-9}
_SECONDS_PER_FRAME = 0.004  # events
_SECONDS_PER_EVENT_FRAME = 0.05  # saliency, viewports, captions, assembling
_SECONDS_PER_FULL_MAP = 0.008
_SECONDS_PER_RECOVERED_MAP = 0.04


@dataclass(frozen=True)
class Needs:
    """About what a build from nothing needs, and what there is in the results folder already.

    `total_bytes` are frames, maps and viewports, from which the dataset is linked; `seconds` are of the clock.
    """

    folder: str
    frames_bytes: int
    maps_bytes: int
    viewports_bytes: int
    total_bytes: int
    there_bytes: int
    free_bytes: int
    cores: int
    seconds: float


def needs(config: Config, videos: Sequence[VideoCheck], cores: int) -> Needs:
    """Estimate what building `videos` needs; one that cannot be read counts nothing."""
    folder = config.folder().absolute()
    on = next(path for path in [folder, *folder.parents] if path.exists())
    height, kind = config.frames.height, config.frames.format
    size = height, 2 * height
    frames_bytes = map_frames = full_maps = 0
    seconds = 0.0
    for video in videos:
        if not (video.kept_frames and video.n_frames and video.width and video.height):
            continue
        taken_over = video.gaze_format == published.FORMAT
        linked = video.ready_frames and (video.height, video.width) == size and _ready_format(video) == kind
        if not (linked and Path(video.path).stat().st_dev == on.stat().st_dev):
            frames_bytes += estimated_bytes(video.kept_frames, size, kind)
        decoded = video.kept_frames if video.ready_frames else video.n_frames
        seconds += _SECONDS_PER_VIDEO + decoded * video.width * video.height * _SECONDS_PER_DECODED_PIXEL
        if not linked:
            seconds += video.kept_frames * 2 * height**2 * _SECONDS_PER_WRITTEN_PIXEL[kind]
        if taken_over:
            continue
        map_frames += round(video.kept_frames * _EVENTS_AT_ONCE)
        full_maps += video.kept_frames * config.saliency.all_observers
        seconds += video.kept_frames * (_SECONDS_PER_FRAME + _EVENTS_AT_ONCE * _SECONDS_PER_EVENT_FRAME)
        seconds += (video.gaze_format == maps.SALIENCY_MAPS) * video.kept_frames * _SECONDS_PER_RECOVERED_MAP
    bytes_per_pixel = map_frames * _MAP_BYTES_PER_PIXEL + full_maps * _FULL_MAP_BYTES_PER_PIXEL
    maps_bytes = round(bytes_per_pixel * 2 * config.saliency.height**2)
    viewports_bytes = round(map_frames * config.viewports.height * config.viewports.width * _VIEWPORT_BYTES_PER_PIXEL)
    seconds += full_maps * _SECONDS_PER_FULL_MAP
    return Needs(
        str(folder),
        frames_bytes,
        maps_bytes,
        viewports_bytes,
        frames_bytes + maps_bytes + viewports_bytes,
        sum(path.stat().st_size for path in folder.rglob("*") if path.is_file()),
        shutil.disk_usage(on).free,
        cores,
        seconds * _OVERHEAD / cores,
    )


def _ready_format(video: VideoCheck) -> str:
    first = next(Path(video.path).iterdir())
    return first.suffix.lower().lstrip(".").replace("jpeg", "jpg")
