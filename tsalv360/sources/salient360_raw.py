"""Raw gaze as the Salient360! toolbox has it (David et al., 2023): head and eye of one observer in one CSV file.

Two forms, told apart by their columns, both in Unity's frame (x right, y up, z forward):

- videos: `oculoTS` (ns), `currFrame`, the head as Euler angles `cam_yaw, cam_pitch, cam_roll` (order YXZ),
  `sphere_yaw`, the eyes' direction in the camera's frame, `meanGazeDir.xyz`, and the eyes' validity, `Lval, Rval`.
- stills: `OcutimeStamp` (µs), the head as quaternion `cameraRotation.xyzw`, directions of both eyes in the camera's
  frame, `leftEyeDirection.xyz` and `rightEyeDirection.xyz`, and `valL, valR`. What this form calls `meanGazeDirection`
  is no direction in the camera's frame in a published file (it points down throughout), so both eyes' are averaged.

Yaw: a sphere that is turned right by `sphere_yaw` shows at the world's yaw λ what lies at λ − `sphere_yaw` of the
sphere. The panorama's centre is at 90° of this sphere: Unity's panoramas have it on +x. The three published files
agree: in each, `sphere_yaw` is set before the video starts so that `cam_yaw` − `sphere_yaw` is 90.0, and observers of
this experiment started at the panorama's centre or opposite it. With the other sign no constant is common to them.
"""

import re
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
import pandas as pd
from numpy.typing import NDArray
from pydantic.dataclasses import dataclass

from tsalv360.contracts.settings import STRICT, setting
from tsalv360.job.errors import InputError
from tsalv360.sources.recording import check_rows, fixations_table
from tsalv360.sources.text import read_lines
from tsalv360.sphere.directions import Array, normalise, to_angles, wrap_yaw
from tsalv360.sphere.frames import AXES, euler, from_axes, quaternions

if TYPE_CHECKING:
    from scipy.spatial.transform import Rotation

FORMAT = "salient360_raw"
# Names of the columns without all but letters; the first group of each that a file has is used.
_TIME = [["oculots"], ["ocutimestamp"]]
_EULER, _QUATERNION = ["camyaw", "campitch", "camroll"], [f"camerarotation{axis}" for axis in "xyzw"]
_OF_VIDEOS = ["currframe", "sphereyaw"]  # columns of the form for videos
_MEAN = [f"meangazedir{axis}" for axis in "xyz"]
_BOTH = [f"{eye}eyedirection{axis}" for eye in ("left", "right") for axis in "xyz"]
_VALID = [["lval", "rval"], ["vall", "valr"]]
_CELLS = re.compile(r"[-+.0-9eENaTruFls,]*")  # numbers, NaN, True and False
_FUSED = re.compile(r"(.*?)(True|False)")  # the recorder forgets the comma between binPor.y and Lval
_FIRST_FRAMES = 5  # of which one is shown first; a slow player may skip some
_STALLED_S = 0.2
_ADVICE = "Use the file as the toolbox has it."


@dataclass(frozen=True, config=STRICT)
class Salient360RawSettings:
    """How raw gaze of the Salient360! toolbox is turned into directions in the panorama."""

    centre_deg: float | None = setting(
        None,
        "direction in which the player's sphere, not turned, has the panorama's centre; "
        "by default 90 if the file has sphere_yaw, else 0",
        unit="deg",
        ge=-360,
        le=360,
    )


_DEFAULTS = Salient360RawSettings()


def read_salient360_raw(
    paths: Sequence[str | Path],
    fps: float,
    settings: Salient360RawSettings = _DEFAULTS,
    notes: list[str] | None = None,
) -> pd.DataFrame:
    """Return the gaze samples of all observers of a video as rows of the fixations table.

    Parameters
    ----------
    paths : one file per observer, who is named by it.
    fps : frame rate of the video. Time 0 is the first row in which frame 1 is shown; without `currFrame` the first row.
    settings : where the player's sphere has the panorama's centre.
    notes : remarks are appended to it, among them how many rows of each observer are dropped, by reason.

    Raises InputError, which names the file and line.
    """
    notes = [] if notes is None else notes
    return pd.concat([_read_file(Path(path), fps, settings, notes) for path in paths], ignore_index=True)


