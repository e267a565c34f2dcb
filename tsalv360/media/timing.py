"""When each picture of a video is on screen: its frame rate, and the times of its pictures where they are irregular.

Frame n of a video is the picture on screen at n / fps, counted from the first picture.
"""

from collections.abc import Sequence
from fractions import Fraction
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from tsalv360.sphere.directions import Array

JITTER_S = 1 / 32  # of time stamps at a constant rate: half a step of the kept frames
_MILLISECOND = 0.001  # Matroska, WebM and FLV round time stamps to it; they stay rounded in a copy of another format
_NTSC = (Fraction(n * 1000, 1001) for n in (15, 24, 30, 48, 60, 120))
_USUAL = sorted([*map(Fraction, (5, 8, 10, 12, 15, 16, 20, 24, 25, 30, 48, 50, 60, 72, 75, 90, 100, 120)), *_NTSC])
_SAME_RATE = 1.002  # ratio; 30 and 29.97 are 1.001 apart, 24 and 25 are 1.04
_DISORDER = 4  # pictures that a decoder may give too early; a recording that was appended is longer
_SHORT_STEPS, _SHORTER = 5, 1.1  # per cent of irregular steps that may be much shorter than a frame; how much others


class Timing(NamedTuple):
    """Rate and number of frames; `picture_times_s` of the decoded pictures from the first one, empty if regular."""

    fps: Fraction
    n_frames: int
    picture_times_s: list[float]
    notes: list[str]


def time_pictures(
    stamps: NDArray[np.int64], last: int, time_base: Fraction, header_rates: Sequence[Fraction | None]
) -> Timing:
    """Return when pictures are on screen, from their time stamps.

    At a constant rate, frames are the pictures. At a variable rate they are those that a player shows at the smallest
    usual rate at which the pictures fit; a picture is then several frames, until the next one or its end.

    Parameters
    ----------
    stamps : [n] in order of display, not decreasing, at least two that differ.
    last : how long the last picture is shown, in units of `time_base`; 0 if unknown.
    time_base : seconds per unit.
    header_rates : rates that the header states, the most trusted first.
    """
    times = (stamps - stamps[0]) * float(time_base)
    unit = _rounding_s(times, float(time_base))
    rate = _constant_rate(times, unit, header_rates)
    step = float(np.median(np.diff(times)))
    last_s = last * float(time_base) or step
    is_held = last_s > step + max(JITTER_S, 1.5 * step)
    if deviation_s(times) <= JITTER_S and not is_held:
        return Timing(rate, len(times), [], [])
    rate, times = _fitting_rate(times, unit, [rate, *header_rates])
    n_frames = int(np.ceil((times[-1] + last_s) * float(rate) - 0.01))
    steps = np.append(np.diff(times), last_s)
    slowest, fastest = 1 / steps.max(), 1 / steps[steps > 0].min()
    note = (
        f"variable frame rate, {slowest:.3g} to {fastest:.3g} fps: taken at {float(rate):.5g} fps, "
        f"each frame the picture on screen at its time ({len(times)} pictures, {n_frames} frames)"
    )
    return Timing(rate, n_frames, np.round(times, 6).tolist(), [note])


def deviation_s(times: Array) -> float:
    """Return the largest deviation of times [n] in s from a constant rate between the first and the last."""
    if len(times) == 0:
        return 0.0
    return float(np.abs(times - np.linspace(times[0], times[-1], len(times))).max())


def is_rate_of(times: Array, rate: Fraction) -> bool:
    """Return whether pictures at `times` [n] have this rate, or one that a shorter last picture explains."""
    drift = float(np.abs(times - times[0] - np.arange(len(times)) / float(rate)).max())
    return drift <= max(JITTER_S, 1.6 / float(rate))  # the rate in a header is number by length


