"""Video files: what they really hold, their frames in order, and H.264 that every browser plays."""

from collections.abc import Iterator
from dataclasses import dataclass, field
from fractions import Fraction
from pathlib import Path
from types import TracebackType
from typing import Literal, Self

import av
import numpy as np
from av.error import FFmpegError
from numpy.typing import NDArray

from tsalv360.errors import InputError

View = Literal["whole", "top", "bottom", "left", "right"]  # of stereo videos the half that is one eye's

_ASPECT_TOLERANCE = 0.01  # of 2:1; covers sample aspects rounded to small fractions
_LENGTH_TOLERANCE_S = 1.0  # of a length in the header, which may be that of the sound
_BROWSER_FORMAT = {"movflags": "+faststart"}


@dataclass(frozen=True)
class VideoInfo:
    """What a video holds. `n_frames` is what decoding gives; `notes` say where the header disagrees."""

    fps: float
    n_frames: int
    width: int
    height: int
    display_aspect: float
    duration_s: float
    notes: list[str] = field(default_factory=list)


def probe(path: str | Path, force_2to1: bool = False) -> VideoInfo:
    """Look at every packet of a video, and decode it where the header's frame count does not hold.

    Raises InputError for a file that is missing, unreadable, cut off, without pictures, or whose display aspect
    (after the sample aspect) is not 2:1, unless `force_2to1`.
    """
    path = Path(path)
    if not path.is_file():
        raise InputError(path, "no such file", "a 360° video", "Correct the path in the config.")
    _refuse_truncated_mp4(path)
    try:
        with av.open(path) as container:
            stream = _video_stream(container, path)
            header, rate = stream.frames, stream.average_rate
            width, height = stream.codec_context.width, stream.codec_context.height
            aspect = width * float(stream.sample_aspect_ratio or 1) / height
            announced_s = (container.duration or 0) / av.time_base
            packets = [packet.is_discard for packet in container.demux(stream) if packet.size]
    except FFmpegError as error:
        raise _unreadable(path, error) from error
    if abs(aspect / 2 - 1) > _ASPECT_TOLERANCE and not force_2to1:
        raise InputError(
            path,
            f"{width}×{height} pictures of display aspect {aspect:.3f}",
            "2:1, a full equirectangular panorama",
            "If it is one all the same, set frames.force_2to1: true.",
        )
    if len(packets) < header:
        raise _truncated(path, f"{len(packets)} of the {header} frames its header announces")
    notes = []
    n_frames = len(packets)
    if header != n_frames or any(packets) or not rate:
        n_frames, rate = _count_by_decoding(path)
        if rate and header == 0 and n_frames / rate < announced_s - _LENGTH_TOLERANCE_S:
            raise _truncated(path, f"{float(n_frames / rate):.2f} of the {announced_s:.2f} s its header announces")
        notes.append(f"header says {header} frames, decoding gives {n_frames}")
    if n_frames == 0 or not rate:
        raise InputError(path, "no frames", "a 360° video", "Replace the file.")
    fps = float(rate)
    return VideoInfo(fps, n_frames, width, height, round(aspect, 4), n_frames / fps, notes)


def decode(path: str | Path) -> Iterator[av.VideoFrame]:
    """All frames of a video in order, in one sequential pass. Raises InputError where decoding fails."""
    try:
        with av.open(path) as container:
            yield from container.decode(_video_stream(container, path))
    except FFmpegError as error:
        raise _unreadable(path, error) from error


def read_pictures(path: str | Path, numbers: list[int]) -> NDArray[np.uint8]:
    """The pictures of a video at 0-based `numbers` (increasing), uint8 RGB [n, H, W, 3]."""
    wanted = set(numbers)
    found = [frame.to_ndarray(format="rgb24") for number, frame in enumerate(decode(path)) if number in wanted]
    if len(found) != len(wanted):
        raise _truncated(path, f"{len(found)} of {len(wanted)} wanted pictures")
    return np.stack(found)


class VideoWriter:
    """Writes uint8 RGB pictures [H, W, 3] as H.264, yuv420p, faststart, at a constant rate; sides must be even.

    One encoder thread: the same pictures give the same bytes on the same build.
    """

    def __init__(self, path: str | Path, fps: int | Fraction, size: tuple[int, int], crf: int = 21) -> None:
        self._container = av.open(path, "w", options=_BROWSER_FORMAT)
        self._stream = self._container.add_stream("libx264", rate=fps, options={"preset": "superfast", "crf": str(crf)})
        self._stream.height, self._stream.width, self._stream.pix_fmt = *size, "yuv420p"
        self._stream.codec_context.thread_count = 1

    def write(self, picture: NDArray[np.uint8]) -> None:
        """Append one picture."""
        self._container.mux(self._stream.encode(av.VideoFrame.from_ndarray(picture, format="rgb24")))

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if kind is None:
            self._container.mux(self._stream.encode(None))
        self._container.close()


def _video_stream(container: av.container.InputContainer, path: str | Path) -> av.VideoStream:
    if not container.streams.video:
        raise InputError(path, "no video stream", "a 360° video", "Replace the file.")
    stream = container.streams.video[0]
    stream.codec_context.thread_count = 1  # the pipeline runs videos in parallel, which scales better than threads
    return stream


def _count_by_decoding(path: Path) -> tuple[int, Fraction | None]:
    """Number of frames and their mean rate by the time stamps."""
    times = []
    for frame in decode(path):
        if frame.pts is None or frame.time_base is None:
            raise InputError(path, "frames without time stamps", "a constant or variable frame rate", "Remux the file.")
        times.append(frame.pts * frame.time_base)
    if len(times) < 2:
        return len(times), None
    return len(times), Fraction((len(times) - 1) / (times[-1] - times[0])).limit_denominator(100_000)


def _refuse_truncated_mp4(path: Path) -> None:
    """Walk the top-level boxes of an MP4 or MOV file (ISO/IEC 14496-12): none may reach past the end of the file."""
    size = path.stat().st_size
    with path.open("rb") as file:
        if file.read(12)[4:8] != b"ftyp":
            return
        offset = 0
        kind = b""
        while offset < size:
            file.seek(offset)
            box = int.from_bytes(file.read(4))
            kind = file.read(4)
            if box == 1:  # the size follows as 64 bits
                box = int.from_bytes(file.read(8))
            elif box == 0:  # up to the end of the file
                return
            if len(kind) < 4 or box < 8 or offset + box > size:
                name = kind.decode("ascii", "replace")
                raise _truncated(path, f"{size} bytes, but its '{name}' box ends at byte {offset + box}")
            offset += box
        if kind == b"moof":
            raise _truncated(path, "its last fragment has a header and no data")


def _truncated(path: str | Path, found: str) -> InputError:
    return InputError(path, f"a truncated video ({found})", "the whole file", "Download or copy it again.")


def _unreadable(path: str | Path, error: Exception) -> InputError:
    return InputError(path, f"no readable video ({error})", "a video that FFmpeg decodes", "Replace the file.")
