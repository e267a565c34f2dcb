"""The upper part of a contact sheet: the tracks of all events on the panorama, and one moment's saliency."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import pandas as pd

from tsalv360.errors import InputError
from tsalv360.frames import ready_frames
from tsalv360.geometry import direction_to_pixel
from tsalv360.grid import stretches_of
from tsalv360.pictures import read_picture
from tsalv360.projection import Picture
from tsalv360.sheets.key import key
from tsalv360.sheets.style import (
    EDGE,
    LARGE,
    SMALL,
    SOFT,
    WIDTH,
    colour_of,
    mark,
    paper,
    ring,
    strokes,
    text_width,
    write,
)
from tsalv360.viewports import draw_path, overlay_saliency, with_legend

TITLE, PANORAMA, BESIDE = 34, (470, 940), (234, 468)  # heights, or heights and widths, in pixels
_GAP, _RING = 10, 13  # between key and panorama, and radius, in pixels
_READ = (
    "Dot and number: start. Ring: where the event is at that moment. Below: the viewport from first to last picture, "
    "gray outside the event; under it with saliency, ringed where the event is."
)


def overview(
    index: Mapping[str, Any],
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
    picture, now, now_s = read_picture(frames[moment]), tracks[tracks.frame == moment], moment / index["fps"]
    top = key(order, tracks, index["fps"], index["duration_s"], now_s, PANORAMA[0] - BESIDE[0] - _GAP)
    bottom = TITLE + max(PANORAMA[0], len(top) + _GAP + BESIDE[0])
    whole = paper(bottom + 20)
    write(whole, f"video {index['id']}", (0, 24), LARGE, bold=True)
    told = f"panoramas at {now_s:.1f} s of {index['duration_s']:.1f} s"
    write(whole, told, (WIDTH - text_width(told), 24), colour=SOFT)
    whole[TITLE : TITLE + PANORAMA[0], : PANORAMA[1]] = _with_tracks(picture, order, tracks, now, index["fps"])
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
        for start, end in stretches_of(track.time_s.to_numpy(), fps):
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
