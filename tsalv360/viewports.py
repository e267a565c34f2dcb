"""Viewport videos: what a camera sees that follows an event, its twin with the saliency laid over, and a poster."""

from collections import defaultdict
from contextlib import ExitStack
from pathlib import Path
from typing import NamedTuple

import cv2
import numpy as np
import pandas as pd
from pydantic.dataclasses import dataclass

from tsalv360.contracts.entries import ViewportLength, ViewportLengths
from tsalv360.contracts.grid import FPS
from tsalv360.contracts.settings import STRICT, setting
from tsalv360.job.errors import InputError
from tsalv360.job.files import whole_folder, write_json
from tsalv360.job.log import progress
from tsalv360.media.drawing import draw_path, overlay_saliency, with_legend
from tsalv360.media.pictures import read_picture, write_picture
from tsalv360.media.video import VideoWriter
from tsalv360.sphere.directions import direction_to_pixel
from tsalv360.sphere.projection import Interpolation, Picture, Viewport, pad_poles, viewport_directions

_POSTER = 480, 960
_TRACK, _VIEW, _START = (255, 196, 0), (255, 255, 255), (0, 158, 255)  # RGB; told apart by colour-blind people
_EDGE = (0, 0, 0)


@dataclass(frozen=True, config=STRICT)
class ViewportSettings:
    """Viewport videos for captioners and curators."""

    width: int = setting(640, "width of the viewport videos", unit="px", ge=64, le=3840, multiple_of=2)
    height: int = setting(480, "height of the viewport videos", unit="px", ge=64, le=2160, multiple_of=2)
    lead_s: float = setting(1.0, "shown before and after an event, marked", unit="s", ge=0, le=10)
    interpolation: Interpolation = setting(
        "linear", "how pixels are taken from the panorama; area where the videos are coarser than it"
    )
    sound: bool = setting(False, "whether curators hear the sound of the source video with them")


class Shot(NamedTuple):
    """One picture of one event's video: where the camera looks, and whether it lies before, in or after the event."""

    event: str
    yaw: float
    pitch: float
    hfov: float
    part: str


def plan_shots(
    tracks: pd.DataFrame, frames: list[int], lead: int
) -> tuple[dict[int, list[Shot]], dict[str, ViewportLength]]:
    """Which events need which frame, and the lengths of their videos.

    Parameters: `frames` the kept frame numbers; `lead` pictures before and after an event, as far as frames exist.
    """
    shots: dict[int, list[Shot]] = defaultdict(list)
    lengths = {}
    place = {frame: i for i, frame in enumerate(frames)}
    for name, track in tracks.groupby("event_id", sort=False):
        event = str(name)
        camera = list(zip(track.camera_yaw_deg, track.camera_pitch_deg, track.camera_hfov_deg, strict=True))
        first, last = place[track.frame.iloc[0]], place[track.frame.iloc[-1]]
        before, after = frames[max(0, first - lead) : first], frames[last + 1 : last + 1 + lead]
        for frame in before:
            shots[frame].append(Shot(event, *camera[0], "before"))
        for frame, view in zip(track.frame, camera, strict=True):
            shots[frame].append(Shot(event, *view, "event"))
        for frame in after:
            shots[frame].append(Shot(event, *camera[-1], "after"))
        lengths[event] = ViewportLength(len(before), len(track), len(after))
    return shots, lengths


