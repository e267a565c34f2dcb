"""Clips as training and evaluation read them: a table with captions, frames and maps; and how clips are augmented.

The caption of a mirrored clip says what the mirror shows.
"""

import re
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any, Literal
from zlib import crc32

import cv2
import numpy as np
import pandas as pd
from numpy.typing import NDArray

from tsalv360.contracts.layout import CLIP_LENGTH, MAPS, cut_published_clips
from tsalv360.contracts.tables import CLIPS, PART_ANNOTATIONS, read_table
from tsalv360.dataset.assemble import cut_clips
from tsalv360.job.errors import InputError
from tsalv360.job.files import read_json
from tsalv360.media.maps import Maps
from tsalv360.media.pictures import read_picture

PICTURES = (".jpg", ".jpeg", ".png")
_SIDE = r"\b(?P<side>left|right)(?P<ending>wards?|most|-hand(?:ed)?)?(?![\w-])"
_ROTATION = r"\b(?P<counter>counter-?|anti-?)?(?P<clock>clockwise)\b"
_WORDS = re.compile(f"{_SIDE}|{_ROTATION}", re.IGNORECASE)


@dataclass(frozen=True)
class ClipFiles:
    """The files of a dataset's clips, or of the folder that `collect_clips` makes of them.

    `frames` has a folder of pictures for each video, named by frame number.
    """

    dataset: Path
    frames: Path

    def picture(self, video: str, number: int) -> NDArray[np.uint8]:
        """Return a frame, RGB [H, W, 3]; InputError if it is missing or damaged."""
        return read_picture(self.path(video, number))

    def path(self, video: str, number: int) -> Path:
        """Return the file of a frame; InputError if there is none."""
        return _picture(self.frames / video, number)

    def target(self, video: str, event: str, number: int) -> NDArray[np.float32]:
        """Return the saliency map [H, W] of an event, 0 to 1; InputError if it is missing, damaged or all zero."""
        maps = self.maps(video)
        saliency = maps.read(event, number)
        if not saliency.any():
            found = f"a saliency map of zeros, of {event} in frame {number}"
            raise InputError(maps.path, found, "where people looked", "Build the dataset again.")
        return saliency.astype(np.float32) / np.float32(255)

    def maps(self, video: str) -> Maps:
        """Return the saliency maps of a video; InputError if there are none."""
        return Maps(self.dataset / MAPS / f"{video}.parquet")

    def widths(self, clips: pd.DataFrame) -> tuple[int, int]:
        """Return the width of the frames and of the maps, taken from the first of `clips`."""
        first = clips.iloc[0]
        target = self.target(first.video, first.event_id, first.target_frame)
        return self.picture(first.video, first.target_frame).shape[1], target.shape[1]

    @cached_property
    def splits(self) -> list[dict[str, list[str]]]:
        """Train, validation and test video ids of each fold."""
        return read_json(self.dataset / "splits.json")["folds"]


def read_clips(files: ClipFiles, how: Literal["dataset", "published"] = "dataset", stride: int = 8) -> pd.DataFrame:
    """Return the clips of a dataset: the columns of its clips table, and `caption`. InputError if there is none.

    Parameters
    ----------
    how : `dataset`, the clips of the dataset's table; `published`, those that the public reader of TSV360 cuts from
        the same folders, which takes maps that have a frame of the same file name, in the order of their names.
    stride : frames from one clip to the next in a segment without gap; below 8 they overlap (`dataset` only).
    """
    annotations = read_table(files.dataset / "annotations.parquet", PART_ANNOTATIONS).set_index("event_id")
    if how == "published":
        clips = _published_clips(files, annotations)
    else:
        clips = read_table(files.dataset / "clips.parquet", CLIPS)
        if stride < CLIP_LENGTH:
            clips = _overlapping(clips, files, stride)
    if clips.empty:
        advice = "The published reader needs frames named as the maps are: set frames.format to png."
        advice = advice if how == "published" else "Add videos."
        raise InputError(files.dataset, f"no clip ({how})", "clips of 8 frames", advice)
    return pd.DataFrame({"caption": annotations.caption[clips.event_id].to_list(), **clips})


