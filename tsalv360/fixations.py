"""Fixations from gaze samples: saccades are removed, fixations and pursuit are kept (I-VT on the sphere).

Salvucci & Goldberg (2000), "Identifying fixations and saccades in eye-tracking protocols": a sample between two fast
intervals is a saccade; a fast interval ends one fixation and starts the next. A fixation is never collapsed to one
row: every sample stays an interval of its own, so that pursuit keeps its path.
"""

import numpy as np
import pandas as pd
from pydantic.dataclasses import dataclass

from tsalv360.contracts.settings import STRICT, setting
from tsalv360.job.errors import InputError
from tsalv360.sphere.directions import Array, to_vectors, vector_angle

_SPAN_S = 0.025  # velocity is measured over this or one sample step; at 250 Hz neighbours differ by noise
_SACCADE_S = 0.08  # a sample that lasts longer holds a fixation of its own
_OVERRUN_S = 0.5  # how far gaze may run on after its video before it must belong to another one


@dataclass(frozen=True, config=STRICT)
class FixationSettings:
    """Fixations from gaze samples; recorded fixations are taken as they are."""

    max_velocity_deg_s: float = setting(
        100.0,
        "gaze faster than this is a saccade; head and eye together pursue up to about 60",
        unit="deg/s",
        ge=10,
        le=1000,
    )
    min_duration_ms: float = setting(80.0, "shorter fixations are removed", unit="ms", ge=0, le=1000)
    max_gap_ms: float = setting(
        100.0, "missing samples for longer than this (a blink) end a fixation", unit="ms", ge=0, le=1000
    )


def find_fixations(gaze: pd.DataFrame, settings: FixationSettings) -> pd.DataFrame:
    """The fixation samples of `gaze` (columns of the fixations table), with `fixation_id` counted per observer.

    Rows whose `fixation_id` is known are recorded fixations and stay untouched. A sample lasts until the next of its
    fixation. `attrs["notes"]` tells how many samples were removed.
    """
    samples, recorded = gaze[gaze.fixation_id < 0], gaze[gaze.fixation_id >= 0]
    parts = [_fixations_of_observer(own, settings) for _, own in samples.groupby("observer")]
    found = pd.concat([*parts, recorded]) if parts else recorded
    found = found.sort_values(["observer", "time_s"], kind="stable", ignore_index=True)
    removed = len(gaze) - len(found)
    found.attrs["notes"] = [*gaze.attrs.get("notes", [])]
    if len(gaze) and not len(found):
        raise InputError(
            "fixations",
            f"none in {len(gaze)} gaze samples",
            "gaze that rests now and then",
            "Check times and units of the gaze, or raise fixations.max_velocity_deg_s.",
        )
    if removed:
        found.attrs["notes"].append(f"{removed} of {len(gaze)} gaze samples removed (saccades and short fixations)")
    return found


def _fixations_of_observer(samples: pd.DataFrame, settings: FixationSettings) -> pd.DataFrame:
    samples = samples.sort_values("time_s", kind="stable").copy()
    start = samples.time_s.to_numpy()
    step = np.diff(start)
    if (step <= 0).any():
        again = start[:-1][step <= 0][0]
        observer = samples.observer.iloc[0]
        raise InputError(f"gaze of observer {observer}", f"two samples at {again:g} s", "one at a time", "Remove one.")
    fast = _velocity(start, to_vectors(samples.yaw_deg, samples.pitch_deg)) > settings.max_velocity_deg_s
    missing = step - samples.duration_s.to_numpy()[:-1] > settings.max_gap_ms / 1000
    breaks = fast | missing
    samples["fixation_id"] = np.concatenate([[0], np.cumsum(breaks)])
    lasts = samples.duration_s.to_numpy().copy()
    lasts[:-1] = np.where(breaks, np.minimum(lasts[:-1], step), step)
    samples["duration_s"] = lasts
    total = samples.groupby("fixation_id").duration_s.transform("sum")
    alone = samples.groupby("fixation_id").duration_s.transform("size") == 1  # between two fast intervals
    saccade = alone & (samples.duration_s < _SACCADE_S)
    kept = samples[(total >= settings.min_duration_ms / 1000 - 1e-9) & ~saccade].copy()
    kept["fixation_id"] = kept.fixation_id.rank(method="dense").astype(int) - 1
    return kept


def _velocity(time_s: Array, direction: Array) -> Array:
    """Velocity [n − 1] in deg/s between neighbouring samples, taken over at least `_SPAN_S`, lest it be noise alone."""
    if len(time_s) < 2:
        return np.zeros(0)
    wider = int(np.ceil(_SPAN_S / np.median(np.diff(time_s)))) - 1
    place = np.arange(len(time_s) - 1)
    first = np.maximum(place - wider // 2, 0)
    last = np.minimum(place + 1 + (wider + 1) // 2, len(time_s) - 1)
    return vector_angle(direction[last], direction[first]) / (time_s[last] - time_s[first])


def within_video(gaze: pd.DataFrame, duration_s: float, n_frames: int, where: object) -> pd.DataFrame:
    """`gaze` cut at the end of its video. More than 0.5 s beyond it is refused: it belongs to another video."""
    beyond = gaze.time_s >= duration_s - 1e-9
    if beyond.any() and gaze.time_s.max() > duration_s + _OVERRUN_S:
        raise InputError(
            where,
            f"gaze until {gaze.time_s.max():.2f} s",
            f"at most {duration_s:.2f} s, the length of the video, and {_OVERRUN_S} s more",
            "Check that gaze and video belong together and that the frame rate is right.",
        )
    kept = gaze[~beyond].reset_index(drop=True)
    kept["duration_s"] = np.minimum(kept.duration_s, duration_s - kept.time_s)
    kept["frame"] = np.minimum(kept.frame, n_frames - 1)
    kept.attrs["notes"] = [*gaze.attrs.get("notes", [])]
    if beyond.any():
        kept.attrs["notes"].append(f"rows past the end of the video dropped: {int(beyond.sum())}")
    return kept
