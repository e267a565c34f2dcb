"""The layouts of a dataset: names of folders and files, and readers of the published one.

Ours, a file for each video:

maps/<video>.parquet                         saliency maps and captions of its events
saliency_all/<video>.parquet                 saliency maps of all observers
points/<video>.parquet                       fixation points

The published one, a file for each map:

TSV360_gt/<video>/<event>/description.txt    the caption of an event
TSV360_gt/<video>/<event>/NNNN.png           its saliency map in frame NNNN
"""

import re
from itertools import pairwise
from pathlib import Path
from typing import Any

from tsalv360.job.errors import InputError

CLIP_LENGTH = 8
MAPS = "maps"
GROUND_TRUTH = "TSV360_gt"
SALIENCY_ALL = "saliency_all"
FIXATION_POINTS = "points"
DESCRIPTION = "description.txt"
CHECKSUMS = "SHA256SUMS"
LEFT_OUT = "left_out.json"
CURATION = "curation.json"
_MAX_STEP = 10  # frames between neighbours in a clip of the public reader
_ADVICE = "Download it again, or exclude the video."


def event_maps(truth: str | Path) -> dict[str, dict[int, Path]]:
    """Return the maps of a video's events by frame number, the events in the order of their numbers.

    Parameters: `truth` is the folder `TSV360_gt/<video>`. Raises InputError for a name outside the published layout.
    """
    truth = Path(truth)
    events = [path for path in truth.iterdir() if not path.name.startswith(".")]
    for path in events:
        if not path.is_dir() or not re.fullmatch(rf"{re.escape(truth.name)}_[0-9]+", path.name):
            raise InputError(path, "this name", f"a folder {truth.name}_<k> for each event", _ADVICE)
    events.sort(key=lambda path: int(path.name.rpartition("_")[2]))
    return {event.name: _maps(event) for event in events}


def _maps(event: Path) -> dict[int, Path]:
    paths = [path for path in event.glob("*.png") if not path.name.startswith(".")]
    for path in paths:
        if not re.fullmatch(r"[0-9]{4,}", path.stem):
            raise InputError(path, "this name", "the number of a frame, NNNN.png", _ADVICE)
    return {int(path.stem): path for path in sorted(paths, key=lambda path: int(path.stem))}


def maps_with_frame(event: Path, maps: dict[int, Path], frames: set[int]) -> dict[int, Path]:
    """Return the maps of an event whose frame exists; InputError when there are none."""
    kept = {number: path for number, path in maps.items() if number in frames}
    if not kept:
        raise InputError(event, "no map that has a frame", "frames of the same numbers", _ADVICE)
    return kept


def read_caption(path: Path) -> str:
    """Return the caption in a `description.txt`; InputError when there is none."""
    try:
        caption = path.read_text(encoding="utf-8").strip()
    except (OSError, UnicodeDecodeError) as error:
        raise InputError(path, f"no readable caption ({error})", "one caption in UTF-8", _ADVICE) from error
    if not caption:
        raise InputError(path, "an empty file", "one caption in UTF-8", _ADVICE)
    return caption


def cut_published_clips(event: str, video: str, numbers: list[int]) -> list[dict[str, Any]]:
    """Return the clips that the public reader cuts from an event's frame numbers: groups of 8 without a large gap."""
    starts = range(0, len(numbers) - CLIP_LENGTH + 1, CLIP_LENGTH)
    groups = [numbers[start : start + CLIP_LENGTH] for start in starts]
    whole = [group for group in groups if max(b - a for a, b in pairwise(group)) <= _MAX_STEP]
    return [clip_row(event, video, number, group) for number, group in enumerate(whole)]


def clip_row(event: str, video: str, number: int, frames: list[int]) -> dict[str, Any]:
    """Return the row of a clip in the clips table; its target is its last frame, the looks at which are not known."""
    return {
        "clip_id": f"{event}_{number}",
        "event_id": event,
        "video": video,
        "frames": frames,
        "target_frame": frames[-1],
        "n_looks": None,
        "n_observers": None,
    }
