"""The events compared with known events, where the source provides these, and with published camera paths.

A published path (360-VSumm) gives the direction of a viewport, frame by frame, during an event that its authors found
in saliency maps: a comparison, not ground truth. A file has lines `(x, y) f`: pixels of a 1920×960 panorama, origin at
the top left, x past the right edge wrapped, f the native frame from 0. Events follow each other; the next one starts
where f does not increase by 1.
"""

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from io import BytesIO
from pathlib import Path
from typing import NamedTuple

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from tsalv360.contracts.grid import segments_of
from tsalv360.job.errors import InputError
from tsalv360.metrics.events import Match, Score, Track, closest, match_events, score
from tsalv360.sphere.directions import Array, interpolate, to_angles, to_vectors, wrap_yaw

NEAR_DEG = 15.0  # up to which an event and a published centre are at the same place
N_ROLLS = 72  # yaw rotations of our events, for the agreement by chance

_LINE = re.compile(r"\((\d{1,9}), (\d{1,9})\) (\d{1,9})")
_WIDTH, _HEIGHT = 1920, 960  # pixels
_COLOURS, _INK, _GRID = ("#0072b2", "#e69f00", "#009e73", "#cc79a7", "#56b4e9", "#d55e00"), "#1d2733", "#dfe4ea"
_INCHES, _DPI = (11.0, 4.6), 110


class NamedTrack(NamedTuple):
    """A known or a found event: its name, start and end in seconds, and track."""

    name: str
    start_s: float
    end_s: float
    track: Track


class Compared(NamedTuple):
    """A known event compared with the found ones, or a found event with the known ones.

    `other` names the event that it matches, else the one within 10° with the largest overlap in time, if any.
    """

    event: NamedTrack
    is_matched: bool
    other: str | None
    match: Match | None


class Accuracy(NamedTuple):
    """How well the events of one video were found: its score, all known events, and all found events by id."""

    video: str
    score: Score
    known: list[Compared]
    found: dict[str, Compared]


def accuracy_of(video: str, known: Sequence[NamedTrack], events: pd.DataFrame, tracks: pd.DataFrame) -> Accuracy:
    """Return the accuracy of one video, from its known events and its tables of found events."""
    rows = dict(list(tracks.groupby("event_id")))
    of_events = {name: Track.of(rows[name]) for name in events.event_id}
    found = [NamedTrack(name, track.time_s[0], track.time_s[-1], track) for name, track in of_events.items()]
    matches = match_events([event.track for event in known], [event.track for event in found])
    of_known = _compare(known, found, {match.true: (match.found, match) for match in matches})
    of_found = _compare(found, known, {match.found: (match.true, match) for match in matches})
    by_id = {one.event.name: one for one in of_found}
    return Accuracy(video, score(matches, len(known), len(found)), of_known, by_id)


def overall(accuracies: Sequence[Accuracy]) -> Score:
    """Return the score of all videos together: every event counts the same."""
    known = [event for one in accuracies for event in one.known]
    matches = [event.match for event in known if event.is_matched and event.match]
    return score(matches, len(known), sum(len(one.found) for one in accuracies))


def _compare(
    events: Sequence[NamedTrack], others: Sequence[NamedTrack], matched: Mapping[int, tuple[int, Match]]
) -> list[Compared]:
    """Return each event beside its match, which `matched` has by position, or else beside the nearest event."""
    compared = []
    for k, event in enumerate(events):
        position, match = matched.get(k, (None, None))
        if match is None and (match := closest([one.track for one in events], [one.track for one in others], k)):
            position = match.found
        compared.append(Compared(event, k in matched, None if position is None else others[position].name, match))
    return compared


@dataclass(frozen=True)
class CameraPath:
    """One published event: consecutive native frames [n], and the direction in each, in degrees."""

    frame: NDArray[np.int64]
    yaw_deg: Array
    pitch_deg: Array


@dataclass(frozen=True)
class Agreement:
    """How well our events and the published ones agree. Shares are 0 to 1, NaN where there is nothing to count.

    `published_met` is the share of published centres within 15° of one of our events at that frame, `ours_met` the
    share of our directions within 15° of a published centre, in the frames that have one. `…_by_chance` are the means
    of these over 72 yaw rotations of our events: more events raise them too. `…_at_once` are the mean numbers of
    simultaneous events in the frames that have a published centre, `ours_at_once_overall` that in all frames.
    """

    published_met: float
    published_by_chance: float
    ours_met: float
    ours_by_chance: float
    published_at_once: float
    ours_at_once: float
    ours_at_once_overall: float


def read_camera_path(path: str | Path) -> list[CameraPath]:
    """Return the published events of a file, in its order. InputError names the line that cannot be read."""
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


