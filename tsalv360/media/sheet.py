"""Contact sheets: one picture per video that makes a wrong event, camera or saliency map visible.

At the top: the panorama with the tracks of all events, a legend that shows when each event is present, and one moment
with its saliency. Below, a strip for each event: stills of its viewport video from first to last picture, between one
from before and one from after; under them the same stills with saliency and a ring where the event is.

An object that leaves the ring means that the event drifts; a ring off the middle, that the camera lags; an object that
is gone in the last still, or is still watched in the one after, that the event ends late or early.
"""

from pathlib import Path
from typing import Any

import cv2
import numpy as np
import pandas as pd

from tsalv360.contracts.entries import IndexEntry, ViewportLength, ViewportLengths, read_entry
from tsalv360.contracts.grid import segments_of
from tsalv360.job.errors import InputError
from tsalv360.job.files import whole_file
from tsalv360.media import drawing
from tsalv360.media.drawing import EDGE, INK, LARGE, LINE, PAPER, SMALL, SOFT, WIDTH, text_width, ticks, write
from tsalv360.media.maps import Maps
from tsalv360.media.pictures import read_picture, ready_frames, resized
from tsalv360.media.video import read_pictures
from tsalv360.sphere.directions import direction_to_pixel
from tsalv360.sphere.projection import Picture, direction_to_viewport

TITLE, PANORAMA, BESIDE = 34, (470, 940), (234, 468)  # height of the title; sizes of the two panoramas
STILLS = 6  # stills of an event, besides one before and one after it
STILL_WIDTH, GAP, HEADER, LABEL = 172, 4, 24, 17  # widths, then heights, in a strip
MAX_BYTES = 270_000
_MIN_ROW, _MAX_ROW, _AXIS = 17, 27, 20  # heights in the legend
_RING, _STILL_RING = 13, 16  # radii
_QUALITIES = (88, 76, 64, 52, 40, 32)  # JPEG; the last one whatever its size
_SMALLER = (cv2.IMWRITE_JPEG_OPTIMIZE, 1, cv2.IMWRITE_JPEG_PROGRESSIVE, 1)
_NO_EVENTS = ("No events: nothing was looked at", "by enough observers for long enough.")
_READ = (
    "Dot and number: start. Ring: where the event is at that moment. Below: the viewport from first to last picture, "
    "gray outside the event; under it with saliency, ringed where the event is."
)


def draw_sheet(
    index: IndexEntry,
    events: pd.DataFrame,
    tracks: pd.DataFrame,
    frames_directory: str | Path,
    saliency: str | Path,
    viewports_directory: str | Path,
) -> Picture:
    """Return the contact sheet of one video, uint8 RGB [H, 1440, 3].

    Parameters: index entry of the video (its `id`, `fps`, `rate` and `duration_s`), its tables, and what the
    stages frames, saliency and viewports wrote for it: two folders, and the file of its maps.

    Raises InputError for what is missing, damaged or does not belong to the tables.
    """
    lengths = read_entry(Path(viewports_directory, "viewports.json"), ViewportLengths).events
    rate = min(index.fps, index.rate)
    by_event = {event: tracks[tracks.event_id == event] for event in events.event_id}
    pieces = [_overview(index, by_event, tracks, Path(frames_directory), Maps(saliency))]
    for k, event in enumerate(events.itertuples()):
        name = str(event.event_id)
        pieces.append(_strip(event, by_event[name], k, Path(viewports_directory), lengths[name], rate))
    return drawing.stacked(pieces)


def write_sheet(path: str | Path, sheet: Picture, max_bytes: int = MAX_BYTES) -> None:
    """Write a contact sheet as JPEG, with less quality if it would take more than `max_bytes`."""
    for quality in _QUALITIES:
        _, encoded = cv2.imencode(".jpg", sheet[..., ::-1], [cv2.IMWRITE_JPEG_QUALITY, quality, *_SMALLER])
        if encoded.size <= max_bytes:
            break
    with whole_file(path) as partial:
        partial.write_bytes(encoded.tobytes())


