"""Saliency maps that other models made: which clips have one, and reading it.

A folder holds them for each event, `<video>/<event>/NNNN.png`, as TSV360 is published and `tsalv360 predict --format
tsv360` writes it, with or without `TSV360_gt/` above; or for each video, `<video>/NNNN.png`, of a model that reads no
text. The number of a file is the native frame number of the last frame of a clip.
"""

import hashlib
from collections.abc import Iterable, Sequence
from functools import cache
from pathlib import Path

import numpy as np
import pandas as pd

from tsalv360.contracts.layout import GROUND_TRUTH
from tsalv360.evaluation.summary import coverage
from tsalv360.job.errors import InputError
from tsalv360.media.pictures import decode_picture, is_ready_frame, ready_frames
from tsalv360.saliency import Map, resize_maps

_ROUNDING = 2  # levels of 255 by which JPEG may colour gray
_ADVICE = "Make the map again, or remove the file."


def find_maps(name: str, folder: Path, clips: pd.DataFrame) -> dict[str, Path]:
    """Return the file with the map of each clip that has one, by clip; print how many have none.

    Parameters: `name` of the model in `evaluate.external`; test clips, with the columns of the clips table.
    InputError where no clip has a map, or a video has maps of both layouts.
    """
    root = _root(folder)
    numbered = cache(_numbered)
    of_events = any((root / video / event).is_dir() for video, event in zip(clips.video, clips.event_id, strict=True))
    for video in clips.video.unique() if of_events else []:
        if numbered(root / video):
            found, advice = "maps of events and of the whole video", "Name two folders in evaluate.external."
            raise InputError(root / video, found, "one of the two", advice)
    files = {}
    for clip in clips.itertuples():
        place = Path(root, str(clip.video), *([str(clip.event_id)] if of_events else []))
        if path := numbered(place).get(int(str(clip.target_frame))):
            files[str(clip.clip_id)] = path
    if not files:
        first = clips.iloc[0]
        by_video, number = f"{first.video}/{first.target_frame:04d}.png", f"{first.target_frame:04d}.png"
        found = f"no map of the last frame of any of {len(clips)} test clips"
        expected = f"{by_video}, or {first.video}/{first.event_id}/{number} from a model that reads text, and so on"
        raise InputError(folder, found, expected, f"Rename the files, or correct evaluate.external.{name}.")
    if len(files) < len(clips):
        print(f"{name}: {coverage(clips, set(files))}.")
    return files


def read_map(path: Path, size: tuple[int, int]) -> Map:
    """Return another model's map [H, W] at `size`, 0 to 1; InputError if it is no map of saliency on a panorama."""
    picture = decode_picture(path)
    height, width = picture.shape[:2]
    if width != 2 * height:
        raise InputError(path, f"a picture of {width}×{height} pixels", "a panorama, twice as wide as high", _ADVICE)
    largest = np.iinfo(picture.dtype).max if picture.dtype.kind == "u" else 0
    if not largest:
        raise InputError(path, f"pixels of type {picture.dtype}", "8 or 16 bit", _ADVICE)
    saliency = picture.reshape(height, width, -1).astype(np.float32) / np.float32(largest)
    if saliency.shape[2] == 4 and (saliency[..., 3] < 1).any():
        raise InputError(path, "transparent pixels", "a gray picture", _ADVICE)
    colours = saliency[..., :3]
    if np.ptp(colours, axis=2).max() * 255 > _ROUNDING + 0.5:
        raise InputError(path, "a picture in colour", "a gray one, white where saliency is highest", _ADVICE)
    gray = colours.mean(axis=2)
    if not gray.any():
        raise InputError(path, "a map of zeros", "some saliency", _ADVICE)
    return resize_maps(gray[None], size)[0]


def stamp(folder: Path, videos: Iterable[str]) -> str:
    """Return a text that changes with names, sizes and times (s) of the files of these videos in a folder of maps."""
    files = (path for video in sorted(videos) for path in sorted(Path(_root(folder), video).rglob("*")))
    content = hashlib.sha256()
    for path in files:
        if is_ready_frame(path):
            status = path.stat()
            entry: Sequence[object] = (path.relative_to(folder).as_posix(), status.st_size, int(status.st_mtime))
            content.update(repr(entry).encode(errors="surrogateescape"))
    return content.hexdigest()


def _root(folder: Path) -> Path:
    return folder / GROUND_TRUTH if (folder / GROUND_TRUTH).is_dir() else folder


def _numbered(folder: Path) -> dict[int, Path]:
    """Return the pictures of a folder that are named by number; none where there is no such folder."""
    if not folder.is_dir() or not any(is_ready_frame(path) for path in folder.iterdir()):
        return {}
    return ready_frames(folder)
