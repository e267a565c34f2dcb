"""How far the events of a video can be believed: what other observers confirm, and what chance gives.

Nobody knows the true events of real gaze. But the observers of a video can be split into two random halves, whose
events should agree; and gaze whose observers have nothing in common, a *surrogate*, should have none. Each detection is
a *trial*, a row of the table `reliability`. A video's trials depend on its own gaze, its id and the settings alone.
"""

import math
from dataclasses import dataclass as plain_dataclass
from typing import Any

import numpy as np
import pandas as pd
from pydantic.dataclasses import dataclass

from tsalv360 import events as detection  # its functions import SciPy on their first use, which a plan does without
from tsalv360.contracts.settings import STRICT, setting
from tsalv360.contracts.tables import RELIABILITY
from tsalv360.metrics.events import Track, match_events
from tsalv360.sphere.directions import Array, wrap_yaw

BINS = (0.0, 0.2, 0.4, 0.6, 0.8, 1.0)  # of confidence, in the reliability diagram
_YAW_SIGMA_DEG = 30.0  # of the turns of surrogates: the chance level of `tsalv360.events.chance` has the same blur
_N_BOOTSTRAP, _SEED = 2000, 0


@dataclass(frozen=True, config=STRICT)
class ReliabilitySettings:
    """How the reliability of events is measured; costs CPU time in proportion."""

    splits: int = setting(1, "random splits of a video's observers into halves; 0: none", ge=0, le=1000)
    surrogates: int = setting(1, "surrogates of a video's gaze; 0: none", ge=0, le=1000)
    seed: int = setting(0, "seed of splits and surrogates", ge=0)


def measure_reliability(
    fixations: pd.DataFrame,
    events: pd.DataFrame,
    video_id: str,
    fps: float,
    frames: list[int],
    event_settings: "detection.EventSettings",
    settings: ReliabilitySettings,
    *,
    has_observers: bool = True,
) -> pd.DataFrame:
    """Return the table `reliability` of a video.

    Parameters: the fixations table of the video and the table of the events found in it; its id, native rate and kept
    frames; the settings of these events. Only the row of all observers comes back, without a trial, where the source
    hides its observers (`has_observers` false), or where half of them are too few for an event.
    """
    observers = fixations.observer.nunique()
    rows: list[dict[str, Any]] = [_row("all", 0, observers, events)]
    if not has_observers or observers < 2 * max(2, event_settings.min_observers):
        settings = ReliabilitySettings(0, 0)

    def detect(gaze: pd.DataFrame) -> "detection.DetectedEvents":
        return detection.detect_events(gaze, video_id, fps, event_settings, frames)

    def rng(gaze: str, number: int) -> np.random.Generator:
        return np.random.default_rng([settings.seed, number, *f"{gaze} {video_id}".encode()])

    for number in range(settings.splits):
        halves = split_observers(fixations, rng("half", number))
        found = [detect(half) for half in halves]
        for half, one, again in zip(halves, found, found_again(*(one.tracks for one in found)), strict=True):
            rows.append(_row("half", number, half.observer.nunique(), one.events, again))
    for number in range(settings.surrogates):
        gaze = surrogate(fixations, rng("surrogate", number), _YAW_SIGMA_DEG, shifted=True)
        rows.append(_row("surrogate", number, observers, detect(gaze).events))
    return pd.DataFrame(rows).assign(video=video_id)[list(RELIABILITY)]


