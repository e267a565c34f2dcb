"""Where an event was when people judged it, as one line of text: tasks carry it, records keep it."""

import numpy as np
import pandas as pd

from tsalv360.errors import InputError
from tsalv360.events.compare import Track
from tsalv360.geometry import Array, interpolate, to_angles, to_vectors
from tsalv360.grid import stretches_of

_STEP_S = 0.5


def as_text(track: pd.DataFrame, fps: float) -> str:
    """The stretches of a track, apart by ` | `, each as points `time yaw pitch` in seconds and degrees, apart by `, `.

    A stretch has its first and its last row, and one every half a second between them: "1.000 12.3 -4.5, ... | ...".
    Parameters: the rows of one event of the tracks table, and the frame rate of the video.
    """
    parts = []
    for start, end in stretches_of(track.time_s.to_numpy(), fps):
        rows = track[(track.time_s >= start - 1e-9) & (track.time_s <= end + 1e-9)]
        nearest = np.searchsorted(rows.time_s, np.arange(start, end, _STEP_S) - 1e-9)
        places = sorted({*nearest.tolist(), len(rows) - 1})
        parts.append(
            ", ".join(f"{r.time_s:.3f} {r.yaw_deg:.1f} {r.pitch_deg:.1f}" for r in rows.iloc[places].itertuples())
        )
    return " | ".join(parts)


def as_track(text: str, times: Array) -> Track:
    """The track in `text` at those of the `times` [n] of kept frames, in seconds, at which it was there.

    InputError for text that is no track.
    """
    found_s: list[Array] = []
    vectors: list[Array] = []
    for part in text.split(" | "):
        try:
            points = np.array([[float(number) for number in point.split(" ")] for point in part.split(", ")])
            time, yaw, pitch = points.T
        except ValueError:
            raise InputError(
                "track", repr(part), "points `time yaw pitch`, apart by commas", "Restore the file."
            ) from None
        inside = times[(times >= time[0] - 0.002) & (times <= time[-1] + 0.002)]  # written to the millisecond
        found_s.append(inside)
        vectors.append(interpolate(time, to_vectors(yaw, pitch), inside))
    yaw, pitch = to_angles(np.concatenate(vectors))
    return Track(np.concatenate(found_s), yaw, pitch)
