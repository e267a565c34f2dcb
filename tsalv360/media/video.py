"""Video files: what they hold, their frames in order, and H.264 that every browser plays."""

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from fractions import Fraction
from pathlib import Path
from typing import Any, Literal, NamedTuple, Self, cast

import av
import numpy as np
from av.buffer import Buffer
from av.error import FFmpegError
from numpy.typing import NDArray

from tsalv360 import MAX_PIXELS
from tsalv360.contracts.entries import VideoInfo
from tsalv360.job.errors import InputError

View = Literal["whole", "top", "bottom", "left", "right"]  # in stereo videos, the half that is one eye's

BROWSER_FORMAT = {"movflags": "+faststart"}
_ASPECT_TOLERANCE = 0.01  # relative to 2:1; covers sample aspects rounded to small fractions
_LENGTH_TOLERANCE_S = 1.0  # the length in a header may be that of the sound
_RATE_TOLERANCE_S = 1 / 32  # of time stamps from a constant rate: half a step of the kept frames
_DROPPABLE = {"h264", "mpeg4", "mpeg2video"}  # no frame needs a non-reference one; in HEVC, layers may
_LONGEST_S = 86_400
_MAX_STREAMS = 64  # streams of a file that the pixel limit is set for


class _Packets(NamedTuple):
    """What a file says about its video without decoding."""

    codec: str
    announced_frames: int  # 0 if the header has no count
    announced_s: float
    rate: Fraction | None
    sample_aspect: float
    stamps: list[int | None]  # presentation time stamps in the order of decoding
    time_base: Fraction
    any_hidden: bool  # by an edit list


def probe(path: str | Path, force_2to1: bool = False, view: View = "whole") -> VideoInfo:
    """Return what a video holds, from its packets and first frame; decode it all if header and packets disagree.

    Raises InputError for a file that is missing, unreadable, truncated, without pictures or rotated by an angle that
    is not a right one, and for a display aspect that `panorama_aspect` refuses.
    """
    path = Path(path)
    if not path.is_file():
        raise InputError(path, "no such file", "a 360° video", "Correct the path.")
    _refuse_truncated_mp4(path)
    packets = _read_packets(path)
    announced, n_frames, rate = packets.announced_frames, len(packets.stamps), packets.rate
    if n_frames < announced:
        raise _truncated(path, f"{n_frames} of the {announced} frames its header announces")
    first = next(decode(path), None)
    if first is None:
        raise InputError(path, "no frames", "a 360° video", "Replace the file.")
    rotation = _rotation(first, path)
    picture, aspect = _picture(first, path, rotation), first.width * packets.sample_aspect / first.height
    aspect, notes = panorama_aspect(path, picture, 1 / aspect if rotation[0, 1] else aspect, view, force_2to1)
    if view == "whole" and any(_side_data(first, "STEREO3D")[:1]):
        notes.append("its header says stereo pictures, but the whole picture is used; view would select one eye's half")
    times = np.array([t for t in packets.stamps if t is not None]) * float(packets.time_base)
    lost_lead = bool((times < times[:1]).any())  # frames shown before the first key frame that need an earlier one
    agrees = announced == n_frames and not packets.any_hidden and not lost_lead
    if agrees and rate and _deviation_s(times) <= _RATE_TOLERANCE_S:
        seconds = n_frames / float(rate)
    else:
        times = _decoded_times(path)
        n_frames, seconds, rate = len(times), float(times[-1] - times[0]), None
    if not 0 < seconds <= _LONGEST_S:
        found, expected = f"{n_frames} frame(s) in {seconds:g} s", f"more than 0 s, at most {_LONGEST_S} s"
        raise InputError(path, found, expected, "Remux the file, or cut it.")
    if rate is None:
        rate = Fraction((n_frames - 1) / seconds).limit_denominator(100_000)
        if announced == 0 and n_frames / rate < packets.announced_s - _LENGTH_TOLERANCE_S:
            length = f"{float(n_frames / rate):.2f} of the {packets.announced_s:.2f} s its header announces"
            raise _truncated(path, length)
        if n_frames != announced:
            notes.append(f"header says {announced} frames, decoding gives {n_frames}")
        if (deviation := _deviation_s(times)) > _RATE_TOLERANCE_S:
            notes.append(f"variable frame rate: time stamps deviate by up to {deviation:.2f} s from a constant rate")
    height, width = crop(picture, view).shape[:2]
    fps = float(rate)
    return VideoInfo(fps, n_frames, width, height, round(aspect, 4), n_frames / fps, notes)