def split_observers(fixations: pd.DataFrame, rng: np.random.Generator) -> tuple[pd.DataFrame, pd.DataFrame]:
    """Return the fixations of two random halves of the observers; of an odd number the second half has one more."""
    observers = rng.permutation(sorted(fixations.observer.unique()))
    first = fixations.observer.isin(observers[: len(observers) // 2])
    return fixations[first].reset_index(drop=True), fixations[~first].reset_index(drop=True)


def surrogate(
    fixations: pd.DataFrame, rng: np.random.Generator, yaw_sigma_deg: float | None, *, shifted: bool
) -> pd.DataFrame:
    """Return the fixations with each observer turned by a yaw of their own, and if `shifted` also in time, cyclically.

    The yaw is normal of `yaw_sigma_deg`, which keeps that all prefer the front, or any (None), which loses that too.
    """
    end_s = float((fixations.time_s + fixations.duration_s).max())
    observers, own = np.unique(fixations.observer, return_inverse=True)
    n = len(observers)
    yaw = rng.uniform(0, 360, n) if yaw_sigma_deg is None else rng.normal(0, yaw_sigma_deg, n)
    shift = rng.uniform(0, end_s, n) if shifted else np.zeros(n)
    return fixations.assign(
        yaw_deg=wrap_yaw(fixations.yaw_deg + yaw[own]), time_s=(fixations.time_s + shift[own]) % end_s
    )


def found_again(first: pd.DataFrame, second: pd.DataFrame) -> tuple[list[bool], list[bool]]:
    """Return of each event of two tracks tables whether the other has it: matched one to one by `match_events`."""
    ours, theirs = tracks_of(first), tracks_of(second)
    matches = match_events(ours, theirs)
    pairs = {match.true for match in matches}, {match.found for match in matches}
    return [k in pairs[0] for k in range(len(ours))], [k in pairs[1] for k in range(len(theirs))]


def tracks_of(tracks: pd.DataFrame) -> list[Track]:
    """Return the tracks in a tracks table, in the order of its events."""
    return [Track.of(rows) for _, rows in tracks.groupby("event_id", sort=False)]


def _row(
    gaze: str, number: int, n_observers: int, events: pd.DataFrame, again: list[bool] | None = None
) -> dict[str, Any]:
    confidence = events.confidence.tolist()
    return {"gaze": gaze, "number": number, "n_observers": n_observers, "confidence": confidence, "found": again or []}


@plain_dataclass(frozen=True)
class Estimate:
    """A share or rate of a data set with its 95 % interval, by bootstrap over videos; NaN where it is not defined."""

    value: float
    low: float
    high: float

    def __str__(self) -> str:
        if math.isnan(self.value):
            return "–"
        return f"{self.value:.2f}" + ("" if math.isnan(self.low) else f" ({self.low:.2f} to {self.high:.2f})")


@plain_dataclass(frozen=True)
class Bin:
    """Events of halves by confidence, `low` to `high`: how many, their mean confidence, the share found again."""

    low: float
    high: float
    n: int
    confidence: float
    found: float


@plain_dataclass(frozen=True)
class Reliability:
    """The trials of one or several videos in numbers; what has no trial is NaN.

    `n_videos` have trials, `n_not_measured` have none. `agreement`: F1 of the events of two halves. `events_of_half`:
    their mean number in a video. `chance`: events of a surrogate per event of all observers. `bins`: the reliability
    diagram, without empty bins.
    """

    n_videos: int
    n_not_measured: int
    agreement: Estimate
    events_of_half: float
    chance: Estimate
    bins: list[Bin]


def summarise(trials: pd.DataFrame) -> Reliability:
    """Return the reliability that rows of the table `reliability` add up to."""
    rows = trials[["video", "gaze"]].assign(events=trials.confidence.map(len), found=trials.found.map(sum))
    whole, halves, surrogates = (rows[rows.gaze == gaze] for gaze in ("all", "half", "surrogate"))
    own = trials[trials.gaze == "half"]
    surrogates = surrogates.assign(real=surrogates.video.map(whole.set_index("video").events))
    n_videos = rows.video[rows.gaze != "all"].nunique()
    return Reliability(
        n_videos=n_videos,
        n_not_measured=len(whole) - n_videos,
        agreement=_ratio(halves, "found", "events"),
        events_of_half=float(halves.events.mean()),
        chance=_ratio(surrogates, "events", "real"),
        bins=reliability_bins(*(np.concatenate([[], *own[name]]) for name in ("confidence", "found"))),
    )


def _ratio(rows: pd.DataFrame, part: str, whole: str) -> Estimate:
    """Return the ratio of two columns' sums; its interval needs two videos."""
    sums = rows.groupby("video")[[part, whole]].sum().to_numpy(float)
    n = len(sums)
    drawn = sums[np.random.default_rng(_SEED).integers(n, size=(_N_BOOTSTRAP if n > 1 else 0, n))].sum(axis=1)
    ratios = _divided(np.vstack([sums.sum(axis=0), drawn]))
    low, high = np.nanpercentile(ratios[1:], [2.5, 97.5]) if np.isfinite(ratios[1:]).any() else (np.nan, np.nan)
    return Estimate(float(ratios[0]), float(low), float(high))


def _divided(sums: Array) -> Array:
    """Return the first over the second column, NaN where that is 0."""
    return sums[:, 0] / np.where(sums[:, 1] > 0, sums[:, 1], np.nan)


def reliability_bins(confidence: Array, found: Array) -> list[Bin]:
    """Return the bins that have events, given confidence [n] and whether found in the other half, 0 or 1 [n]."""
    place = np.clip(np.digitize(confidence, BINS) - 1, 0, len(BINS) - 2)
    place[np.isnan(confidence)] = -1
    return [
        Bin(BINS[k], BINS[k + 1], int(own.sum()), float(confidence[own].mean()), float(found[own].mean()))
        for k in range(len(BINS) - 1)
        if (own := place == k).any()
    ]
