"""The pictures of remarks on gaze that may be read wrongly: where all observers look, and how gaze moves over time."""

import cv2
import numpy as np

from tsalv360.contracts.entries import GazeSummary
from tsalv360.media.drawing import COLOURS, INK, LINE, PAPER, SMALL, SOFT, mark, overlay_saliency, paper, ticks, write
from tsalv360.sphere.projection import Picture

_WIDTH, _HEIGHT = 720, 360  # of the panorama
_LEFT, _PLOT, _BELOW = 40, 110, 24  # margin of the labels, height of the plot, and of its time axis
_BAR, _CUT = COLOURS[6], COLOURS[5]
_TOP_DEG_S = 200, 400, 1000  # of the plot: the first that is above most speeds


def draw_directions(summary: GazeSummary) -> Picture:
    """Return the density of all gaze on a panorama with the horizon and the front, uint8 RGB [360, 720, 3]."""
    density = np.sqrt(np.array(summary.density, dtype=float))  # few samples stay visible beside many
    level = (255 * density / max(density.max(), 1)).astype(np.uint8)
    level = cv2.resize(level, (_WIDTH, _HEIGHT), interpolation=cv2.INTER_NEAREST).astype(np.uint8, copy=False)
    picture = overlay_saliency(np.full((_HEIGHT, _WIDTH, 3), 120, dtype=np.uint8), level)
    for yaw in range(-90, 180, 90):
        cv2.line(picture, (_column(yaw), 0), (_column(yaw), _HEIGHT), PAPER if yaw == 0 else SOFT, 1)
    cv2.line(picture, (0, _HEIGHT // 2), (_WIDTH, _HEIGHT // 2), PAPER, 1)
    for text, place in (
        ("front", (_column(0) + 6, 18)),
        ("horizon", (6, _HEIGHT // 2 - 6)),
        ("left 90", (_column(-90) + 6, 18)),
        ("right 90", (_column(90) + 6, 18)),
        ("up", (6, 18)),
        ("down", (6, _HEIGHT - 8)),
    ):
        mark(picture, text, place)
    return picture


def draw_time(summary: GazeSummary) -> Picture:
    """Return the observers' median speed over the time of the video, uint8 RGB [134, 720, 3].

    Times without gaze are gray, the cuts of the video orange lines; the right edge is the end of the video.
    """
    picture = paper(_PLOT + _BELOW, _WIDTH)
    width = _WIDTH - _LEFT
    usual = np.quantile([speed for speed in summary.speed_deg_s if speed is not None] or [0.0], 0.95)
    top_deg_s = next((top for top in _TOP_DEG_S if top > usual), _TOP_DEG_S[-1])

    def column(time_s: float) -> int:
        return _LEFT + round(min(time_s / summary.duration_s, 1.0) * (width - 1))

    for k, speed in enumerate(summary.speed_deg_s):
        left, right = column(k * summary.step_s), column((k + 1) * summary.step_s)
        top = 0 if speed is None else round(_PLOT * (1 - min(speed / top_deg_s, 1)))
        picture[top:_PLOT, left : max(right, left + 1)] = LINE if speed is None else _BAR
    for time_s in summary.cuts_s:
        cv2.line(picture, (column(time_s), 0), (column(time_s), _PLOT), _CUT, 2)
    cv2.rectangle(picture, (_LEFT, 0), (_WIDTH - 1, _PLOT), SOFT, 1)
    for text, row in ((f"{top_deg_s}", 12), ("deg/s", 27), ("0", _PLOT)):
        write(picture, text, (4, row), SMALL, SOFT)
    for time_s, percent in ticks(summary.duration_s):
        place = _LEFT + round(percent / 100 * (width - 1))
        write(picture, f"{time_s:g} s", (min(place, _WIDTH - 36), _PLOT + 17), SMALL, INK)
    return picture


def _column(yaw: float) -> int:
    return round((yaw / 360 + 0.5) * _WIDTH)
