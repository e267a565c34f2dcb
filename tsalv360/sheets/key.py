"""The key of a contact sheet: the line and the id of every event, and when it is there."""

import cv2
import numpy as np
import pandas as pd

from tsalv360.grid import stretches_of
from tsalv360.projection import Picture
from tsalv360.report.timeline import ticks
from tsalv360.sheets.style import INK, LINE, PAPER, SMALL, SOFT, colour_of, has_core, paper, strokes, text_width, write

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
        for start, end in stretches_of(tracks.time_s[tracks.event_id == event].to_numpy(), fps):
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
