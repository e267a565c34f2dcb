"""Opening video files: the stream with the panorama, its packets, and its pictures in order of display."""

from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from fractions import Fraction
from pathlib import Path
from typing import Any, NamedTuple, cast

import av
import numpy as np
from av.buffer import Buffer
from av.error import FFmpegError
from av.stream import Disposition
from numpy.typing import NDArray

from tsalv360 import MAX_PIXELS
from tsalv360.job.errors import InputError
from tsalv360.media.panorama import is_2to1

_MAX_STREAMS = 64  # streams of a file that the pixel limit is set for
_ANNOUNCING = {"matroska", "webm", "mov", "flv", "asf"}  # formats whose header states a length; others are measured


class Packets(NamedTuple):
    """What a file says about its pictures without decoding them."""

    format: str
    codec: str
    announced_frames: int  # 0 if the header has no count
    announced_end_s: float  # 0 if the header has none; the start may or may not be taken off
    end_s: float  # of the last packet of any stream
    start_s: float  # of the file
    is_delayed: bool  # in MP4, by an edit list: without one, pictures only wait for their reordering
    rates: tuple[Fraction | None, ...]  # that the header states, the most trusted first
    sample_aspect: float
    stamps: list[int | None]  # presentation time stamps in the order of decoding
    durations: list[int]
    is_in_order: bool  # whether decoding follows the clock: no recording was appended
    time_base: Fraction
    any_hidden: bool  # by an edit list
    notes: list[str]  # on the choice of the stream


def open_video(path: str | Path) -> av.container.InputContainer:
    """Open a video file so that FFmpeg refuses pictures over `MAX_PIXELS`."""
    limit = {"max_pixels": str(MAX_PIXELS)}
    limits: Any = [limit] * _MAX_STREAMS  # PyAV's types want other values here
    try:
        return av.open(path, stream_options=limits)
    except ValueError as error:
        if isinstance(error, FFmpegError):
            raise
    container = av.open(path)  # FLV and MPEG-PS show their streams only after a look at their packets
    for stream in container.streams.video:
        if (context := stream.codec_context) is None:
            continue
        if context.width * context.height > MAX_PIXELS:
            container.close()
            found, expected = f"pictures of {context.width}×{context.height}", f"at most {MAX_PIXELS:,} pixels"
            raise InputError(path, found, expected, "Make them smaller.")
        context.options = limit
    return container


@contextmanager
def opened(path: str | Path) -> Iterator[tuple[av.container.InputContainer, av.VideoStream]]:
    """Open a video and its stream with the panorama for decoding in one thread."""
    with readable(path), open_video(path) as container:
        stream, _ = _panorama_stream(path, container)
        stream.codec_context.thread_count = 1  # jobs run in parallel, which scales better than threads
        yield container, stream


def decode(path: str | Path) -> Iterator[av.VideoFrame]:
    """Yield all pictures of a video in order of display. Raises InputError where decoding fails."""
    with opened(path) as (container, stream):
        yield from container.decode(stream)


def key_pictures(path: str | Path, shares: Sequence[float]) -> Iterator[av.VideoFrame]:
    """Yield the pictures at the key frames nearest before these shares of the length, as far as these can be found."""
    for share in shares:
        try:
            with opened(path) as (container, stream):
                container.seek(int((container.start_time or 0) + share * (container.duration or 0)))
                stream.codec_context.skip_frame = "NONKEY"
                yield from (frame for frame, _ in zip(container.decode(stream), range(1), strict=False))
        except InputError:  # not every file can be searched
            continue


@contextmanager
def readable(path: str | Path) -> Iterator[None]:
    """Turn FFmpeg's errors into InputError."""
    try:
        yield
    except MemoryError:
        raise
    except FFmpegError as error:
        expected = f"a video that FFmpeg decodes, of at most {MAX_PIXELS:,} pixels"
        raise InputError(path, f"no readable video ({error})", expected, "Replace the file.") from error


