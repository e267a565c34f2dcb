"""Contact sheets: one picture per video that makes a wrong event, camera or saliency map visible.

Above: the panorama with the tracks of all events, one moment of it with the saliency laid over, and when each event is
there. Below, for each event: stills of its viewport video from its first to its last picture, between one before and
one after it; under them the same with the saliency laid over and a ring where the event is.

A thing that the ring leaves is an event that drifts. A ring off the middle is a camera that lags. A thing that is gone
in the last still, or still looked at in the one after, is an event that ends late, or early.
"""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import cv2
import pandas as pd

from tsalv360.files import read_json, whole_file
from tsalv360.projection import Picture
from tsalv360.sheets.overview import overview
from tsalv360.sheets.strips import strip
from tsalv360.sheets.style import stacked

MAX_BYTES = 270_000  # of a sheet: 360 kB in the report, where it is text
_QUALITIES = (88, 76, 64, 52, 40, 32)  # of JPEG; the last one whatever its size
_SMALLER = (cv2.IMWRITE_JPEG_OPTIMIZE, 1, cv2.IMWRITE_JPEG_PROGRESSIVE, 1)


def draw_sheet(
    index: Mapping[str, Any],
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
    lengths = read_json(Path(viewports_directory, "viewports.json"))["events"]
    pieces = [overview(index, events.event_id.tolist(), tracks, Path(frames_directory), Path(saliency_directory))]
    for k, event in enumerate(events.itertuples()):
        track = tracks[tracks.event_id == event.event_id]
        pieces.append(strip(event, track, k, Path(viewports_directory), lengths[event.event_id], index["fps"]))
    return stacked(pieces)


def write_sheet(path: str | Path, sheet: Picture, max_bytes: int = MAX_BYTES) -> None:
    """Write a contact sheet as JPEG, of less quality where it would have more than `max_bytes`."""
    for quality in _QUALITIES:
        _, encoded = cv2.imencode(".jpg", sheet[..., ::-1], [cv2.IMWRITE_JPEG_QUALITY, quality, *_SMALLER])
        if encoded.size <= max_bytes:
            break
    with whole_file(path) as partial:
        partial.write_bytes(encoded.tobytes())