def _published_clips(files: ClipFiles, annotations: pd.DataFrame) -> pd.DataFrame:
    """Return the clips that the public reader cuts from maps `<NNNN>.png` that have a frame of the same name.

    They are in the order of the events' names. Parameters: the annotations by event.
    """
    rows = []
    for video, event in sorted(zip(annotations.video, annotations.index, strict=True)):
        names = sorted(f"{number:04d}.png" for number in files.maps(video).numbers(event))
        numbers = [int(Path(name).stem) for name in names if Path(files.frames, video, name).is_file()]
        rows += cut_published_clips(event, video, numbers)
    return pd.DataFrame(rows, columns=list(CLIPS))


@dataclass(frozen=True)
class Augmentation:
    """Mirroring, then a yaw rotation to the right by `roll` of `n_rolls` equal angles.

    The widths of frames and maps are multiples of `n_rolls`, so both are rolled by the same angle, in whole pixels.
    """

    roll: int = 0
    n_rolls: int = 1
    mirrored: bool = False

    def __call__(self, picture: NDArray[Any]) -> NDArray[Any]:
        """Return the augmented panorama of [H, W, ...]."""
        if self.mirrored:
            picture = cv2.flip(picture, 1).reshape(picture.shape)  # a mirrored view takes four times as long to copy
        shift = self.roll * picture.shape[1] // self.n_rolls
        return np.roll(picture, shift, axis=1) if shift else picture


def absent_captions(clips: pd.DataFrame, among: pd.DataFrame) -> pd.Series:
    """Return for each of `clips` a caption of another video, `among` clips, that none of its own video's equals.

    It is drawn by the clip's name; empty text where there is none.
    """
    every = {same_prompt(caption): caption for caption in among.caption.sort_values()}
    others = {}
    for video, own in among.groupby("video").caption.unique().items():
        known = set(map(same_prompt, own))
        others[video] = [caption for words, caption in every.items() if words not in known]
    drawn = []
    for name, video in zip(clips.clip_id, clips.video, strict=True):
        rng = np.random.default_rng(crc32(name.encode()))
        drawn.append(others[video][rng.integers(len(others[video]))] if others[video] else "")
    return pd.Series(drawn, clips.index)


def same_prompt(caption: str) -> str:
    """Return what captions share that differ only in capitals or the full stop: they are one prompt."""
    return caption.casefold().strip(" .")


def says_side(caption: str) -> bool:
    """Return whether a caption would be wrong in a mirror."""
    return _WORDS.search(caption) is not None


def mirrored_caption(caption: str) -> str:
    """Return the caption of the mirrored picture: left and right, clockwise and counterclockwise exchanged."""
    return _WORDS.sub(_exchanged, caption)


def _exchanged(match: re.Match[str]) -> str:
    found = match[0]
    if match["clock"]:
        other = match["clock"] if match["counter"] else f"counter{found.lower()}"
    else:
        other = ("right" if match["side"].lower() == "left" else "left") + (match["ending"] or "")
    if found.isupper():
        return other.upper()
    return other.capitalize() if found[0].isupper() else other


def _overlapping(clips: pd.DataFrame, files: ClipFiles, stride: int) -> pd.DataFrame:
    """Return clips at a stride in the segments without gap that the clips of each event make up."""
    rows = []
    for (video, event), of_event in clips.groupby(["video", "event_id"], sort=False):
        frames, with_map = files.frames / str(video), set(files.maps(str(video)).numbers(str(event)))
        kept = sorted(int(path.stem) for path in frames.iterdir() if path.suffix in PICTURES)
        numbers = np.concatenate(of_event.frames.to_list()).tolist()
        rows += cut_clips(str(event), str(video), numbers, kept, with_map, stride)
    return pd.DataFrame(rows, columns=list(CLIPS))


def _picture(folder: Path, number: int) -> Path:
    for suffix in PICTURES:
        path = folder / f"{number:04d}{suffix}"
        if path.is_file():
            return path
    raise InputError(folder, f"no picture {number:04d}", "one for every frame of a clip", "Run the workflow again.")
