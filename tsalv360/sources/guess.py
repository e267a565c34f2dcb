"""The settings that read an unknown gaze table, guessed from the names of its columns and their values.

A name alone is believed only where the values fit it. What the values cannot tell, such as the direction in which yaw
is positive, is taken as most recorders write it and named as a doubt, with the alternative.
"""

import re
from collections.abc import Set
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import pandas as pd

from tsalv360.sphere.directions import Array

_OBSERVER = [
    "observer",
    "participant",
    "subject",
    "user",
    "viewer",
    "person",
    "respondent",
    "recording",
    "session",
    "pid",
    "sub",
    "id",
    "name",
]
_NOBODY = {"video", "stimulus", "frame", "fixation", "time", "timestamp", "ts", "ms", "s", "index", "eye", "date"}
_VIDEO = ["video", "stimulus", "clip", "movie", "film", "media", "filename", "stim"]
_TIME = [
    "time",
    "timestamp",
    "ts",
    "clock",
    "sec",
    "seconds",
    "ms",
    "t",
    "datetime",
    "date",
    "oculo",
    "ticks",
    "ns",
    "us",
]
_FRAME = ["frame", "framenumber", "frameid", "frameindex"]
_HEAD = {"head", "hmd", "cam", "camera", "headset", "h"}
_EYE = {"eye", "gaze", "gazedir", "gazedirection", "dir", "direction", "ray", "forward", "look", "local"}
_SPHERE = {"sphere", "dome", "skybox"}
_YAW = ["yaw", "longitude", "lon", "long", "azimuth", "azi", "lambda", "horizontal", "hor", "theta", "h"]
_PITCH = ["pitch", "latitude", "lat", "elevation", "elev", "ele", "phi", "vertical", "ver", "v"]
_X, _Y = ["x", "u", "posx"], ["y", "v", "posy"]
_VALID = ["valid", "validity", "val", "status", "ok"]
_CONFIDENCE = ["confidence", "conf", "quality"]
_KEPT_WORDS = ("valid", "true", "1", "ok", "yes", "good", "tracked")
_UNIT_TOKENS = {"s": "s", "sec": "s", "seconds": "s", "second": "s", "ms": "ms", "msec": "ms", "milliseconds": "ms"}
_UNIT_TOKENS |= {
    "us": "us",
    "µs": "us",
    "μs": "us",
    "microseconds": "us",
    "ns": "ns",
    "nanoseconds": "ns",
    "ticks": "ticks",
}
PER_SECOND = {"s": 1.0, "ms": 1e3, "us": 1e6, "ticks": 1e7, "ns": 1e9}
_RATES = np.array([10, 24, 25, 30, 50, 60, 72, 75, 90, 100, 120, 144, 150, 200, 250, 300, 500, 600, 1000, 1200])
_LOWEST_HZ, _HIGHEST_HZ = 3.0, 2500.0
_SIZES = 640, 720, 960, 1024, 1280, 1440, 1600, 1920, 2048, 2560, 2880, 3072, 3200, 3840, 4096, 5120, 5760, 7680, 8192
_HEIGHTS = (
    320,
    360,
    480,
    512,
    640,
    720,
    800,
    960,
    1024,
    1080,
    1280,
    1440,
    1536,
    1600,
    1920,
    2048,
    2160,
    2560,
    2880,
    3840,
)
_CONFIDENT = 0.6  # the limit that Pupil Labs recommend for their confidence
_ISO = re.compile(r"\d{4}-\d\d-\d\d[T ]\d\d:\d\d.*")
_LATE_START_S = 0.5
_IN_HEAD = 0.85  # length of the mean of vectors; eyes turn by 30° at most, and seldom
_FEWEST_STARTS = 3  # observers whose first directions tell where the front is


@dataclass
class Guess:
    """The settings of `table`, the columns that hold a direction, and what is uncertain about them."""

    table: dict[str, Any] = field(default_factory=dict)
    columns: dict[str, str] = field(default_factory=dict)
    doubts: list[str] = field(default_factory=list)

    def settings(self) -> dict[str, Any]:
        """Return the settings of `table`, without names that a table has by default."""
        renamed = {name: column for name, column in self.columns.items() if name != column}
        return ({"columns": renamed} if renamed else {}) | self.table