def read_packets(path: str | Path) -> Packets:
    """Return what a file says about its pictures, from its header and all packets."""
    with opened(path) as (container, stream):
        _, notes = _panorama_stream(path, container)
        own, end_s = [], 0.0
        for packet in container.demux():
            if packet.size and packet.pts is not None and packet.time_base:
                end_s = max(end_s, float((packet.pts + (packet.duration or 0)) * packet.time_base))
            if packet.size and packet.stream_index == stream.index:
                own.append((packet.pts, packet.dts, packet.duration or 0, packet.is_discard))
        announces = not _ANNOUNCING.isdisjoint(container.format.name.split(","))
        is_mp4 = "mov" in container.format.name
        decoding = [dts for _, dts, _, _ in own if dts is not None]
        return Packets(
            container.format.name,
            stream.codec_context.name,
            stream.frames,
            (container.duration or 0) / av.time_base if announces else 0.0,
            end_s,
            0.0 if is_mp4 else (container.start_time or 0) / av.time_base,
            not is_mp4 or decoding[:1] != [0],
            (stream.average_rate, stream.guessed_rate, stream.base_rate),
            float(stream.sample_aspect_ratio or 1),
            [pts for pts, _, _, _ in own],
            [duration for _, _, duration, _ in own],
            decoding == sorted(decoding),
            stream.time_base or Fraction(1),
            any(hidden for _, _, _, hidden in own),
            notes,
        )


def side_data(frame: av.VideoFrame, kind: str) -> NDArray[np.int32]:
    """Return side data of a frame, a structure of 32-bit numbers; empty if it has none."""
    data = cast(Mapping[str, Buffer], frame.side_data)
    return np.frombuffer(bytes(data[kind]) if kind in data else b"", dtype=np.int32)


def rotation_of(frame: av.VideoFrame, path: str | Path) -> NDArray[np.int_]:
    """Return the matrix [[a, b], [c, d]] of a frame's rotation for display: x' = ax + cy, y' = bx + dy."""
    matrix = side_data(frame, "DISPLAYMATRIX")
    if not matrix.any():
        return np.eye(2, dtype=int)
    matrix = matrix.reshape(3, 3)[:2, :2]
    signs = np.sign(np.trunc(100 * matrix / np.abs(matrix).max())).astype(int)  # rounding errors become 0
    if np.count_nonzero(signs) != 2 or bool(signs[0, 0]) != bool(signs[1, 1]):
        found = f"pictures rotated by {np.degrees(np.arctan2(*matrix[0, ::-1])):.0f}°"
        raise InputError(path, found, "0, 90, 180 or 270°", "Rotate and encode them again.")
    return signs


def displayed(frame: av.VideoFrame, path: str | Path, rotation: NDArray[np.int_]) -> NDArray[np.uint8]:
    """Return a frame as it is displayed, uint8 BGR [H, W, 3]; `rotation` as from `rotation_of`."""
    with readable(path):
        picture = frame.to_ndarray(format="bgr24", threads=1).astype(np.uint8, copy=False)
    (a, b), (c, d) = rotation.tolist()
    return (picture.swapaxes(0, 1) if b else picture)[:: b or d, :: a or c]


def _panorama_stream(path: str | Path, container: av.container.InputContainer) -> tuple[av.VideoStream, list[str]]:
    """Return the video stream with the panorama, and a note if there are others: 2:1 first, then the default one.

    Covers are ignored. Raises InputError if there is none, and for two streams of the same size that are not 2:1.
    """
    streams = [stream for stream in container.streams.video if not stream.disposition & Disposition.attached_pic]
    if not streams:
        raise InputError(path, "no video stream", "a 360° video", "Replace the file.")
    decodable = [stream for stream in streams if stream.codec_context is not None]
    if not decodable:
        raise InputError(path, "a video codec that FFmpeg does not know", "another codec", "Encode it again.")
    chosen = max(decodable, key=_rank)
    if len(streams) == 1:
        return chosen, []
    others = [stream for stream in decodable if stream is not chosen]
    if not _rank(chosen)[0] and any((o.width, o.height) == (chosen.width, chosen.height) for o in others):
        raise InputError(
            path,
            f"{len(streams)} video streams, two of them of {chosen.width}×{chosen.height}",
            "one panorama; these are probably the two lenses of a camera (GoPro .360, Insta360 .insv)",
            "Export an equirectangular video with the camera's program.",
        )
    rest = ", ".join(f"{stream.width}×{stream.height}" for stream in others) or "none that FFmpeg decodes"
    note = (
        f"{len(streams)} video streams: {chosen.width}×{chosen.height} is taken (stream {chosen.index}); others: {rest}"
    )
    return chosen, [note]


def _rank(stream: av.VideoStream) -> tuple[bool, bool, int]:
    """Return how likely a stream is the panorama, to compare with others."""
    aspect = stream.width * float(stream.sample_aspect_ratio or 1) / (stream.height or 1)
    return is_2to1(aspect), bool(stream.disposition & Disposition.default), stream.width * stream.height
