"""Video files: what they really hold, their frames in order, and H.264 that every browser plays."""

from collections.abc import Iterator, Mapping
from fractions import Fraction
from pathlib import Path
from types import TracebackType
from typing import Any, Literal, NamedTuple, Self, cast

import av
import numpy as np
from av.buffer import Buffer
from av.error import FFmpegError
from numpy.typing import NDArray

from tsalv360 import MAX_PIXELS
from tsalv360.contracts.entries import VideoInfo
from tsalv360.job.errors import InputError

View = Literal["whole", "top", "bottom", "left", "right"]  # of stereo videos the half that is one eye's

_ASPECT_TOLERANCE = 0.01  # of 2:1; covers sample aspects rounded to small fractions
_LENGTH_TOLERANCE_S = 1.0  # of a length in the header, which may be that of the sound
_RATE_TOLERANCE_S = 1 / 32  # of time stamps from a constant rate; half a step of the kept frames
_DROPPABLE = {"h264", "mpeg4", "mpeg2video"}  # in these no frame needs a non-reference one; in HEVC layers may
_LONGEST_S = 86_400
_MOST_STREAMS = 64  # of a file, that a limit is set for
BROWSER_FORMAT = {"movflags": "+faststart"}


class _Packets(NamedTuple):
    """What a file tells of its video without decoding."""

    codec: str
    announced_frames: int  # 0 where the header has no count
    announced_s: float
    rate: Fraction | None
    sample_aspect: float
    stamps: list[int | None]  # of presentation, in the order of decoding
    time_base: Fraction
    any_hidden: bool  # by an edit list


def probe(path: str | Path, force_2to1: bool = False, view: View = "whole") -> VideoInfo:
    """Look at every packet and the first frame of a video; decode it all where header or rate do not hold.

    Raises InputError for a file that is missing, unreadable, cut off, without pictures, or turned by other than right
    angles, and for a display aspect (after the sample aspect) that `panorama_aspect` refuses.
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
        raise _no_frames(path)
    turn = _turn(first, path)
    picture, aspect = _picture(first, path, turn), first.width * packets.sample_aspect / first.height
    aspect, notes = panorama_aspect(path, picture, 1 / aspect if turn[0] else aspect, view, force_2to1)
    if view == "whole" and any(_side_data(first, "STEREO3D")[:1]):
        notes.append("its header says stereo pictures, of which all is taken; one eye's half is a view")
    times = np.array([t for t in packets.stamps if t is not None]) * float(packets.time_base)
    lost_lead = bool((times < times[:1]).any())  # shown before the first key frame, without what they need
    if announced != n_frames or packets.any_hidden or lost_lead or not rate or _departure_s(times) > _RATE_TOLERANCE_S:
        times = _decoded_times(path)
        n_frames = len(times)
        if n_frames < 2:
            raise _no_frames(path)
        if not 0 < (lasts := times[-1] - times[0]) <= _LONGEST_S:
            raise _odd_length(path, n_frames, lasts)
        rate = Fraction((n_frames - 1) / lasts).limit_denominator(100_000)
        if announced == 0 and n_frames / rate < packets.announced_s - _LENGTH_TOLERANCE_S:
            length = f"{float(n_frames / rate):.2f} of the {packets.announced_s:.2f} s its header announces"
            raise _truncated(path, length)
        if n_frames != announced:
            notes.append(f"header says {announced} frames, decoding gives {n_frames}")
        if (departure := _departure_s(times)) > _RATE_TOLERANCE_S:
            notes.append(f"variable frame rate: time stamps depart by up to {departure:.2f} s from a constant rate")
    height, width = crop(picture, view).shape[:2]
    fps = float(rate)
    if n_frames / fps > _LONGEST_S:
        raise _odd_length(path, n_frames, n_frames / fps)
    return VideoInfo(fps, n_frames, width, height, round(aspect, 4), n_frames / fps, notes)


def panorama_aspect(
    where: object, picture: NDArray[np.uint8], aspect: float, view: View, force_2to1: bool
) -> tuple[float, list[str]]:
    """Display aspect of the panorama in `view` of a picture [H, W, C] of display aspect `aspect`, and what is assumed.

    Halves of stereo pictures are 2:1, or squeezed: then the whole picture is 2:1. Raises InputError for other aspects,
    unless `force_2to1`.
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
    note = f"stereo: the {view} half of {size} pictures is taken"
    return (2.0, [f"{note}, squeezed from 2:1 to {half:.0f}:1"]) if squeezed else (half, [note])


