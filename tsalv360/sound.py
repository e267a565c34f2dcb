"""The sound of a source video, cut to the pictures that are shown."""

import logging
from collections.abc import Mapping
from itertools import chain
from pathlib import Path
from typing import Any

import av
import numpy as np
from av.error import FFmpegError
from numpy.typing import NDArray

from tsalv360.errors import InputError
from tsalv360.grid import FPS
from tsalv360.video import SOUND_RATE, decode, open_video

_PER_PICTURE = SOUND_RATE // FPS  # samples
_JITTER_S = 0.05  # of the time stamps of sound that has no holes

log = logging.getLogger(__name__)


class Sound:
    """Samples int16 [n, 2] at 48 kHz, of which the first is heard at frame 0 of a video of native rate `fps`."""

    def __init__(self, samples: NDArray[np.int16], fps: float) -> None:
        self._samples, self._fps = samples, fps

    def of(self, frame: int) -> NDArray[np.int16]:
        """What is heard while a kept frame is shown for 1/16 s, int16 [3000, 2]; silence beyond the ends.

        Kept frames lie within half a native frame of the 16 fps grid. The cuts lie on it, so that those of successive
        frames join.
        """
        start = round(frame / self._fps * FPS) * _PER_PICTURE
        cut = self._samples[start : start + _PER_PICTURE]
        return np.pad(cut, ((0, _PER_PICTURE - len(cut)), (0, 0)))


def read_sound(video: str | Path, index: Mapping[str, Any]) -> Sound | None:
    """The sound of a video, where it holds are holes silent; None, with the reason logged, where it has none.

    A video of fewer than 16 fps is shown faster than it was, so its sound is left out.

    Parameters: `index`, the index entry (of it `fps`, `n_frames`). Raises InputError for sound that cannot be read.
    """
    if Path(video).is_dir() or index["fps"] < FPS:
        log.warning("%s is shown without sound: it is a folder of frames or has fewer than %d fps", video, FPS)
        return None
    first = next(decode(video))
    begin = first.time or 0.0
    samples = np.zeros((round(index["n_frames"] / index["fps"] * SOUND_RATE), 2), dtype=np.int16)
    try:
        with open_video(video) as container:
            if not container.streams.audio:
                log.warning("%s has no sound", video)
                return None
            resampler = av.AudioResampler(format="s16", layout="stereo", rate=SOUND_RATE)
            end = None
            for frame in chain(container.decode(audio=0), [None]):
                for part in resampler.resample(frame):
                    at = round(((part.time or 0.0) - begin) * SOUND_RATE)
                    if end is not None and abs(at - end) <= _JITTER_S * SOUND_RATE:
                        at = end
                    end = at + part.samples
                    heard = part.to_ndarray().reshape(-1, 2)[max(0, -at) :][: max(0, len(samples) - max(0, at))]
                    samples[max(0, at) : max(0, at) + len(heard)] = heard
    except FFmpegError as error:
        found, expected = f"no readable sound ({error})", "sound that FFmpeg decodes"
        raise InputError(video, found, expected, "Replace the file, or set viewports.sound: false.") from error
    return Sound(samples, index["fps"])
