"""VR-EyeTracking (Xu et al., CVPR 2018): raw gaze samples at frame rate, one text file per observer and video.

A line is `frame,<index from 1>,forward,<head x>,<head y>,eye,<gaze x>,<gaze y>`; positions are fractions of the
panorama with the origin at the bottom left. Indices have gaps, so a row's time comes from its index alone.
"""

import re
from collections.abc import Sequence
from dataclasses import asdict
from pathlib import Path
from typing import Literal

import numpy as np
import pandas as pd
from pydantic.dataclasses import dataclass

from tsalv360.contracts.settings import STRICT, setting
from tsalv360.job.errors import InputError
from tsalv360.sources import tsv360
from tsalv360.sources.maps import MapSettings
from tsalv360.sources.recording import Recording, directions_from_fractions, existing, fixations_table

FORMAT = "vr_eyetracking"
REPRODUCED_SIGMA_DEG = 9.35  # of the maps that ATSal published
_NUMBER = re.compile(r"[0-9]{3}")
_LINE = re.compile("frame,(-?[0-9]{1,7}),forward,([^,_]+),([^,_]+),eye,([^,_]+),([^,_]+)")
_NAME = re.compile(r"[A-Za-z0-9-]+\._(?P<date>\d+(-\d+)*)_ori_0\.txt")


@dataclass(frozen=True, config=STRICT)
class VrEyeTrackingSource:
    """The folders of the VR-EyeTracking data set."""

    kind: Literal["vr_eyetracking"] = setting("vr_eyetracking", "kind of source")
    videos: str = setting(..., "folder with <VVV>.mp4, or with folders of frames, <VVV>/NNNN.png", runtime=True)
    gaze: str = setting(
        ..., "folder Gaze_txt_files with p001, p002, …; or folder of maps, with <VVV>/NNNN.png", runtime=True
    )
    gaze_format: Literal["vr_eyetracking", "fixation_maps", "saliency_maps"] = setting(
        FORMAT, "content of the folder `gaze`: raw gaze, or reproduced fixation maps or saliency maps"
    )
    maps: MapSettings = setting(MapSettings(sigma_deg=REPRODUCED_SIGMA_DEG), "how saliency maps are read")
    subset: tsv360.Subset = setting("all", "videos to use: those of TSV360, or all")

    def recordings(self) -> list[Recording]:
        """Return the videos whose file or folder of frames exists, in the order of their ids."""
        videos, gaze = self._videos(), existing(self.gaze, "sources.gaze")
        recordings = [
            Recording(
                video_id,
                tsv360.VR_EYETRACKING,
                video,
                tuple(self._gaze_paths(gaze, video_id)),
                self.gaze_format,
                "not stated by its authors; academic use (Xu et al., CVPR 2018)",
                20,
                gaze_settings=asdict(self.maps) if self.gaze_format == "saliency_maps" else {},
                fps=tsv360.vr_eyetracking_fps(video_id) if video.is_dir() else None,
            )
            for video_id, video in videos.items()
            if video
        ]
        if not recordings:
            raise InputError(self.videos, "no video", "<VVV>.mp4 with three digits", "Correct sources.videos.")
        return recordings

    def missing(self) -> dict[str, str]:
        """Return the videos of TSV360 that `subset` asks for and that do not exist, each with what it lacks."""
        videos, gaze = self._videos(), existing(self.gaze, "sources.gaze")
        return {
            video_id: "no video" if self._gaze_paths(gaze, video_id) else "neither video nor gaze"
            for video_id, video in videos.items()
            if not video
        }

    def _gaze_paths(self, directory: Path, video_id: str) -> list[Path]:
        if self.gaze_format == FORMAT:
            return gaze_files(directory, video_id)
        return [folder] if (folder := directory / video_id).is_dir() else []

    def _videos(self) -> dict[str, Path | None]:
        """Return the selected ids with the file of the video, or else the folder of its frames, or None."""
        folder = existing(self.videos, "sources.videos")

        def video(video_id: str) -> Path | None:
            return next((path for path in (folder / f"{video_id}.mp4", folder / video_id) if path.exists()), None)

        present = {path.stem for path in folder.iterdir() if _NUMBER.fullmatch(path.stem) and video(path.stem)}
        return {name: video(name) for name in tsv360.selected(self.subset, tsv360.VR_EYETRACKING, present)}


def gaze_files(directory: str | Path, video_id: str) -> list[Path]:
    """Return the gaze files of a video, one folder per observer, in the order of observers and recording dates."""
    return sorted(Path(directory).glob(f"*/{video_id}._*_ori_0.txt"), key=_observer_and_date)


def read_vr_eyetracking(
    directory: str | Path, video_id: str, fps: float, notes: list[str] | None = None
) -> pd.DataFrame:
    """Return the gaze samples of all observers of a video as rows of the fixations table, `fixation_id` −1.

    Parameters: the folder `Gaze_txt_files`; the id of the video; its frame rate; a list to which remarks are appended.
    Raises InputError, which names the file and line.
    """
    return read_gaze_files(gaze_files(directory, video_id), fps, notes)


def read_gaze_files(paths: Sequence[Path], fps: float, notes: list[str] | None = None) -> pd.DataFrame:
    """Read the files themselves, as `read_vr_eyetracking`; of two recordings by one observer the first is used."""
    notes = [] if notes is None else notes
    first: dict[str, Path] = {}
    for path in sorted(paths, key=_observer_and_date):
        kept = first.setdefault(path.parent.name, path)
        if kept is not path:
            notes.append(f"{path.parent.name} has two recordings: {kept.name} kept, {path.name} dropped")
    rows = [(observer, *row) for observer, path in first.items() for row in _read_file(path, notes)]
    observer, index, x, y, where = zip(*rows, strict=True) if rows else ((),) * 5
    yaw, pitch = directions_from_fractions(x, y, "bottom left", where, notes)
    frame = np.asarray(index, dtype=int) - 1
    return fixations_table(observer, frame / fps, 1 / fps, frame, yaw, pitch)


def _read_file(path: Path, notes: list[str]) -> list[tuple[int, float, float, str]]:
    """Return index, gaze x, gaze y and place of every line."""
    rows: list[tuple[int, float, float, str]] = []
    text = path.read_text(encoding="ascii", errors="replace")
    if not text:
        raise InputError(path, "an empty file", "lines of gaze samples", "Copy it again, or remove it.")
    if not text.endswith("\n"):
        notes.append(f"{path.parent.name}/{path.name} ends without a line end: it may have been cut off")
    for number, line in enumerate(text.removesuffix("\n").split("\n"), start=1):
        where = f"{path}, line {number}"
        fields = match.groups() if (match := _LINE.fullmatch(line)) else ()
        try:
            index, (_, _, x, y) = int(fields[0]), map(float, fields[1:])  # letters in the head's are damage, too
        except (IndexError, ValueError):
            expected = "frame,<index>,forward,<x>,<y>,eye,<x>,<y>"
            raise InputError(where, f"'{line[:80]}'", expected, "Correct or remove the line.") from None
        if index < 1 or (rows and index <= rows[-1][0]):
            raise InputError(where, f"index {index}", "an index from 1 that increases", "Correct or remove the line.")
        rows.append((index, x, y, where))
    return rows


def _observer_and_date(path: Path) -> tuple[str, list[int]]:
    if not (match := _NAME.fullmatch(path.name)):
        raise InputError(path, "this name", "<VVV>._<Y-M-D-H-M>_ori_0.txt", "Rename the file.")
    return path.parent.name, [int(part) for part in match["date"].split("-")]
