"""The 16 fps grid: which frames of a video are kept, and when they are shown.

Frame number i of the grid is round(i/16 · fps), halves to even, as in the published TSV360.
"""

from itertools import pairwise
from typing import Protocol

import numpy as np
from numpy.typing import ArrayLike, NDArray

FPS = 16  # of everything that is made from videos


class Video(Protocol):
    """What the grid needs to know of a video: its native rate, its length, and the frames without a picture."""

    @property
    def fps(self) -> float: ...  # noqa: D102
    @property
    def n_frames(self) -> int: ...  # noqa: D102
    @property
    def missing_frames(self) -> list[int]: ...  # noqa: D102


def frame_numbers(fps: float, n_frames: int, skip_first: int, rate: int = FPS) -> list[int]:
    """Native numbers of the kept frames, increasing, each once.

    Parameters
    ----------
    fps : native rate. Below `rate` every frame is kept once.
    n_frames : number of frames of the video.
    skip_first : the last frame number that is left out, as published (20 keeps 21, 22, …); 0 keeps all.
    """
    count = int(np.ceil(n_frames / fps * rate)) + 1
    numbers = dict.fromkeys(round(i / rate * fps) for i in range(count))
    return [n for n in numbers if n < n_frames and (skip_first == 0 or n > skip_first)]


def kept_frames(video: Video, skip_first: int, rate: int = FPS) -> list[int]:
    """Return the native numbers of the kept frames of a video or of ready frames, increasing, each once.

    Where ready frames are missing, those of `frame_numbers` before the first one are left out, and the nearest one
    stands for each other. Parameters: as `frame_numbers`.
    """
    wanted, present = wanted_and_present(video, skip_first, rate)
    if not len(wanted):
        return []
    places = np.interp(wanted, present, np.arange(len(present)))
    return np.unique(present[np.ceil(places - 0.5).astype(int)]).tolist()  # of two as near the earlier one


def runs(values: ArrayLike, max_step: float = 1) -> list[slice]:
    """Return the slices of increasing `values` [n] within which no step is larger than `max_step`."""
    edges = [0, *(np.flatnonzero(np.diff(values) > max_step) + 1).tolist(), np.size(values)]
    return [slice(first, end) for first, end in pairwise(edges) if end > first]


def segments_of(time_s: NDArray[np.float64], fps: float) -> list[tuple[float, float]]:
    """Return start and end, in seconds, of the segments of kept frames without a gap.

    Parameters: `time_s` [n] times of frames kept at 16 per second, or each frame once where `fps` is below that.
    """
    segments = runs(np.rint(time_s * min(fps, FPS)))
    return [(float(time_s[segment][0]), float(time_s[segment][-1])) for segment in segments]


def wanted_and_present(video: Video, skip_first: int, rate: int) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """Return the frame numbers of the grid from the first picture on, and those that have a picture."""
    present = np.setdiff1d(np.arange(skip_first + 1 if skip_first else 0, video.n_frames), video.missing_frames)
    wanted = np.array(frame_numbers(video.fps, video.n_frames, skip_first, rate), dtype=np.int64)
    return wanted[wanted >= present.min(initial=video.n_frames)], present
