"""Our events held against published camera paths, those of 360-VSumm.

A published path is where a viewport pointed, frame by frame, during an event that others found in saliency maps:
something to compare with, not the truth. A file has lines `(x, y) f`: pixels of a 1920×960 panorama, origin at the top
left, x past the right edge wrapped, f the native frame from 0. It holds one event after another; where f does not go
up by 1, the next one starts.
"""

import re
from collections.abc import Sequence
from dataclasses import dataclass
from io import BytesIO
from pathlib import Path

import numpy as np
import pandas as pd
from matplotlib.figure import Figure
from numpy.typing import NDArray

from tsalv360.contracts.grid import segments_of
from tsalv360.job.errors import InputError
from tsalv360.sphere.directions import Array, interpolate, to_angles, to_vectors, wrap_yaw

NEAR_DEG = 15.0  # up to which an event and a published centre are at the same place
N_TURNS = 72  # of our events about the vertical, for what chance gives

_LINE = re.compile(r"\((\d{1,9}), (\d{1,9})\) (\d{1,9})")
_WIDTH, _HEIGHT = 1920, 960  # pixels
_COLOURS, _INK, _GRID = ("#0072b2", "#e69f00", "#009e73", "#cc79a7", "#56b4e9", "#d55e00"), "#1d2733", "#dfe4ea"
_INCHES, _DPI = (11.0, 4.6), 110


@dataclass(frozen=True)
class CameraPath:
    """One published event: native frames [n], each one more than the last, and the direction in each, in degrees."""

    frame: NDArray[np.int64]
    yaw_deg: Array
    pitch_deg: Array


@dataclass(frozen=True)
class Agreement:
    """How well our events and the published ones agree. Shares are 0 to 1, NaN where there is nothing to count.

    `published_met` is the share of published centres within 15° of one of our events at that frame, `ours_met` the
    share of our directions within 15° of a published centre, in the frames that have one. `…_by_chance` are the means
    of these over 72 turns of our events about the vertical: more events raise them too. `…_alive` are the mean numbers
    of events at once in the frames that have a published centre, `ours_alive_overall` that in all frames of the video.
    """

    published_met: float
    published_by_chance: float
    ours_met: float
    ours_by_chance: float
    published_alive: float
    ours_alive: float
    ours_alive_overall: float


def read_camera_path(path: str | Path) -> list[CameraPath]:
    """The published events of a file, in its order. Raises InputError naming the line."""
    rows = []
    for number, line in enumerate(Path(path).read_text(encoding="ascii", errors="replace").splitlines(), start=1):
        match = _LINE.fullmatch(line)
        if not match or int(match[1]) >= 2 * _WIDTH or int(match[2]) >= _HEIGHT:
            expected = f"(<x>, <y>) <frame>, whole pixels of a {_WIDTH}×{_HEIGHT} panorama"
            raise InputError(f"{path}, line {number}", f"'{line[:80]}'", expected, "Correct or remove the line.")
        rows.append([int(text) for text in match.groups()])
    if not rows:
        raise InputError(path, "an empty file", "lines (<x>, <y>) <frame>", "Copy it again, or remove it.")
    x, y, frame = np.array(rows).T
    yaw, pitch = wrap_yaw((x + 0.5) / _WIDTH * 360 - 180), 90 - (y + 0.5) / _HEIGHT * 180
    starts = np.flatnonzero(np.diff(frame) != 1) + 1
    parts = zip(*(np.split(column, starts) for column in (frame, yaw, pitch)), strict=True)
    return [CameraPath(*part) for part in parts]


def compare(tracks: pd.DataFrame, paths: Sequence[CameraPath], fps: float, n_frames: int) -> Agreement:
    """Hold the events of a video against its published camera paths.

    Parameters: the tracks table of the video, its published paths, its native frame rate and number of frames.
    """
    ours, published = _on_frames(tracks, paths, fps, n_frames)
    yaw, pitch = to_angles(ours)
    shares = [_shares(to_vectors(yaw + turn, pitch), published) for turn in np.arange(N_TURNS) * 360 / N_TURNS]
    (published_met, ours_met), chance = shares[0], np.mean(shares, axis=0)
    n_ours, n_published = (np.isfinite(directions[..., 0]).sum(axis=0) for directions in (ours, published))
    told = n_published > 0
    return Agreement(
        published_met=published_met,
        published_by_chance=float(chance[0]),
        ours_met=ours_met,
        ours_by_chance=float(chance[1]),
        published_alive=float(n_published[told].mean()),
        ours_alive=float(n_ours[told].mean()),
        ours_alive_overall=float(n_ours.sum() / n_frames),
    )


