"""Charts as inline SVG, for a page that needs no other file."""

import re
from collections.abc import Callable, Sequence
from functools import partial
from io import StringIO
from typing import Any, NamedTuple

import matplotlib as mpl
import numpy as np
from markupsafe import Markup
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.ticker import MaxNLocator

from tsalv360.explorer.inputs import Video
from tsalv360.reliability import Bin
from tsalv360.sphere.directions import Array

_BAR, _INK, _GRID = "#0072b2", "#1d2733", "#dfe4ea"
_METADATA = dict.fromkeys(("Creator", "Date", "Format", "Type"))  # none: they contain versions, dates and addresses
_MAX_BINS = 30


class Chart(NamedTuple):
    """A chart and its content in words; its bytes depend on the numbers alone, and its text stays text."""

    title: str
    summary: str
    svg: Markup


def length_chart(videos: Sequence[Video]) -> Chart:
    """Return the histogram of the lengths of the events, from first to last frame."""
    lengths = np.concatenate([(video.events.end_s - video.events.start_s).to_numpy(float) for video in videos])
    shortest, longest = lengths.min(), lengths.max()
    summary = f"{len(lengths)} events of {shortest:.1f} s to {longest:.1f} s, median {np.median(lengths):.1f} s"
    step = _step(float(longest), 0.5)
    edges = np.arange(np.floor(shortest / step), np.floor(longest / step) + 2) * step
    return Chart("Length of events", summary, _histogram(lengths, edges, "length in seconds"))


def observer_chart(videos: Sequence[Video]) -> Chart:
    """Return the histogram of the numbers of observers who watched an event at any time."""
    observers = np.concatenate([video.events.n_observers.to_numpy(float) for video in videos])
    fewest, most = observers.min(), observers.max()
    summary = f"{fewest:.0f} to {most:.0f} observers watched an event, median {np.median(observers):g}"
    step = max(1.0, _step(float(most - fewest), 1.0))
    edges = np.arange(fewest, most + step + 0.5, step) - 0.5
    return Chart("Observers per event", summary, _histogram(observers, edges, "observers"))


def reliability_chart(bins: Sequence[Bin]) -> Chart:
    """Return the reliability diagram: of events of half of the observers, how many the other half finds."""
    n = sum(one.n for one in bins)
    parts = [f"{one.found:.2f} of {one.n} with confidence {one.low:g} to {one.high:g}" for one in bins]
    summary = f"Of {n} events of halves of the observers, the other half finds {'; '.join(parts)}"
    return Chart(
        "Found by other observers, by confidence", summary, _drawn(partial(draw_reliability, bins), "confidence")
    )


def draw_reliability(bins: Sequence[Bin], axes: Axes) -> None:
    """Draw the reliability diagram: a point for each bin with its number of events, and the diagonal of right ones."""
    axes.plot((0, 1), (0, 1), color=_INK, linewidth=1, linestyle=(0, (4, 3)))
    axes.plot([one.confidence for one in bins], [one.found for one in bins], "o-", color=_BAR)
    for one in bins:
        above = one.found <= 0.85
        axes.annotate(
            f"{one.n}",
            (one.confidence, one.found),
            xytext=(0, 8 if above else -8),
            textcoords="offset points",
            ha="center",
            va="bottom" if above else "top",
        )
    axes.set(xlabel="confidence", ylabel="found in the other half", xlim=(0, 1), ylim=(0, 1.03))
    axes.grid(color=_GRID)


def _step(span: float, finest: float) -> float:
    """Return the smallest of 1, 2, 5, 10, … times `finest` that divides `span` into at most 30 parts."""
    steps = (finest * base * 10.0**power for power in range(9) for base in (1, 2, 5))
    return next(step for step in steps if span / step < _MAX_BINS)


def _histogram(values: Array, edges: Array, label: str) -> Markup:
    def draw(axes: Axes) -> None:
        counts, _ = np.histogram(values, edges)
        axes.bar(edges[:-1], counts, np.diff(edges), align="edge", color=_BAR, edgecolor="white")
        axes.set(xlabel=label, ylabel="events")
        axes.grid(axis="y", color=_GRID)
        for axis in (axes.xaxis, axes.yaxis):
            axis.set_major_locator(MaxNLocator(8 if axis is axes.xaxis else 5, integer=True))

    return _drawn(draw, label)


def _drawn(draw: Callable[[Axes], None], label: str) -> Markup:
    """Return what `draw` draws as SVG for the page; `label` is unique in it."""
    settings: dict[Any, Any] = {"svg.fonttype": "none", "svg.hashsalt": label, "font.size": 11, "text.color": _INK}
    settings |= {"axes.labelcolor": _INK, "xtick.color": _INK, "ytick.color": _INK, "axes.edgecolor": _GRID}
    with mpl.rc_context(settings):
        figure = Figure(figsize=(5.6, 2.6), layout="constrained")
        axes = figure.add_subplot()
        draw(axes)
        axes.spines[["top", "right", "left"]].set_visible(False)
        axes.set_axisbelow(True)
        axes.tick_params(length=0)
        text = StringIO()
        figure.savefig(text, format="svg", transparent=True, metadata=_METADATA)
    return _inline(text.getvalue(), label)


def _inline(svg: str, label: str) -> Markup:
    """Return an SVG file as part of a page: without prolog and name spaces, and with ids that are unique in it."""
    svg = re.sub(r'\sxmlns(:\w+)?="[^"]*"', "", svg[svg.index("<svg") :])
    prefix = label.replace(" ", "-")
    svg = re.sub(r'(\sid="|"#|url\(#)', rf"\g<1>{prefix}-", svg)
    return Markup(svg.strip())
