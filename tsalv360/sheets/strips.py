"""The lower part of a contact sheet: for each event stills of its viewport video, and the same with saliency."""

from pathlib import Path
from typing import Any

import cv2
import numpy as np
import pandas as pd

from tsalv360.errors import InputError
from tsalv360.grid import FPS
from tsalv360.projection import Picture, direction_to_viewport
from tsalv360.sheets.style import SMALL, SOFT, WIDTH, colour_of, has_core, paper, ring, write
from tsalv360.video import read_pictures

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


def strip(event: Any, track: pd.DataFrame, k: int, folder: Path, lengths: dict[str, int], fps: float) -> Picture:
    """Two rows of stills of the k-th event, under a line that says what it is.

    Parameters: row of the events table; its track; folder of the viewports stage; what `viewports.json` says of it;
    native frames per second. Raises InputError for viewport videos that are damaged, or made of another track.
    """
    lead_in, n, lead_out = (lengths[name] for name in ("lead_in", "pictures", "lead_out"))
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
    stretches = f" in {event.n_stretches} stretches" if event.n_stretches > 1 else ""
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
