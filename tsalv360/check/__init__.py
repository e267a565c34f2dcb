"""`tsalv360 data check`: what exists, what is missing and what the build will need, before anything runs."""

import shutil
from collections.abc import Iterable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor, as_completed
from contextlib import suppress
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path
from textwrap import fill, indent

from tabulate import tabulate

from tsalv360.captions.settings import check_installed
from tsalv360.check.videos import VideoCheck, check_video, planned_demo_video
from tsalv360.config import Config, ConfigError, check_writable, plan_recordings
from tsalv360.frames import estimated_bytes
from tsalv360.job.errors import InputError
from tsalv360.job.log import progress
from tsalv360.media.pictures import has_format
from tsalv360.sources import Recording, maps, published, tsv360
from tsalv360.sources.demo import DemoSource

__all__ = ["DataCheck", "DataSetCheck", "Estimate", "VideoCheck", "as_text", "check_data"]

_HEADERS = ["video", "data set", "picture", "fps", "length", "kept", "observers", "gaze", "remarks"]
_REMARKS_WIDTH = 44

# The constants were measured in builds of real and of drawn videos, on cores of an Intel Xeon: `docs/speed.md`. Disk
# space and time depend mostly on the number of events, which is unknown before they are detected.
_EVENTS_PER_FRAME = 2.0  # 1.5 in the real videos and the demo; TSV360 has about 128,000 maps of 160 videos
_BYTES_PER_MAP_PIXEL, _BYTES_PER_ALL_OBSERVERS_MAP_PIXEL = 0.0135, 0.061
_BYTES_PER_VIEWPORT_PIXEL = 0.075  # of the video and the video with overlay together
_BYTES_PER_EXPLORER_PIXEL = 0.012  # of the panorama; as text for pages from disk another four thirds of it

# CPU time
_SECONDS_PER_BUILD = 7.0  # Snakemake, and the jobs for all videos
_SECONDS_PER_VIDEO = 10.0  # each of its 13 jobs starts an interpreter
_SECONDS_PER_CAPTIONS_SHARD = 2.5
_SECONDS_PER_PUBLISHED_VIDEO = 3.0  # 3 jobs
_SECONDS_PER_DECODED_PIXEL = 3.5e-9  # to index and to keep frames
_SECONDS_PER_WRITTEN_PIXEL = {"jpg": 3e-9, "png": 32e-9}
_SECONDS_PER_FRAME = 0.005  # events, and as often again for their reliability as trials by default
_SECONDS_PER_EVENT_FRAME = 0.005  # saliency, captions, assembling
_SECONDS_PER_VIEWPORT_PIXEL = 6.5e-8  # of the video and the video with overlay together
_SECONDS_PER_EXPLORER_PIXEL = 3.6e-8
_SECONDS_PER_ALL_OBSERVERS_MAP = 0.008
_SECONDS_PER_RECOVERED_MAP = 0.04


@dataclass(frozen=True)
class DataSetCheck:
    """One data set of TSV360: how many of its videos are present, and why each of the others is missing."""

    data_set: str
    page: str
    present: int
    missing: dict[str, str]


@dataclass(frozen=True)
class Estimate:
    """What a build without existing results needs, approximately, and what the results folder has already.

    `total_bytes` are frames, maps, viewports and the explorer's videos; the files of the dataset are links to maps.
    `seconds` are CPU time per core.
    """

    folder: str
    frames_bytes: int
    maps_bytes: int
    viewports_bytes: int
    explorer_bytes: int
    total_bytes: int
    there_bytes: int
    free_bytes: int
    cores: int
    seconds: float


@dataclass(frozen=True)
class DataCheck:
    """The result of the check. `tsv360` is empty where the config does not ask for TSV360."""

    can_build: bool
    problems: list[str]
    videos: list[VideoCheck]
    excluded: dict[str, str]
    tsv360: list[DataSetCheck]
    remarks: list[str]
    needs: Estimate


def check_data(config: Config, cores: int) -> DataCheck:
    """Check every source, video and gaze file of a configuration on `cores` threads, with a progress bar.

    Errors are collected, not raised. Videos and gaze are read as the build reads them; of maps and of a published
    dataset only the names are checked and counted.
    """
    recordings, problems = _recordings(config)
    try:
        check_writable(config.folder())
    except InputError as error:
        problems.append(str(error))
    videos = sorted(_check_videos(recordings, config, cores), key=lambda check: check.video)
    needs = estimate(config, videos, cores)
    if (needed := needs.total_bytes - needs.there_bytes) > needs.free_bytes:
        problems.append(
            f"{needs.folder}: found {needs.free_bytes / 1e9:.2f} GB free; expected about {needed / 1e9:.2f} GB. "
            "Free some space, or set `results` to a folder on another disk."
        )
    known = [recording.video_id for recording in recordings if recording.source in tsv360.PAGES]
    return DataCheck(
        not problems and not any(check.problems for check in videos),
        problems,
        videos,
        dict(config.exclude),
        _tsv360(config, {recording.video_id for recording in recordings}),
        [*tsv360.remarks(known), *_captioners(config)],
        needs,
    )