class _Columns:
    """The columns of a table: words in their names, and their values as numbers."""

    def __init__(self, cells: pd.DataFrame, decimal_comma: bool) -> None:
        text = cells.loc[:, ~cells.columns.duplicated()]
        self.text = text
        self.values: dict[str, Array] = {}
        for name in text:
            column = text[name].str.replace(",", ".", regex=False) if decimal_comma else text[name]
            self.values[str(name)] = pd.to_numeric(column, errors="coerce").to_numpy(dtype=float)
        self.words = {str(name): words_of(str(name)) for name in text}
        self.used: set[str] = set()

    def numeric(self, name: str) -> bool:
        """Return whether at least half of the cells that are not empty are numbers, and some are."""
        filled = (self.text[name] != "").sum()
        return bool(np.isfinite(self.values[name]).sum() > max(filled / 2, 0))

    def find(self, wanted: list[str], numeric: bool = True, without: Set[str] = frozenset()) -> str | None:
        """Return the unused column of the earliest wanted word, the one with fewest words; None if there is none."""
        best: tuple[int, int, str] | None = None
        for name, words in self.words.items():
            if name in self.used or (numeric and not self.numeric(name)) or without & set(words):
                continue
            ranks = [wanted.index(word) for word in words if word in wanted]
            if ranks and (best is None or (min(ranks), len(words)) < best[:2]):
                best = min(ranks), len(words), name
        return best[2] if best else None

    def take(self, name: str | None) -> str | None:
        """Return a column, which no other role can have any more."""
        if name is not None:
            self.used.add(name)
        return name


def words_of(name: str) -> list[str]:
    """Return the words of a column's name in lower case: of camelCase, of snake_case, and what units it has."""
    parts = re.split(r"[^0-9A-Za-zµμ]+", re.sub(r"(?<=[a-z0-9])(?=[A-Z])|(?<=[A-Z])(?=[A-Z][a-z])", "_", name))
    words = [part.lower() for part in parts if part]
    known = re.fullmatch(r"(q|eye|gaze|head|cam|rot|pos|dir)?([xyzw])", words[-1]) if words else None
    if known and known[1]:
        words[-1:] = [known[1], known[2]]
    return words


def guess_settings(
    cells: pd.DataFrame, decimal_comma: bool = False, size: tuple[int, int] | None = None, seconds: float | None = None
) -> Guess:
    """Return the settings that probably read a table.

    Parameters
    ----------
    cells : all cells as text, under the names of the columns.
    decimal_comma : whether numbers have a decimal comma.
    size : width and height of the video, where it is known.
    seconds : length of the video, where it is known.
    """
    guess, columns = Guess(), _Columns(cells, decimal_comma)
    observer = columns.take(columns.find(_OBSERVER, numeric=False, without=_NOBODY))
    if observer and cells[observer].nunique() > len(cells) / 3:  # numbers of rows
        observer = None
    if observer:
        guess.columns["observer"] = observer
    if video := columns.take(columns.find(_VIDEO, numeric=False, without={"frame", "time"})):
        guess.columns["video"] = video
    _guess_validity(columns, guess)
    good = _valid_rows(columns, guess)
    _guess_time(columns, guess, cells[observer] if observer else None, seconds)
    if sphere := columns.take(next((name for name, words in columns.words.items() if _SPHERE & set(words)), None)):
        guess.columns["sphere_yaw_deg"] = sphere
    _guess_direction(columns, guess, good, cells[observer] if observer else None, size)
    return guess


def _guess_validity(columns: _Columns, guess: Guess) -> None:
    if name := columns.take(columns.find(_CONFIDENCE)):
        values = columns.values[name]
        low, high = np.nanmin(values), np.nanmax(values)
        at_least = _CONFIDENT if high <= 1 else float(np.round(low + _CONFIDENT * (high - low), 3))
        guess.table["confidence"] = {"column": name, "at_least": at_least}
        share = float(np.mean(~(values >= at_least)))
        guess.doubts.append(f"confidence below {at_least:g} is dropped, {share:.0%} of the rows: choose `at_least`")
    for name in [name for name, words in columns.words.items() if set(words) & set(_VALID)]:
        cells = columns.text[name]
        kinds = cells[cells != ""].value_counts()
        if name in columns.used or not 1 <= len(kinds) <= 10 or "validity" in guess.table:
            continue
        word = next((str(kind) for kind in kinds.index if str(kind).lower().removesuffix(".0") in _KEPT_WORDS), None)
        keep = word if word is not None else str(kinds.index[0])
        columns.take(name)
        guess.table["validity"] = {"column": name, "keep": _plain(keep)}
        others = ", ".join(f"{kind} ({count})" for kind, count in kinds.items() if str(kind) != keep)
        if others:
            guess.doubts.append(f"{name}: rows with {keep} are kept ({kinds[keep]}), others dropped: {others}")


