"""The sound of a source video, cut to the pictures that its viewport videos show."""

import logging
from collections.abc import Iterable, Sequence
from fractions import Fraction
from itertools import chain
from pathlib import Path

import av
import numpy as np
import pandas as pd
from av.error import FFmpegError
from numpy.typing import NDArray

from tsalv360.contracts.entries import IndexEntry, ViewportLengths, read_entry
from tsalv360.contracts.grid import FPS
from tsalv360.job.errors import InputError
from tsalv360.job.files import link_or_copy, whole_folder
from tsalv360.media.video import BROWSER_FORMAT, decode, open_video

SOUND_RATE = 48_000  # samples per second of the sound that is written
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


def read_sound(video: str | Path, index: IndexEntry) -> Sound | None:
    """The sound of a video, where it holds are holes silent; None, with the reason logged, where it has none.

    A video of fewer than 16 fps is shown faster than it was, so its sound is left out.

    Parameters: `index`, the index entry (of it `fps`, `n_frames`). Raises InputError for sound that cannot be read.
    """
    if Path(video).is_dir() or index.fps < FPS:
        log.warning("%s is shown without sound: it is a folder of frames or has fewer than %d fps", video, FPS)
        return None
    first = next(decode(video))
    begin = first.time or 0.0
    samples = np.zeros((round(index.n_frames / index.fps * SOUND_RATE), 2), dtype=np.int16)
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
    return Sound(samples, index.fps)


def write_with_sound(
    directory: str | Path, viewports: str | Path, tracks: pd.DataFrame, frames: Sequence[int], sound: Sound | None
) -> None:
    """Write the viewport videos of a video's events again, each picture with what was heard at it, as AAC.

    Pictures are copied as they are encoded; without `sound` the videos stay silent. Parameters: `viewports` the folder
    of that stage, `tracks` those of the video, `frames` the numbers of its kept frames.
    """
    viewports, place = Path(viewports), {frame: k for k, frame in enumerate(frames)}
    lengths = read_entry(viewports / "viewports.json", ViewportLengths).events
    with whole_folder(directory) as partial:
        for event, track in tracks.groupby("event_id", sort=False):
            first, last = place[track.frame.iloc[0]], place[track.frame.iloc[-1]]
            before, after = lengths[event].lead_in, lengths[event].lead_out
            shown = [*frames[first - before : first], *track.frame, *frames[last + 1 : last + 1 + after]]
            for kind in (".mp4", ".overlay.mp4"):
                silent, heard = viewports / f"{event}{kind}", partial / f"{event}{kind}"
                if sound:
                    _add_sound(silent, heard, map(sound.of, shown))
                else:
                    link_or_copy(silent, heard)
            link_or_copy(viewports / f"{event}.jpg", partial / f"{event}.jpg")


def _add_sound(silent: Path, heard: Path, pieces: Iterable[NDArray[np.int16]]) -> None:
    """Copy a video and put the pieces of sound [n, 2] under it, one after the other."""
    with open_video(silent) as source, av.open(heard, "w", options=BROWSER_FORMAT) as target:
        pictures = source.streams.video[0]
        copied = target.add_stream_from_template(pictures)
        track = target.add_stream("aac", rate=SOUND_RATE, layout="stereo")
        track.codec_context.thread_count = 1
        for packet in source.demux(pictures):
            if packet.dts is not None:
                packet.stream = copied
                target.mux(packet)
        n_samples = 0
        for piece in pieces:
            frame = av.AudioFrame.from_ndarray(piece.reshape(1, -1), format="s16", layout="stereo")
            frame.rate, frame.pts, frame.time_base = SOUND_RATE, n_samples, Fraction(1, SOUND_RATE)
            n_samples += len(piece)
            target.mux(track.encode(frame))
        target.mux(track.encode(None))