def _read_file(path: Path, fps: float, settings: Salient360RawSettings, notes: list[str]) -> pd.DataFrame:
    header, *lines = read_lines(path, notes)
    where = [f"{path}, line {number}" for number in range(2, len(lines) + 2)]
    names = [re.sub("[^a-z]", "", name.lower()) for name in header.split(",")]
    time, head, eyes, valid = _columns(path, header, names)
    table = pd.DataFrame(_numbers(where, lines, names, valid), columns=names)
    extra = [name for name in _OF_VIDEOS if name in names]
    needed = table[[*time, *head, *extra]].to_numpy()
    check_rows(np.isfinite(needed).all(axis=1), where, lambda _: "no number", f"numbers in {[*time, *head, *extra]}")

    stamp = table[time[0]].to_numpy()
    later = np.diff(stamp, prepend=stamp[:1])
    check_rows(later >= 0, where, lambda _: "a time before that of the previous row", "times in order", _ADVICE)
    time_s = _time_s(path, stamp)
    shown: NDArray[np.bool_] = np.full(len(stamp), True)
    if "currframe" in names:
        time_s, shown = _from_first_frame(path, table.currframe.to_numpy(), time_s, fps, where, notes)
    directions = _directions(table[eyes].to_numpy(), table[valid].to_numpy(), paired=eyes is _BOTH)
    seen, present = table[valid].to_numpy().any(axis=1), np.isfinite(directions).all(axis=1)
    reasons = {
        "before the first frame": ~shown,
        "without a valid eye": shown & ~seen,
        "without a direction": shown & seen & ~present,
        "at the time of the row before": shown & seen & present & (later == 0) & (np.arange(len(stamp)) > 0),
    }
    kept = ~np.logical_or.reduce(list(reasons.values()))
    if dropped := ", ".join(f"{rows.sum()} {reason}" for reason, rows in reasons.items() if rows.any()):
        notes.append(f"{path.stem}: of {len(kept)} rows dropped: {dropped}")
    behind = np.count_nonzero(directions[kept, 2] <= 0)
    if behind > np.count_nonzero(kept) / 2:
        found = f"eyes that look behind the head in {behind} of {np.count_nonzero(kept)} rows"
        raise InputError(path, found, "directions in the camera's frame, z forward", _ADVICE)
    world = _head(table[head].to_numpy(), where)[kept].apply(directions[kept])
    yaw, pitch = to_angles(from_axes(world, AXES["unity"]))
    turned = "sphereyaw" in names
    centre = settings.centre_deg if settings.centre_deg is not None else 90.0 if turned else 0.0
    yaw = wrap_yaw(yaw - centre - (table.sphereyaw.to_numpy()[kept] if turned else 0))
    time_s = time_s[kept]
    step_s = np.median(np.diff(time_s)) if len(time_s) > 1 else 1 / fps
    return fixations_table([path.stem] * len(yaw), time_s, step_s, np.floor(time_s * fps + 1e-6), yaw, pitch)


def _columns(path: Path, header: str, names: list[str]) -> tuple[list[str], list[str], list[str], list[str]]:
    """Return the names of the columns of time, head, eyes and validity; raise InputError if the file lacks one."""

    def first(*groups: list[str]) -> list[str]:
        return next((group for group in groups if all(names.count(name) == 1 for name in group)), [])

    found = first(*_TIME), first(_EULER, _QUATERNION), first(_MEAN, _BOTH), first(*_VALID)
    if not all(found) or (found[1] is _EULER and not first(_OF_VIDEOS)):
        expected = (
            "oculoTS, the head (cam_yaw, cam_pitch, cam_roll, sphere_yaw and currFrame, or cameraRotation.x to w), "
            "the eyes (meanGazeDir.x to z or leftEyeDirection and rightEyeDirection), Lval and Rval, once each"
        )
        raise InputError(f"{path}, line 1", f"'{header[:200]}'", expected, _ADVICE)
    return found


