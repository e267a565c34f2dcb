"""Cuts of a video: the times at which another scene begins, found from its key frames alone.

Encoders begin a new group of pictures at a cut, so that a cut has a key frame that comes before the usual distance of
key frames is over. Cuts at which the encoder did not begin one are not found.
"""

from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path

import numpy as np
from av.error import FFmpegError
from numpy.typing import NDArray

from tsalv360.media.container import opened

_SIZE = 16, 32  # of the pictures that are compared
_NEAREST_S = 0.25  # between the pictures that are decoded, where every frame is a key frame
_REGULAR = 0.98  # of the longest distance of key frames: a key frame after it is due and says nothing
_OFTEN_S = 0.3  # key frames that come as often locate a cut well enough even when they are due
_DIFFERENCE = 12.0  # mean, in gray levels; pictures of one scene are nearer
_CORRELATION = 0.6  # of gray levels; pictures of one scene are more alike


def find_cuts(path: str | Path) -> list[float]:
    """Return the times in seconds from the first frame at which a video cuts to another scene, increasing."""
    times: list[float] = []
    pictures: list[NDArray[np.float64]] = []
    for time_s, picture in _key_pictures(path):
        if not times or time_s > times[-1]:  # clocks of joined recordings go back
            times.append(time_s)
            pictures.append(picture)
    distances = np.diff(times)
    due = distances > max(_REGULAR * distances.max(initial=0), _OFTEN_S)
    if due.sum() == 1:
        due[:] = False  # an encoder's limit is reached again and again
    return [times[k + 1] for k in np.flatnonzero(~due) if _is_cut(pictures[k], pictures[k + 1])]


def _is_cut(before: NDArray[np.float64], after: NDArray[np.float64]) -> bool:
    """Return whether two pictures show different scenes; a fade to black or white is not told from a cut."""
    if np.abs(before - after).mean() < _DIFFERENCE:
        return False
    if min(before.std(), after.std()) < 1:
        return True
    return float(np.corrcoef(before.ravel(), after.ravel())[0, 1]) < _CORRELATION


def _key_pictures(path: str | Path) -> Iterator[tuple[float, NDArray[np.float64]]]:
    """Yield times and small gray pictures of the key frames of a video."""
    with opened(path) as (container, stream):
        stream.codec_context.skip_frame = "NONKEY"
        stamps = [packet.pts for packet in container.demux(stream) if packet.pts is not None]
        start, unit = min(stamps, default=0), float(stream.time_base or 0)
        container.seek(start, stream=stream)
        last = -np.inf
        for packet in container.demux(stream):
            if packet.size and not (packet.is_keyframe and packet.pts is not None):
                continue
            if packet.size and packet.pts is not None and (packet.pts - last) * unit < _NEAREST_S:
                continue
            last = packet.pts if packet.size and packet.pts is not None else last
            with suppress(FFmpegError):  # damage, which the extraction of frames names
                for frame in packet.decode():
                    if frame.pts is not None:
                        small = frame.reformat(_SIZE[1], _SIZE[0], "gray8", interpolation="AREA")
                        yield (frame.pts - start) * unit, small.to_ndarray().astype(float)
