"""What `tsalv360 data check` tells before anything runs: what is there, what is missing, what the build will need."""

from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor, as_completed
from contextlib import suppress
from dataclasses import dataclass

from tsalv360.captions.settings import check_installed
from tsalv360.check.needs import Needs, needs
from tsalv360.check.videos import VideoCheck, check_video, drawn_by_the_build
from tsalv360.config import Config, ConfigError, check_writable, plan_recordings
from tsalv360.job.errors import InputError
from tsalv360.job.log import progress
from tsalv360.sources import Recording, tsv360
from tsalv360.sources.demo import DemoSource

__all__ = ["DataCheck", "DataSetCheck", "Needs", "VideoCheck", "check_data"]


@dataclass(frozen=True)
class DataSetCheck:
    """One of the data sets that TSV360 is made of: how many of its videos are there, and what the others lack."""

    data_set: str
    page: str
    present: int
    missing: dict[str, str]


@dataclass(frozen=True)
class DataCheck:
    """All that was found. `tsv360` is empty where the config does not ask for TSV360."""

    can_build: bool
    problems: list[str]
    videos: list[VideoCheck]
    excluded: dict[str, str]
    tsv360: list[DataSetCheck]
    remarks: list[str]
    needs: Needs


def check_data(config: Config, cores: int) -> DataCheck:
    """Look into every source, video and gaze file of a configuration on `cores` threads; shows its progress.

    What cannot be used is collected, not raised. Videos and gaze are read as the build will read them; of maps and of
    a published dataset the names are checked and counted, but no picture is decoded.
    """
    recordings, problems = _recordings(config)
    try:
        check_writable(config.folder())
    except InputError as error:
        problems.append(str(error))
    videos = sorted(_check_videos(recordings, config, cores), key=lambda check: check.video)
    needed = needs(config, videos, cores)
    if (to_come := needed.total_bytes - needed.there_bytes) > needed.free_bytes:
        problems.append(
            f"{needed.folder}: found {needed.free_bytes / 1e9:.2f} GB free; expected about {to_come / 1e9:.2f} GB. "
            "Make room, or set `results` to a folder on another disk."
        )
    return DataCheck(
        not problems and not any(check.problems for check in videos),
        problems,
        videos,
        dict(config.exclude),
        _tsv360(config, {recording.video_id for recording in recordings}),
        [
            *tsv360.remarks([recording.video_id for recording in recordings if recording.source in tsv360.PAGES]),
            *_captioners(config),
        ],
        needed,
    )


def _captioners(config: Config) -> list[str]:
    """What to know about captioners that are more than `facts`."""
    others = [backend for backend in config.captions.backends if backend != "facts"]
    remarks = [f"captions by {', '.join(others)} come on top of the time below"] if others else []
    try:
        check_installed(config.captions)
    except InputError as error:
        remarks.append(str(error))
    return remarks


def _recordings(config: Config) -> tuple[list[Recording], list[str]]:
    """All recordings that can be planned, and why others cannot."""
    found: list[Recording] = []
    problems: list[str] = []
    own = {name: video for name, video in config.videos.items() if name not in config.exclude}
    for plan in [source.recordings for source in config.sources] + [
        lambda name=name, video=video: [video.recording(name)] for name, video in own.items()
    ]:
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
    with ThreadPoolExecutor(cores) as pool, progress(len(recordings), "videos") as bar:
        jobs = []
        for recording in recordings:
            if source := to_draw.get(recording.video_id):
                jobs.append(pool.submit(drawn_by_the_build, source, recording))
            else:
                jobs.append(pool.submit(check_video, recording, config))
        for job in as_completed(jobs):
            bar.update()
            yield job.result()


def _tsv360(config: Config, present: set[str]) -> list[DataSetCheck]:
    """The data sets of TSV360, where the config asks for TSV360."""
    subsets = [getattr(source, "subset", None) for source in config.sources]
    if config.dataset.folds != "tsv360" and "tsv360" not in subsets:
        return []
    lacks: dict[str, str] = {}
    for source in config.sources:
        if hasattr(source, "missing"):
            with suppress(InputError):  # told as a problem already
                lacks |= source.missing()
    return [
        DataSetCheck(
            name,
            tsv360.PAGES[name],
            len(present.intersection(known)),
            {
                video: lacks.get(video, "not in the folders of the config")
                for video in known
                if video not in present and video not in config.exclude
            },
        )
        for name in (tsv360.VR_EYETRACKING, tsv360.SPORTS360)
        for known in [tsv360.ids(name)]
    ]