def write_viewports(
    directory: str | Path,
    frames_directory: str | Path,
    saliency_directory: str | Path,
    tracks: pd.DataFrame,
    settings: ViewportSettings,
    frame_height: int,
) -> None:
    """Write `<event>.mp4`, `<event>.overlay.mp4`, `<event>.jpg` (poster) and `viewports.json` (lengths) of a video.

    Every frame is read once and serves all events in it. Picture j of a video is row j of the event's track after
    the lead-in. Parameters: folders of the frames and saliency stages, the tracks of the video, and the height that its
    frames must have. Raises InputError for a frame that is missing or of another size.
    """
    pictures = {int(path.stem): path for path in sorted(Path(frames_directory).glob("[0-9]*.*"))}
    if missing := sorted(set(tracks.frame) - set(pictures)):
        raise InputError(
            frames_directory,
            f"no frame {missing[0]:04d}",
            "a frame for every row of the tracks",
            "Delete the folder and run again.",
        )
    shots, lengths = plan_shots(tracks, list(pictures), round(settings.lead_s * FPS))
    size = settings.height, settings.width
    posters = {event: track.frame.iloc[len(track) // 2] for event, track in tracks.groupby("event_id", sort=False)}
    last = {shot.event: frame for frame in sorted(shots) for shot in shots[frame]}
    writers: dict[str, list[VideoWriter]] = {}
    with (
        whole_folder(directory) as partial,
        ExitStack() as open_files,
        progress(total=len(shots), what="frames") as bar,
    ):
        files = {event: open_files.enter_context(ExitStack()) for event in lengths}
        for frame, wanted in sorted(shots.items()):
            panorama = read_picture(pictures[frame])
            if panorama.shape[:2] != (frame_height, 2 * frame_height):
                found, expected = f"{panorama.shape[1]}×{panorama.shape[0]}", f"{2 * frame_height}×{frame_height}"
                raise InputError(pictures[frame], found, expected, "Delete the folder and run again.")
            padded = pad_poles(panorama)
            for shot in wanted:
                viewport = Viewport(shot.yaw, shot.pitch, shot.hfov, size, settings.interpolation)
                plain = overlay = viewport.render(padded)
                if shot.part == "event":
                    overlay = _with_saliency(plain, viewport, Path(saliency_directory, shot.event, f"{frame:04d}.png"))
                else:
                    plain = overlay = _marked(plain, shot.part)
                if shot.event not in writers:
                    writers[shot.event] = _open_videos(files[shot.event], partial, shot.event, size)
                for writer, picture in zip(writers[shot.event], (plain, overlay), strict=True):
                    writer.write(picture)
                if frame == last[shot.event]:  # an open encoder holds 20 MB
                    files[shot.event].close()
                    del writers[shot.event]
                if frame == posters[shot.event] and shot.part == "event":
                    stretches = _stretches(tracks[tracks.event_id == shot.event], list(pictures))
                    write_picture(partial / f"{shot.event}.jpg", poster(panorama, stretches, shot)[..., ::-1])
            bar.update()
        write_json(partial / "viewports.json", ViewportLengths(FPS, lengths))


def _open_videos(open_files: ExitStack, folder: Path, event: str, size: tuple[int, int]) -> list[VideoWriter]:
    """The writers of an event's plain video and of its overlay."""
    return [
        open_files.enter_context(VideoWriter(folder / f"{event}{kind}.mp4", FPS, size)) for kind in ("", ".overlay")
    ]


def _stretches(track: pd.DataFrame, frames: list[int]) -> list[pd.DataFrame]:
    """The parts of a track between which kept `frames` lie that it has not."""
    gaps = np.diff(np.searchsorted(frames, track.frame)) > 1
    return [part for _, part in track.groupby(np.concatenate([[0], np.cumsum(gaps)]))]


def poster(panorama: Picture, stretches: list[pd.DataFrame], shot: Shot) -> Picture:
    """The panorama with the stretches of an event's track, its start, and the outline of one viewport drawn on it."""
    picture = np.ascontiguousarray(cv2.resize(panorama, _POSTER[::-1], interpolation=cv2.INTER_AREA), dtype=np.uint8)
    for part in stretches:
        draw_path(picture, part.yaw_deg, part.pitch_deg, (_EDGE, 5), (_TRACK, 3))
    lam, phi = viewport_directions(shot.yaw, shot.pitch, shot.hfov, (48, 64))
    edge = [np.concatenate([a[0], a[:, -1], a[-1, ::-1], a[::-1, 0]]) for a in (lam, phi)]
    draw_path(picture, edge[0], edge[1], (_EDGE, 4), (_VIEW, 2))
    start = stretches[0].iloc[0]
    column, row = direction_to_pixel(start.yaw_deg, start.pitch_deg, *_POSTER)
    cv2.circle(picture, (round(float(column)), round(float(row))), 7, _START, -1, cv2.LINE_AA)
    return picture


def _with_saliency(view: Picture, viewport: Viewport, path: Path) -> Picture:
    """The overlay with a legend; without colours where the frame has no saliency map."""
    shown = view.copy()
    if path.exists():
        shown = overlay_saliency(view, viewport.render(pad_poles(read_picture(path, gray=True))))
    return with_legend(shown)


def _marked(view: Picture, part: str) -> Picture:
    """A picture outside the event: gray, with a bar that says so."""
    gray = np.repeat(cv2.cvtColor(view, cv2.COLOR_RGB2GRAY)[..., None], 3, axis=2)
    bar = view.shape[0] // 12
    gray[:bar] = gray[:bar] // 4
    cv2.putText(
        gray,
        f"{part} the event",
        (10, bar * 3 // 4),
        cv2.FONT_HERSHEY_SIMPLEX,
        bar / 45,
        (255, 255, 255),
        1,
        cv2.LINE_AA,
    )
    return gray.astype(np.uint8, copy=False)
