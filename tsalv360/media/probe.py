"""What a video file holds: rate and number of frames, size of the panorama, and what is remarkable about it."""

from pathlib import Path
from typing import NamedTuple

import av
import numpy as np
from numpy.typing import NDArray

from tsalv360.contracts.entries import VideoInfo
from tsalv360.job.errors import InputError
from tsalv360.media.container import Packets, decode, displayed, key_pictures, read_packets, rotation_of, side_data
from tsalv360.media.panorama import Pose, Projection, View, crop, doubts, is_2to1, panorama_aspect
from tsalv360.media.spherical import check_pose, filtered, panorama_filter, read_sphere
from tsalv360.media.timing import JITTER_S, Timing, deviation_s, is_rate_of, time_pictures, without_returns
from tsalv360.sphere.directions import Array

_LENGTH_TOLERANCE_S = 1.0  # of the end that a header announces
_LONGEST_S = 86_400
_CLOCK_WRAP = {"mpegts": 2**33, "mpeg": 2**33}  # ISO/IEC 13818-1: time stamps have 33 bits
_LOOKS = (0.25, 0.5, 0.75)  # at the pictures, in shares of the length


def probe(
    path: str | Path,
    force_2to1: bool = False,
    view: View = "whole",
    projection: Projection | None = None,
    pose: Pose = "refuse",
) -> VideoInfo:
    """Return what a video holds, from its packets and a few pictures; decode it all if header and packets disagree.

    Raises InputError for a file that is missing, unreadable, truncated, without pictures, rotated by an angle that is
    not a right one, of a projection that cannot be converted, or, unless it is ignored, with a pose in its header; and
    for a display aspect that `panorama_aspect` refuses.

    Parameters: `projection` is used instead of that in the header; without either it is equirectangular.
    """
    path = Path(path)
    if not path.is_file():
        raise InputError(path, "no such file", "a 360° video", "Correct the path.")
    _refuse_truncated_mp4(path)
    packets = read_packets(path)
    if len(packets.stamps) < packets.announced_frames and not _has_held_pictures(packets):
        counted = f"{len(packets.stamps)} of the {packets.announced_frames} frames its header announces"
        raise truncated(path, counted)
    first = next(decode(path), None)
    if first is None:
        raise InputError(path, "no frames", "a 360° video", "Replace the file.")
    shape = _look(path, first, packets, force_2to1, view, projection, pose)
    timing = _timing(path, packets)
    fps, (height, width) = float(timing.fps), shape.picture.shape[:2]
    return VideoInfo(
        fps,
        timing.n_frames,
        width,
        height,
        round(shape.aspect, 4),
        timing.n_frames / fps,
        [*packets.notes, *shape.notes, *timing.notes],
        picture_times_s=timing.picture_times_s,
        conversion=shape.conversion,
    )


def truncated(path: str | Path, found: str) -> InputError:
    """Return the error of a video of which a part is missing."""
    return InputError(path, f"a truncated video ({found})", "the whole file", "Download or copy it again.")


class _Shape(NamedTuple):
    """A picture as the panorama that it becomes, the display aspect of that, the filter that makes it, and notes."""

    picture: NDArray[np.uint8]
    aspect: float
    conversion: str
    notes: list[str]


def _look(
    path: Path,
    first: av.VideoFrame,
    packets: Packets,
    force_2to1: bool,
    view: View,
    projection: Projection | None,
    pose: Pose,
) -> _Shape:
    """Return how the first picture of a video becomes a panorama; parameters and errors as `probe`."""
    rotation = rotation_of(first, path)
    whole, aspect = displayed(first, path, rotation), first.width * packets.sample_aspect / first.height
    aspect = 1 / aspect if rotation[0, 1] else aspect
    picture, sphere = crop(whole, view), read_sphere(path, first)
    size = picture.shape[1], picture.shape[0]
    conversion, notes = panorama_filter(path, sphere, projection, size)
    notes += check_pose(path, sphere, pose)
    if conversion:
        picture = filtered(conversion, path)(picture)
        if conversion.startswith("v360"):
            return _Shape(picture, 2.0, conversion, notes)
        aspect *= picture.shape[1] / size[0] * size[1] / picture.shape[0]  # of a part of the sphere, filled up
    aspect, of_aspect = panorama_aspect(path, whole, aspect, view, force_2to1)
    notes += of_aspect
    if view == "whole" and any(side_data(first, "STEREO3D")[:1]):
        notes.append("its header says stereo pictures, but the whole picture is used; view would select one eye's half")
    if view == "whole" and is_2to1(aspect) and not conversion:
        others = [displayed(frame, path, rotation) for frame in key_pictures(path, _LOOKS)]
        notes += doubts([whole, *others])
    return _Shape(picture, aspect, conversion, notes)


