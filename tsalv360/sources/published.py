"""TSV360 as published: saliency maps and captions of events, which need frames and no construction.

`TSV360_gt/<video>/<video>_<k>/` holds `description.txt` and one 8-bit gray map `NNNN.png` per frame; the frames have
the same numbers and lie in another folder, `<video>/`. Any dataset of this layout loads in the same way.
"""

import re
from pathlib import Path
from typing import Literal

from pydantic.dataclasses import dataclass

from tsalv360.contracts.settings import STRICT, setting
from tsalv360.job.errors import InputError
from tsalv360.sources import tsv360
from tsalv360.sources.recording import Recording, existing

FORMAT = "tsv360_published"
_ID = re.compile(r"[A-Za-z0-9-]+")


@dataclass(frozen=True, config=STRICT)
class PublishedSource:
    """The two folders of a published dataset."""

    kind: Literal["tsv360_published"] = setting("tsv360_published", "kind of source")
    ground_truth: str = setting(
        ..., "folder TSV360_gt, with <video>/<video>_<k>/NNNN.png and description.txt", runtime=True
    )
    frames: str = setting(..., "folder with <video>/NNNN.png or .jpg", runtime=True)
    fps: float = setting(30.0, "rate of the videos that are not in VR-EyeTracking", unit="frames/s", gt=0, le=1000)

    def recordings(self) -> list[Recording]:
        """Return the videos of the ground truth whose frames exist, in the order of their ids."""
        frames = existing(self.frames, "sources.frames")
        licence = "TSV360 (Kontostathis, Apostolidis & Mezaris, CBMI 2025): see its page; videos: not stated"
        found = []
        for folder in self._events():
            video_id, video = folder.name, frames / folder.name
            source, fps = tsv360.source_of(video_id) or "TSV360", tsv360.vr_eyetracking_fps(video_id) or self.fps
            if video.is_dir():
                found.append(Recording(video_id, source, video, (folder,), FORMAT, licence, skip_first=20, fps=fps))
        if not found:
            raise InputError(frames, "frames of no video of the ground truth", "<video>/NNNN.png", "Correct its path.")
        return found

    def missing(self) -> dict[str, str]:
        """Return the videos of the ground truth without frames, and those of the published folds without events."""
        present = {recording.video_id for recording in self.recordings()}
        truth = {folder.name for folder in self._events()}
        known = truth.union(*tsv360.folds())
        return {video: "no frames" if video in truth else "no events" for video in sorted(known - present)}

    def _events(self) -> list[Path]:
        """Return the folders of the ground truth, one per video."""
        truth = existing(self.ground_truth, "sources.ground_truth")
        return sorted(path for path in truth.iterdir() if path.is_dir() and _ID.fullmatch(path.name))
