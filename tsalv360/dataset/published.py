"""Import a video of a published dataset as its part of ours, after checking it."""

from pathlib import Path

from tsalv360.contracts import layout
from tsalv360.contracts.entries import CaptionEntry, IndexEntry, LeftOut
from tsalv360.contracts.tables import DATASET_FIXATIONS, empty
from tsalv360.dataset.assemble import Rows, annotation_row, write_part
from tsalv360.job.errors import InputError
from tsalv360.job.files import link_or_copy, whole_folder
from tsalv360.media.pictures import decode_picture

_ADVICE = "Download it again, or exclude the video."


def import_video(directory: str | Path, index: IndexEntry, truth: str | Path) -> None:
    """Write a published video's part of the dataset, as `assemble_video` does for one of ours.

    As in the public reader, clips are groups of 8 maps, and maps without a frame are left out; they are counted.

    Parameters: `truth` the folder `TSV360_gt/<video>`. Raises InputError for a caption or map that cannot be used, or
    an event without any frame.
    """
    video, frames = index.id, set(index.kept_frames)
    annotations: Rows = []
    clips: Rows = []
    left_out = LeftOut()
    with whole_folder(directory) as partial:
        for event, maps in layout.event_maps(truth).items():
            source, folder = Path(truth, event), partial / layout.GROUND_TRUTH / video / event
            kept = layout.maps_with_frame(source, maps, frames)
            folder.mkdir(parents=True)
            caption, numbers = layout.read_caption(source / layout.DESCRIPTION), list(kept)
            (folder / layout.DESCRIPTION).write_text(caption, encoding="utf-8")
            for path in kept.values():
                _check_map(path)
                link_or_copy(path, folder / path.name)
            span = numbers[0], numbers[-1]
            annotations.append(annotation_row(video, event, span, CaptionEntry(caption), "published"))
            own = layout.cut_published_clips(event, video, numbers)
            clips += own
            in_no_clip = len(kept) - layout.CLIP_LENGTH * len(own)
            left_out += LeftOut(maps_without_frame=len(maps) - len(kept), frames_in_no_clip=in_no_clip)
        if not annotations:
            raise InputError(truth, "no event", f"folders {video}_<k>", _ADVICE)
        write_part(partial, annotations, clips, empty(DATASET_FIXATIONS), left_out)


def _check_map(path: Path) -> None:
    saliency = decode_picture(path)
    if saliency.ndim != 2 or saliency.dtype != "uint8" or saliency.shape[1] != 2 * saliency.shape[0]:
        raise InputError(path, f"{saliency.dtype} values of shape {saliency.shape}", "8-bit gray, 2:1", _ADVICE)
    if not saliency.any():
        raise InputError(path, "a saliency map of zeros", "at least one fixation", _ADVICE)