def draw(
    video_id: str, tracks: pd.DataFrame, paths: Sequence[CameraPath], fps: float, n_frames: int
) -> NDArray[np.uint8]:
    """A picture, uint8 RGB [H, W, 3], of yaw and pitch over time: our events in colour, published ones as dark lines.

    The band about one of our events is the 15° within which a published centre meets it, in yaw that at the horizon.
    """
    ours, published = _on_frames(tracks, paths, fps, n_frames)
    time_s = np.arange(n_frames) / fps
    figure = Figure(_INCHES, _DPI, layout="constrained")
    for axes, angle in zip(figure.subplots(2, sharex=True, height_ratios=(2, 1)), (0, 1), strict=True):
        for k, (name, directions) in enumerate(zip(tracks.event_id.unique(), ours, strict=True)):
            path, colour = _broken(to_angles(directions)[angle]), _COLOURS[k % len(_COLOURS)]
            for turn in (-360, 0, 360):  # a band reaches over the seam
                low, high = path + turn - NEAR_DEG, path + turn + NEAR_DEG
                axes.fill_between(time_s, low, high, color=colour, alpha=0.25, linewidth=0)
            axes.plot(time_s, path, color=colour, linewidth=2)
            first = np.flatnonzero(np.isfinite(path))[0]
            number = name.rpartition("_")[2]
            axes.text(time_s[first], path[first], f"{number} ", color=colour, weight="bold", ha="right", va="center")
        for directions in published:
            axes.plot(time_s, _broken(to_angles(directions)[angle]), color=_INK, linewidth=1)
        what, limit = ("yaw", 180) if angle == 0 else ("pitch", 90)
        axes.set(ylabel=f"{what} in degrees", ylim=(-limit, limit), yticks=range(-limit, limit + 1, 45))
        axes.grid(color=_GRID)
        axes.spines[:].set_visible(False)
    axes.set(xlabel=f"{video_id}: time in seconds", xlim=(0, time_s[-1]))
    pixels = BytesIO()
    figure.savefig(pixels, format="rgba")
    return np.frombuffer(pixels.getvalue(), np.uint8).reshape(-1, round(_INCHES[0] * _DPI), 4)[..., :3]


def _on_frames(tracks: pd.DataFrame, paths: Sequence[CameraPath], fps: float, n_frames: int) -> tuple[Array, Array]:
    """Our and the published events as unit vectors [event, native frame, 3], NaN where they do not exist.

    Between kept frames our events lie on the path that joins them; gaps between stretches stay gaps.
    """
    ours = np.full((tracks.event_id.nunique(), n_frames, 3), np.nan)
    published = np.full((len(paths), n_frames, 3), np.nan)
    for directions, (_, rows) in zip(ours, tracks.groupby("event_id", sort=False), strict=True):
        for start, end in segments_of(rows.time_s.to_numpy(), fps):
            part = rows[rows.time_s.between(start, end)]
            at = np.arange(part.frame.iloc[0], part.frame.iloc[-1] + 1)
            directions[at] = interpolate(part.frame, to_vectors(part.yaw_deg, part.pitch_deg), at)
    for directions, path in zip(published, paths, strict=True):
        directions[path.frame] = to_vectors(path.yaw_deg, path.pitch_deg)
    return ours, published


def _shares(ours: Array, published: Array) -> tuple[float, float]:
    """Shares of the published directions near one of ours, and of ours near a published one where there is one."""
    near = np.einsum("ofc,pfc->opf", ours, published) >= np.cos(np.radians(NEAR_DEG))  # NaN is near to nothing
    is_ours, is_published = (np.isfinite(directions[..., 0]) for directions in (ours, published))
    is_ours &= is_published.any(axis=0)
    return _share(near.any(axis=0), is_published), _share(near.any(axis=1), is_ours)


def _share(part: NDArray[np.bool_], whole: NDArray[np.bool_]) -> float:
    return float(part.sum() / whole.sum()) if whole.any() else float("nan")


def _broken(path: Array) -> Array:
    """A path with a gap wherever it crosses the seam."""
    return np.where(np.abs(np.diff(path, append=path[-1])) > 180, np.nan, path)
