"""The unit and zero of times, guessed from the name of their column, usual rates and the length of the video."""

import re
from typing import Any

import numpy as np
import pandas as pd

from tsalv360.sources.gaze_table.times import PER_SECOND
from tsalv360.sources.guess.columns import Columns, Guess
from tsalv360.sphere.directions import Array

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
_RATES = np.array([10, 24, 25, 30, 50, 60, 72, 75, 90, 100, 120, 144, 150, 200, 250, 300, 500, 600, 1000, 1200])
_LOWEST_HZ, _HIGHEST_HZ = 3.0, 2500.0
_ISO = re.compile(r"\d{4}-\d\d-\d\d[T ]\d\d:\d\d.*")
_LATE_START_S = 0.5


def guess_time(columns: Columns, guess: Guess, observer: "pd.Series[Any] | None", seconds: float | None) -> None:
    """Add the column of times, or of frames, with its unit and zero; `seconds` is the video's length, if known."""
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
        return lowest <= PER_SECOND[unit] / step <= _HIGHEST_HZ

    named = next((_UNIT_TOKENS[word] for word in reversed(words) if word in _UNIT_TOKENS), None)
    if step != step:  # no two times
        return named or "s"
    if named and fits(named):
        return named
    if named:
        guess.doubts.append(f"the name {name} says {named}, but its steps of {step:g} do not fit")
    possible = [unit for unit in PER_SECOND if fits(unit)]
    if not possible:
        guess.doubts.append(f"no unit fits the steps of {name} ({step:g}): seconds are assumed")
        return "s"
    of_observers = pd.Series(time).groupby(owners)
    span = float((of_observers.max() - of_observers.min()).max())

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
