"""Import a video of a published dataset: its maps and captions are checked and become its part of the dataset."""

from pathlib import Path
from typing import Any

from tsalv360.contracts.entries import CaptionEntry, IndexEntry
from tsalv360.contracts.layout import (
    CLIP_LENGTH,
    DESCRIPTION,
    GROUND_TRUTH,
    cut_published_clips,
    event_maps,
    maps_with_frame,
    read_caption,
)  # fmt: skip
from tsalv360.contracts.tables import DATASET_FIXATIONS, empty
from tsalv360.dataset.assemble import annotation_row, write_part
from tsalv360.job.errors import InputError
from tsalv360.job.files import link_or_copy, whole_folder
from tsalv360.media.pictures import decode_picture

_ADVICE = "Download it again, or exclude the video."


def import_video(directory: str | Path, index: IndexEntry, truth: str | Path) -> None:
    """Write a published video's part of the dataset, as `assemble_video` does for one of ours.

    Clips are those of the public reader. A map without a frame is left out and counted, as that reader does.

    Parameters: `truth` the folder `TSV360_gt/<video>`.
    Raises InputError naming a caption or map that cannot be used, or an event without any frame.
    """
    video, present = index.id, set(index.kept_frames)
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
            annotations.append(
                annotation_row(video, event, (numbers[0], numbers[-1]), CaptionEntry(caption), "published")
            )
            clips += cut_published_clips(event, video, numbers)
            n_maps, n_kept = n_maps + len(maps), n_kept + len(kept)
        if not annotations:
            raise InputError(truth, "no event", f"folders {video}_<k>", _ADVICE)
        left_out = {
            "maps_without_frame": n_maps - n_kept,
            "frames_in_no_clip": n_kept - CLIP_LENGTH * len(clips),
        }
        write_part(partial, annotations, clips, empty(DATASET_FIXATIONS), left_out)


def _check_map(path: Path) -> None:
    saliency = decode_picture(path)
    if saliency.ndim != 2 or saliency.dtype != "uint8" or saliency.shape[1] != 2 * saliency.shape[0]:
        raise InputError(path, f"{saliency.dtype} values of shape {saliency.shape}", "8-bit gray, 2:1", _ADVICE)
    if not saliency.any():
        raise InputError(path, "a saliency map of zeros", "where people looked", _ADVICE)
