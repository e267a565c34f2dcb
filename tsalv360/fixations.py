"""Fixations from gaze samples: saccades are removed, fixations and pursuit are kept.

The method is I-VT, identification by velocity threshold, with angles on the sphere and a smoothed velocity: Salvucci &
Goldberg (2000), "Identifying fixations and saccades in eye-tracking protocols". A sample between two fast
intervals is a saccade; a fast interval ends one fixation and starts the next. A fixation is never collapsed to one
row: every sample stays an interval of its own, so that pursuit keeps its path.
"""

import numpy as np
import pandas as pd
from pydantic.dataclasses import dataclass

from tsalv360.contracts.entries import GazeNotes, IndexEntry
from tsalv360.contracts.settings import STRICT, setting
from tsalv360.job.errors import InputError
from tsalv360.sources.plausibility import plausibility_remarks, summarise_gaze
from tsalv360.sources.recording import Gaze
from tsalv360.sphere.directions import to_vectors
from tsalv360.sphere.velocity import velocity

_SACCADE_S = 0.08  # a longer sample is a fixation of its own, not a saccade
OVERRUN_S = 0.5  # gaze that continues longer than this after the end of its video belongs to another one


@dataclass(frozen=True, config=STRICT)
class FixationSettings:
    """Fixations from gaze samples; recorded fixations are kept unchanged."""

    max_velocity_deg_s: float = setting(
        100.0,
        "velocity threshold (I-VT): faster gaze is a saccade; pursuit by head and eye together reaches about 60",
        unit="deg/s",
        ge=10,
        le=1000,
    )
    min_duration_ms: float = setting(80.0, "shorter fixations are removed", unit="ms", ge=0, le=1000)
    max_gap_ms: float = setting(
        100.0, "missing samples for longer than this (a blink) end a fixation", unit="ms", ge=0, le=1000
    )


def fixations_of_video(gaze: Gaze, video: IndexEntry, settings: FixationSettings) -> tuple[pd.DataFrame, GazeNotes]:
    """Return the outputs of the fixations stage: the fixations table of a video, and all notes on its gaze."""
    notes = [*gaze.notes]
    samples = within_video(gaze.samples, video.duration_s, video.n_frames, f"gaze of video {video.id}", notes)
    remarks = plausibility_remarks(samples, video.duration_s, gaze.n_observers is not None, video.cuts_s)
    summary = summarise_gaze(samples, video.duration_s, video.cuts_s) if remarks else None
    return find_fixations(samples, settings, notes), GazeNotes(gaze.n_observers, notes, remarks, summary)


def within_video(
    samples: pd.DataFrame, duration_s: float, n_frames: int, where: object, notes: list[str] | None = None
) -> pd.DataFrame:
    """Return the gaze samples or fixations cut at the end of their video, and append to `notes` how many rows it drops.

    Raises InputError for gaze more than 0.5 s after the end: it belongs to another video.
    """
    beyond = samples.time_s >= duration_s - 1e-9
    if beyond.any() and samples.time_s.max() > duration_s + OVERRUN_S:
        observer = samples.observer.iloc[int(samples.time_s.to_numpy().argmax())]
        own = samples.time_s[samples.observer == observer]
        clock = (
            "A clock that starts before the video needs table.time_zero"
            if own.min() > OVERRUN_S
            else "Times in another unit need table.time_unit"
        )
        raise InputError(
            where,
            f"gaze of observer {observer} from {own.min():.2f} to {own.max():.2f} s",
            f"at most {duration_s:.2f} s, the length of the video, and {OVERRUN_S} s more",
            f"Check that gaze and video belong together and that the frame rate is right. {clock}.",
        )
    kept = samples[~beyond].reset_index(drop=True)
    kept["duration_s"] = np.minimum(kept.duration_s, duration_s - kept.time_s)
    kept["frame"] = np.minimum(kept.frame, n_frames - 1)
    if notes is not None and beyond.any():
        notes.append(f"rows past the end of the video dropped: {int(beyond.sum())}")
    return kept


def find_fixations(samples: pd.DataFrame, settings: FixationSettings, notes: list[str] | None = None) -> pd.DataFrame:
    """Return the samples that belong to fixations, with `fixation_id` counted per observer.

    Parameters: rows of the fixations table, of which those with a known `fixation_id` are recorded fixations and stay
    unchanged; settings; a list to which the number of removed samples is appended. Each sample lasts until the next of
    its fixation. Raises InputError if there are samples and none of them belongs to a fixation.

    An observer looks to the left for half a second, then to the right:

    >>> from tsalv360.fixations import FixationSettings
    >>> from tsalv360.sources.recording import fixations_table
    >>> time_s = np.arange(60) / 60
    >>> samples = fixations_table("s01", time_s, 1 / 60, time_s * 30, np.where(time_s < 0.5, -20, 20), 0)
    >>> find_fixations(samples, FixationSettings()).groupby("fixation_id").yaw_deg.agg(["count", "mean"])
                 count  mean
    fixation_id
    0               30 -20.0
    1               30  20.0
    """
    recorded = samples[samples.fixation_id >= 0]
    parts = [_of_observer(own, settings) for _, own in samples[samples.fixation_id < 0].groupby("observer")]
    found = pd.concat([*parts, recorded]) if parts else recorded
    if len(samples) and not len(found):
        raise InputError(
            "fixations",
            f"none in {len(samples)} gaze samples",
            "gaze that rests at times",
            "Check times and units of the gaze, or raise fixations.max_velocity_deg_s.",
        )
    if notes is not None and len(found) < len(samples):
        removed = len(samples) - len(found)
        notes.append(f"{removed} of {len(samples)} gaze samples removed (saccades and short fixations)")
    return found.sort_values(["observer", "time_s"], kind="stable", ignore_index=True)


def _of_observer(samples: pd.DataFrame, settings: FixationSettings) -> pd.DataFrame:
    """Return the samples of one observer that belong to fixations."""
    samples = samples.sort_values("time_s", kind="stable")
    start, lasts = samples.time_s.to_numpy(), samples.duration_s.to_numpy().copy()
    step = np.diff(start)
    if (step <= 0).any():
        found = f"two samples at {start[:-1][step <= 0][0]:g} s"
        raise InputError(f"gaze of observer {samples.observer.iloc[0]}", found, "one at a time", "Remove one.")
    fast = velocity(start, to_vectors(samples.yaw_deg, samples.pitch_deg)) > settings.max_velocity_deg_s
    ends = fast | (step - lasts[:-1] > settings.max_gap_ms / 1000)
    lasts[:-1] = np.where(ends, np.minimum(lasts[:-1], step), step)
    samples = samples.assign(fixation_id=np.cumsum(np.append(False, ends)), duration_s=lasts)
    fixation = samples.groupby("fixation_id").duration_s
    lone = fixation.transform("size") == 1  # between two fast intervals
    long_enough = fixation.transform("sum") >= settings.min_duration_ms / 1000 - 1e-9
    kept = samples[long_enough & ~(lone & (samples.duration_s < _SACCADE_S))]
    return kept.assign(fixation_id=kept.fixation_id.rank(method="dense").astype(int) - 1)