def agreement_of(tracks: pd.DataFrame, paths: Sequence[CameraPath], fps: float, n_frames: int) -> Agreement:
    """Return how well the events of a video agree with its published camera paths.

    Parameters: the tracks table of the video, its published paths, its native frame rate and number of frames.
    """
    ours, published = _on_frames(tracks, paths, fps, n_frames)
    yaw, pitch = to_angles(ours)
    met = [_shares_met(to_vectors(yaw + roll, pitch), published) for roll in np.arange(N_ROLLS) * 360 / N_ROLLS]
    (published_met, ours_met), chance = met[0], np.mean(met, axis=0)
    n_ours, n_published = (np.isfinite(directions[..., 0]).sum(axis=0) for directions in (ours, published))
    return Agreement(
        published_met=published_met,
        published_by_chance=float(chance[0]),
        ours_met=ours_met,
        ours_by_chance=float(chance[1]),
        published_at_once=float(n_published[n_published > 0].mean()),
        ours_at_once=float(n_ours[n_published > 0].mean()),
        ours_at_once_overall=float(n_ours.sum() / n_frames),
    )


def draw(
    video_id: str, tracks: pd.DataFrame, paths: Sequence[CameraPath], fps: float, n_frames: int
) -> NDArray[np.uint8]:
    """Return a picture, RGB [H, W, 3], of yaw and pitch over time: our events in colour, published ones as dark lines.

    The band around our event is the 15° within which a published centre meets it, for yaw that at the horizon.
    """
    ours, published = _on_frames(tracks, paths, fps, n_frames)
    time_s = np.arange(n_frames) / fps
    from matplotlib.figure import Figure  # slow to import, and the configuration needs this module's settings alone

    figure = Figure(_INCHES, _DPI, layout="constrained")
    for axes, angle in zip(figure.subplots(2, sharex=True, height_ratios=(2, 1)), (0, 1), strict=True):
        for k, (name, directions) in enumerate(zip(tracks.event_id.unique(), ours, strict=True)):
            path, colour = _cut_at_seam(to_angles(directions)[angle]), _COLOURS[k % len(_COLOURS)]
            for shift in (-360, 0, 360):  # a band continues across the seam
                low, high = path + shift - NEAR_DEG, path + shift + NEAR_DEG
                axes.fill_between(time_s, low, high, color=colour, alpha=0.25, linewidth=0)
            axes.plot(time_s, path, color=colour, linewidth=2)
            first = np.flatnonzero(np.isfinite(path))[0]
            number = name.rpartition("_")[2]
            axes.text(time_s[first], path[first], f"{number} ", color=colour, weight="bold", ha="right", va="center")
        for directions in published:
            axes.plot(time_s, _cut_at_seam(to_angles(directions)[angle]), color=_INK, linewidth=1)
        name, limit = ("yaw", 180) if angle == 0 else ("pitch", 90)
        axes.set(ylabel=f"{name} in degrees", ylim=(-limit, limit), yticks=range(-limit, limit + 1, 45))
        axes.grid(color=_GRID)
        axes.spines[:].set_visible(False)
    axes.set(xlabel=f"{video_id}: time in seconds", xlim=(0, time_s[-1]))
    pixels = BytesIO()
    figure.savefig(pixels, format="rgba")
    return np.frombuffer(pixels.getvalue(), np.uint8).reshape(-1, round(_INCHES[0] * _DPI), 4)[..., :3]


def _on_frames(tracks: pd.DataFrame, paths: Sequence[CameraPath], fps: float, n_frames: int) -> tuple[Array, Array]:
    """Return our and the published events as unit vectors [event, native frame, 3], NaN where they do not exist.

    Between kept frames our events are interpolated; gaps between segments stay gaps.
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


def _shares_met(ours: Array, published: Array) -> tuple[float, float]:
    """Return the shares of published directions near one of ours, and of ours near a published one where one exists."""
    near = np.einsum("ofc,pfc->opf", ours, published) >= np.cos(np.radians(NEAR_DEG))  # false for NaN
    is_ours, is_published = (np.isfinite(directions[..., 0]) for directions in (ours, published))
    is_ours &= is_published.any(axis=0)
    met = ((near.any(axis=0), is_published), (near.any(axis=1), is_ours))
    published_met, ours_met = (float(part.sum() / whole.sum()) if whole.any() else float("nan") for part, whole in met)
    return published_met, ours_met


def _cut_at_seam(path: Array) -> Array:
    """Return a path with NaN wherever it crosses the seam."""
    return np.where(np.abs(np.diff(path, append=path[-1])) > 180, np.nan, path)