def _numbers(where: list[str], lines: list[str], names: list[str], valid: list[str]) -> Array:
    """Return the numbers in all lines, NaN where there is none, and validity as 0 or 1."""
    places = [names.index(name) for name in valid]
    numbers = np.full((len(lines), len(names)), np.nan)
    for row, (place, line) in enumerate(zip(where, lines, strict=True)):
        cells = line.split(",")
        # The comma before the validity is missing in every row of the published files.
        if len(cells) == len(names) - 1 and (match := _FUSED.fullmatch(cells[places[0] - 1])):
            cells[places[0] - 1 : places[0]] = match.groups()
        for column in places if len(cells) == len(names) else []:
            cells[column] = {"True": "1", "False": "0"}.get(cells[column], "neither")
        try:
            numbers[row] = [float(cell) if cell else np.nan for cell in cells]
        except ValueError:
            cells = []
        if not cells or not _CELLS.fullmatch(line):
            expected = f"{len(names)} numbers, and True or False as {' and '.join(valid)}"
            raise InputError(place, f"'{line[:80]}'", expected, "Correct or remove the line.")
    return numbers


def _time_s(path: Path, stamp: Array) -> Array:
    """Return times in seconds from the first row; of ns, µs and ms the unit is the one that gives a possible rate."""
    step = np.diff(stamp)
    for typical in (np.median(step), step.mean()) if len(step) else ():  # the mean, if most rows come in bursts
        for ticks_per_s in (1e9, 1e6, 1e3):
            if 20 * typical <= ticks_per_s <= 2000 * typical:
                return (stamp - stamp[0]) / ticks_per_s
    found = f"{len(stamp)} rows in {stamp[-1] - stamp[0]:g} units of time"
    raise InputError(path, found, "20 to 2000 rows per second, in ns, µs or ms", _ADVICE)


def _from_first_frame(
    path: Path, frame: Array, time_s: Array, fps: float, where: list[str], notes: list[str]
) -> tuple[Array, NDArray[np.bool_]]:
    """Return times from the start of the video, and in which rows it is shown.

    The first rows have the last frame number of the previous video, then 0.
    """
    first = (frame >= 1) & (frame <= _FIRST_FRAMES)
    if not first.any():
        raise InputError(path, "no row of frame 1", "the rows in which the video starts", _ADVICE)
    start = int(first.argmax())
    shown = np.arange(len(frame)) >= start
    before = np.where(np.arange(len(frame)) > start, np.roll(frame, 1), 0)
    good = (~shown | (frame >= before)) & (frame % 1 == 0)
    check_rows(good, where, lambda row: f"frame {frame[row]:g} after {frame[row - 1]:g}", "the same or a later frame")
    time_s = time_s - time_s[start] + (frame[start] - 1) / fps
    late = np.abs(time_s - (frame - 1) / fps)[shown] > _STALLED_S
    if late.any():
        share = 100 * late.mean()
        notes.append(f"{path.stem}: in {share:.0f} % of the rows another frame is shown than at {fps:g} frames/s")
    return time_s, shown


def _directions(eyes: Array, valid: Array, paired: bool) -> Array:
    """Return unit vectors [n, 3] in the camera's frame, NaN where there is none; of two eyes the mean of valid ones."""
    if paired:
        each = np.where(valid[:, :, None] > 0, eyes.reshape(-1, 2, 3), np.nan)
        eyes = np.where(np.isfinite(each), each, 0).sum(axis=1)
    length = np.linalg.norm(eyes, axis=1)
    return normalise(np.where(length[:, None] > 0.5, eyes, np.nan))  # a recorder writes zeros where it saw no eye


def _head(head: Array, where: list[str]) -> "Rotation":
    if head.shape[1] == 3:
        return euler("YXZ", head)
    good = np.abs(np.linalg.norm(head, axis=1) - 1) < 0.02
    check_rows(good, where, lambda row: f"the quaternion {head[row]}", "a quaternion of norm 1")
    return quaternions(*head.T)
