"""The key of a contact sheet: the line and the id of every event, and when it is there.

The upper part of a contact sheet: the tracks of all events on the panorama, and one moment's saliency.

The lower part of a contact sheet: for each event stills of its viewport video, and the same with saliency.

Contact sheets: one picture per video that makes a wrong event, camera or saliency map visible.

Above: the panorama with the tracks of all events, one moment of it with the saliency laid over, and when each event is
there. Below, for each event: stills of its viewport video from its first to its last picture, between one before and
one after it; under them the same with the saliency laid over and a ring where the event is.

A thing that the ring leaves is an event that drifts. A ring off the middle is a camera that lags. A thing that is gone
in the last still, or still looked at in the one after, is an event that ends late, or early.
"""

from pathlib import Path
from typing import Any

import cv2
import numpy as np
import pandas as pd

from tsalv360.contracts.entries import IndexEntry, ViewportLength, ViewportLengths, read_entry
from tsalv360.contracts.grid import FPS, segments_of
from tsalv360.job.errors import InputError
from tsalv360.job.files import whole_file
from tsalv360.media.drawing import (
    EDGE,
    INK,
    LARGE,
    LINE,
    PAPER,
    SMALL,
    SOFT,
    WIDTH,
    colour_of,
    draw_path,
    has_core,
    mark,
    overlay_saliency,
    paper,
    ring,
    stacked,
    strokes,
    text_width,
    with_legend,
    write,
)
from tsalv360.media.pictures import read_picture
from tsalv360.media.ready_frames import ready_frames
from tsalv360.media.timeline import ticks
from tsalv360.media.video import read_pictures
from tsalv360.sphere.directions import direction_to_pixel
from tsalv360.sphere.projection import Picture, direction_to_viewport

_LEAST, _MOST, _AXIS = 17, 27, 20  # heights in pixels of a row, and that of the time axis


