"""Viewport videos: what a camera that follows an event sees, the same with saliency laid over, and a poster."""

from collections import defaultdict
from contextlib import ExitStack
from fractions import Fraction
from pathlib import Path
from typing import NamedTuple

import numpy as np
import pandas as pd
from pydantic.dataclasses import dataclass

from tsalv360.contracts.entries import ViewportLength, ViewportLengths
from tsalv360.contracts.grid import FPS
from tsalv360.contracts.settings import STRICT, setting
from tsalv360.job.errors import InputError
from tsalv360.job.files import whole_folder, write_json
from tsalv360.job.log import progress
from tsalv360.media.drawing import grayed, overlay_saliency, poster, with_legend
from tsalv360.media.maps import Maps
from tsalv360.media.pictures import read_picture, write_picture
from tsalv360.media.video import VideoWriter
from tsalv360.sphere.projection import Interpolation, Picture, Viewport, pad_poles


@dataclass(frozen=True, config=STRICT)
class ViewportSettings:
    """Viewport videos for captioners and curators."""

    width: int = setting(640, "width of the viewport videos", unit="px", ge=64, le=3840, multiple_of=2)
    height: int = setting(480, "height of the viewport videos", unit="px", ge=64, le=2160, multiple_of=2)
    lead_s: float = setting(1.0, "time shown before and after an event, in black and white", unit="s", ge=0, le=10)
    interpolation: Interpolation = setting(
        "linear", "how the panorama is sampled; area avoids flicker if the videos are coarser than the panorama"
    )
    sound: bool = setting(False, "give curators the sound of the source video as well")


class Shot(NamedTuple):
    """A picture of an event's video: yaw, pitch and field of view of the camera; `part` is before, event or after."""

    event: str
    camera: tuple[float, float, float]
    part: str


def plan_shots(
    tracks: pd.DataFrame, frames: list[int], lead: int
) -> tuple[dict[int, list[Shot]], dict[str, ViewportLength]]:
    """Return the shots of every frame, and the lengths of the events' videos.

    Parameters: `frames` are the kept frame numbers; `lead` is the number of pictures before and after an event, fewer
    at the ends of the video.
    """
    shots: dict[int, list[Shot]] = defaultdict(list)
    lengths = {}
    place = {frame: i for i, frame in enumerate(frames)}
    for name, track in tracks.groupby("event_id", sort=False):
        event = str(name)
        cameras = list(zip(track.camera_yaw_deg, track.camera_pitch_deg, track.camera_hfov_deg, strict=True))
        first, last = place[track.frame.iloc[0]], place[track.frame.iloc[-1]]
        before, after = frames[max(0, first - lead) : first], frames[last + 1 : last + 1 + lead]
        for frame in before:
            shots[frame].append(Shot(event, cameras[0], "before"))
        for frame, camera in zip(track.frame, cameras, strict=True):
            shots[frame].append(Shot(event, camera, "event"))
        for frame in after:
            shots[frame].append(Shot(event, cameras[-1], "after"))
        lengths[event] = ViewportLength(len(before), len(track), len(after))
    return shots, lengths


def write_viewports(
    directory: str | Path,
    frames_directory: str | Path,
    saliency: str | Path,
    tracks: pd.DataFrame,
    settings: ViewportSettings,
    frame_height: int,
    rate: float = FPS,
) -> None:
    """Write `<event>.mp4`, `<event>.overlay.mp4`, `<event>.jpg` (poster) and `viewports.json` (lengths) of a video.

    Every frame is read once for all events in it. After the lead-in, picture j of a video is row j of the event's
    track. Parameters: folder of the frames stage, maps of the saliency stage, tracks table of the video, the height
    that its frames must have, and the `rate` of the kept frames, at which the videos play. Raises InputError for a
    frame that is missing or has another size.
    """
    frames = {int(path.stem): path for path in sorted(Path(frames_directory).glob("[0-9]*.*"))}
    if missing := sorted(set(tracks.frame) - set(frames)):
        found, expected = f"no frame {missing[0]:04d}", "a frame for every row of the tracks"
        raise InputError(frames_directory, found, expected, "Delete the folder and run again.")
    maps = Maps(saliency)
    shots, lengths = plan_shots(tracks, list(frames), round(settings.lead_s * rate))
    size = settings.height, settings.width
    by_event = {str(event): track for event, track in tracks.groupby("event_id", sort=False)}
    last = {shot.event: frame for frame in sorted(shots) for shot in shots[frame]}
    per_second = Fraction(rate).limit_denominator(1001)
    writers: dict[str, list[VideoWriter]] = {}
    with (
        whole_folder(directory) as partial,
        ExitStack() as open_files,
        progress(total=len(shots), what="frames") as bar,
    ):
        files = {event: open_files.enter_context(ExitStack()) for event in by_event}
        for frame, wanted in sorted(shots.items()):
            panorama = read_picture(frames[frame])
            if panorama.shape[:2] != (frame_height, 2 * frame_height):
                found, expected = f"{panorama.shape[1]}×{panorama.shape[0]}", f"{2 * frame_height}×{frame_height}"
                raise InputError(frames[frame], found, expected, "Delete the folder and run again.")
            padded = pad_poles(panorama)
            for event, camera, part in wanted:
                viewport = Viewport(*camera, size, settings.interpolation)
                plain = overlay = viewport.render(padded)
                if part == "event":
                    overlay = _overlay(plain, viewport, maps.find(event, frame))
                else:
                    plain = overlay = grayed(plain, f"{part} the event")
                if event not in writers:
                    names = f"{event}.mp4", f"{event}.overlay.mp4"
                    writers[event] = [
                        files[event].enter_context(VideoWriter(partial / n, per_second, size)) for n in names
                    ]
                for writer, picture in zip(writers[event], (plain, overlay), strict=True):
                    writer.write(picture)
                if frame == last[event]:  # an open encoder takes 20 MB
                    files[event].close()
                    del writers[event]
                track = by_event[event]
                if part == "event" and frame == track.frame.iloc[len(track) // 2]:
                    places = np.searchsorted(list(frames), track.frame)
                    write_picture(partial / f"{event}.jpg", poster(panorama, track, places, camera)[..., ::-1])
            bar.update()
        write_json(partial / "viewports.json", ViewportLengths(rate, lengths))


def _overlay(view: Picture, viewport: Viewport, saliency: Picture | None) -> Picture:
    """Return a view with its legend and the saliency map, if there is one, laid over."""
    shown = view.copy()
    if saliency is not None:
        shown = overlay_saliency(view, viewport.render(pad_poles(saliency)))
    return with_legend(shown)
