"""Which times of the source video a viewport video shows, through lead-in, gaps and lead-out."""

from typing import Any

import pandas as pd

from tsalv360.grid import FPS, stretches_of


def shown_times(track: pd.DataFrame, fps: float, lead_in: int, lead_out: int) -> dict[str, Any]:
    """Runs of pictures, each as the source time of its first and their number, and the seconds from one to the next.

    Parameters: the rows of one event of the tracks table, the frame rate of the video, and how many pictures its
    viewport video has before and after the event.
    """
    step = 1 / min(fps, FPS)
    runs = [[start, round((end - start) / step) + 1] for start, end in stretches_of(track.time_s.to_numpy(), fps)]
    runs[0] = [runs[0][0] - lead_in * step, runs[0][1] + lead_in]
    runs[-1][1] += lead_out
    return {"step_s": step, "runs": [[round(start, 4), n] for start, n in runs]}


def length_s(shown: dict[str, Any]) -> float:
    """Length of the viewport video."""
    return sum(n for _, n in shown["runs"]) / FPS


def source_time(shown: dict[str, Any], viewport_s: float) -> float:
    """The time in the source video of the picture that is seen at a time of the viewport video; seconds."""
    picture = int(viewport_s * FPS + 1e-6)
    for start, n in shown["runs"]:
        last = start + (n - 1) * shown["step_s"]
        if picture < n:
            return round(start + picture * shown["step_s"], 3)
        picture -= n
    return round(last, 3)