def panorama_aspect(
    where: object, picture: NDArray[np.uint8], aspect: float, view: View, force_2to1: bool
) -> tuple[float, list[str]]:
    """Return the display aspect of the panorama in `view` of a picture [H, W, C], and notes on what is assumed.

    Halves of stereo pictures are 2:1, or squeezed so that the whole picture is. Raises InputError for other aspects
    unless `force_2to1`. Parameters: `aspect` is the display aspect of the whole picture.
    """
    size = f"{picture.shape[1]}×{picture.shape[0]}"
    half = aspect * {"top": 2, "bottom": 2, "left": 0.5, "right": 0.5}.get(view, 1)
    squeezed = view != "whole" and _is_2to1(aspect)
    if not (_is_2to1(half) or squeezed or force_2to1):
        stereo = {1.0: "top or bottom", 4.0: "left or right"}.get(round(aspect, 1)) if view == "whole" else None
        raise InputError(
            where,
            f"{size} pictures of display aspect {aspect:.3f}" + (f" for the view {view}" if view != "whole" else ""),
            "2:1, a full equirectangular panorama",
            (f"If they are stereo, set the video's view to {stereo}. " if stereo else "")
            + "If it is one all the same, set frames.force_2to1: true.",
        )
    if view == "whole":
        return half, []
    note = f"stereo: the {view} half of {size} pictures is used"
    return (2.0, [f"{note}, squeezed from 2:1 to {half:.0f}:1"]) if squeezed else (half, [note])