def _plain(text: str) -> int | str:
    return int(text) if re.fullmatch(r"-?\d+", text) else text


def _valid_rows(columns: _Columns, guess: Guess) -> "np.ndarray[Any, np.dtype[np.bool_]]":
    good = np.ones(len(columns.text), dtype=bool)
    if confidence := guess.table.get("confidence"):
        good &= columns.values[confidence["column"]] >= confidence["at_least"]
    if validity := guess.table.get("validity"):
        good &= (columns.text[validity["column"]] == str(validity["keep"])).to_numpy()
    return good


def _guess_time(columns: _Columns, guess: Guess, observer: "pd.Series[Any] | None", seconds: float | None) -> None:
    duration = columns.find(["duration", "dur", "lasts"])
    columns.take(duration)
    iso = next((str(name) for name in columns.text if columns.text[name].iloc[:200].map(_is_iso).mean() > 0.5), None)
    frame = columns.take(columns.find(_FRAME, without={"rate"}))
    name = iso or columns.find(_TIME, without={"start", "end", "fixation"}) or columns.find(_TIME)
    if name is None:
        if frame is None:
            guess.doubts.append("no column of time or frame was recognised: name it as `time_s` or `frame`")
            return
        guess.columns["frame"] = frame
        if np.nanmin(columns.values[frame]) >= 1:
            guess.table["first_frame"] = 1
            guess.doubts.append(
                "frames seem to be counted from 1 (first_frame: 1); set 0 if the first rows are missing"
            )
        guess.doubts.append("frame numbers must count the frames of this video, at its own rate")
        return
    columns.take(name)
    guess.columns["time_s"] = str(name)
    if duration:
        guess.columns["duration_s"] = duration
    if iso is not None:
        guess.table["time_unit"] = "iso"
        guess.table["time_zero"] = "first of each observer"
        guess.doubts.append("each observer's first row is taken as the start of the video (time_zero)")
        return
    time = columns.values[str(name)]
    owners = observer.to_numpy() if observer is not None else np.zeros(len(time))
    unit = _time_unit(str(name), columns.words[str(name)], time, owners, seconds, duration is not None, guess)
    if unit != "s":
        guess.table["time_unit"] = unit
    starts = pd.Series(time).groupby(owners).min() / PER_SECOND[unit]
    if starts.max() > _LATE_START_S and not (seconds and pd.Series(time).max() / PER_SECOND[unit] <= seconds + 0.5):
        spread = float(np.ptp(starts))
        guess.table["time_zero"] = (
            "first of each observer" if spread > _LATE_START_S or len(starts) == 1 else "first sample"
        )
        guess.doubts.append(
            f"the clock starts at {starts.min():.6g} s{'' if spread < 1e-9 else f' to {starts.max():.6g} s'}: "
            f"`time_zero: {guess.table['time_zero']}` takes the first row as the start of the video; "
            "give the time at which it started, if it is known"
        )


def _is_iso(cell: str) -> bool:
    return bool(_ISO.fullmatch(cell))


