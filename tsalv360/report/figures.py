"""Pictures inside the page: stills of the viewport videos and the poster, small enough for it, and contact sheets.

Histograms as inline SVG whose text stays text and whose bytes depend on the numbers alone.
"""

import base64
import re
from collections.abc import Sequence
from dataclasses import dataclass
from io import StringIO
from itertools import islice
from pathlib import Path
from typing import Any, NamedTuple

import cv2
import matplotlib as mpl
import numpy as np
from markupsafe import Markup
from matplotlib.figure import Figure
from matplotlib.ticker import MaxNLocator
from numpy.typing import NDArray

from tsalv360.contracts.entries import ViewportLength
from tsalv360.job.errors import InputError
from tsalv360.media.pictures import read_picture
from tsalv360.media.video import decode
from tsalv360.report.inputs import Video
from tsalv360.sphere.directions import Array

STILL_WIDTH, POSTER_WIDTH = 320, 480  # pixels
_QUALITY = 75  # of JPEG


class Embedded(NamedTuple):
    """A picture as a data URI, with its width and height in pixels."""

    uri: str
    width: int
    height: int


def stills(folder: Path, event: str, length: ViewportLength) -> tuple[Embedded, Embedded]:
    """The middle picture of an event from its viewport video and from the twin with saliency.

    Parameters: `folder` of the viewports stage; `length` the pictures of the video as `viewports.json` has them.
    """
    middle = length.lead_in + length.pictures // 2
    plain, overlay = (_picture(folder / f"{event}{kind}.mp4", middle) for kind in ("", ".overlay"))
    return embed(plain, STILL_WIDTH), embed(overlay, STILL_WIDTH)


def poster(folder: Path, event: str) -> Embedded:
    """The poster of an event: the panorama with its track."""
    return embed(read_picture(folder / f"{event}.jpg"), POSTER_WIDTH)


def embed(picture: NDArray[np.uint8], width: int) -> Embedded:
    """An RGB picture [H, W, 3], brought down to `width` pixels where it is wider, as JPEG."""
    height = max(1, round(picture.shape[0] * width / picture.shape[1]))
    if width < picture.shape[1]:
        picture = cv2.resize(picture, (width, height), interpolation=cv2.INTER_AREA).astype(np.uint8, copy=False)
    _, encoded = cv2.imencode(".jpg", picture[..., ::-1], [cv2.IMWRITE_JPEG_QUALITY, _QUALITY])
    return _embedded(encoded.tobytes(), picture)


def as_it_is(path: Path) -> Embedded:
    """A JPEG file, not encoded again; InputError when it is missing or damaged."""
    picture = read_picture(path)
    return _embedded(path.read_bytes(), picture)


def _embedded(content: bytes, picture: NDArray[np.uint8]) -> Embedded:
    text = base64.b64encode(content).decode("ascii")
    return Embedded(f"data:image/jpeg;base64,{text}", picture.shape[1], picture.shape[0])


def _picture(path: Path, number: int) -> NDArray[np.uint8]:
    """Picture `number` (0-based) of a video; decoding stops there."""
    for frame in islice(decode(path), number, None):
        return frame.to_ndarray(format="rgb24").astype(np.uint8, copy=False)
    raise InputError(
        path, f"no picture {number}", "as many as viewports.json tells", "Delete its folder and run again."
    )


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
