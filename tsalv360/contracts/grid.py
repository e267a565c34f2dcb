"""The 16 fps grid: which frames of a video are kept, and when they are shown.

Frame number i of the grid is round(i/16 · fps), halves to even, as in the published TSV360.
"""

from itertools import pairwise

import numpy as np
from numpy.typing import ArrayLike, NDArray

FPS = 16  # rate of what is made from videos, unless every native frame is kept


def frame_numbers(fps: float, n_frames: int, skip_first: int, rate: float = FPS) -> list[int]:
    """Return the native numbers of the frames on the grid, increasing, each once.

    Parameters
    ----------
    fps : native rate; below `rate` every frame is kept once.
    n_frames : number of frames of the video.
    skip_first : the last frame number that is left out, as published (20 keeps 21, 22, …); 0 keeps all.
    """
    count = int(np.ceil(n_frames / fps * rate)) + 1
    numbers = dict.fromkeys(round(i / rate * fps) for i in range(count))
    return [n for n in numbers if n < n_frames and (skip_first == 0 or n > skip_first)]


def runs(values: ArrayLike, max_step: float = 1) -> list[slice]:
    """Return the slices of increasing `values` [n] within which no step is larger than `max_step`."""
    edges = [0, *(np.flatnonzero(np.diff(values) > max_step) + 1).tolist(), np.size(values)]
    return [slice(first, end) for first, end in pairwise(edges) if end > first]


def segments_of(time_s: NDArray[np.float64], fps: float, rate: float = FPS) -> list[tuple[float, float]]:
    """Return start and end, in seconds, of the segments of kept frames without a gap.

    Parameters: `time_s` [n] times of frames kept at `rate` per second, or each frame once where `fps` is below that.
    """
    segments = runs(np.rint(time_s * min(fps, rate)))
    return [(float(time_s[segment][0]), float(time_s[segment][-1])) for segment in segments]
