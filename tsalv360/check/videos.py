"""The check of one video and its gaze, which are read as the build reads them: what they contain and what is wrong."""

from dataclasses import dataclass, field, replace

from tsalv360.config import Config
from tsalv360.contracts.entries import VideoInfo
from tsalv360.contracts.grid import FPS
from tsalv360.contracts.layout import DESCRIPTION, MAPS, event_maps, maps_with_frame, read_caption
from tsalv360.fixations import find_fixations, within_video
from tsalv360.frames import check_size
from tsalv360.index import probe_recording, rate_of_kept
from tsalv360.job.errors import InputError
from tsalv360.media.cuts import find_cuts
from tsalv360.media.maps import Maps
from tsalv360.sources import Recording, maps, published, read_gaze, tsv360
from tsalv360.sources.demo import DemoSource, make_scene
from tsalv360.sources.plausibility import plausibility_remarks

_RATE_TOLERANCE = 0.005  # relative; 29.97 and 30 differ by 0.001


@dataclass
class VideoCheck:
    """What a video and its gaze contain. Numbers are None where a problem hides them.

    `n_gaze` counts what `gaze_unit` names (samples, fixations, points or maps); `n_observers` is also None where the
    gaze does not identify observers.
    """

    video: str
    source: str
    path: str
    gaze: list[str]
    gaze_format: str
    ready_frames: bool = False
    fps: float | None = None
    n_frames: int | None = None
    kept_frames: int | None = None
    width: int | None = None
    height: int | None = None
    duration_s: float | None = None
    n_observers: int | None = None
    n_gaze: int | None = None
    gaze_unit: str | None = None
    problems: list[str] = field(default_factory=list)
    remarks: list[str] = field(default_factory=list)


def check_video(recording: Recording, config: Config) -> VideoCheck:
    """Return what a recording's video and gaze contain; problems are collected, not raised."""
    check, info = _check(recording), None
    try:
        info = probe_recording(recording, config.frames.force_2to1, config.frames.ready, config.frames.native)
        _add_video(check, recording, info, rate_of_kept(info, config.frames.native))
        if check.ready_frames and config.frames.ready == "refuse":
            check_size(recording.video, (info.height, info.width), (config.frames.height, 2 * config.frames.height))
    except Exception as error:
        check.problems.append(_problem(error, f"reading {recording.video}"))
    try:
        if info:
            _add_gaze(check, recording, info, config)
        elif not recording.gaze:
            read_gaze(recording, FPS)  # raises the error that names the missing gaze
    except Exception as error:
        check.problems.append(_problem(error, f"gaze {recording.gaze_names}: the reader of {recording.gaze_format}"))
    return check


def planned_demo_video(source: DemoSource, recording: Recording) -> VideoCheck:
    """Return what a demo video that the build still has to draw will contain."""
    check, scene = _check(recording), make_scene(source, recording.video_id)
    info = VideoInfo(scene.fps, scene.n_frames, 2 * scene.height, scene.height, 2, scene.n_frames / scene.fps)
    _add_video(check, recording, info)
    check.n_observers = source.n_observers
    check.remarks.append("drawn by the build")
    return check


def _problem(error: Exception, what: str) -> str:
    """Return the message of an error; `what` failed, where the message alone does not explain it."""
    if isinstance(error, InputError | OSError):
        return str(error)
    return f"{what} failed with {type(error).__name__}: {error}. Correct the files, or the code."


def _check(recording: Recording) -> VideoCheck:
    return VideoCheck(
        recording.video_id,
        recording.source,
        str(recording.video),
        [str(path) for path in recording.gaze],
        recording.gaze_format,
        recording.video.is_dir(),
    )