def _time_unit(
    name: str, words: list[str], time: Array, owners: Any, seconds: float | None, is_fixation: bool, guess: Guess
) -> str:
    """Return the unit of times: by its name, where it fits, else that of a usual rate and the video's length."""
    steps = pd.Series(time).groupby(owners).diff()
    step = float(steps[steps > 0].median()) if (steps > 0).any() else np.nan
    lowest = 0.2 if is_fixation else _LOWEST_HZ

    def fits(unit: str) -> bool:
        return lowest <= PER_SECOND[unit] / step <= _HIGHEST_HZ if step == step else True

    named = next((_UNIT_TOKENS[word] for word in reversed(words) if word in _UNIT_TOKENS), None)
    if named and fits(named):
        return named
    if named:
        guess.doubts.append(f"the name {name} says {named}, but its steps of {step:g} do not fit")
    possible = [unit for unit in PER_SECOND if fits(unit)]
    if not possible:
        guess.doubts.append(f"no unit fits the steps of {name} ({step:g}): seconds are assumed")
        return "s"
    span = float(np.nanmax(pd.Series(time).groupby(owners).agg(np.ptp)))

    def cost(unit: str) -> float:
        rate = PER_SECOND[unit] / step
        unusual = float(np.min(np.abs(np.log(rate / _RATES)))) if not is_fixation else abs(np.log(rate / 3)) / 10
        length = abs(np.log(max(span / PER_SECOND[unit], 1e-9) / seconds)) if seconds else 0.0
        return length + min(unusual, 1.0) + 0.5 * (unit == "ticks")

    first, *others = sorted(possible, key=cost)
    if others:
        rates = [f"{unit} ({PER_SECOND[unit] / step:.4g} Hz)" for unit in (first, *others)]
        guess.doubts.append(f"the unit of {name} is taken as {rates[0]}; {' or '.join(rates[1:])} is possible, too")
    return first


def _guess_direction(
    columns: _Columns,
    guess: Guess,
    good: "np.ndarray[Any, np.dtype[np.bool_]]",
    observer: Any,
    size: tuple[int, int] | None,
) -> None:
    vectors, quaternion = _triples(columns, good, "xyz"), _triples(columns, good, "xyzw")
    head_angles = _head_angles(columns)
    vectors = {base: names for base, names in vectors.items() if not any(names[0] == q[0] for q in quaternion.values())}
    if quaternion or head_angles:
        if quaternion:
            names = min(quaternion.items(), key=lambda item: (not _HEAD & set(item[0]), len(item[0])))[1]
            guess.columns |= dict(zip(("head_qx", "head_qy", "head_qz", "head_qw"), names, strict=True))
            columns.used |= set(names)
        else:
            guess.columns |= head_angles
            columns.used |= set(head_angles.values())
            _guess_head_signs(columns, guess)
    rotated = bool(quaternion or head_angles)
    if vectors:
        _guess_vector(columns, guess, vectors, good, observer, rotated)
    elif not (_guess_angles(columns, guess, good, rotated) or _guess_position(columns, guess, good, size)):
        if rotated:
            guess.table["head_only"] = True
            guess.doubts.append("no direction of the eyes was recognised: the head's direction alone is used")
        else:
            guess.doubts.append(f"no direction was recognised in {list(columns.text)}: name its columns by hand")
    if "head_qx" in guess.columns and "axes" not in guess.table:
        guess.table["axes"] = "unity"
        guess.doubts.append(
            "the head's axes are taken as Unity's (`axes: unity`); OpenXR looks along -z (`axes: openxr`)"
        )


def _triples(columns: _Columns, good: Any, letters: str) -> dict[tuple[str, ...], list[str]]:
    """Return groups of columns that end with all `letters` and have length 1, by the other words of their names."""
    groups: dict[tuple[str, ...], dict[str, str]] = {}
    for name, words in columns.words.items():
        if words and words[-1] in letters and columns.numeric(name):
            groups.setdefault(tuple(words[:-1]), {})[words[-1]] = name
    found = {}
    for base, group in groups.items():
        if set(letters) <= group.keys() and (len(letters) == 4 or "w" not in group):
            names = [group[letter] for letter in letters]
            length = np.linalg.norm([columns.values[name][good] for name in names], axis=0)
            if np.isfinite(length).any() and abs(np.nanmedian(length) - 1) < 0.05:
                found[base] = names
    return found


def _head_angles(columns: _Columns) -> dict[str, str]:
    """Return the columns of a head's yaw, pitch and roll, if the names say that they are the head's."""
    found: dict[str, str] = {}
    for angle in ("yaw", "pitch", "roll"):
        for name, words in columns.words.items():
            if angle in words and _HEAD & set(words) and name not in columns.used and columns.numeric(name):
                found.setdefault(f"head_{angle}_deg", name)
    return found if {"head_yaw_deg", "head_pitch_deg"} <= found.keys() else {}


def _guess_head_signs(columns: _Columns, guess: Guess) -> None:
    pitch = columns.values[guess.columns["head_pitch_deg"]]
    if np.nanmin(pitch) >= 0 and np.nanmax(pitch) > 270:
        guess.table |= {"head_pitch": "down", "head_roll": "left"}
        guess.doubts.append("head angles from 0 to 360 are taken as Unity's, whose pitch is positive downward")
    else:
        guess.doubts.append("the head's pitch is taken as positive upward; Unity's is not (`head_pitch: down`)")
    guess.doubts.append("head angles are taken in the order yaw, pitch, roll (`head_order`)")


