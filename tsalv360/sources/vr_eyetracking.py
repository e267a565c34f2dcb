"""VR-EyeTracking (Xu et al., CVPR 2018): raw gaze samples at frame rate, one text file per observer and video.

A line is `frame,<index from 1>,forward,<head x>,<head y>,eye,<gaze x>,<gaze y>`; positions are fractions of the
panorama with the origin at the bottom left. Indices have gaps, so a row's time comes from its index alone.
"""

import re
from pathlib import Path
from typing import Literal

import numpy as np
import pandas as pd
from pydantic.dataclasses import dataclass

from tsalv360.errors import InputError
from tsalv360.settings import STRICT, setting
from tsalv360.sources.recording import Recording, directions_from_fractions, existing, fixations_table

FORMAT = "vr_eyetracking"
_NAME = re.compile(r"(?P<video>[A-Za-z0-9-]+)\._(?P<date>\d+(-\d+)*)_ori_0\.txt")


@dataclass(frozen=True, config=STRICT)
class VrEyeTrackingSource:
    """The folders of the VR-EyeTracking data set."""

    kind: Literal["vr_eyetracking"] = setting("vr_eyetracking", "kind of source: demo or vr_eyetracking")
    videos: str = setting(..., "folder with <VVV>.mp4")
    gaze: str = setting(..., "folder Gaze_txt_files with p001, p002, …")

    def recordings(self) -> list[Recording]:
        """All videos of the folder, in the order of their ids."""
        folder, gaze = existing(self.videos, "sources.videos"), existing(self.gaze, "sources.gaze")
        videos = sorted(folder.glob("[0-9][0-9][0-9].mp4"))
        if not videos:
            raise InputError(folder, "no video", "<VVV>.mp4 with three digits", "Correct sources.videos.")
        licence = "not stated by its authors; academic use (Xu et al., CVPR 2018)"
        return [
            Recording(video.stem, "VR-EyeTracking", video, tuple(gaze_files(gaze, video.stem)), FORMAT, licence, 20)
            for video in videos
        ]


def gaze_files(directory: str | Path, video_id: str) -> list[Path]:
    """The gaze files of a video, one folder per observer, in the order of observers and recording dates."""
    return sorted(Path(directory).glob(f"*/{video_id}._*_ori_0.txt"), key=lambda path: (path.parent.name, _date(path)))


def read_vr_eyetracking(directory: str | Path, video_id: str, fps: float) -> pd.DataFrame:
    """Gaze samples of all observers of a video.

    Parameters: the folder `Gaze_txt_files`, the id of the video, its frame rate. Returns the columns of the fixations
    table, one row per sample, `fixation_id` −1. Raises InputError naming the file and line.
    """
    return read_files(gaze_files(directory, video_id), fps)


def read_files(paths: list[Path], fps: float) -> pd.DataFrame:
    """As `read_vr_eyetracking`, from the files themselves. Of two recordings by one observer the first counts."""
    first: dict[str, Path] = {}
    notes: list[str] = []
    for path in sorted(paths, key=lambda path: (path.parent.name, _date(path))):
        kept = first.setdefault(path.parent.name, path)
        if kept is not path:
            notes.append(f"{path.parent.name} has two recordings: {kept.name} kept, {path.name} dropped")
    rows = [(observer, *row) for observer, path in first.items() for row in _read_file(path)]
    observer, index, x, y, where = zip(*rows, strict=True) if rows else ((),) * 5
    yaw, pitch = directions_from_fractions(x, y, "bottom left", list(where), notes)
    frame = np.asarray(index, dtype=int) - 1
    return fixations_table(observer, frame / fps, 1 / fps, frame, yaw, pitch, notes=notes)


def _read_file(path: Path) -> list[tuple[int, float, float, str]]:
    """Index, gaze x, gaze y and place of every line."""
    rows: list[tuple[int, float, float, str]] = []
    for number, line in enumerate(path.read_text(encoding="ascii", errors="replace").splitlines(), start=1):
        where = f"{path}, line {number}"
        fields = line.split(",")
        try:
            words, index = (fields[0], fields[2], fields[5]), int(fields[1])
            _, _, x, y = (float(fields[place]) for place in (3, 4, 6, 7))  # the head's too: letters are damage
        except (ValueError, IndexError):
            words = ("", "", "")
        if words != ("frame", "forward", "eye") or len(fields) != 8:
            expected = "frame,<index>,forward,<x>,<y>,eye,<x>,<y>"
            raise InputError(where, f"'{line[:80]}'", expected, "Correct or remove the line.")
        if index < 1 or (rows and index <= rows[-1][0]):
            raise InputError(where, f"index {index}", "an index from 1 that increases", "Correct or remove the line.")
        rows.append((index, x, y, where))
    if not rows:
        raise InputError(path, "an empty file", "lines of gaze samples", "Copy it again, or remove it.")
    return rows


def _date(path: Path) -> tuple[int, ...]:
    match = _NAME.fullmatch(path.name)
    if not match:
        raise InputError(path, "this name", "<VVV>._<Y-M-D-H-M>_ori_0.txt", "Rename the file.")
    return tuple(int(part) for part in match["date"].split("-"))
