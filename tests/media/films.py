"""Small videos of all containers, whose picture n shows the number n, with time stamps and sound as tests want them."""

from fractions import Fraction
from pathlib import Path

import av
import numpy as np
from numpy.typing import NDArray

BITS, SIZE = 8, (96, 192)
_SOUND_RATE = 48_000
_ENCODERS = {"libx264": {"preset": "superfast", "crf": "15", "sc_threshold": "0"}}


def numbered(number: int) -> NDArray[np.uint8]:
    """A picture that shows its number as 8 black and white stripes, on gray."""
    picture = np.full((*SIZE, 3), 90, np.uint8)
    stripes = [255 * (number >> bit & 1) for bit in range(BITS)]
    picture[SIZE[0] // 4 : SIZE[0] // 2] = np.repeat(stripes, SIZE[1] // BITS)[None, :, None]
    return picture


def number_of(picture: NDArray[np.uint8]) -> int:
    row = picture[3 * SIZE[0] // 8]
    return sum(1 << bit for bit in range(BITS) if row[int((bit + 0.5) * SIZE[1] / BITS)].mean() > 128)


def film(
    path: Path,
    n: int = 40,
    rate: Fraction | int = 30,
    codec: str = "libx264",
    stamps: list[int] | None = None,
    unit: Fraction = Fraction(1, 1000),
    b_frames: int = 2,
    sound: str | None = None,
    sound_s: float = 1.0,
    late_s: float = 0.0,
    options: dict[str, str] | None = None,
) -> Path:
    """Write a video; `stamps` are in units of `unit` s, and pictures begin `late_s` after the sound."""
    rate = Fraction(rate)
    with av.open(path, "w", options=options or {}) as container:
        stream = container.add_stream(codec, rate=rate, options=_ENCODERS.get(codec, {}))
        stream.height, stream.width, stream.pix_fmt = *SIZE, "yuv420p"
        stream.codec_context.thread_count, stream.codec_context.gop_size = 1, 12
        if codec in ("libx264", "mpeg2video"):
            stream.codec_context.max_b_frames = b_frames
        if stamps:
            stream.codec_context.time_base = stream.time_base = unit
        track = container.add_stream(sound, rate=_SOUND_RATE) if sound else None
        packets = []
        for number in range(len(stamps) if stamps else n):
            frame = av.VideoFrame.from_ndarray(numbered(number), format="rgb24")
            frame.pts, frame.time_base = (stamps[number], unit) if stamps else (number + round(late_s * rate), 1 / rate)
            packets += stream.encode(frame)
        packets += stream.encode(None)
        if track:
            context = track.codec_context
            kind, step = context.format.name, context.frame_size or 1024
            for start in range(0, round(sound_s * _SOUND_RATE), step):
                shape = (2, step) if context.format.is_planar else (1, 2 * step)
                silence = np.zeros(shape, {"fltp": "f4", "flt": "f4", "s16": "i2", "s16p": "i2"}[kind])
                piece = av.AudioFrame.from_ndarray(silence, format=kind, layout="stereo")
                piece.rate, piece.pts, piece.time_base = _SOUND_RATE, start, Fraction(1, _SOUND_RATE)
                packets += track.encode(piece)
            packets += track.encode(None)
        for packet in sorted((one for one in packets if one.dts is not None), key=lambda one: one.dts * one.time_base):
            container.mux(packet)
    return path
