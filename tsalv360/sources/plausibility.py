"""Signs that gaze was read with a wrong unit, frame of reference, clock or video.

Such gaze is often within all limits: radians read as degrees are directions near the front. Each limit below lies
between what real recordings show and what they show when they are read wrongly; the real ones are the gaze of four
videos of VR-EyeTracking, five recordings of Salient360!, 20 of AVTrack360 and one of the 88-video set, whole and in
parts of 10 to 20 s. What gaze alone cannot tell is not guessed: mirrored gaze looks like gaze, and gaze that is upside
down does so wherever observers look as much up as down.
"""

from collections.abc import Iterator, Sequence
from itertools import islice

import numpy as np
import pandas as pd

from tsalv360.contracts.entries import GazeRemark, GazeSummary
from tsalv360.sphere.directions import normalise, to_angles, to_vectors, vector_angle
from tsalv360.sphere.velocity import WINDOW_S, velocity

CELL_DEG = 10
_STEP_S = 0.1  # of a summary's speeds

_SEVERAL, _SEVERAL_S, _SINGLE_S = 3, 3.0, 12.0  # gaze of so many observers, or of fewer if it is so long, is telling
_STILL_DEG = 10.0  # 98 % of real gaze of a video never lies so close together
_POLE_DEG, _MOST_AT_POLES = 60.0, 0.25  # at most 0.08 of real gaze is so high or low
_BOTH_DEG, _MOST_AT_BOTH = 75.0, 0.01  # at most 0.004 of real gaze is so near to either pole
_LYING = 1.2  # mean square of the vertical component, by the smaller horizontal one: gaze lies along another circle
_SEAM_DEG, _FEWEST_AT_SEAM = 10.0, 0.01  # observers who come so near to the seam cross it
_HORIZON_S, _MOST_ABOVE = 15.0, 0.95  # in at most 0.80 of their gaze do all observers look up
_START_S, _FEWEST_STARTS = 0.3, 5  # nobody has turned so early
_AT_REST_DEG_S = 15.0  # whoever moves faster at the start has followed something since before it
_COMMON_START, _START_DEG = 0.9, 25.0  # length of the mean of the first directions; their distance from the front
_LATE_S, _LATE_SHARE = (1.0, 3.0), 0.1  # of the video without any gaze, at its start or end, within these limits
_EARLY_END = 0.75  # of the video; in real recordings, the last fixation of an observer starts after 0.8 of it
_FASTEST_DEG_S = 1000.0  # of eye and head together: saccades reach 700 (Bahill et al. 1975), and heads 300
_MOST_FAST = 0.12  # at most 0.008 of real samples are faster; of simulated saccades without duration, 0.08
_FEWEST_SPEEDS = 50
_REACTION_S = 0.0, 0.8  # after a cut; saccades to a new scene begin after 0.2 to 0.4 s
_FEWEST_CUTS, _FEWEST_WATCHING = 5, 5
_LONGEST_SHIFT_S = 10.0
_SHIFT_DEVIATIONS = 6.0  # of the speed after cuts from its mean, at the shift where it is highest
_OTHER_PEAK = 0.7  # of that, at most, at any other shift
_NAMED = 3


def plausibility_remarks(
    samples: pd.DataFrame, duration_s: float, has_observers: bool = True, cuts_s: Sequence[float] = ()
) -> list[GazeRemark]:
    """Return the signs that the gaze of a video was read in a wrong way; none for gaze as viewers have it.

    Parameters
    ----------
    samples : rows of the fixations table, cut at the end of the video.
    duration_s : length of the video.
    has_observers : false if the gaze does not identify observers.
    cuts_s : times at which the video cuts to another scene, where these are known.
    """
    if samples.empty:
        return []
    samples = samples.sort_values(["observer", "time_s"], kind="stable")
    several = samples.observer.nunique() >= _SEVERAL
    remarks: list[GazeRemark] = []
    if np.ptp(samples.time_s) >= (_SEVERAL_S if several else _SINGLE_S) - _STEP_S:
        others = (*_at_poles(samples), *_beside_seam(samples), *_above_horizon(samples))
        remarks += [*_close_together(samples)] or others
    remarks += [*_start(samples)] if has_observers else []
    remarks += _coverage(samples, duration_s, has_observers)
    remarks += [*_too_fast(samples), *_beside_cuts(samples, duration_s, cuts_s)] if has_observers else []
    return remarks