def without_returns(
    stamps: Sequence[int | None], time_base: Fraction, wrap: int | None
) -> tuple[NDArray[np.int64], bool, list[str]]:
    """Return time stamps in order of display that do not decrease, whether they were sorted, and notes.

    Where they go back, they go on at the usual step, which a note says: recordings were joined, and each has a clock
    of its own. Stamps that a decoder gives a few pictures too early are sorted, and no longer are those of certain
    pictures; missing ones are filled at the usual step.

    Parameters: `wrap` is the number of units after which the clock of the container starts again, if it does.
    """
    known = np.array([stamp for stamp in stamps if stamp is not None], dtype=np.int64)
    steps = np.diff(known)
    step = int(np.median(steps[steps > 0])) if (steps > 0).any() else 1
    first = next((place for place, stamp in enumerate(stamps) if stamp is not None), 0)
    result = np.zeros(len(stamps), dtype=np.int64)
    result[0] = stamps[first] - first * step if len(known) else 0  # type: ignore[operator]
    for place in range(1, len(stamps)):
        stamp = stamps[place]
        result[place] = result[place - 1] + step if stamp is None else stamp
    notes, is_sorted = [], False
    for place in np.flatnonzero(_returns(np.diff(result), wrap)) + 1:
        before, after = int(result[place - 1]), int(result[place])
        if (result[place + 1 : place + _DISORDER] > before).any() and after < before:
            is_sorted = True
            continue
        shown = after - (wrap or 0) if after > before else after
        seconds = [float(value * time_base) for value in (before, shown)]
        notes.append(
            "time stamps go back from {:.2f} to {:.2f} s at picture {}: counted on from there at the usual step "
            "(joined recordings?)".format(*seconds, place)
        )
        result[place:] += before + step - after
    return np.sort(result), is_sorted, notes


def _returns(steps: NDArray[np.int64], wrap: int | None) -> NDArray[np.bool_]:
    """Return which steps go back, also where FFmpeg takes a clock that goes back for one that started again."""
    return (steps < 0) | (steps > wrap // 2) if wrap else steps < 0


def _rounding_s(times: Array, unit: float) -> float:
    """Return to what times in s are rounded: their unit, or a millisecond if all are whole ones."""
    whole = np.abs(times * 1000 - np.rint(times * 1000)).max() < 1e-3
    return max(unit, _MILLISECOND) if whole else unit


def _constant_rate(times: Array, unit: float, header_rates: Sequence[Fraction | None]) -> Fraction:
    """Return the nominal rate that agrees with times as well as the measured one does, as far as rounding allows.

    A rate of the header is preferred to other usual ones, and these to unusual ones. Where none agrees so well, as when
    a few stamps are off, it is a usual one of the header that agrees within `JITTER_S`, or the measured one.
    """
    numbers = np.arange(len(times))
    measured = Fraction((len(times) - 1) / float(times[-1])).limit_denominator(100_000)

    def spread(rate: Fraction) -> float:
        return float(np.ptp(times - numbers / float(rate)))

    headers = [rate for rate in header_rates if rate]
    candidates = [rate for rate in headers if rate in _USUAL] + sorted(_USUAL, key=spread) + headers
    allowed = max(spread(measured), unit) + unit
    close = [rate for rate in candidates if spread(rate) <= allowed]
    close += [rate for rate in headers if rate in _USUAL and spread(rate) <= JITTER_S]
    return close[0] if close else measured


def _fitting_rate(times: Array, unit: float, header_rates: Sequence[Fraction | None]) -> tuple[Fraction, Array]:
    """Return the smallest usual rate at which every picture begins with a frame, and the times on its grid.

    Where there is none, it is one at which hardly a picture falls between two frames, and times stay as they are.
    """

    def distance(rate: Fraction) -> float:
        frames = times * float(rate)
        return float(np.abs(frames - np.rint(frames)).max()) / float(rate)

    own = sorted(rate for rate in header_rates if rate and rate <= _USUAL[-1])
    near = min(max(unit, _MILLISECOND), 2 * _MILLISECOND) + 1e-6  # a coarser unit is that of frames, as in AVI
    fits = [rate for rate in _USUAL if distance(rate) <= near] or [rate for rate in own if distance(rate) <= near]
    if fits:
        rate = min((rate for rate in fits if rate < fits[0] * Fraction(_SAME_RATE)), key=distance)
        return rate, np.rint(times * float(rate)) / float(rate)
    steps = np.diff(times)
    shortest = _SHORTER * float(np.percentile(steps[steps > 0], _SHORT_STEPS))
    return next((rate for rate in _USUAL if rate.denominator == 1 and 1 / rate <= shortest), _USUAL[-1]), times
