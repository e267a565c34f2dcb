"""Disk space and time that a build needs, estimated from builds of real and drawn videos.

The constants were measured on the three real videos of `tests/real` and the demo, on one core of an AMD EPYC; see
`docs/speed.md`. Disk space and time depend mostly on the number of events, which is unknown before they are detected.
"""

import shutil
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from tsalv360.check.videos import VideoCheck
from tsalv360.config import Config
from tsalv360.frames import estimated_bytes
from tsalv360.sources import maps, published

_EVENTS_PER_FRAME = 2.0  # 1.5 in the real videos and the demo; TSV360 has about 128,000 maps of 160 videos
_BYTES_PER_MAP_PIXEL, _BYTES_PER_ALL_OBSERVERS_MAP_PIXEL = 0.0135, 0.061
_BYTES_PER_VIEWPORT_PIXEL = 0.075  # of the video and the video with overlay together
_OVERHEAD = 1.1  # Snakemake between the jobs

_SECONDS_PER_VIDEO = 12.0  # each of its jobs starts an interpreter
_SECONDS_PER_DECODED_PIXEL = 2.5e-9
_SECONDS_PER_WRITTEN_PIXEL = {"jpg": 8e-9, "png": 32e-9}
_SECONDS_PER_FRAME = 0.004  # events
_SECONDS_PER_EVENT_FRAME = 0.05  # saliency, viewports, captions, assembling
_SECONDS_PER_ALL_OBSERVERS_MAP = 0.008
_SECONDS_PER_RECOVERED_MAP = 0.04


@dataclass(frozen=True)
class Estimate:
    """What a build without existing results needs, approximately, and what the results folder has already.

    `total_bytes` are frames, maps and viewports, to which the files of the dataset are links; `seconds` are wall time.
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


def estimate(config: Config, videos: Sequence[VideoCheck], cores: int) -> Estimate:
    """Return what building `videos` needs; a video that cannot be read counts as nothing."""
    folder = config.folder().absolute()
    existing = next(path for path in [folder, *folder.parents] if path.exists())
    height, kind = config.frames.height, config.frames.format
    size = height, 2 * height
    frames_bytes = event_frames = all_observers_maps = 0
    seconds = 0.0
    for video in videos:
        if not (video.kept_frames and video.n_frames and video.width and video.height):
            continue
        linked = video.ready_frames and (video.height, video.width) == size and _ready_format(video) == kind
        if not (linked and Path(video.path).stat().st_dev == existing.stat().st_dev):
            frames_bytes += estimated_bytes(video.kept_frames, size, kind)
        decoded = video.kept_frames if video.ready_frames else video.n_frames
        seconds += _SECONDS_PER_VIDEO + decoded * video.width * video.height * _SECONDS_PER_DECODED_PIXEL
        if not linked:
            seconds += video.kept_frames * 2 * height**2 * _SECONDS_PER_WRITTEN_PIXEL[kind]
        if video.gaze_format == published.FORMAT:
            continue
        event_frames += round(video.kept_frames * _EVENTS_PER_FRAME)
        all_observers_maps += video.kept_frames * config.saliency.all_observers
        seconds += video.kept_frames * (_SECONDS_PER_FRAME + _EVENTS_PER_FRAME * _SECONDS_PER_EVENT_FRAME)
        seconds += (video.gaze_format == maps.SALIENCY_MAPS) * video.kept_frames * _SECONDS_PER_RECOVERED_MAP
    seconds += all_observers_maps * _SECONDS_PER_ALL_OBSERVERS_MAP
    bytes_per_pixel = event_frames * _BYTES_PER_MAP_PIXEL + all_observers_maps * _BYTES_PER_ALL_OBSERVERS_MAP_PIXEL
    maps_bytes = round(bytes_per_pixel * 2 * config.saliency.height**2)
    viewport_pixels = event_frames * config.viewports.height * config.viewports.width
    viewports_bytes = round(viewport_pixels * _BYTES_PER_VIEWPORT_PIXEL)
    return Estimate(
        str(folder),
        frames_bytes,
        maps_bytes,
        viewports_bytes,
        frames_bytes + maps_bytes + viewports_bytes,
        sum(path.stat().st_size for path in folder.rglob("*") if path.is_file()),
        shutil.disk_usage(existing).free,
        cores,
        seconds * _OVERHEAD / cores,
    )


def _ready_format(video: VideoCheck) -> str:
    """Return the format of a folder of ready frames, as `frames.format` names it."""
    first = next(Path(video.path).iterdir())
    return first.suffix.lower().lstrip(".").replace("jpeg", "jpg")