def _captioners(config: Config) -> list[str]:
    """Return remarks on captioners other than `facts`."""
    others = [backend for backend in config.captions.backends if backend != "facts"]
    remarks = [f"the time below does not include captions by {', '.join(others)}"] if others else []
    try:
        check_installed(config.captions)
    except InputError as error:
        remarks.append(str(error))
    return remarks


def _recordings(config: Config) -> tuple[list[Recording], list[str]]:
    """Return all recordings that can be planned, and the reasons why others cannot."""
    found: list[Recording] = []
    problems: list[str] = []
    own = [(name, video) for name, video in config.videos.items() if name not in config.exclude]
    plans = [lambda name=name, video=video: [video.recording(name)] for name, video in own]
    for plan in [*(source.recordings for source in config.sources), *plans]:
        try:
            found += plan()
        except InputError as error:
            problems.append(str(error))
    if not problems:
        try:
            plan_recordings(config)
        except (ConfigError, InputError) as error:
            problems.append(str(error))
    return [recording for recording in found if recording.video_id not in config.exclude], problems


def _check_videos(recordings: list[Recording], config: Config, cores: int) -> Iterator[VideoCheck]:
    to_draw = {
        recording.video_id: source
        for source in config.sources
        if isinstance(source, DemoSource)
        for recording in source.recordings()
        if not recording.video.exists()
    }

    def check(recording: Recording) -> VideoCheck:
        source = to_draw.get(recording.video_id)
        return planned_demo_video(source, recording) if source else check_video(recording, config)

    with ThreadPoolExecutor(cores) as pool, progress(len(recordings), "videos") as bar:
        for job in as_completed(pool.submit(check, recording) for recording in recordings):
            bar.update()
            yield job.result()


def _tsv360(config: Config, present: set[str]) -> list[DataSetCheck]:
    """Return the data sets of TSV360, where the config asks for TSV360."""
    if config.dataset.folds != "tsv360" and not any(getattr(s, "subset", "") == "tsv360" for s in config.sources):
        return []
    lacks: dict[str, str] = {}
    for source in config.sources:
        if hasattr(source, "missing"):
            with suppress(InputError):  # already among the problems
                lacks |= source.missing()
    checks = []
    for name in (tsv360.VR_EYETRACKING, tsv360.SPORTS360):
        known = tsv360.ids(name)
        missing = [video for video in known if video not in present and video not in config.exclude]
        reasons = {video: lacks.get(video, "not in the folders of the config") for video in missing}
        checks.append(DataSetCheck(name, tsv360.PAGES[name], len(present.intersection(known)), reasons))
    return checks


def estimate(config: Config, videos: Sequence[VideoCheck], cores: int) -> Estimate:
    """Return what building `videos` needs; a video that cannot be read counts as nothing."""
    folder = config.folder().absolute()
    existing = next(path for path in [folder, *folder.parents] if path.exists())
    height, kind = config.frames.height, config.frames.format
    size = height, 2 * height
    explorer_pixels = 2 * min(height, config.explorer.height) ** 2  # of a picture
    frames_bytes = event_frames = all_observers_maps = explorer_frames = 0
    seconds = _SECONDS_PER_BUILD
    viewport_pixels = config.viewports.height * config.viewports.width  # of a picture
    per_event_frame = _SECONDS_PER_EVENT_FRAME + viewport_pixels * _SECONDS_PER_VIEWPORT_PIXEL
    for video in videos:
        if not (video.kept_frames and video.n_frames and video.width and video.height):
            continue
        linked = video.ready_frames and (video.height, video.width) == size
        linked = linked and has_format(next(Path(video.path).iterdir()), kind)
        if not (linked and Path(video.path).stat().st_dev == existing.stat().st_dev):
            frames_bytes += estimated_bytes(video.kept_frames, size, kind)
        decoded = video.kept_frames if video.ready_frames else video.n_frames
        is_published = video.gaze_format == published.PUBLISHED
        seconds += _SECONDS_PER_PUBLISHED_VIDEO if is_published else _SECONDS_PER_VIDEO
        seconds += decoded * video.width * video.height * _SECONDS_PER_DECODED_PIXEL
        if not linked:
            seconds += video.kept_frames * 2 * height**2 * _SECONDS_PER_WRITTEN_PIXEL[kind]
        if is_published:
            continue
        explorer_frames += video.kept_frames
        event_frames += round(video.kept_frames * _EVENTS_PER_FRAME)
        all_observers_maps += video.kept_frames * config.saliency.all_observers
        seconds += video.kept_frames * (_SECONDS_PER_FRAME + _EVENTS_PER_FRAME * per_event_frame)
        seconds += (video.gaze_format == maps.SALIENCY_MAPS) * video.kept_frames * _SECONDS_PER_RECOVERED_MAP
    seconds += min(len(videos), config.captions.shards) * _SECONDS_PER_CAPTIONS_SHARD
    seconds += explorer_frames * explorer_pixels * _SECONDS_PER_EXPLORER_PIXEL
    seconds += all_observers_maps * _SECONDS_PER_ALL_OBSERVERS_MAP
    bytes_per_pixel = event_frames * _BYTES_PER_MAP_PIXEL + all_observers_maps * _BYTES_PER_ALL_OBSERVERS_MAP_PIXEL
    maps_bytes = round(bytes_per_pixel * 2 * config.saliency.height**2)
    viewports_bytes = round(event_frames * viewport_pixels * _BYTES_PER_VIEWPORT_PIXEL)
    explorer_bytes = explorer_frames * explorer_pixels * _BYTES_PER_EXPLORER_PIXEL
    explorer_bytes = round(explorer_bytes * (7 / 3 if config.explorer.from_disk else 1))
    return Estimate(
        str(folder),
        frames_bytes,
        maps_bytes,
        viewports_bytes,
        explorer_bytes,
        frames_bytes + maps_bytes + viewports_bytes + explorer_bytes,
        sum(path.stat().st_size for path in folder.rglob("*") if path.is_file()),
        shutil.disk_usage(existing).free,
        cores,
        seconds / cores,
    )


