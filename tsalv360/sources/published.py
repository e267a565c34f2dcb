"""Published datasets as a source: they have maps and captions already, and need no construction.

One is a folder that `snakemake publish` made, here or in a repository. The other is the archive of TSV360:
`TSV360_gt/<video>/<video>_<k>/` holds `description.txt` and one 8-bit gray map `NNNN.png` per frame; the frames have
the same numbers and lie in another folder, `<video>/`.
"""

import json
import re
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Literal

from pydantic.dataclasses import dataclass

from tsalv360.contracts.entries import Fold
from tsalv360.contracts.settings import STRICT, setting
from tsalv360.job.errors import InputError
from tsalv360.sources import tsv360
from tsalv360.sources.recording import Recording, existing

if TYPE_CHECKING:
    from tsalv360.sources.published_folder import PublishedFolder

PUBLISHED = "published"  # format of the gaze
_ID = re.compile(r"[A-Za-z0-9-]+")
_KEY = "sources.path"


@dataclass(frozen=True, config=STRICT)
class PublishedSource:
    """A published dataset: its folder or repository, or the folders of the archive of TSV360."""

    kind: Literal["published"] = setting("published", "kind of source")
    path: str = setting(
        ...,
        "folder that `snakemake publish` made, or its repository on the Hugging Face Hub, user/name or "
        "user/name@revision; or the folder TSV360_gt, with <video>/<video>_<k>/NNNN.png and description.txt",
        runtime=True,
    )
    frames: str | None = setting(None, "of TSV360_gt: folder with <video>/NNNN.png or .jpg", runtime=True)
    fps: float = setting(
        30.0, "of TSV360_gt: rate of the videos that are not in VR-EyeTracking", unit="frames/s", gt=0, le=1000
    )

    def recordings(self) -> list[Recording]:
        """Return the videos that have frames, in the order of their ids; InputError if there are none."""
        return self._recordings_of(self._folder) if self._folder else self._recordings_of_archive()

    def missing(self) -> dict[str, str]:
        """Return the videos without frames, with the reason; of the archive also those of its folds without events."""
        present = {recording.video_id for recording in self.recordings()}
        if self._folder:
            reasons = dict.fromkeys(self._folder.videos.video, "its frames were not passed on")
        else:
            reasons = dict.fromkeys(set().union(*tsv360.folds()), "no events")
            reasons |= {folder.name: "no frames" for folder in self._events()}
        return {video: reasons[video] for video in sorted(reasons) if video not in present}

    def folds(self) -> list[Fold]:
        """Return the folds that the dataset was published with; InputError for the archive, which has none here."""
        if not self._folder:
            found, expected = "published, for TSV360_gt, which has no splits.json", "tsv360, or a number"
            raise InputError("dataset.folds", found, expected, "Set dataset.folds to tsv360.")
        return self._folder.folds

    @cached_property
    def _folder(self) -> "PublishedFolder | None":
        """The published folder; None for the archive."""
        from tsalv360.sources.published_folder import is_archive, open_published

        return None if is_archive(self.path) else open_published(self.path, _KEY)

    def _recordings_of(self, folder: "PublishedFolder") -> list[Recording]:
        if self.frames:
            wrong, expected = f"frames of a published folder, '{self.frames}'", "none: they belong into the folder"
            raise InputError("sources.frames", wrong, expected, f"Leave it out. {folder.how_to_attach}")
        found = [
            Recording(
                row["video"],
                row["source"],
                frames,
                tuple(folder.files_of(row["video"])),
                PUBLISHED,
                row["licence"],
                skip_first=json.loads(row["index"])["skip_first"],
                gaze_settings={"head_only": True} if row["gaze"] == "head" else {},
            )
            for row in folder.videos.to_dict("records")
            if (frames := folder.frames(row["video"]))
        ]
        if not found:
            what = f"frames of none of its {len(folder.videos)} videos"
            raise InputError(folder.path, what, "frames to train with", folder.how_to_attach)
        return found

    def _recordings_of_archive(self) -> list[Recording]:
        if not self.frames:
            raise InputError("sources.frames", "no frames", "the folder with <video>/NNNN.png or .jpg", "Name it.")
        frames = existing(self.frames, "sources.frames")
        licence = "TSV360 (Kontostathis, Apostolidis & Mezaris, CBMI 2025): see its page; videos: not stated"
        found = []
        for folder in self._events():
            video_id, video = folder.name, frames / folder.name
            source = tsv360.source_of(video_id) or "TSV360"
            fps = tsv360.vr_eyetracking_fps(video_id) or self.fps
            if video.is_dir():
                found.append(Recording(video_id, source, video, (folder,), PUBLISHED, licence, skip_first=20, fps=fps))
        if not found:
            raise InputError(frames, "frames of no video of the ground truth", "<video>/NNNN.png", "Correct its path.")
        return found

    def _events(self) -> list[Path]:
        """Return the folders of TSV360_gt, one per video."""
        truth = existing(self.path, _KEY)
        return sorted(path for path in truth.iterdir() if path.is_dir() and _ID.fullmatch(path.name))