def summarise_gaze(samples: pd.DataFrame, duration_s: float, cuts_s: Sequence[float] = ()) -> GazeSummary:
    """Return what the pictures of remarks show; parameters as `plausibility_remarks`."""
    row = np.clip((90 - samples.pitch_deg) // CELL_DEG, 0, 180 // CELL_DEG - 1).astype(int)
    column = np.clip((samples.yaw_deg + 180) // CELL_DEG, 0, 360 // CELL_DEG - 1).astype(int)
    density = np.zeros((180 // CELL_DEG, 360 // CELL_DEG), dtype=int)
    np.add.at(density, (row, column), 1)
    speeds = speeds_of(samples.sort_values(["observer", "time_s"], kind="stable"))
    place = (speeds.time_s // _STEP_S).astype(int)
    median = speeds.speed_deg_s.groupby([place, speeds.observer]).mean().groupby(level=0).median()
    each = median.reindex(range(int(np.ceil(duration_s / _STEP_S))))
    speed = [None if value != value else round(float(value), 1) for value in each]
    return GazeSummary(density.tolist(), _STEP_S, speed, duration_s, [round(float(cut), 3) for cut in cuts_s])


def speeds_of(samples: pd.DataFrame) -> pd.DataFrame:
    """Return `observer`, `time_s` and `speed_deg_s` in the middle between samples of an observer.

    Parameters: `samples` sorted by observer and time. Recorded fixations have no speed between them.
    """
    parts = [pd.DataFrame({"observer": pd.Series(dtype="str"), "time_s": [], "speed_deg_s": []})]
    for observer, own in samples[samples.fixation_id < 0].groupby("observer", sort=False):
        time = own.time_s.to_numpy()
        speed, lasts = velocity(time, to_vectors(own.yaw_deg, own.pitch_deg)), np.diff(time)
        unbroken = lasts <= 3 * max(float(np.median(lasts)) if len(lasts) else 0.0, 2 * WINDOW_S)
        middle = (time[1:] + time[:-1]) / 2
        parts.append(pd.DataFrame({"observer": observer, "time_s": middle[unbroken], "speed_deg_s": speed[unbroken]}))
    return pd.concat(parts, ignore_index=True)


def _close_together(samples: pd.DataFrame) -> Iterator[GazeRemark]:
    """Yield a remark if all gaze lies within a few degrees."""
    yaw, pitch = samples.yaw_deg.to_numpy(), samples.pitch_deg.to_numpy()
    direction = to_vectors(yaw, pitch)
    mean = direction.mean(axis=0)
    radius = float(np.quantile(vector_angle(direction, normalise(mean)), 0.98)) if mean.any() else 180.0
    if radius > _STILL_DEG:
        return
    fit_fractions = min(yaw.min(), pitch.min()) >= 0 and max(yaw.max(), pitch.max()) <= 1
    fit_radians = -np.pi <= yaw.min() and yaw.max() <= 2 * np.pi and np.abs(pitch).max() <= np.pi / 2
    if fit_fractions:
        advice = "The values fit fractions of the panorama: name the columns x and y, with `origin`, in `table`."
    elif fit_radians:
        advice = "The values fit radians: set `angle_unit: rad` in the video's `table`."
    else:
        advice = "Check the unit (`angle_unit`), and that the columns hold gaze in the panorama, not in the head."
    yield GazeRemark(
        f"all gaze lies within {radius:.1f}° (yaw {yaw.min():.1f} to {yaw.max():.1f}, "
        f"pitch {pitch.min():.1f} to {pitch.max():.1f})",
        "viewers look around",
        advice,
        "directions",
    )


def _at_poles(samples: pd.DataFrame) -> Iterator[GazeRemark]:
    """Yield a remark if much of the gaze is near a pole, or some near each."""
    pitch = samples.pitch_deg
    share = float((pitch.abs() > _POLE_DEG).mean())
    above, below = (float((sign * pitch > _BOTH_DEG).mean()) for sign in (1, -1))
    forward, right, up = (to_vectors(samples.yaw_deg, pitch) ** 2).mean(axis=0)
    is_lying = up > _LYING * min(forward, right)
    if share > _MOST_AT_POLES or (min(above, below) > _MOST_AT_BOTH and is_lying):
        yield GazeRemark(
            f"{share:.0%} of the gaze is more than {_POLE_DEG:g}° above or below the horizon, "
            f"{above:.1%} within {90 - _BOTH_DEG:g}° of the upper pole and {below:.1%} of the lower one",
            "viewers seldom look there",
            "Check that yaw and pitch, or x and y, are not exchanged, and which axis is up (`axes`).",
            "directions",
        )


def _beside_seam(samples: pd.DataFrame) -> Iterator[GazeRemark]:
    """Yield a remark if gaze comes near the seam from one side and never crosses it."""
    left = int((samples.yaw_deg < _SEAM_DEG - 180).sum())
    right = int((samples.yaw_deg > 180 - _SEAM_DEG).sum())
    if min(left, right) == 0 and max(left, right) > max(_FEWEST_AT_SEAM * len(samples), 10):
        low, high = samples.yaw_deg.min(), samples.yaw_deg.max()
        yield GazeRemark(
            f"all yaw is {low:.0f} to {high:.0f}°: gaze comes to one side of the seam and never crosses it",
            "viewers who come there look beyond it",
            "Check `width` and `height`, if positions are in pixels, and the unit of angles.",
            "directions",
        )


def _above_horizon(samples: pd.DataFrame) -> Iterator[GazeRemark]:
    above = float((samples.pitch_deg > 0).mean())
    if above > _MOST_ABOVE and np.ptp(samples.time_s) >= _HORIZON_S:
        yield GazeRemark(
            f"{above:.0%} of the gaze is above the horizon",
            "it may be upside down, unless all there is to see is in the sky",
            "If the table's angles are positive downward, set `pitch: down`; if its y counts down, `origin: top left`.",
            "directions",
        )


def _start(samples: pd.DataFrame) -> Iterator[GazeRemark]:
    """Yield a remark if all observers begin in the same direction, which is not the front."""
    first = samples.groupby("observer").head(1)
    first = first[first.time_s <= _START_S]
    if len(first) < _FEWEST_STARTS or len(first) < samples.observer.nunique() / 2:
        return
    mean = to_vectors(first.yaw_deg, first.pitch_deg).mean(axis=0)
    away = float(vector_angle(normalise(mean), [1, 0, 0])) if mean.any() else 0.0
    speeds = speeds_of(samples[samples.time_s <= _START_S])
    at_rest = speeds.empty or speeds.groupby("observer").speed_deg_s.median().median() < _AT_REST_DEG_S
    if np.linalg.norm(mean) > _COMMON_START and away > _START_DEG and at_rest:
        yaw, pitch = (float(angle) for angle in to_angles(mean))
        if abs(pitch) > _START_DEG:
            advice = "Check which axis is up (`axes`), and whether pitch is an angle from the pole"
        else:
            advice = f"If the player turned the sphere, set `sphere_yaw: {yaw:.0f}` ({-yaw:.0f} with `yaw: left`)"
            advice += "; yaw 0 may be the left edge of the picture" if abs(yaw) > 180 - _START_DEG else ""
        yield GazeRemark(
            f"all observers begin near yaw {yaw:.0f}°, pitch {pitch:.0f}°",
            "viewers begin at the front (0°, 0°) unless the player turned the sphere or something held them",
            f"{advice}.",
            "directions",
        )


def _coverage(samples: pd.DataFrame, duration_s: float, has_observers: bool) -> Iterator[GazeRemark]:
    """Yield remarks on parts of the video without gaze, of all observers or of single ones."""
    starts = samples.groupby("observer").time_s.min()
    ends = (samples.time_s + samples.duration_s).groupby(samples.observer).max()
    shortest = float(np.clip(_LATE_SHARE * duration_s, *_LATE_S))
    whole = "gaze lasts as long as its video"
    if duration_s - ends.max() > shortest:
        yield GazeRemark(
            f"gaze ends at {ends.max():.4g} of {duration_s:.4g} s",
            whole,
            "Check the unit of time (`time_unit`) and that gaze and video belong together; frame numbers counted at "
            "another rate than the video's must become times (`time_s`).",
            "time",
        )
    elif has_observers and len(early := ends[ends < _EARLY_END * duration_s - 0.5]):
        names = [f"{name} at {end:.1f} s" for name, end in islice(early.sort_values().items(), _NAMED)]
        more = f" and {len(early) - _NAMED} more" if len(early) > _NAMED else ""
        yield GazeRemark(
            f"{len(early)} of {len(ends)} observers stop early: {', '.join(names)}{more}, of {duration_s:.1f} s",
            whole,
            "If these recordings are incomplete, nothing needs to be set: only the others count from there on.",
            "time",
        )
    if starts.min() > shortest:
        yield GazeRemark(
            f"no gaze before {starts.min():.4g} of {duration_s:.4g} s",
            whole,
            "Check the time at which the video starts in the table (`time_zero`).",
            "time",
        )


def _too_fast(samples: pd.DataFrame) -> Iterator[GazeRemark]:
    speed = speeds_of(samples).speed_deg_s
    share = float((speed > _FASTEST_DEG_S).mean()) if len(speed) >= _FEWEST_SPEEDS else 0.0
    if share > _MOST_FAST:
        yield GazeRemark(
            f"{share:.0%} of the samples move faster than {_FASTEST_DEG_S:g} deg/s",
            "eye and head together hardly reach that",
            "Check the unit of time (`time_unit`), and that each observer has a name of its own.",
            "time",
        )


def _beside_cuts(samples: pd.DataFrame, duration_s: float, cuts_s: Sequence[float]) -> Iterator[GazeRemark]:
    """Yield a remark if gaze reacts to the video's cuts at another time than right after them.

    The speed of all observers' gaze is averaged at a lag after every cut, for all lags, round the end of the video.
    Only a single clear peak is telling: gaze that shows none may still belong to the video.
    """
    if samples.observer.nunique() < _FEWEST_WATCHING or len(cuts_s) < _FEWEST_CUTS:
        return
    speeds = speeds_of(samples)
    place = (speeds.time_s // _STEP_S).astype(int)
    n = max(int(duration_s / _STEP_S), 1)
    slow = speeds.speed_deg_s.clip(upper=_FASTEST_DEG_S)
    moving = slow.groupby(place).mean().reindex(range(n)).interpolate(limit_direction="both").to_numpy()
    cut = np.zeros(n)
    cut[np.clip(np.asarray(cuts_s) // _STEP_S, 0, n - 1).astype(int)] = 1
    after = np.fft.irfft(np.fft.rfft(moving) * np.conj(np.fft.rfft(cut)), n)  # [lag]: the sum over all cuts
    after = (np.roll(after, 1) + after + np.roll(after, -1)) / 3  # cuts and reactions vary
    deviation = (after - np.median(after)) / max(1.4826 * float(np.median(np.abs(after - np.median(after)))), 1e-9)
    lag = int(deviation.argmax())
    away = np.minimum(np.abs(np.arange(n) - lag), n - np.abs(np.arange(n) - lag))
    other = deviation[away > _REACTION_S[1] / _STEP_S].max(initial=0)
    lag_s = (lag if lag < n / 2 else lag - n) * _STEP_S
    clear = deviation[lag] > _SHIFT_DEVIATIONS and other < _OTHER_PEAK * deviation[lag]
    if clear and not _REACTION_S[0] <= lag_s <= _REACTION_S[1] and abs(lag_s) <= _LONGEST_SHIFT_S:
        shift_s = lag_s - 0.3
        when = f"{abs(lag_s):.1f} s {'after' if lag_s > 0 else 'before'}"
        yield GazeRemark(
            f"gaze jumps {when} the {len(cuts_s)} cuts of the video",
            "viewers' gaze jumps 0.2 to 0.4 s after a cut",
            f"The gaze seems {abs(shift_s):.1f} s too {'late' if shift_s > 0 else 'early'}: check `time_zero`, and "
            "that the video is the one that was shown.",
            "time",
        )