def _add_video(check: VideoCheck, recording: Recording, info: VideoInfo, rate: float = FPS) -> None:
    check.fps, check.n_frames, check.duration_s = info.fps, info.n_frames, info.duration_s
    check.width, check.height = info.width, info.height
    check.kept_frames = len(info.frames_to_keep(recording.skip_first, rate))
    check.remarks += info.notes
    if not check.kept_frames:
        where, found = f"video {check.video}", f"{info.n_frames} frames, of which {recording.skip_first} are skipped"
        raise InputError(where, found, "a longer video", "Exclude it, or correct its path.")
    native = tsv360.vr_eyetracking_fps(check.video) if recording.source == tsv360.VR_EYETRACKING else None
    if native and abs(info.fps / native - 1) > _RATE_TOLERANCE:
        check.remarks.append(f"{info.fps:.4g} fps, but {native:.4g} as published, to which its gaze is numbered")


def _add_gaze(check: VideoCheck, recording: Recording, info: VideoInfo, config: Config) -> None:
    if recording.gaze_format == published.PUBLISHED:
        _add_published(check, recording, info, rate_of_kept(info, config.frames.native))
    elif recording.gaze and recording.gaze_format in (maps.FIXATION_MAPS, maps.SALIENCY_MAPS):
        _add_maps(check, recording, info)
    else:
        gaze = read_gaze(replace(recording, picture_times_s=info.picture_times_s), info.fps)
        check.n_gaze, check.n_observers = len(gaze.samples), gaze.n_observers
        if gaze.n_observers is None:
            check.gaze_unit = "points"
        else:
            check.gaze_unit = "samples" if (gaze.samples.fixation_id < 0).any() else "fixations"
            if recording.head_only:
                check.remarks.append("heads only: events are where heads point")
            if gaze.n_observers < config.events.min_observers:
                limit = f"{config.events.min_observers} observers (events.min_observers)"
                check.remarks.append(f"fewer than {limit}, so no events")
        where, notes = f"gaze of video {check.video}", [*gaze.notes]
        samples = within_video(gaze.samples, info.duration_s, info.n_frames, where, notes)
        check.remarks += notes
        cuts_s = [] if check.ready_frames else find_cuts(recording.video)
        known = gaze.n_observers is not None
        check.remarks += map(str, plausibility_remarks(samples, info.duration_s, known, cuts_s))
        find_fixations(samples, config.fixations)  # raises the errors of the build


def _add_maps(check: VideoCheck, recording: Recording, info: VideoInfo) -> None:
    numbers = maps.map_numbers(recording.gaze[0])
    check.n_gaze, check.gaze_unit = len(numbers), "maps"
    _, as_published = tsv360.map_counts().get(check.video, (0, 0))
    if recording.source == tsv360.VR_EYETRACKING and len(numbers) < as_published:
        check.remarks.append(f"{len(numbers)} maps, but {as_published} as published: copy the others")
    if (without := info.n_frames - 1 - max(numbers)) > 0:
        known = " as published" if len(numbers) == as_published else ""
        check.remarks.append(f"no maps of the last {without} frames{known}")


def _add_published(check: VideoCheck, recording: Recording, info: VideoInfo, rate: float) -> None:
    if recording.video.suffix == ".parquet":
        of_video = Maps(next(file for file in recording.gaze if file.parent.name == MAPS))
        check.n_gaze, check.gaze_unit = sum(len(of_video.numbers(event)) for event in of_video.events), "maps"
        check.remarks.append(f"events: {len(of_video.events)}")
        return
    folder, kept = recording.gaze[0], set(info.frames_to_keep(recording.skip_first, rate))
    events = event_maps(folder)
    for event in events:
        read_caption(folder / event / DESCRIPTION)
    check.n_gaze, check.gaze_unit = sum(map(len, events.values())), "maps"
    check.remarks.append(f"events: {len(events)}")
    with_frame = sum(len(maps_with_frame(folder / event, numbers, kept)) for event, numbers in events.items())
    if without := check.n_gaze - with_frame:
        check.remarks.append(f"{without} maps have no frame and are left out")
