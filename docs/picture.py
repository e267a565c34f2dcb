"""Draw the pictures of the documentation.

python docs/picture.py [event]       the README's, from the built demo
python docs/picture.py camera-paths  the gallery's, from the real data in the folder TSALV360_REAL_DATA
"""

import os
import sys
from pathlib import Path

import cv2
import numpy as np

from tsalv360.events import detect_events
from tsalv360.files import read_json
from tsalv360.fixations import FixationSettings, find_fixations
from tsalv360.frames import frame_numbers, write_picture
from tsalv360.report.camera_paths import draw, read_camera_path
from tsalv360.sources import read_vr_eyetracking
from tsalv360.video import read_pictures


def draw_demo(event: str) -> None:
    """A viewport, plain and with saliency, below the panorama."""
    folder = Path("results/demo/viewports", event.split("_")[0])
    length = read_json(folder / "viewports.json")["events"][event]
    middle = [length["lead_in"] + length["pictures"] // 2]
    views = [read_pictures(folder / f"{event}{kind}.mp4", middle)[0][..., ::-1] for kind in ("", ".overlay")]
    poster = cv2.imread(str(folder / f"{event}.jpg"))
    row = np.hstack([cv2.resize(view, (480, 360), interpolation=cv2.INTER_AREA) for view in views])
    write_picture(Path("docs/demo.jpg"), np.vstack([poster, row]).astype(np.uint8))


def draw_camera_paths(data: Path) -> None:
    """Our events and the published camera paths of four videos, one above the other."""
    pictures = []
    for video, fps in (("006", 29.97003), ("011", 29.97003), ("014", 29.97004), ("146", 30.0)):
        gaze = read_vr_eyetracking(data / "vr_eyetracking" / "Gaze_txt_files", video, fps)
        n_frames = int(gaze.frame.max()) + 1
        kept = frame_numbers(fps, n_frames, skip_first=20)
        found = detect_events(find_fixations(gaze, FixationSettings()), video, fps, frames=kept)
        paths = read_camera_path(data / "camera_paths" / f"{video}.txt")
        pictures.append(draw(video, found.tracks, paths, fps, n_frames))
    stack = np.vstack(pictures)[..., ::-1]
    smaller = cv2.resize(stack, None, fx=0.7, fy=0.7, interpolation=cv2.INTER_AREA)
    write_picture(Path("docs/camera-paths.jpg"), smaller.astype(np.uint8))


if sys.argv[1:] == ["camera-paths"]:
    draw_camera_paths(Path(os.environ["TSALV360_REAL_DATA"]))
else:
    draw_demo(sys.argv[1] if len(sys.argv) > 1 else "001_2")