def moment_of(tracks: pd.DataFrame, frames: list[int]) -> int:
    """Return the middle one of the frames with the most events; without events, of all `frames`."""
    if tracks.empty:
        return frames[len(frames) // 2]
    count = tracks.frame.value_counts().sort_index()
    most = count.index[count == count.max()]
    return int(most[len(most) // 2])


def rows_shown(n: int) -> list[int]:
    """Return which rows of a track of n rows have stills, evenly from the first to the last."""
    return np.unique(np.linspace(0, n - 1, STILLS).round().astype(int)).tolist()


def left_of(place: int) -> int:
    """Return the first column of a still: place 0 is before the event, 1 to 6 are in it, 7 is after."""
    return WIDTH - (STILLS + 2 - place) * (STILL_WIDTH + GAP) + GAP


def _overview(
    index: IndexEntry, by_event: dict[str, pd.DataFrame], tracks: pd.DataFrame, frames_folder: Path, saliency: Maps
) -> Picture:
    """Return the panorama with all tracks, and beside it the legend above the panorama with saliency."""
    frames = ready_frames(frames_folder)
    moment = moment_of(tracks, list(frames))
    if moment not in frames:
        found, expected = f"no frame {moment:04d}", "a frame for every row of the tracks"
        raise InputError(frames_folder, found, expected, "Delete the folder and run again.")
    picture, now, now_s = read_picture(frames[moment]), tracks[tracks.frame == moment], moment / index.fps
    legend = _legend(by_event, index, now_s, PANORAMA[0] - BESIDE[0] - 10)
    bottom = TITLE + max(PANORAMA[0], len(legend) + 10 + BESIDE[0])
    whole = drawing.paper(bottom + 20)
    write(whole, f"video {index.id}", (0, 24), LARGE, bold=True)
    time = f"panoramas at {now_s:.1f} s of {index.duration_s:.1f} s"
    write(whole, time, (WIDTH - text_width(time), 24), colour=SOFT)
    whole[TITLE : TITLE + PANORAMA[0], : PANORAMA[1]] = _with_tracks(picture, by_event, now, min(index.fps, index.rate))
    whole[TITLE : TITLE + len(legend), -BESIDE[1] :] = legend
    whole[bottom - BESIDE[0] : bottom, -BESIDE[1] :] = _with_saliency(picture, list(by_event), now, saliency)
    write(whole, _READ, (0, bottom + 16), SMALL, SOFT)
    return whole


def _legend(by_event: dict[str, pd.DataFrame], index: IndexEntry, now_s: float, height: int) -> Picture:
    """Return a row per event that shows when it is present, and a line at the time `now_s`; [H, 468, 3].

    It has the given `height` unless the rows need more.
    """
    if not by_event:
        picture = drawing.paper(40, BESIDE[1])
        for text, row in zip(_NO_EVENTS, (14, 34), strict=True):
            write(picture, text, (0, row))
        return picture
    step = int(np.clip((height - _AXIS) // len(by_event), _MIN_ROW, _MAX_ROW))
    picture = drawing.paper(step * len(by_event) + _AXIS, BESIDE[1])
    left, bottom = 34 + max(text_width(event, SMALL) for event in by_event), len(picture) - _AXIS

    def column(time_s: float) -> int:
        return left + round(time_s / index.duration_s * (picture.shape[1] - left - 8))

    for time_s, _ in ticks(index.duration_s):
        cv2.line(picture, (column(time_s), 0), (column(time_s), bottom + 3), LINE)
        text = f"{time_s:g}" if time_s else "0 s"
        write(picture, text, (column(time_s) - text_width(text, SMALL) // 2, bottom + 15), SMALL, SOFT)
    for k, (event, track) in enumerate(by_event.items()):
        middle = step * k + step // 2
        for colour, width in drawing.strokes(k):
            cv2.line(picture, (4, middle), (20, middle), colour, width)
        write(picture, event, (28, middle + 4), SMALL)
        for start, end in segments_of(track.time_s.to_numpy(), index.fps, index.rate):
            first, last = (column(start), middle - step // 3), (column(end), middle + step // 3)
            cv2.rectangle(picture, first, last, drawing.colour_of(k), -1)
            if drawing.has_core(k):
                cv2.line(picture, (first[0], middle), (last[0], middle), PAPER, 2)
            cv2.rectangle(picture, first, last, SOFT)
    cv2.line(picture, (column(now_s), 0), (column(now_s), bottom), INK)
    return picture


def _with_tracks(picture: Picture, by_event: dict[str, pd.DataFrame], now: pd.DataFrame, rate: float) -> Picture:
    """Return the panorama with all tracks, a dot and the event's number at each start, and a ring at each event."""
    shown = resized(picture, PANORAMA).copy()
    for k, track in enumerate(by_event.values()):
        drawing.draw_track(shown, track, np.rint(track.time_s * rate), *drawing.strokes(k))
    _draw_rings(shown, list(by_event), now)
    for k, (event, track) in enumerate(by_event.items()):
        column, row = _pixel(track.iloc[0], PANORAMA)
        cv2.circle(shown, (column, row), 7, EDGE, -1, cv2.LINE_AA)
        cv2.circle(shown, (column, row), 5, drawing.colour_of(k), -1, cv2.LINE_AA)
        number = event.rpartition("_")[2]
        beyond = column + 17 + text_width(number) > PANORAMA[1]
        drawing.mark(shown, number, (column - 17 - text_width(number) if beyond else column + 17, row + 5))
    return shown


def _with_saliency(picture: Picture, order: list[str], now: pd.DataFrame, saliency: Maps) -> Picture:
    """Return the panorama with the maximum of the present events' saliency maps, and a ring at each event."""
    total: Picture = np.zeros(BESIDE, dtype=np.uint8)
    for event, frame in zip(now.event_id, now.frame, strict=True):
        found = saliency.find(event, frame)
        if found is not None:
            total = np.maximum(total, resized(found, BESIDE))
    shown = drawing.overlay_saliency(resized(picture, BESIDE), total)
    _draw_rings(shown, order, now)
    return drawing.with_legend(shown)


def _draw_rings(shown: Picture, order: list[str], now: pd.DataFrame) -> None:
    for _, row in now.iterrows():
        drawing.ring(shown, _pixel(row, (shown.shape[0], shown.shape[1])), order.index(row.event_id), _RING)


def _pixel(row: "pd.Series[Any]", size: tuple[int, int]) -> tuple[int, int]:
    """Return column and row of the pixel that the direction of a track's row falls into."""
    column, line = direction_to_pixel(row.yaw_deg, row.pitch_deg, *size)
    return round(float(column)) % size[1], min(round(float(line)), size[0] - 1)


def _strip(event: Any, track: pd.DataFrame, k: int, folder: Path, length: ViewportLength, rate: float) -> Picture:
    """Return two rows of stills of the k-th event below a line of facts.

    Parameters: row of the events table; its track; folder of the viewports stage; its lengths in `viewports.json`;
    native frames per second. Raises InputError for viewport videos that are damaged or belong to another track.
    """
    name, lead_in, n, lead_out = event.event_id, length.lead_in, length.pictures, length.lead_out
    if n != len(track):
        found, expected = f"{n} pictures of {name}", f"{len(track)}, one per row of its track"
        raise InputError(folder, found, expected, "Delete the folder and run again.")
    rows = rows_shown(n)
    numbers = [lead_in + row for row in rows]
    around = [0] * (lead_in > 0), [lead_in + n + lead_out - 1] * (lead_out > 0)
    plain = list(read_pictures(folder / f"{name}.mp4", [*around[0], *numbers, *around[1]]))
    overlay = read_pictures(folder / f"{name}.overlay.mp4", numbers)
    height = round(STILL_WIDTH * plain[0].shape[0] / plain[0].shape[1])
    piece = drawing.paper(HEADER + height + LABEL + height)
    piece[:, :8] = drawing.colour_of(k)
    if drawing.has_core(k):
        piece[:, 3:5] = PAPER
    write(piece, name, (16, 17), bold=True)
    segments = f" in {event.n_segments} segments" if event.n_segments > 1 else ""
    facts = (
        f"{event.start_s:.1f} to {event.end_s:.1f} s{segments}, {event.n_observers} observers, "
        f"confidence {event.confidence:.2f}, view {track.camera_hfov_deg.iloc[0]:.0f} degrees wide"
    )
    write(piece, facts, (left_of(1), 16), colour=SOFT)
    for place, lead, when in ((0, lead_in, "before"), (STILLS + 1, lead_out, "after")):
        if lead:
            still, label = plain.pop(-(place > 0)), f"{lead / rate:.1f} s {when}"
            _put(piece, still, place, HEADER, label)
        else:
            write(piece, f"nothing shown {when}", (left_of(place), HEADER + 14), SMALL, SOFT)
    for place, (row, still, with_saliency) in enumerate(zip(rows, plain, overlay, strict=True), start=1):
        now = track.iloc[row]
        _put(piece, still, place, HEADER, f"{now.time_s:.1f} s, {now.n_observers:.0f} looking")
        shown = _put(piece, with_saliency, place, HEADER + height + LABEL)
        camera = now.camera_yaw_deg, now.camera_pitch_deg, now.camera_hfov_deg
        column, line = direction_to_viewport(now.yaw_deg, now.pitch_deg, camera, (height, STILL_WIDTH))
        drawing.ring(shown, (float(column), float(line)), k, _STILL_RING)
    return piece


def _put(piece: Picture, still: Picture, place: int, top: int, label: str = "") -> Picture:
    """Put a still in its place with a label below; return that part of the piece."""
    left, height = left_of(place), round(STILL_WIDTH * still.shape[0] / still.shape[1])
    part = piece[top : top + height, left : left + STILL_WIDTH]
    part[:] = resized(still, (height, STILL_WIDTH))
    write(piece, label, (left, top + height + 13), SMALL, SOFT)
    return part
