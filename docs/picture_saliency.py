"""Draw the picture of docs/saliency.md: python docs/picture_saliency.py

From the folder TSALV360_REAL_DATA: the Ocean stills of Salient360! and the fixations that were recorded on them.
"""

import os
import tempfile
from dataclasses import replace
from pathlib import Path

import cv2
import numpy as np
import pandas as pd

from tsalv360.contracts.grid import frame_numbers
from tsalv360.events import detect_events
from tsalv360.fixations import FixationSettings, find_fixations
from tsalv360.media.drawing import overlay_saliency
from tsalv360.media.maps import Maps
from tsalv360.media.pictures import write_picture
from tsalv360.media.video import probe, read_pictures
from tsalv360.saliency import (
    ALL_OBSERVERS,
    MapInput,
    SaliencySettings,
    map_inputs,
    points_table,
    write_saliency_maps,
)
from tsalv360.sources import read_salient360
from tsalv360.sphere.directions import direction_to_pixel

FRAME = 120  # 4 s
SIZE = (240, 480)  # of a panel, height and width


def panel(
    picture: np.ndarray,
    own: MapInput,
    settings: SaliencySettings,
    title: str,
    dots: bool = False,
    everybody: MapInput | None = None,
) -> np.ndarray:
    """The frame, darkened, with a saliency map laid over, and with `dots` the fixation points of that map."""
    inputs = {"one": own, ALL_OBSERVERS: everybody} if everybody else {"one": own}
    with tempfile.TemporaryDirectory() as folder:
        write_saliency_maps(Path(folder, "maps"), inputs, settings)
        saliency = Maps(Path(folder, "maps")).read("one", FRAME)
    shown = overlay_saliency(picture // 2, cv2.resize(saliency, SIZE[::-1], interpolation=cv2.INTER_AREA)).copy()
    points = points_table(inputs, settings.window_s, settings.method)
    points = points[(points.event_id == "one") & (points.frame == FRAME)]
    if dots:
        for column, row in zip(*direction_to_pixel(points.yaw_deg, points.pitch_deg, *SIZE), strict=True):
            cv2.circle(shown, (round(column), round(row)), 1, (90, 255, 90), -1, cv2.LINE_AA)
    cv2.rectangle(shown, (0, 0), (SIZE[1], 20), (0, 0, 0), -1)
    text = f"{title}: {len(points)} points"
    cv2.putText(shown, text, (6, 14), cv2.FONT_HERSHEY_SIMPLEX, 0.45, (255, 255, 255), 1, cv2.LINE_AA)
    return cv2.copyMakeBorder(shown, 3, 3, 3, 3, cv2.BORDER_CONSTANT, value=(255, 255, 255))


def draw(data: Path) -> None:
    """Rows: sigma, window, looks of the path, events beside all observers, and the same events as spotlights."""
    video = data / "4_Ocean_stills.mp4"
    info = probe(video)
    gaze = read_salient360(data / "HE" / "Scanpaths" / "L" / "4_Ocean_fixations.csv", info.fps)
    fixations = find_fixations(gaze, FixationSettings())
    kept = frame_numbers(info.fps, info.n_frames, skip_first=0)
    found = detect_events(fixations, "ocean", info.fps, frames=kept)
    frames = pd.DataFrame({"frame": kept, "time_s": np.array(kept) / info.fps})
    near = frames[np.abs(frames.time_s - FRAME / info.fps) < 2]
    everything = map_inputs(fixations, found.assignments, found.tracks, near)
    both = found.tracks[found.tracks.frame == FRAME].sort_values("n_observers").event_id.tolist()[-2:]
    everybody, default = everything[ALL_OBSERVERS], SaliencySettings()
    spot = replace(default, method="spotlight")
    picture = cv2.resize(read_pictures(video, [FRAME])[0], SIZE[::-1], interpolation=cv2.INTER_AREA)
    rows = [
        [
            panel(picture, everybody, SaliencySettings(sigma_deg=sigma), f"sigma_deg: {sigma:g}")
            for sigma in (2.5, 5.0, 10.0)
        ],
        [
            panel(picture, everybody, SaliencySettings(window_s=window), f"window_s: {window:g}")
            for window in (0.1, 0.5, 2.0)
        ],
        [
            panel(picture, everything[both[-1]], SaliencySettings(path_looks=looks), f"path_looks: {looks:g}")
            for looks in (0.0, 5.0, 25.0)
        ],
        [
            *(panel(picture, everything[event], default, f"event {event}", dots=True) for event in both),
            panel(picture, everybody, default, "all observers", dots=True),
        ],
        [
            *(panel(picture, everything[event], spot, f"spotlight on {event}", True, everybody) for event in both),
            panel(
                picture, everything[both[-1]], replace(spot, window_s=0.01), "one frame, as published", True, everybody
            ),
        ],
    ]
    whole = np.vstack([np.hstack(row) for row in rows])
    write_picture(Path("docs/saliency.jpg"), np.ascontiguousarray(whole[..., ::-1]), quality=85)


if __name__ == "__main__":
    draw(Path(os.environ["TSALV360_REAL_DATA"]) / "salient360")