def _timing(path: Path, packets: Packets) -> Timing:
    """Return when the pictures of a video are on screen, by decoding it where packets do not tell."""
    announced, rate = packets.announced_frames, packets.rates[0]
    stamps = np.array([stamp for stamp in packets.stamps if stamp is not None], dtype=np.int64)
    lost_lead = bool((stamps < stamps[:1]).any())  # pictures before the first key frame that need an earlier one
    notes: list[str] = []
    if announced == len(packets.stamps) and not packets.any_hidden and not lost_lead and rate:
        last = packets.durations[int(stamps.argmax())] if len(stamps) == announced else 0
        stamps = np.sort(stamps)
        times: Array = stamps * np.float64(packets.time_base)
        if len(stamps) < announced or (deviation_s(times) <= JITTER_S and is_rate_of(times, rate)):
            timing = Timing(rate, announced, [], [])  # AVI has no time stamps of presentation
            _check_length(announced, announced / float(rate), path)
            return timing._replace(notes=_late_start(stamps, timing, packets))
    else:
        stamps, last, notes = _decoded_stamps(path, packets)
    _check_length(len(stamps), float((stamps[-1] - stamps[0]) * packets.time_base), path)
    timing = time_pictures(stamps, last, packets.time_base, packets.rates)
    length_s = timing.n_frames / float(timing.fps)
    _check_length(len(stamps), length_s, path)
    if announced == 0 and packets.end_s < packets.announced_end_s - _LENGTH_TOLERANCE_S:
        length = f"{packets.end_s:.2f} of the {packets.announced_end_s:.2f} s its header announces"
        raise truncated(path, length)
    if len(stamps) != announced:
        notes.append(f"header says {announced} frames, decoding gives {len(stamps)}")
    return timing._replace(notes=[*notes, *timing.notes, *_late_start(stamps, timing, packets)])


def _decoded_stamps(path: Path, packets: Packets) -> tuple[NDArray[np.int64], int, list[str]]:
    """Return time stamps of all pictures by decoding, the duration of the last one, and notes."""
    stamps: list[int | None] = []
    last = 0
    for frame in decode(path):
        stamps.append(frame.pts)
        last = frame.duration or 0
    if all(stamp is None for stamp in stamps):
        raise InputError(path, "frames without time stamps", "a constant or variable frame rate", "Remux the file.")
    wrap = _CLOCK_WRAP.get(packets.format)
    increasing, is_sorted, notes = without_returns(stamps, packets.time_base, wrap)
    if is_sorted and deviation_s(increasing * np.float64(packets.time_base)) > JITTER_S:
        found = "a variable frame rate, with time stamps that do not belong to certain pictures (AVI with B-frames)"
        raise InputError(path, found, "a container with times of presentation", "Encode it again, as MP4 or MKV.")
    return increasing, last, notes


def _has_held_pictures(packets: Packets) -> bool:
    """Return whether the header of an AVI counts empty packets, for which the last picture stays on screen."""
    if packets.format != "avi" or not (rate := packets.rates[0]):
        return False
    last = max((stamp for stamp in packets.stamps if stamp is not None), default=0)
    return float(packets.announced_frames / rate - last * packets.time_base) < _LENGTH_TOLERANCE_S


def _check_length(n_pictures: int, seconds: float, path: Path) -> None:
    if not 0 < seconds <= _LONGEST_S:
        found, expected = f"{n_pictures} frame(s) in {seconds:g} s", f"more than 0 s, at most {_LONGEST_S} s"
        raise InputError(path, found, expected, "Remux the file, or cut it.")


def _late_start(stamps: NDArray[np.int64], timing: Timing, packets: Packets) -> list[str]:
    """Return a note if pictures begin after the file does, at which a player's clock begins."""
    late_s = float(stamps[0] * packets.time_base) - packets.start_s if len(stamps) else 0.0
    if not packets.is_delayed or not packets.is_in_order or late_s <= max(JITTER_S, 1.01 / float(timing.fps)):
        return []
    zero = f"gaze timed by a player's clock needs table.time_zero: {round(late_s, 3):g} (s)"
    return [f"pictures begin {late_s:.2f} s after the file's start: {zero}"]


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
                raise truncated(path, f"{size} bytes, but its '{name}' box ends at byte {offset + length}")
            offset += length
    if kind == b"moof":
        raise truncated(path, "its last fragment has a header but no data")