def crop(picture: NDArray[np.uint8], view: View) -> NDArray[np.uint8]:
    """Return the part of a picture [H, W, C] that a view names."""
    height, width = picture.shape[:2]
    rows = {"top": slice(height // 2), "bottom": slice(height // 2, None)}.get(view, slice(None))
    columns = {"left": slice(width // 2), "right": slice(width // 2, None)}.get(view, slice(None))
    return picture[rows, columns]


def pictures_at(
    path: str | Path, numbers: list[int], n_frames: int, view: View = "whole"
) -> Iterator[tuple[int, NDArray[np.uint8]]]:
    """Yield the pictures of a video at 0-based `numbers` (increasing), with their numbers, in one sequential pass.

    Pictures are uint8 BGR [H, W, 3], rotated for display, converted by the matrix and range that each frame states
    (BT.601 and limited if it states none, as in OpenCV and FFmpeg); HDR is not tone-mapped.

    If the packets' time stamps determine the number of every frame, packets that no wanted frame needs are dropped
    undecoded. If a wanted frame is then missing, a pass that decodes all packets yields all pictures again.

    Parameters: `n_frames` as counted by decoding, see `probe`. Raises InputError if the video ends before.
    """
    rotation: NDArray[np.int_] | None = None

    def picture(frame: av.VideoFrame) -> NDArray[np.uint8]:
        nonlocal rotation
        # once: PyAV keeps every frame whose side data were read until the next garbage collection
        rotation = _rotation(frame, path) if rotation is None else rotation
        return crop(_picture(frame, path, rotation), view)

    stamps = _display_stamps(path)
    if len(stamps) == n_frames:
        n_found = 0
        for number, frame in zip(numbers, _decode_stamps(path, {stamps[n] for n in numbers}), strict=False):
            if frame.pts != stamps[number]:
                break
            yield number, picture(frame)
            n_found += 1
        if n_found == len(numbers):
            return
    wanted, decoded = set(numbers), 0
    for number, frame in enumerate(decode(path)):
        decoded += 1
        if number in wanted:
            yield number, picture(frame)
    if decoded < n_frames:
        raise InputError(path, f"{decoded} frames", f"{n_frames}, as in its index entry", "Download or copy it again.")


def open_video(path: str | Path) -> av.container.InputContainer:
    """Open a video file so that FFmpeg refuses pictures over `MAX_PIXELS`."""
    limits: Any = [{"max_pixels": str(MAX_PIXELS)}] * _MAX_STREAMS  # PyAV's types want other values here
    return av.open(path, stream_options=limits)


def decode(path: str | Path) -> Iterator[av.VideoFrame]:
    """Yield all frames of a video in order of display. Raises InputError where decoding fails."""
    with _opened(path) as (container, stream):
        yield from container.decode(stream)


def read_pictures(path: str | Path, numbers: list[int]) -> NDArray[np.uint8]:
    """Return the pictures of a video at 0-based `numbers` (increasing), uint8 RGB [n, H, W, 3]."""
    wanted = set(numbers)
    found = [frame.to_ndarray(format="rgb24") for number, frame in enumerate(decode(path)) if number in wanted]
    if len(found) != len(wanted):
        raise _truncated(path, f"{len(found)} of {len(wanted)} wanted pictures")
    return np.stack(found)


class VideoWriter:
    """Writes uint8 RGB pictures [H, W, 3] as H.264, yuv420p, faststart, at a constant rate; sides must be even.

    It uses one encoder thread: the same pictures give the same bytes on the same build.
    """

    def __init__(self, path: str | Path, fps: int | Fraction, size: tuple[int, int], crf: int = 21) -> None:
        self._container = av.open(path, "w", options=BROWSER_FORMAT)
        # ultrafast takes half the time of superfast; demo videos are as large, at 43.6 instead of 44.1 dB
        self._stream = self._container.add_stream("libx264", rate=fps, options={"preset": "ultrafast", "crf": str(crf)})
        self._stream.height, self._stream.width, self._stream.pix_fmt = *size, "yuv420p"
        self._stream.codec_context.thread_count = 1

    def write(self, picture: NDArray[np.uint8]) -> None:
        """Append one picture."""
        self._container.mux(self._stream.encode(av.VideoFrame.from_ndarray(picture, format="rgb24")))

    def __enter__(self) -> Self:
        return self

    def __exit__(self, kind: type[BaseException] | None, *_: object) -> None:
        if kind is None:
            self._container.mux(self._stream.encode(None))
        self._container.close()


@contextmanager
def _opened(path: str | Path) -> Iterator[tuple[av.container.InputContainer, av.VideoStream]]:
    """Open a video and its first video stream for decoding in one thread."""
    with _readable(path), open_video(path) as container:
        if not container.streams.video:
            raise InputError(path, "no video stream", "a 360° video", "Replace the file.")
        stream = container.streams.video[0]
        stream.codec_context.thread_count = 1  # jobs run in parallel, which scales better than threads
        yield container, stream


@contextmanager
def _readable(path: str | Path) -> Iterator[None]:
    """Turn FFmpeg's errors into InputError."""
    try:
        yield
    except MemoryError:
        raise
    except FFmpegError as error:
        expected = f"a video that FFmpeg decodes, of at most {MAX_PIXELS:,} pixels"
        raise InputError(path, f"no readable video ({error})", expected, "Replace the file.") from error


def _read_packets(path: str | Path) -> _Packets:
    with _opened(path) as (container, stream):
        packets = [(packet.pts, packet.is_discard) for packet in container.demux(stream) if packet.size]
        return _Packets(
            stream.codec_context.name,
            stream.frames,
            (container.duration or 0) / av.time_base,
            stream.average_rate,
            float(stream.sample_aspect_ratio or 1),
            [pts for pts, _ in packets],
            stream.time_base or Fraction(1),
            any(hidden for _, hidden in packets),
        )


def _display_stamps(path: str | Path) -> list[int]:
    """Return the time stamps of all packets in order of display if a decoder may drop some; else an empty list."""
    packets = _read_packets(path)
    stamps = [pts for pts in packets.stamps if pts is not None]
    shown = sorted(set(stamps))
    # Stamps in the order of decoding: there is nothing to drop, or (AVI) they do not give the order of display.
    return shown if packets.codec in _DROPPABLE and len(shown) == len(packets.stamps) and stamps != shown else []


def _decode_stamps(path: str | Path, wanted: set[int]) -> Iterator[av.VideoFrame]:
    """Yield the frames of a video at the `wanted` time stamps, in order of display."""
    with _opened(path) as (container, stream):
        for packet in container.demux(stream):
            stream.codec_context.skip_frame = "DEFAULT" if packet.pts in wanted or not packet.size else "NONREF"
            yield from (frame for frame in packet.decode() if frame.pts in wanted)


def _picture(frame: av.VideoFrame, path: str | Path, rotation: NDArray[np.int_]) -> NDArray[np.uint8]:
    """Return a frame as it is displayed, uint8 BGR [H, W, 3]."""
    with _readable(path):
        picture = frame.to_ndarray(format="bgr24", threads=1).astype(np.uint8, copy=False)
    (a, b), (c, d) = rotation.tolist()
    return (picture.swapaxes(0, 1) if b else picture)[:: b or d, :: a or c]


def _rotation(frame: av.VideoFrame, path: str | Path) -> NDArray[np.int_]:
    """Return the matrix [[a, b], [c, d]] of a frame's rotation for display: x' = ax + cy, y' = bx + dy."""
    matrix = _side_data(frame, "DISPLAYMATRIX")
    if not matrix.any():
        return np.eye(2, dtype=int)
    matrix = matrix.reshape(3, 3)[:2, :2]
    signs = np.sign(np.trunc(100 * matrix / np.abs(matrix).max())).astype(int)  # rounding errors become 0
    if np.count_nonzero(signs) != 2 or bool(signs[0, 0]) != bool(signs[1, 1]):
        found = f"pictures rotated by {np.degrees(np.arctan2(*matrix[0, ::-1])):.0f}°"
        raise InputError(path, found, "0, 90, 180 or 270°", "Rotate and encode them again.")
    return signs


def _is_2to1(aspect: float) -> bool:
    return abs(aspect / 2 - 1) <= _ASPECT_TOLERANCE


def _side_data(frame: av.VideoFrame, kind: str) -> NDArray[np.int32]:
    """Return side data of a frame, a structure of 32-bit numbers; empty if it has none."""
    data = cast(Mapping[str, Buffer], frame.side_data)
    return np.frombuffer(bytes(data[kind]) if kind in data else b"", dtype=np.int32)


def _decoded_times(path: Path) -> NDArray[np.float64]:
    """Return the time stamps of all frames in seconds, by decoding."""
    times = []
    for frame in decode(path):
        if frame.pts is None or frame.time_base is None:
            raise InputError(path, "frames without time stamps", "a constant or variable frame rate", "Remux the file.")
        times.append(float(frame.pts * frame.time_base))
    return np.array(times)


def _deviation_s(times: NDArray[np.float64]) -> float:
    """Return the largest deviation of time stamps from a constant rate between the first and the last."""
    if len(times) == 0:
        return 0.0
    return float(np.abs(np.sort(times) - np.linspace(times.min(), times.max(), len(times))).max())


def _refuse_truncated_mp4(path: Path) -> None:
    """Raise InputError if a top-level box of an MP4 or MOV file (ISO/IEC 14496-12) reaches past the end of the file."""
    size, offset, kind = path.stat().st_size, 0, b""
    with path.open("rb") as file:
        if file.read(12)[4:8] != b"ftyp":
            return
        while offset < size:
            file.seek(offset)
            length, kind = int.from_bytes(file.read(4)), file.read(4)
            if length == 0:  # up to the end of the file
                return
            if length == 1:  # the length follows in 64 bits
                length = int.from_bytes(file.read(8))
            if len(kind) < 4 or length < 8 or offset + length > size:
                name = kind.decode("ascii", "replace")
                raise _truncated(path, f"{size} bytes, but its '{name}' box ends at byte {offset + length}")
            offset += length
    if kind == b"moof":
        raise _truncated(path, "its last fragment has a header but no data")


def _truncated(path: str | Path, found: str) -> InputError:
    return InputError(path, f"a truncated video ({found})", "the whole file", "Download or copy it again.")
