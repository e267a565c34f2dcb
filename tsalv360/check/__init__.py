"""`tsalv360 data check`: what exists, what is missing and what the build will need, before anything runs."""

from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor, as_completed
from contextlib import suppress
from dataclasses import dataclass

from tsalv360.captions.settings import check_installed
from tsalv360.check.estimate import Estimate, estimate
from tsalv360.check.videos import VideoCheck, check_video, planned_demo_video
from tsalv360.config import Config, ConfigError, check_writable, plan_recordings
from tsalv360.job.errors import InputError
from tsalv360.job.log import progress
from tsalv360.sources import Recording, tsv360
from tsalv360.sources.demo import DemoSource

__all__ = ["DataCheck", "DataSetCheck", "Estimate", "VideoCheck", "check_data"]


@dataclass(frozen=True)
class DataSetCheck:
    """One data set of TSV360: how many of its videos are present, and why each of the others is missing."""

    data_set: str
    page: str
    present: int
    missing: dict[str, str]


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
