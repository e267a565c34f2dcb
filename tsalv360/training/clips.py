"""Clips as training and evaluation read them: a table with their captions, and the pictures and maps behind it."""

from collections.abc import Iterator
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Literal

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from tsalv360.contracts.layout import CLIP_LENGTH, DESCRIPTION, GROUND_TRUTH, clip_row, cut_published_clips
from tsalv360.contracts.tables import CLIPS, PART_ANNOTATIONS, read_table
from tsalv360.job.errors import InputError
from tsalv360.job.files import read_json
from tsalv360.media.pictures import read_picture

PICTURES = (".jpg", ".jpeg", ".png")


@dataclass(frozen=True)
class ClipFiles:
    """The files of a dataset's clips, or of the folder that `collect_clips` makes of them.

    `frames` holds a folder of pictures named by frame number for each video.
    """

    dataset: Path
    frames: Path

    def picture(self, video: str, number: int) -> NDArray[np.uint8]:
        """A frame, RGB [H, W, 3]; InputError where it is missing or damaged."""
        return read_picture(self.path(video, number))

    def path(self, video: str, number: int) -> Path:
        """The file of a frame; InputError where there is none."""
        return self._path(self.frames / video, number)

    def target(self, video: str, event: str, number: int) -> NDArray[np.float32]:
        """The saliency map [H, W] of an event in a frame, 0 to 1; InputError where it is missing, damaged or zeros."""
        path = self._path(self.dataset / GROUND_TRUTH / video / event, number)
        saliency = read_picture(path, gray=True)
        if not saliency.any():
            raise InputError(path, "a saliency map of zeros", "where people looked", "Build the dataset again.")
        return saliency.astype(np.float32) / np.float32(255)

    def size(self, clips: pd.DataFrame) -> tuple[tuple[int, int], tuple[int, int]]:
        """Height and width of the frames and of the maps, taken from the first of `clips`."""
        first = clips.iloc[0]
        picture = self.picture(first.video, first.target_frame)
        target = self.target(first.video, first.event_id, first.target_frame)
        return (picture.shape[0], picture.shape[1]), (target.shape[0], target.shape[1])

    @cached_property
    def splits(self) -> list[dict[str, list[str]]]:
        """Train, validation and test video ids of each fold."""
        return read_json(self.dataset / "splits.json")["folds"]

    def _path(self, folder: Path, number: int) -> Path:
        for suffix in PICTURES:
            path = folder / f"{number:04d}{suffix}"
            if path.is_file():
                return path
        raise InputError(folder, f"no picture {number:04d}", "one for every frame of a clip", "Run the workflow again.")


def read_clips(files: ClipFiles, how: Literal["dataset", "published"] = "dataset", stride: int = 8) -> pd.DataFrame:
    """The clips of a dataset: the columns of its clips table, and `caption`.

    Parameters
    ----------
    how : `dataset`, the clips of the dataset's table; `published`, those that the public reader of TSV360 makes of the
        same folders, which takes maps that have a frame of the very same file name, in the order of their names.
    stride : frames from one clip to the next of the same stretch; below 8 they overlap (`dataset` only).

    InputError where there is no clip.
    """
    annotations = read_table(files.dataset / "annotations.parquet", PART_ANNOTATIONS).set_index("event_id")
    if how == "published":
        clips = published_clips(files.dataset / GROUND_TRUTH, files.frames)
    else:
        clips = read_table(files.dataset / "clips.parquet", CLIPS)
        if stride < CLIP_LENGTH:
            clips = _overlapping(clips, files, stride)
    if clips.empty:
        found = f"no clip ({how})"
        advice = "The published reader needs frames named as the maps are: set frames.format to png."
        raise InputError(files.dataset, found, "clips of 8 frames", advice if how == "published" else "Add videos.")
    return pd.DataFrame({"caption": annotations.caption[clips.event_id].to_list(), **clips})


def published_clips(ground_truth: Path, frames: Path) -> pd.DataFrame:
    """The clips that the public reader makes of maps `<video>/<event>/<NNNN>.<ext>` and frames `<video>/<NNNN>.<ext>`.

    In the order of the events' names. Columns of the clips table, and `caption`, the description as it stands there.
    """
    rows = []
    for event in sorted(path for path in ground_truth.glob("*/*") if path.is_dir()):
        video = event.name.partition("_")[0]
        caption = Path(event, DESCRIPTION).read_text("utf-8")
        names = sorted(path.name for path in event.iterdir() if path.suffix in PICTURES)
        numbers = [int(Path(name).stem) for name in names if Path(frames, video, name).is_file()]
        rows += [row | {"caption": caption} for row in cut_published_clips(event.name, video, numbers)]
    return pd.DataFrame(rows, columns=[*CLIPS, "caption"])


def _overlapping(clips: pd.DataFrame, files: ClipFiles, stride: int) -> pd.DataFrame:
    """Clips at a stride within the stretches that the clips of each event make up."""
    rows = []
    for (video, event), of_event in clips.groupby(["video", "event_id"], sort=False):
        kept = np.array(sorted(int(p.stem) for p in Path(files.frames, str(video)).iterdir() if p.suffix in PICTURES))
        maps = {int(path.stem) for path in (files.dataset / GROUND_TRUTH / str(video) / str(event)).glob("*.png")}
        windows = [window for window in _windows(of_event, kept, stride) if window[-1] in maps]
        rows += [clip_row(str(event), str(video), number, window) for number, window in enumerate(windows)]
    return pd.DataFrame(rows, columns=list(CLIPS))


def _windows(clips: pd.DataFrame, kept: NDArray[np.int64], stride: int) -> Iterator[list[int]]:
    numbers = np.concatenate(clips.frames.to_list())
    ends = np.flatnonzero(np.diff(np.searchsorted(kept, numbers)) != 1) + 1
    for stretch in np.split(numbers, ends):
        for start in range(0, len(stretch) - CLIP_LENGTH + 1, stride):
            yield stretch[start : start + CLIP_LENGTH].tolist()