def _guess_vector(
    columns: _Columns, guess: Guess, vectors: dict[tuple[str, ...], list[str]], good: Any, observer: Any, rotated: bool
) -> None:
    """Add the gaze vector and its axes: up is where it varies least, forward where observers begin."""
    left_right = {"left", "right", "l", "r"}
    order = sorted(
        vectors.items(),
        key=lambda item: (not _EYE & set("_".join(item[0]).split("_")), bool(left_right & set(item[0])), len(item[0])),
    )
    _, names = order[0]
    columns.used |= set(names)
    guess.columns |= dict(zip(("gaze_x", "gaze_y", "gaze_z"), names, strict=True))
    values = np.array([columns.values[name] for name in names])
    usable = good & np.isfinite(values).all(axis=0)
    mean = values[:, usable].mean(axis=1)
    if rotated and np.linalg.norm(mean) < _IN_HEAD:
        guess.columns = {name: column for name, column in guess.columns.items() if not name.startswith("head_")}
        guess.table = {name: value for name, value in guess.table.items() if not name.startswith("head_")}
        guess.doubts.append(
            "the gaze vector points everywhere, not only forward: it is taken as one of the world's frame"
        )
        rotated = False
    if rotated:
        forward = int(np.abs(mean).argmax())
        up = 1 if forward != 1 else 2
        sign = float(np.sign(mean[forward]))
    else:
        spread = values[:, usable].std(axis=1)
        up = int(spread.argmin())
        first = (
            pd.Series(np.arange(len(good))[usable])
            .groupby(observer.to_numpy()[usable] if observer is not None else np.zeros(usable.sum()))
            .head(1)
        )
        start = values[:, first.to_numpy()].mean(axis=1)
        start[up] = 0
        told = len(first) >= _FEWEST_STARTS and np.abs(start).max() > 0.85
        forward = int(np.abs(start).argmax()) if told else (2 if up == 1 else 0)
        sign = float(np.sign(start[forward])) if told else 1.0
        if not told:
            guess.doubts.append("which axis is forward is not told by where observers begin: the usual one is taken")
        if np.sort(spread)[1] < 1.5 * spread[up]:
            guess.doubts.append("which axis is up is not clear from the values")
    if up == 1 and forward == 2:
        guess.table["axes"] = "unity" if sign > 0 else "openxr"
        other = "openxr" if sign > 0 else "unity"
        guess.doubts.append(
            f"`axes: {guess.table['axes']}` (y up, z {'forward' if sign > 0 else 'backward'}); "
            f"the alternative is {other}"
        )
        return
    letter = "xyz"
    right = 3 - up - forward
    # right-handed: right × forward = up, with the sign of this permutation
    parity = 1 if (right, forward, up) in ((0, 1, 2), (1, 2, 0), (2, 0, 1)) else -1
    side = "" if parity * sign > 0 else "-"
    forward_axis = ("-" if sign < 0 else "") + letter[forward]
    guess.table["axes"] = [side + letter[right], letter[up], forward_axis]
    guess.doubts.append(
        f"the axes are taken as right-handed; if the gaze is mirrored, right is {'' if side else '-'}{letter[right]}"
    )


