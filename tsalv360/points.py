"""Fixation points: the directions that a frame's saliency map is made of, one for each fixation.

They are what NSS and AUC judge a saliency map by (Bylinskii et al. 2019, "What do different evaluation metrics tell us
about saliency models?"): a binary map of where people looked. A long fixation counts once here, while the saliency map
weighs it by how long it lasted.
"""

from collections.abc import Mapping

import numpy as np
import pandas as pd
from numpy.typing import ArrayLike, NDArray

from tsalv360.geometry import direction_to_pixel
from tsalv360.looks import rows_at
from tsalv360.saliency import ALL_OBSERVERS, Subject
from tsalv360.tables import POINTS, empty


def points_of(subjects: Mapping[str, Subject], window_s: float) -> pd.DataFrame:
    """The points table: `fixation_points` of every event, then those of all observers, with an empty `event_id`.

    Parameters: `subjects` as `tsalv360.saliency.subjects` gives them.
    """
    parts = [
        fixation_points(fixations, frames, window_s).assign(event_id=None if name == ALL_OBSERVERS else name)
        for name, (fixations, frames) in subjects.items()
    ]
    return pd.concat([empty(POINTS), *(part for part in parts if len(part))], ignore_index=True)[list(POINTS)]


def fixation_points(fixations: pd.DataFrame, frames: pd.DataFrame, window_s: float) -> pd.DataFrame:
    """Where the fixations within the window of each frame were: one point for each observer and fixation.

    Parameters
    ----------
    fixations : columns of the fixations table. Rows of one `observer` and `fixation_id` are one fixation, those with
        -1 one each.
    frames : `frame` and `time_s`, increasing: a track, or all kept frames. Looks are read at these times, as for maps.
    window_s : length of the window around a frame in seconds, as `SaliencySettings.window_s`.

    Returns `frame`, `observer`, `yaw_deg`, `pitch_deg`, `weight`; of a fixation that moves, where it was nearest in
    time to the frame, of two equally near ones the earlier. A frame has points just when it has a map.
    """
    time_s = frames.time_s.to_numpy()
    rows = rows_at(fixations, time_s)
    alone = fixations.fixation_id.to_numpy() < 0
    number = np.where(alone, -1 - np.arange(len(fixations)), fixations.fixation_id)
    fixation = fixations.groupby([fixations.observer.to_numpy(), number]).ngroup().to_numpy()
    chosen = []
    for time in time_s:
        distance = np.abs(time_s - time)
        near = np.flatnonzero(distance <= window_s / 2 + 1e-9)
        looks = rows[near[np.argsort(distance[near].round(9), kind="stable")]].ravel()
        seen = looks[looks >= 0]
        chosen.append(np.sort(seen[np.unique(fixation[seen], return_index=True)[1]]))
    points = fixations.iloc[np.concatenate([*chosen, np.zeros(0, dtype=np.int64)])]
    points = points[["observer", "yaw_deg", "pitch_deg", "weight"]].reset_index(drop=True)
    return points.assign(frame=np.repeat(frames.frame.to_numpy(), [len(rows) for rows in chosen]))


def points_map(yaw: ArrayLike, pitch: ArrayLike, size: tuple[int, int] = (480, 960)) -> NDArray[np.bool_]:
    """The binary map of fixation points: True at the pixels [H, W] that the directions [n], in degrees, fall into."""
    height, width = size
    column, row = (np.floor(place + 0.5).astype(int) for place in direction_to_pixel(yaw, pitch, height, width))
    points = np.zeros(size, dtype=bool)
    points[np.minimum(row, height - 1), column % width] = True
    return points
