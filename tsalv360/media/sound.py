"""The sound of a source video, cut to the pictures of its viewport videos."""

import logging
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
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

SOUND_RATE = 48_000  # samples per second of written sound
_JITTER_S = 0.05  # of the time stamps of sound without holes
# The clock goes back by more than the first, or, as FFmpeg counts MPEG clocks, on by more than the second, only where
# recordings were joined: sound goes on there, as pictures do.
_BACK_S, _WRAPPED_S = 0.5, 43_200

log = logging.getLogger(__name__)


@dataclass(frozen=True)
class Sound:
    """Samples int16 [n, 2] at 48 kHz, the first one at frame 0 of a video of native rate `fps`, kept at `rate`."""

    samples: NDArray[np.int16]
    fps: float
    rate: float = FPS

    def at(self, frame: int) -> NDArray[np.int16]:
        """Return the sound of a kept frame, int16 [n, 2], n = 3000 where it is shown for 1/16 s; silence at the ends.

        It is cut at the grid of kept frames, within half a native frame of this one, so that successive cuts join.
        """
        place = round(frame / self.fps * self.rate)
        start, end = (round(k / self.rate * SOUND_RATE) for k in (place, place + 1))
        cut = self.samples[start:end]
        return np.pad(cut, ((0, end - start - len(cut)), (0, 0)))


def read_sound(video: str | Path, index: IndexEntry) -> Sound | None:
    """Return the sound of a video, silent where it has holes; None, with the reason logged, if it has none.

    A video of fewer than 16 fps has none, because its pictures are shown faster than they were recorded.

    Parameters: `index` is the index entry (its `fps` and `n_frames`). Raises InputError for unreadable sound.
    """
    if Path(video).is_dir() or index.fps < FPS:
        log.warning("%s is shown without sound: it is a folder of frames or has fewer than %d fps", video, FPS)
        return None
    begin = next(decode(video)).time or 0.0
    samples = np.zeros((round(index.n_frames / index.fps * SOUND_RATE), 2), dtype=np.int16)
    try:
        with open_video(video) as container:
            if not container.streams.audio:
                log.warning("%s has no sound", video)
                return None
            resampler = av.AudioResampler(format="s16", layout="stereo", rate=SOUND_RATE)
            end, shift = None, 0.0
            for frame in chain(container.decode(audio=0), [None]):
                for part in resampler.resample(frame):
                    start = round(((part.time or 0.0) - begin + shift) * SOUND_RATE)
                    back_s = 0.0 if end is None else (end - start) / SOUND_RATE
                    if end is not None and (back_s > _BACK_S or back_s < -_WRAPPED_S):
                        shift += back_s
                        start = end
                    elif end is not None and abs(back_s) <= _JITTER_S:
                        start = end
                    end = start + part.samples
                    first, last = max(0, start), min(end, len(samples))
                    if first < last:
                        samples[first:last] = part.to_ndarray().reshape(-1, 2)[first - start : last - start]
    except FFmpegError as error:
        found, expected = f"no readable sound ({error})", "sound that FFmpeg decodes"
        raise InputError(video, found, expected, "Replace the file, or set viewports.sound: false.") from error
    return Sound(samples, index.fps, index.rate)


def write_with_sound(
    directory: str | Path, viewports: str | Path, tracks: pd.DataFrame, frames: Sequence[int], sound: Sound | None
) -> None:
    """Write a video's viewport videos again with the sound of each picture, as AAC, and link their posters.

    Pictures are copied without encoding; without `sound` the videos are linked. Parameters: `viewports` is the folder
    of that stage, `tracks` the video's tracks table, `frames` the numbers of its kept frames.
    """
    viewports, place = Path(viewports), {frame: k for k, frame in enumerate(frames)}
    lengths = read_entry(viewports / "viewports.json", ViewportLengths).events
    with whole_folder(directory) as partial:
        for event, track in tracks.groupby("event_id", sort=False):
            first, last = place[track.frame.iloc[0]], place[track.frame.iloc[-1]]
            before, after = lengths[event].lead_in, lengths[event].lead_out
            shown = [*frames[first - before : first], *track.frame, *frames[last + 1 : last + 1 + after]]
            for kind in (".mp4", ".overlay.mp4"):
                silent, with_sound = viewports / f"{event}{kind}", partial / f"{event}{kind}"
                if sound:
                    _add_sound(silent, with_sound, map(sound.at, shown))
                else:
                    link_or_copy(silent, with_sound)
            link_or_copy(viewports / f"{event}.jpg", partial / f"{event}.jpg")


def _add_sound(silent: Path, with_sound: Path, pieces: Iterable[NDArray[np.int16]]) -> None:
    """Copy a video and add the pieces of sound [n, 2], one after the other."""
    with open_video(silent) as source, av.open(with_sound, "w", options=BROWSER_FORMAT) as target:
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
