"""A video of a published dataset: checked, and taken over as its part of ours without construction."""

import re
from pathlib import Path
from typing import Any

from tsalv360.contracts.tables import DATASET_FIXATIONS, empty
from tsalv360.dataset.assemble import (
    CLIP_LENGTH,
    DESCRIPTION,
    GROUND_TRUTH,
    annotation_row,
    clip_row,
    write_part,
)  # fmt: skip
from tsalv360.job.errors import InputError
from tsalv360.job.files import link_or_copy, whole_folder
from tsalv360.media.pictures import decode_picture

_MAX_STEP = 10  # frames between neighbours of a clip, in the public reader
_ADVICE = "Download it again, or exclude the video."


def event_maps(truth: str | Path) -> dict[str, dict[int, Path]]:
    """The maps of a video's events by frame number; InputError for names that are not of the published layout.

    Parameters: `truth` the folder `TSV360_gt/<video>`. Events are in the order of their numbers.
    """
    truth = Path(truth)
    events = [path for path in truth.iterdir() if not path.name.startswith(".")]
    for path in events:
        if not path.is_dir() or not re.fullmatch(rf"{re.escape(truth.name)}_[0-9]+", path.name):
            raise InputError(path, "this name", f"a folder {truth.name}_<k> for each event", _ADVICE)
    events.sort(key=lambda path: int(path.name.rpartition("_")[2]))
    return {event.name: _maps(event) for event in events}


def take_over_video(directory: str | Path, index: dict[str, Any], truth: str | Path, frames: list[int]) -> None:
    """Write a published video's part of the dataset, as `assemble_video` does for one of ours.

    Clips are those of the public reader. A map without a frame is left out and counted, as that reader does.

    Parameters: `truth` the folder `TSV360_gt/<video>`, `frames` the numbers of the frames that are there.
    Raises InputError naming a caption or map that cannot be used, or an event without any frame.
    """
    video, present = index["id"], set(frames)
    annotations: list[dict[str, Any]] = []
    clips: list[dict[str, Any]] = []
    n_maps = n_kept = 0
    with whole_folder(directory) as partial:
        for event, maps in event_maps(truth).items():
            kept = maps_with_frame(Path(truth, event), maps, present)
            folder = partial / GROUND_TRUTH / video / event
            folder.mkdir(parents=True)
            caption = read_caption(Path(truth, event, DESCRIPTION))
            (folder / DESCRIPTION).write_text(caption, encoding="utf-8")
            for path in kept.values():
                _check_map(path)
                link_or_copy(path, folder / path.name)
            numbers = list(kept)
            text: dict[str, Any] = {"caption": caption, "candidates": [], "n_tokens": None, "flags": []}
            annotations.append(annotation_row(video, event, (numbers[0], numbers[-1]), text, "published"))
            clips += cut_published_clips(event, video, numbers)
            n_maps, n_kept = n_maps + len(maps), n_kept + len(kept)
        if not annotations:
            raise InputError(truth, "no event", f"folders {video}_<k>", _ADVICE)
        left_out = {
            "maps_without_frame": n_maps - n_kept,
            "frames_in_no_clip": n_kept - CLIP_LENGTH * len(clips),
        }
        write_part(partial, annotations, clips, empty(DATASET_FIXATIONS), left_out)


def maps_with_frame(event: Path, maps: dict[int, Path], frames: set[int]) -> dict[int, Path]:
    """Those maps of an event whose frame is there; InputError when there are none."""
    kept = {number: path for number, path in maps.items() if number in frames}
    if not kept:
        raise InputError(event, "no map that has a frame", "frames of the same numbers", _ADVICE)
    return kept


def cut_published_clips(event: str, video: str, numbers: list[int]) -> list[dict[str, Any]]:
    """Clips as the public reader cuts them: groups of 8, one after the other, without those that step over a gap."""
    groups = [numbers[start : start + CLIP_LENGTH] for start in range(0, len(numbers) - CLIP_LENGTH + 1, CLIP_LENGTH)]
    whole = [group for group in groups if max(b - a for a, b in zip(group, group[1:], strict=False)) <= _MAX_STEP]
    return [clip_row(event, video, number, group) for number, group in enumerate(whole)]


def _maps(event: Path) -> dict[int, Path]:
    paths = [path for path in event.glob("*.png") if not path.name.startswith(".")]
    for path in paths:
        if not re.fullmatch(r"[0-9]{4,}", path.stem):
            raise InputError(path, "this name", "the number of a frame, NNNN.png", _ADVICE)
    return {int(path.stem): path for path in sorted(paths, key=lambda path: int(path.stem))}


def read_caption(path: Path) -> str:
    """The caption in a `description.txt`; InputError when there is none."""
    try:
        caption = path.read_text(encoding="utf-8").strip()
    except (OSError, UnicodeDecodeError) as error:
        raise InputError(path, f"no readable caption ({error})", "one caption in UTF-8", _ADVICE) from error
    if not caption:
        raise InputError(path, "an empty file", "one caption in UTF-8", _ADVICE)
    return caption


def _check_map(path: Path) -> None:
    saliency = decode_picture(path)
    if saliency.ndim != 2 or saliency.dtype != "uint8" or saliency.shape[1] != 2 * saliency.shape[0]:
        raise InputError(path, f"{saliency.dtype} values of shape {saliency.shape}", "8-bit gray, 2:1", _ADVICE)
    if not saliency.any():
        raise InputError(path, "a saliency map of zeros", "where people looked", _ADVICE)