def _guess_angles(columns: _Columns, guess: Guess, good: Any, rotated: bool) -> bool:
    """Add yaw and pitch with their unit and direction; return whether there are any."""
    without = (_HEAD - {"h"}) | _SPHERE | {"norm", "frame"}
    yaw, pitch = columns.find(_YAW, without=without), columns.find(_PITCH, without=without)
    if yaw is None or pitch is None or yaw == pitch:
        return False
    usable = good & np.isfinite(columns.values[yaw]) & np.isfinite(columns.values[pitch])
    lam, phi = columns.values[yaw][usable], columns.values[pitch][usable]
    if not len(lam) or np.quantile(np.abs(phi), 0.99) > 100:
        return False
    columns.used |= {yaw, pitch}
    guess.columns |= {"yaw_deg": yaw, "pitch_deg": pitch}
    words = set(columns.words[yaw] + columns.words[pitch])
    named = "rad" if words & {"rad", "radians"} else "deg" if words & {"deg", "degrees"} else None
    fits_rad = np.abs(lam).max() <= 2 * np.pi + 0.05 and np.abs(phi).max() <= np.pi / 2 + 0.05
    low, high = min(lam.min(), phi.min()), max(lam.max(), phi.max())
    if fits_rad and low >= 0 and high <= 1 and named is None and np.ptp(lam) > 0.1:
        return _angles_are_fractions(guess, yaw, pitch)
    if fits_rad and (named is None or named == "deg") and not rotated and np.ptp(lam) > 0.3:
        if named == "deg":
            guess.doubts.append(f"{yaw} says degrees, but all of it fits radians ({lam.min():.2f} to {lam.max():.2f})")
        guess.table["angle_unit"] = "rad"
    elif named == "rad" and fits_rad:
        guess.table["angle_unit"] = "rad"
    if rotated:
        guess.doubts.append(
            "the eyes' angles are taken as positive to the right and upward; else `yaw: left`, `pitch: down`"
        )
        return True
    above = float((phi > 0).mean())
    if above > 0.85:
        guess.table["pitch"] = "down"
        guess.doubts.append(
            f"{above:.0%} of {pitch} is positive, and viewers look down more often than up: `pitch: down`, else up"
        )
    else:
        guess.doubts.append(
            f"{pitch} is taken as positive upward ({above:.0%} of the gaze is above the horizon); else `pitch: down`"
        )
    guess.doubts.append(f"{yaw} is taken as positive to the right; the numbers cannot tell: else `yaw: left`")
    return True


def _angles_are_fractions(guess: Guess, x: str, y: str) -> bool:
    for name in ("yaw_deg", "pitch_deg"):
        del guess.columns[name]
    guess.columns |= {"x": x, "y": y}
    guess.table["origin"] = "top left"
    guess.doubts.append(
        f"{x} and {y} lie within 0 to 1: they are taken as fractions, origin top left, as Salient360! has them"
    )
    return True


def _guess_position(columns: _Columns, guess: Guess, good: Any, size: tuple[int, int] | None) -> bool:
    """Add x and y as fractions or pixels, with their origin; return whether there are any."""
    without = _HEAD - {"h"}
    x, y = columns.find(_X, without=without | {"left", "right"}), columns.find(_Y, without=without | {"left", "right"})
    x, y = x or columns.find(_X), y or columns.find(_Y)
    if x is None or y is None or x == y:
        return False
    columns.used |= {x, y}
    guess.columns |= {"x": x, "y": y}
    usable = good & np.isfinite(columns.values[x]) & np.isfinite(columns.values[y])
    across, down = columns.values[x][usable], columns.values[y][usable]
    most_x, most_y = (float(np.quantile(values, 0.995)) if len(values) else 1.0 for values in (across, down))
    pixels = most_x > 2
    if pixels:
        width, height = _size_of(most_x, most_y, size)
        guess.table |= {"width": width, "height": height}
        guess.doubts.append(
            f"positions are pixels of a panorama taken as {width}×{height}; state the one that was shown"
        )
    words = set(columns.words[x] + columns.words[y])
    middle = (height if pixels else 1) / 2
    low = float((down > middle).mean()) if len(down) else 0.5
    if "norm" in words:
        origin = "bottom left"
    elif pixels or words & {"u", "v"}:
        origin = "top left"
    else:
        origin = "top left" if low > 0.5 else "bottom left"
    guess.table["origin"] = origin
    below = low if origin == "top left" else 1 - low
    other = "bottom left" if origin == "top left" else "top left"
    guess.doubts.append(
        f"`origin: {origin}` ({below:.0%} of the gaze is then below the horizon); the alternative is {other}"
    )
    return True


def _size_of(most_x: float, most_y: float, size: tuple[int, int] | None) -> tuple[int, int]:
    """Return the width and height of the panorama that pixels up to these belong to."""
    if size and most_x <= size[0] + 1 and most_y <= size[1] + 1 and most_x > size[0] / 2:
        return size
    width = next((w for w in _SIZES if w >= most_x - 1), round(most_x) + 1)
    if most_y <= width / 2 + 1:
        return width, width // 2
    return width, next((h for h in _HEIGHTS if h >= most_y - 1), round(most_y) + 1)