def as_text(check: DataCheck) -> str:
    """Return a table of the videos, then what is missing, what is wrong, what a build needs, and the result."""
    problems = [
        problem if f"video {video.video}" in problem else f"video {video.video}: {problem}"
        for video in check.videos
        for problem in video.problems
    ]
    parts = [
        tabulate(
            [_row(video) for video in check.videos],
            _HEADERS,
            colalign=["left", "left", "right", "right", "right", "right", "right", "right", "left"],
            disable_numparse=True,
            maxcolwidths=[None] * 8 + [_REMARKS_WIDTH],
        ),
        _listed("TSV360 has 161 known videos, 160 of them in folds", map(_data_set_text, check.tsv360)),
        _listed("Remarks", check.remarks),
        _listed("Excluded by the config", [f"{video}: {reason}" for video, reason in check.excluded.items()]),
        _listed("Problems", check.problems + problems),
        _needs_text(check.needs),
        _result_text(check),
    ]
    return "\n\n".join(part for part in parts if part)


def _row(video: VideoCheck) -> list[str]:
    def shown(form: str, *values: float | str | None) -> str:
        return "–" if None in values else form.format(*values)

    return [
        video.video,
        video.source,
        shown("{}×{}", video.width, video.height),
        shown("{:.5g}", video.fps),
        shown("{:.1f} s", video.duration_s),
        shown("{}", video.kept_frames),
        shown("{}", video.n_observers),
        shown("{} {}", video.n_gaze, video.gaze_unit),
        "; ".join((["PROBLEM, see below"] if video.problems else []) + video.remarks),
    ]


def _data_set_text(data_set: DataSetCheck) -> str:
    lines = [f"{data_set.data_set}: {data_set.present} found, {len(data_set.missing)} missing"]
    for lack in sorted(set(data_set.missing.values())):
        ids = [video for video, own in data_set.missing.items() if own == lack]
        lines.append(fill(f"{lack} ({len(ids)}): {', '.join(ids)}", 110, initial_indent="  ", subsequent_indent="    "))
    if data_set.missing:
        lines.append(f"  download them from {data_set.page}")
    return "\n".join(lines)


def _listed(heading: str, items: Iterable[str]) -> str:
    lines = "\n".join(indent(item, "  ") for item in items)
    return f"{heading}\n{lines}" if lines else ""


def _needs_text(needs: Estimate) -> str:
    names = "frames", "maps", "viewports", "explorer"
    parts = [(name, getattr(needs, f"{name}_bytes")) for name in names]
    return (
        f"Disk: about {_gb(needs.total_bytes)} ({', '.join(f'{name} {_gb(size)}' for name, size in parts)}); "
        f"{_gb(needs.there_bytes)} exist already and {_gb(needs.free_bytes)} are free in {needs.folder}\n"
        f"Time: about {timedelta(seconds=round(needs.seconds))} of CPU time on each of {needs.cores} cores "
        "like those in docs/speed.md"
    )


def _result_text(check: DataCheck) -> str:
    n, broken = len(check.videos), [video.video for video in check.videos if video.problems]
    if check.can_build:
        return f"The build can run, with {n} of {n} videos."
    result = f"The build cannot run: {n - len(broken)} of {n} videos are usable."
    excluded = ", ".join(f'"{video}": "reason"' for video in broken)
    way_out = f" To build without the others, add to the config:\n  videos: {{exclude: {{{excluded}}}}}"
    return result + (way_out if 0 < len(broken) < n else "")


def _gb(size: int) -> str:
    return f"{size / 1e9:.2f} GB"