def key(order: list[str], tracks: pd.DataFrame, fps: float, duration_s: float, now_s: float, room: int) -> Picture:
    """One row per event, and a line at the time `now_s`; [H, 468, 3], as high as `room` unless it needs more.

    Parameters: ids of the events in the order of their colours; tracks table; native frames per second and length of
    the video.
    """
    if not order:
        return _no_events()
    height = int(np.clip((room - _AXIS) // len(order), _LEAST, _MOST))
    picture = paper(height * len(order) + _AXIS, 468)
    left = 34 + max(text_width(event, SMALL) for event in order)
    bottom = len(picture) - _AXIS

    def column(time_s: float) -> int:
        return left + round(time_s / duration_s * (picture.shape[1] - left - 8))

    for time_s, _ in ticks(duration_s):
        cv2.line(picture, (column(time_s), 0), (column(time_s), bottom + 3), LINE)
        text = f"{time_s:g}" if time_s else "0 s"
        write(picture, text, (column(time_s) - text_width(text, SMALL) // 2, bottom + 15), SMALL, SOFT)
    for k, event in enumerate(order):
        middle, half = height * k + height // 2, height // 3
        for colour, width in strokes(k):
            cv2.line(picture, (4, middle), (20, middle), colour, width)
        write(picture, event, (28, middle + 4), SMALL)
        for start, end in segments_of(tracks.time_s[tracks.event_id == event].to_numpy(), fps):
            first, last = (column(start), middle - half), (column(end), middle + half)
            cv2.rectangle(picture, first, last, colour_of(k), -1)
            if has_core(k):
                cv2.line(picture, (first[0], middle), (last[0], middle), PAPER, 2)
            cv2.rectangle(picture, first, last, SOFT)
    cv2.line(picture, (column(now_s), 0), (column(now_s), bottom), INK)
    return picture


def _no_events() -> Picture:
    picture = paper(40, 468)
    write(picture, "No events: nothing was looked at", (0, 14))
    write(picture, "by enough observers for long enough.", (0, 34))
    return picture


TITLE, PANORAMA, BESIDE = 34, (470, 940), (234, 468)  # heights, or heights and widths, in pixels
_GAP, _RING = 10, 13  # between key and panorama, and radius, in pixels
_READ = (
    "Dot and number: start. Ring: where the event is at that moment. Below: the viewport from first to last picture, "
    "gray outside the event; under it with saliency, ringed where the event is."
)


def overview(
    index: IndexEntry,
    order: list[str],
    tracks: pd.DataFrame,
    frames_directory: Path,
    saliency_directory: Path,
) -> Picture:
    """The panorama with all tracks at the left, the key and the panorama with saliency at the right.

    Parameters: index entry of the video; ids of its events in the order of their colours; its tracks table; folders
    of its frames and saliency stages.
    """
    frames = ready_frames(frames_directory)
    moment = moment_of(tracks, list(frames))
    if moment not in frames:
        found, expected = f"no frame {moment:04d}", "a frame for every row of the tracks"
        raise InputError(frames_directory, found, expected, "Delete the folder and run again.")
    picture, now, now_s = read_picture(frames[moment]), tracks[tracks.frame == moment], moment / index.fps
    top = key(order, tracks, index.fps, index.duration_s, now_s, PANORAMA[0] - BESIDE[0] - _GAP)
    bottom = TITLE + max(PANORAMA[0], len(top) + _GAP + BESIDE[0])
    whole = paper(bottom + 20)
    write(whole, f"video {index.id}", (0, 24), LARGE, bold=True)
    told = f"panoramas at {now_s:.1f} s of {index.duration_s:.1f} s"
    write(whole, told, (WIDTH - text_width(told), 24), colour=SOFT)
    whole[TITLE : TITLE + PANORAMA[0], : PANORAMA[1]] = _with_tracks(picture, order, tracks, now, index.fps)
    whole[TITLE : TITLE + len(top), -BESIDE[1] :] = top
    whole[bottom - BESIDE[0] : bottom, -BESIDE[1] :] = _with_saliency(picture, order, now, saliency_directory)
    write(whole, _READ, (0, bottom + 16), SMALL, SOFT)
    return whole


def moment_of(tracks: pd.DataFrame, frames: list[int]) -> int:
    """The frame in which most events are there, of several the middle one; without events that of all `frames`."""
    if tracks.empty:
        return frames[len(frames) // 2]
    count = tracks.frame.value_counts().sort_index()
    most = count.index[count == count.max()]
    return int(most[len(most) // 2])


def _with_tracks(picture: Picture, order: list[str], tracks: pd.DataFrame, now: pd.DataFrame, fps: float) -> Picture:
    """The panorama with the stretches of all events, a dot with its number where each starts, a ring where it is."""
    shown = _resized(picture, PANORAMA)
    starts = []
    for k, event in enumerate(order):
        track = tracks[tracks.event_id == event]
        for start, end in segments_of(track.time_s.to_numpy(), fps):
            part = track[track.time_s.between(start, end)]
            draw_path(shown, part.yaw_deg, part.pitch_deg, *strokes(k))
        starts.append(_place(track.iloc[0], PANORAMA))
    _rings(shown, order, now)
    for k, (column, row) in enumerate(starts):
        cv2.circle(shown, (column, row), 7, EDGE, -1, cv2.LINE_AA)
        cv2.circle(shown, (column, row), 5, colour_of(k), -1, cv2.LINE_AA)
        number = order[k].rpartition("_")[2]
        beyond = column + 17 + text_width(number) > PANORAMA[1]
        mark(shown, number, (column - 17 - text_width(number) if beyond else column + 17, row + 5))
    return shown


def _with_saliency(picture: Picture, order: list[str], now: pd.DataFrame, folder: Path) -> Picture:
    """The panorama with the saliency maps of the events that are there, the larger where two meet, and their rings."""
    total: Picture = np.zeros(BESIDE, dtype=np.uint8)
    for event, frame in zip(now.event_id, now.frame, strict=True):
        path = folder / event / f"{frame:04d}.png"
        if path.exists():  # a frame without a look has no map
            total = np.maximum(total, _resized(read_picture(path, gray=True), BESIDE))
    shown = overlay_saliency(_resized(picture, BESIDE), total)
    _rings(shown, order, now)
    return with_legend(shown)


def _rings(shown: Picture, order: list[str], now: pd.DataFrame) -> None:
    for _, row in now.iterrows():
        ring(shown, _place(row, (shown.shape[0], shown.shape[1])), order.index(row.event_id), _RING)


def _resized(picture: Picture, size: tuple[int, int]) -> Picture:
    return cv2.resize(picture, size[::-1], interpolation=cv2.INTER_AREA).astype(np.uint8, copy=False)


def _place(row: "pd.Series[Any]", size: tuple[int, int]) -> tuple[int, int]:
    """Column and row of the pixel that a row of the tracks lies in."""
    column, line = direction_to_pixel(row.yaw_deg, row.pitch_deg, *size)
    return round(float(column)) % size[1], min(round(float(line)), size[0] - 1)


STILLS = 6  # in the event, besides one before and one after it
STILL_WIDTH, GAP = 172, 4  # pixels
HEADER, LABEL = 24, 17  # heights in pixels
RING = 16  # radius in pixels


def left_of(place: int) -> int:
    """Column at which a still starts: place 0 is before the event, 1 to 6 in it, 7 after."""
    return WIDTH - (STILLS + 2 - place) * (STILL_WIDTH + GAP) + GAP


def rows_shown(n: int) -> list[int]:
    """Which rows of a track of n rows are shown, evenly from the first to the last."""
    return np.unique(np.linspace(0, n - 1, STILLS).round().astype(int)).tolist()


def strip(event: Any, track: pd.DataFrame, k: int, folder: Path, length: ViewportLength, fps: float) -> Picture:
    """Two rows of stills of the k-th event, under a line that says what it is.

    Parameters: row of the events table; its track; folder of the viewports stage; what `viewports.json` says of it;
    native frames per second. Raises InputError for viewport videos that are damaged, or made of another track.
    """
    lead_in, n, lead_out = length.lead_in, length.pictures, length.lead_out
    if n != len(track):
        found, expected = f"{n} pictures of {event.event_id}", f"{len(track)}, one per row of its track"
        raise InputError(folder, found, expected, "Delete the folder and run again.")
    rows = rows_shown(n)
    numbers = [lead_in + row for row in rows]
    around = [0] * (lead_in > 0), [lead_in + n + lead_out - 1] * (lead_out > 0)
    plain = list(read_pictures(folder / f"{event.event_id}.mp4", [*around[0], *numbers, *around[1]]))
    overlay = read_pictures(folder / f"{event.event_id}.overlay.mp4", numbers)
    height = round(STILL_WIDTH * plain[0].shape[0] / plain[0].shape[1])
    piece = paper(HEADER + height + LABEL + height)
    piece[:, :8] = colour_of(k)
    if has_core(k):
        piece[:, 3:5] = 255
    write(piece, event.event_id, (16, 17), bold=True)
    write(piece, _facts(event, track), (left_of(1), 16), colour=SOFT)
    rate = min(fps, FPS)
    for place, lead, when in ((0, lead_in, "before"), (STILLS + 1, lead_out, "after")):
        if lead:
            _put(piece, plain.pop(-(place > 0)), place, HEADER, height, f"{lead / rate:.1f} s {when}")
        else:
            write(piece, f"nothing shown {when}", (left_of(place), HEADER + 14), SMALL, SOFT)
    for place, (row, still, shown) in enumerate(zip(rows, plain, overlay, strict=True), start=1):
        now = track.iloc[row]
        _put(piece, still, place, HEADER, height, f"{now.time_s:.1f} s, {now.n_observers:.0f} looking")
        small = _put(piece, shown, place, HEADER + height + LABEL, height)
        camera = now.camera_yaw_deg, now.camera_pitch_deg, now.camera_hfov_deg
        column, line = direction_to_viewport(now.yaw_deg, now.pitch_deg, camera, (height, STILL_WIDTH))
        ring(small, (float(column), float(line)), k, RING)
    return piece


def _facts(event: Any, track: pd.DataFrame) -> str:
    """What the line above the stills says."""
    stretches = f" in {event.n_segments} segments" if event.n_segments > 1 else ""
    return (
        f"{event.start_s:.1f} to {event.end_s:.1f} s{stretches}, {event.n_observers} observers, "
        f"confidence {event.confidence:.2f}, view {track.camera_hfov_deg.iloc[0]:.0f} degrees wide"
    )


def _put(piece: Picture, still: Picture, place: int, top: int, height: int, label: str = "") -> Picture:
    """Put a still in its place, with a label below; returns that part of the piece."""
    left = left_of(place)
    part = piece[top : top + height, left : left + STILL_WIDTH]
    part[:] = cv2.resize(still, (STILL_WIDTH, height), interpolation=cv2.INTER_AREA)
    write(piece, label, (left, top + height + 13), SMALL, SOFT)
    return part


MAX_BYTES = 270_000  # of a sheet: 360 kB in the report, where it is text
_QUALITIES = (88, 76, 64, 52, 40, 32)  # of JPEG; the last one whatever its size
_SMALLER = (cv2.IMWRITE_JPEG_OPTIMIZE, 1, cv2.IMWRITE_JPEG_PROGRESSIVE, 1)


def draw_sheet(
    index: IndexEntry,
    events: pd.DataFrame,
    tracks: pd.DataFrame,
    frames_directory: str | Path,
    saliency_directory: str | Path,
    viewports_directory: str | Path,
) -> Picture:
    """The contact sheet of one video, uint8 RGB [H, 1440, 3]; each viewport video is decoded once.

    Parameters: index entry of the video (of it `id`, `fps`, `duration_s`), its tables, and the folders that
    the stages frames, saliency and viewports wrote for it.

    Raises InputError naming what is missing, damaged or of another event.
    """
    lengths = read_entry(Path(viewports_directory, "viewports.json"), ViewportLengths).events
    pieces = [overview(index, events.event_id.tolist(), tracks, Path(frames_directory), Path(saliency_directory))]
    for k, event in enumerate(events.itertuples()):
        track = tracks[tracks.event_id == event.event_id]
        pieces.append(strip(event, track, k, Path(viewports_directory), lengths[event.event_id], index.fps))
    return stacked(pieces)


def write_sheet(path: str | Path, sheet: Picture, max_bytes: int = MAX_BYTES) -> None:
    """Write a contact sheet as JPEG, of less quality where it would have more than `max_bytes`."""
    for quality in _QUALITIES:
        _, encoded = cv2.imencode(".jpg", sheet[..., ::-1], [cv2.IMWRITE_JPEG_QUALITY, quality, *_SMALLER])
        if encoded.size <= max_bytes:
            break
    with whole_file(path) as partial:
        partial.write_bytes(encoded.tobytes())
