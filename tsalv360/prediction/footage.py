"""What a model is shown of a video: frames at 16 fps in the size that it was trained with."""

import logging
from collections.abc import Iterator
from dataclasses import asdict, dataclass
from fractions import Fraction
from pathlib import Path

import numpy as np

from tsalv360.errors import InputError
from tsalv360.frames import check_rate, kept_pictures, probe_ready
from tsalv360.grid import FPS, kept_frames
from tsalv360.pictures import resized
from tsalv360.projection import Picture
from tsalv360.video import View, probe

log = logging.getLogger(__name__)


@dataclass(frozen=True)
class Footage:
    """The frames of a video, or of a folder of them, on the 16 fps grid.

    `numbers` are native, of `n_frames` at `fps`; `rate` is that of the kept frames, 16 or the native one if less.
    """

    path: Path
    numbers: list[int]
    fps: float
    n_frames: int
    height: int
    view: View

    @property
    def rate(self) -> Fraction:
        """Kept frames per second."""
        return min(Fraction(FPS), Fraction(self.fps).limit_denominator(1001))

    def pictures(self) -> Iterator[Picture]:
        """The kept frames one by one, uint8 RGB [height, 2 · height, 3]."""
        for _, picture in kept_pictures(self.path, self.numbers, self.n_frames, self.view):
            yield np.ascontiguousarray(resized(picture, (self.height, 2 * self.height))[..., ::-1])


def open_footage(path: Path, fps: float | None, height: int, view: View, force_2to1: bool) -> Footage:
    """Look at a video or a folder of ready frames; parameters as `predict`. Raises InputError as `probe` does."""
    if height < 2:
        raise InputError(
            "height", str(height), "pixels, such as 960", "Name the height that the model was trained with."
        )
    if path.is_dir():
        if not fps or fps < 0:
            advice = "Name it: --fps 30, or fps=30."
            raise InputError(path, f"a folder of frames and fps {fps}", "the rate that they are numbered at", advice)
        info = probe_ready(path, fps, force_2to1, view)
        check_rate(path, asdict(info), skip_first=0)
    elif fps:
        raise InputError(path, f"a video, and fps {fps:g}", "fps for folders of frames alone", "Leave fps out.")
    else:
        info = probe(path, force_2to1, view)
    for note in info.notes:
        log.warning("%s: %s", path, note)
    return Footage(path, kept_frames(asdict(info), skip_first=0), info.fps, info.n_frames, height, view)
