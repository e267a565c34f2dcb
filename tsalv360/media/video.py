"""Pictures of video files by number, and H.264 that every browser plays; what a file holds is in `probe`."""

from collections.abc import Iterator
from fractions import Fraction
from pathlib import Path
from typing import Self

import av
import numpy as np
from numpy.typing import NDArray

from tsalv360.job.errors import InputError
from tsalv360.media.container import decode, displayed, open_video, opened, read_packets, rotation_of
from tsalv360.media.panorama import View, crop, panorama_aspect
from tsalv360.media.probe import probe, truncated
from tsalv360.media.spherical import filtered

__all__ = [
    "BROWSER_FORMAT",
    "VideoWriter",
    "View",
    "crop",
    "decode",
    "open_video",
    "panorama_aspect",
    "pictures_at",
    "probe",
    "read_pictures",
]

BROWSER_FORMAT = {"movflags": "+faststart"}
_BT601, _LIMITED = 6, 1  # as the conversion from RGB has them; large pictures without a name are taken for BT.709
_DROPPABLE = {"h264", "mpeg4", "mpeg2video"}  # no frame needs a non-reference one; in HEVC, layers may


def pictures_at(
    path: str | Path, numbers: list[int], n_pictures: int, view: View = "whole", conversion: str = ""
) -> Iterator[tuple[int, NDArray[np.uint8]]]:
    """Yield the decoded pictures of a video at 0-based `numbers` (increasing), with these, in one sequential pass.

    Pictures are uint8 BGR [H, W, 3], rotated for display, with colours by the matrix and range that each frame states
    (BT.601 and limited if it states none, as in OpenCV and FFmpeg); HDR is not tone-mapped. At a variable frame rate,
    `VideoInfo.pictures_of` gives the numbers of the pictures of frames.

    If the packets' time stamps determine the number of every frame, packets that no wanted frame needs are dropped
    undecoded. If a wanted frame is then missing, a pass that decodes all packets yields all pictures again.

    Parameters: `n_pictures` as counted by decoding, see `probe`; `conversion` as in its result. Raises InputError if
    the video ends before.
    """
    rotation: NDArray[np.int_] | None = None
    converted = filtered(conversion, path) if conversion else None

    def picture(frame: av.VideoFrame) -> NDArray[np.uint8]:
        nonlocal rotation
        # once: PyAV keeps every frame whose side data were read until the next garbage collection
        rotation = rotation_of(frame, path) if rotation is None else rotation
        panorama = crop(displayed(frame, path, rotation), view)
        return converted(panorama) if converted else panorama

    stamps = _display_stamps(path)
    if len(stamps) == n_pictures:
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
    if decoded < n_pictures:
        raise InputError(
            path, f"{decoded} frames", f"{n_pictures}, as in its index entry", "Download or copy it again."
        )


def read_pictures(path: str | Path, numbers: list[int]) -> NDArray[np.uint8]:
    """Return the pictures of a video at 0-based `numbers` (increasing), uint8 RGB [n, H, W, 3]."""
    wanted = set(numbers)
    found = [frame.to_ndarray(format="rgb24") for number, frame in enumerate(decode(path)) if number in wanted]
    if len(found) != len(wanted):
        raise truncated(path, f"{len(found)} of {len(wanted)} wanted pictures")
    return np.stack(found)


class VideoWriter:
    """Writes uint8 RGB pictures [H, W, 3] as H.264, yuv420p, faststart, at a constant rate; sides must be even.

    It uses one encoder thread: the same pictures give the same bytes on the same build. For a player that jumps,
    `key_every` is the number of pictures from one key frame to the next: B-frames, which start later than at 0, are
    then left out, and the matrix of the colours is named.
    """

    def __init__(
        self,
        path: str | Path,
        fps: int | Fraction,
        size: tuple[int, int],
        crf: int = 21,
        preset: str = "ultrafast",
        key_every: int | None = None,
    ) -> None:
        self._container = av.open(path, "w", options=BROWSER_FORMAT)
        # ultrafast takes half the time of superfast; demo videos are as large, at 43.6 instead of 44.1 dB
        options = {"preset": preset, "crf": str(crf)} | ({"bf": "0", "g": str(key_every)} if key_every else {})
        self._stream = self._container.add_stream("libx264", rate=fps, options=options)
        if key_every:
            self._stream.codec_context.colorspace, self._stream.codec_context.color_range = _BT601, _LIMITED
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


def _display_stamps(path: str | Path) -> list[int]:
    """Return the time stamps of all packets in order of display if a decoder may drop some; else an empty list."""
    packets = read_packets(path)
    stamps = [pts for pts in packets.stamps if pts is not None]
    shown = sorted(set(stamps))
    # Stamps in the order of decoding: there is nothing to drop, or (AVI) they do not give the order of display.
    # A clock that goes back does not give it either: recordings were joined.
    is_known = packets.is_in_order and len(shown) == len(packets.stamps) and stamps != shown
    return shown if packets.codec in _DROPPABLE and is_known else []


def _decode_stamps(path: str | Path, wanted: set[int]) -> Iterator[av.VideoFrame]:
    """Yield the frames of a video at the `wanted` time stamps, in order of display."""
    with opened(path) as (container, stream):
        for packet in container.demux(stream):
            stream.codec_context.skip_frame = "DEFAULT" if packet.pts in wanted or not packet.size else "NONREF"
            yield from (frame for frame in packet.decode() if frame.pts in wanted)
