"""Histograms as inline SVG whose text stays text and whose bytes depend on the numbers alone."""

import re
from collections.abc import Sequence
from dataclasses import dataclass
from io import StringIO
from typing import Any

import matplotlib as mpl
import numpy as np
from markupsafe import Markup
from matplotlib.figure import Figure
from matplotlib.ticker import MaxNLocator

from tsalv360.geometry import Array
from tsalv360.report.inputs import Video

_BAR, _INK, _GRID = "#0072b2", "#1d2733", "#dfe4ea"
_METADATA = dict.fromkeys(("Creator", "Date", "Format", "Type"))  # none: they name versions, days and addresses
_MAX_BINS = 30


@dataclass(frozen=True)
class Chart:
    """A drawing with what it shows in words."""

    title: str
    summary: str
    svg: Markup


def length_chart(videos: Sequence[Video]) -> Chart:
    """How long the events last, in seconds from first to last frame."""
    lengths = np.concatenate([(video.events.end_s - video.events.start_s).to_numpy(float) for video in videos])
    summary = (
        f"{len(lengths)} events of {lengths.min():.1f} s to {lengths.max():.1f} s, median {np.median(lengths):.1f} s"
    )
    step = _step(float(lengths.max()), 0.5)
    edges = np.arange(np.floor(lengths.min() / step), np.floor(lengths.max() / step) + 2) * step
    return Chart("Length of events", summary, _histogram(lengths, edges, "length in seconds"))


def observer_chart(videos: Sequence[Video]) -> Chart:
    """How many observers looked at an event at any time."""
    observers = np.concatenate([video.events.n_observers.to_numpy(float) for video in videos])
    summary = (
        f"{observers.min():.0f} to {observers.max():.0f} observers looked at an event, median {np.median(observers):g}"
    )
    step = max(1.0, _step(float(observers.max() - observers.min()), 1.0))
    edges = np.arange(observers.min(), observers.max() + step + 0.5, step) - 0.5
    return Chart("Observers per event", summary, _histogram(observers, edges, "observers"))


def _step(span: float, finest: float) -> float:
    """The finest of 1, 2, 5, 10, … times `finest` that cuts `span` into at most 30 parts."""
    steps = (finest * base * 10.0**power for power in range(9) for base in (1, 2, 5))
    return next(step for step in steps if span / step < _MAX_BINS)


def _histogram(values: Array, edges: Array, label: str) -> Markup:
    settings: dict[Any, Any] = {"svg.fonttype": "none", "svg.hashsalt": label, "font.size": 11, "text.color": _INK}
    settings |= {"axes.labelcolor": _INK, "xtick.color": _INK, "ytick.color": _INK, "axes.edgecolor": _GRID}
    with mpl.rc_context(settings):
        figure = Figure(figsize=(5.6, 2.6), layout="constrained")
        axes = figure.add_subplot()
        counts, _ = np.histogram(values, edges)
        axes.bar(edges[:-1], counts, np.diff(edges), align="edge", color=_BAR, edgecolor="white")
        axes.set(xlabel=label, ylabel="events")
        axes.spines[["top", "right", "left"]].set_visible(False)
        axes.grid(axis="y", color=_GRID)
        axes.set_axisbelow(True)
        axes.tick_params(length=0)
        for axis in (axes.xaxis, axes.yaxis):
            axis.set_major_locator(MaxNLocator(8 if axis is axes.xaxis else 5, integer=True))
        text = StringIO()
        figure.savefig(text, format="svg", transparent=True, metadata=_METADATA)
    return _inline(text.getvalue(), label)


def _inline(svg: str, label: str) -> Markup:
    """An SVG file as part of a page: without prolog and name spaces, which HTML knows, and with ids of its own."""
    svg = re.sub(r'\sxmlns(:\w+)?="[^"]*"', "", svg[svg.index("<svg") :])
    prefix = label.replace(" ", "-")
    svg = re.sub(r'(\sid="|"#|url\(#)', rf"\g<1>{prefix}-", svg)
    return Markup(svg.strip())
