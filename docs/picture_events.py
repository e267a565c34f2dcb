"""Draws the pictures of docs/events.md from the real gaze in the folder TSALV360_REAL_DATA.

python docs/picture_events.py
"""

import os
from dataclasses import replace
from pathlib import Path

import matplotlib.pyplot as plt
import numpy as np
import pandas as pd
from matplotlib.axes import Axes

from tsalv360.contracts.grid import frame_numbers
from tsalv360.events import DetectedEvents, EventSettings, detect_events
from tsalv360.explorer.figures import draw_reliability
from tsalv360.fixations import FixationSettings, find_fixations
from tsalv360.reliability import ReliabilitySettings, measure_reliability, summarise
from tsalv360.sources import read_vr_eyetracking

VIDEOS = {"006": 1 / 29.97, "011": 1 / 29.97, "014": 1 / 29.97, "146": 1 / 30}  # seconds a frame
COLOURS = ["#E69F00", "#56B4E9", "#009E73", "#F0E442", "#0072B2", "#D55E00", "#CC79A7"]  # Okabe and Ito
GAZE = Path(os.environ["TSALV360_REAL_DATA"]) / "vr_eyetracking" / "Gaze_txt_files"


def gaze_of(video: str) -> tuple[pd.DataFrame, float, list[int]]:
    """Fixations, rate and kept frames of a video; its length is that of its gaze, as the video itself is not needed."""
    fps = 1 / VIDEOS[video]
    gaze = read_vr_eyetracking(GAZE, video, fps)
    frames = frame_numbers(fps, int(gaze.frame.max()) + 1, skip_first=20)
    return find_fixations(gaze, FixationSettings()), fps, frames


def events_of(video: str, settings: EventSettings) -> tuple[pd.DataFrame, DetectedEvents]:
    """Fixations and events of a video."""
    fixations, fps, frames = gaze_of(video)
    return fixations, detect_events(fixations, video, fps, settings, frames)


def draw(axis: Axes, fixations: pd.DataFrame, found: DetectedEvents, column: str, span: tuple[float, float]) -> None:
    """Fixations as dots, in the colour of the event they belong to, and the events' paths over them."""
    names = list(found.events.event_id)
    colour = {name: COLOURS[k % len(COLOURS)] for k, name in enumerate(names)}
    owner = found.assignments.set_index("row").event_id
    middle = fixations.time_s + fixations.duration_s / 2
    axis.scatter(middle, fixations[column], s=1, color="0.75", linewidths=0)
    own = fixations.loc[owner.index]
    axis.scatter(middle[owner.index], own[column], s=2, c=[colour[name] for name in owner], linewidths=0)
    for name, track in found.tracks.groupby("event_id", sort=False):
        values, times = track[column].to_numpy(), track.time_s.to_numpy()
        cuts = np.flatnonzero((np.abs(np.diff(values)) > 180) | (np.diff(times) > 0.2)) + 1
        axis.plot(np.insert(times, cuts, np.nan), np.insert(values, cuts, np.nan), color="black", linewidth=1.2)
        if span[0] <= times[0] <= span[1]:
            axis.text(times[0], values[0], str(name).split("_")[1], fontsize=9, weight="bold", clip_on=True)
    axis.set_xlim(*span)
    axis.tick_params(labelsize=7)


def draw_methods() -> None:
    """All four videos, by our method and as TSV360 was made."""
    figure, axes = plt.subplots(len(VIDEOS), 2, figsize=(12, 13), layout="constrained")
    for row, video in zip(axes, VIDEOS, strict=True):
        for axis, method in zip(row, ("clusters", "tsv360"), strict=True):
            fixations, found = events_of(video, EventSettings(method=method))
            draw(axis, fixations, found, "yaw_deg", (0, float(fixations.time_s.max())))
            axis.set_title(f"{video}, method: {method}", fontsize=9)
    figure.supxlabel("s")
    figure.supylabel("yaw, °")
    figure.savefig("docs/events.jpg", dpi=80, pil_kwargs={"quality": 85})


def draw_settings() -> None:
    """A few settings, each at the default and at another value, where it matters in real gaze."""
    default = EventSettings()
    cases = [
        ("146", (0, 30), "yaw_deg", (0, 170), {"max_gap_s": 0.8}, "gaps longer than max_gap_s start a new event"),
        ("146", (0, 47), "yaw_deg", (-180, 180), {"max_duration_s": 60.0}, "longer events are cut"),
        ("006", (0, 58), "yaw_deg", (-180, 180), {"min_share": 0.25}, "min_share of the observers"),
        ("014", (0, 27), "pitch_deg", (-40, 20), {"merge_deg": 4.0}, "events closer than merge_deg are one"),
    ]
    figure, axes = plt.subplots(len(cases), 2, figsize=(12, 13), layout="constrained")
    for row, (video, span, column, limits, change, title) in zip(axes, cases, strict=True):
        name, value = next(iter(change.items()))
        shown = ((default, getattr(default, name)), (replace(default, **change), value))
        for axis, (settings, setting) in zip(row, shown, strict=True):
            draw(axis, *events_of(video, settings), column, span)
            axis.set_ylim(*limits)
            axis.set_title(f"{video}, {name}: {setting:g} ({title})", fontsize=9)
            axis.set_ylabel(f"{column.split('_')[0]}, °", fontsize=8)
    figure.supxlabel("s")
    figure.savefig("docs/events-settings.jpg", dpi=80, pil_kwargs={"quality": 85})


def draw_diagram() -> None:
    """The reliability diagram of the four videos, over ten splits of each."""
    settings, trials = ReliabilitySettings(splits=10, surrogates=0), []
    for video in VIDEOS:
        fixations, fps, frames = gaze_of(video)
        events = detect_events(fixations, video, fps, EventSettings(), frames).events
        trials.append(measure_reliability(fixations, events, video, fps, frames, EventSettings(), settings))
    figure, axis = plt.subplots(figsize=(5.5, 4), layout="constrained")
    draw_reliability(summarise(pd.concat(trials)).bins, axis)
    figure.savefig("docs/reliability.jpg", dpi=110, pil_kwargs={"quality": 88})


if __name__ == "__main__":
    draw_methods()
    draw_settings()
    draw_diagram()