def crop(picture: NDArray[np.uint8], view: View) -> NDArray[np.uint8]:
    """The part of a picture [H, W, C] that a view names."""
    height, width = picture.shape[:2]
    rows = {"top": slice(height // 2), "bottom": slice(height // 2, None)}.get(view, slice(None))
    columns = {"left": slice(width // 2), "right": slice(width // 2, None)}.get(view, slice(None))
    return picture[rows, columns]


def pictures_at(
    path: str | Path, numbers: list[int], n_frames: int, view: View = "whole"
) -> Iterator[tuple[int, NDArray[np.uint8]]]:
    """The pictures of a video at 0-based `numbers` (increasing), with their numbers, in one sequential pass.

    Pictures are uint8 BGR [H, W, 3], turned as they are shown, of the matrix and range that each frame states (BT.601
    and limited where it states none, as OpenCV and FFmpeg have it); HDR is not tone-mapped.

    Where the packets' time stamps tell the numbers of all frames, packets that no wanted frame needs are dropped
    undecoded. Should a wanted frame then not come, all come again from a pass that drops nothing.

    Parameters: `n_frames` that decoding gives, see `probe`. Raises InputError when the video ends before.
    """
    turn = None

    def picture(frame: av.VideoFrame) -> NDArray[np.uint8]:
        nonlocal turn
        turn = turn or _turn(frame, path)  # once: PyAV keeps a frame whose side data were looked at until a collection
        return crop(_picture(frame, path, turn), view)

    stamps = _display_stamps(path)
    if len(stamps) == n_frames:
        came = 0
        for number, frame in zip(numbers, _decode_stamps(path, {stamps[n] for n in numbers}), strict=False):
            if frame.pts != stamps[number]:
                break
            yield number, picture(frame)
            came += 1
        if came == len(numbers):
            return
    wanted, decoded = set(numbers), 0
    for number, frame in enumerate(decode(path)):
        decoded += 1
        if number in wanted:
            yield number, picture(frame)
    if decoded < n_frames:
        raise InputError(path, f"{decoded} frames", f"{n_frames}, as its index says", "Download or copy it again.")


def open_video(path: str | Path) -> av.container.InputContainer:
    """A video file, opened so that FFmpeg refuses pictures over `MAX_PIXELS`."""
    limits: Any = [{"max_pixels": str(MAX_PIXELS)}] * _MOST_STREAMS  # PyAV's types want texts here
    return av.open(path, stream_options=limits)


def decode(path: str | Path) -> Iterator[av.VideoFrame]:
    """All frames of a video in order, in one sequential pass. Raises InputError where decoding fails."""
    try:
        with open_video(path) as container:
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
        self._container = av.open(path, "w", options=BROWSER_FORMAT)
        # half the time of superfast; of the demo, files of the same size and 43.6 dB in place of 44.1
        self._stream = self._container.add_stream("libx264", rate=fps, options={"preset": "ultrafast", "crf": str(crf)})
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


def _read_packets(path: str | Path) -> _Packets:
    try:
        with open_video(path) as container:
            stream = _video_stream(container, path)
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
    except FFmpegError as error:
        raise _unreadable(path, error) from error


def _display_stamps(path: str | Path) -> list[int]:
    """Time stamps of all packets in order of display, where they let a decoder drop some; else empty."""
    packets = _read_packets(path)
    stamps = [pts for pts in packets.stamps if pts is not None]
    shown = sorted(set(stamps))
    # Stamps in the order of decoding: there is nothing to drop, or, in AVI, they do not tell the order of display.
    return shown if packets.codec in _DROPPABLE and len(shown) == len(packets.stamps) and stamps != shown else []


def _decode_stamps(path: str | Path, wanted: set[int]) -> Iterator[av.VideoFrame]:
    """The frames of a video at the `wanted` time stamps, in order of display."""
    try:
        with open_video(path) as container:
            stream = _video_stream(container, path)
            for packet in container.demux(stream):
                stream.codec_context.skip_frame = "DEFAULT" if packet.pts in wanted or not packet.size else "NONREF"
                yield from (frame for frame in packet.decode() if frame.pts in wanted)
    except FFmpegError as error:
        raise _unreadable(path, error) from error


def _picture(frame: av.VideoFrame, path: str | Path, turn: tuple[bool, int, int]) -> NDArray[np.uint8]:
    """A frame as it is shown, uint8 BGR [H, W, 3]."""
    transposed, row_step, column_step = turn
    try:
        picture = frame.to_ndarray(format="bgr24", threads=1).astype(np.uint8, copy=False)
    except FFmpegError as error:
        raise _unreadable(path, error) from error
    return (picture.swapaxes(0, 1) if transposed else picture)[::row_step, ::column_step]


def _turn(frame: av.VideoFrame, path: str | Path) -> tuple[bool, int, int]:
    """Whether a frame is shown transposed, and then its steps along rows and columns (−1: mirrored)."""
    matrix = _side_data(frame, "DISPLAYMATRIX")
    if not matrix.any():
        return False, 1, 1
    matrix = matrix.reshape(3, 3)[:2, :2]
    signs = np.sign(np.trunc(100 * matrix / np.abs(matrix).max())).astype(int)  # what rounding left is 0
    (a, b), (c, d) = signs.tolist()  # x' = ax + cy, y' = bx + dy
    if np.count_nonzero(signs) != 2 or bool(a) != bool(d):
        found = f"pictures that are to be turned by {np.degrees(np.arctan2(*matrix[0, ::-1])):.0f}°"
        raise InputError(path, found, "0, 90, 180 or 270°", "Turn and encode them again.")
    return bool(b), b or d, a or c


def _is_2to1(aspect: float) -> bool:
    return abs(aspect / 2 - 1) <= _ASPECT_TOLERANCE


def _side_data(frame: av.VideoFrame, kind: str) -> NDArray[np.int32]:
    """Side data of a frame, a structure of 32-bit numbers; empty where it has none."""
    data = cast(Mapping[str, Buffer], frame.side_data)
    return np.frombuffer(bytes(data[kind]) if kind in data else b"", dtype=np.int32)


def _decoded_times(path: Path) -> NDArray[np.float64]:
    """Time stamps of all frames in s, by decoding."""
    times = []
    for frame in decode(path):
        if frame.pts is None or frame.time_base is None:
            raise InputError(path, "frames without time stamps", "a constant or variable frame rate", "Remux the file.")
        times.append(float(frame.pts * frame.time_base))
    return np.array(times)


def _departure_s(times: NDArray[np.float64]) -> float:
    """The largest distance of time stamps from a constant rate between the first and the last."""
    if len(times) == 0:
        return 0.0
    return float(np.abs(np.sort(times) - np.linspace(times.min(), times.max(), len(times))).max())


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


def _unreadable(path: str | Path, error: Exception) -> Exception:
    if isinstance(error, MemoryError):
        return error
    expected = f"a video that FFmpeg decodes, of at most {MAX_PIXELS:,} pixels"
    return InputError(path, f"no readable video ({error})", expected, "Replace the file.")


def _odd_length(path: str | Path, n_frames: int, seconds: float) -> InputError:
    found, expected = f"{n_frames} frames in {seconds:g} s", f"above 0 s, at most {_LONGEST_S} s"
    return InputError(path, found, expected, "Remux the file, or cut it.")


def _no_frames(path: str | Path) -> InputError:
    return InputError(path, "no frames", "a 360° video", "Replace the file.")
