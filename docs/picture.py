"""Draw the pictures of the documentation.

python docs/picture.py [event]       the README's, from the built demo
python docs/picture.py camera-paths  the gallery's, from the real data in the folder TSALV360_REAL_DATA
python docs/picture.py viewports     that of docs/viewports.md, from the real data too
python docs/picture.py curating      that of docs/curating.md, from the built demo
"""

import os
import sys
from dataclasses import asdict
from pathlib import Path

import cv2
import matplotlib.pyplot as plt
import numpy as np
from matplotlib.axes import Axes

from tsalv360.contracts.grid import FPS, frame_numbers
from tsalv360.events import EventSettings, detect_events
from tsalv360.explorer.comparisons import draw, read_camera_path
from tsalv360.fixations import FixationSettings, find_fixations
from tsalv360.job.files import read_json
from tsalv360.media.drawing import overlay_saliency, with_legend
from tsalv360.media.pictures import read_picture, write_picture
from tsalv360.media.video import read_pictures
from tsalv360.saliency import saliency_map
from tsalv360.sources import read_salient360, read_vr_eyetracking
from tsalv360.sphere.camera import camera_path
from tsalv360.sphere.directions import to_vectors
from tsalv360.sphere.projection import render_viewport

DEMO = Path("results/demo/viewports")
CURATED = (
    (
        "004_1",
        "A blue object in front of a grey background, moving slowly up and to the right.",
        "accept (a)",
    ),
    (
        "011_1",
        "A red object in front of a grey-brown background, moving up.",
        "edit (e): A red triangle turns as it rises from a sandy plain to brown hills.",
    ),
    (
        "019_2",
        "A small red object in front of a grey-brown background.",
        "accept (a), bad end (d): it is gone before",
    ),
)
KINDS = ("linear", "cubic", "area")


def draw_demo(event: str) -> None:
    """A viewport, plain and with saliency, below the panorama."""
    poster = cv2.imread(str(DEMO / event.split("_")[0] / f"{event}.jpg"))
    write_picture(Path("docs/demo.jpg"), np.vstack([poster, stills(event, 0.5)]).astype(np.uint8))


def draw_curating() -> None:
    """Events of the demo, early and late in them, with the machine's caption and what a curator does."""
    rows = []
    for event, *lines in CURATED:
        text = np.full((28 * len(lines) + 16, 960, 3), 255, np.uint8)
        for number, line in enumerate(lines):
            place = 8, 28 * (number + 1) - 4
            cv2.putText(text, line, place, cv2.FONT_HERSHEY_SIMPLEX, 0.6, (0, 0, 0), 1, cv2.LINE_AA)
        rows += [np.hstack([stills(event, share)[:, :480] for share in (0.1, 0.9)]), text]
    write_picture(Path("docs/curating.jpg"), np.vstack(rows).astype(np.uint8))


def stills(event: str, share: float) -> np.ndarray:
    """The viewport and its overlay side by side, BGR [360, 960, 3], after a share of the event's pictures."""
    folder = DEMO / event.split("_")[0]
    length = read_json(folder / "viewports.json")["events"][event]
    picture = [length["lead_in"] + int(share * length["pictures"])]
    views = [read_pictures(folder / f"{event}{kind}.mp4", picture)[0][..., ::-1] for kind in ("", ".overlay")]
    return np.hstack([cv2.resize(view, (480, 360), interpolation=cv2.INTER_AREA) for view in views])


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


def draw_viewports(data: Path) -> None:
    """What the settings of the camera and of the viewports do, on a real picture and on paths that are hard."""
    frame = read_picture(data / "salient360" / "frames_4_Ocean" / "t_4.jpg")
    fixations = read_salient360(data / "salient360/HE/Scanpaths/L/4_Ocean_fixations.csv", 30)
    found = detect_events(fixations, "ocean", 30)
    shown = found.tracks[(found.tracks.time_s - 4).abs() < 1 / 30]
    event = shown.sort_values("n_observers").iloc[-1]
    own = fixations.iloc[found.assignments.row[found.assignments.event_id == event.event_id]]
    own = own[(own.time_s < 4.25) & (own.time_s + own.duration_s > 3.75)]
    saliency = np.uint8(255 * saliency_map(own.yaw_deg.to_numpy(), own.pitch_deg.to_numpy()))
    yaw, pitch = event.camera_yaw_deg, event.camera_pitch_deg
    figure, axes = plt.subplots(3, 3, figsize=(12, 9.6), layout="constrained")
    narrow, wide = (render_viewport(frame, yaw, pitch, hfov) for hfov in (75, 100))
    overlay = with_legend(overlay_saliency(narrow, render_viewport(saliency, yaw, pitch, 75)))
    street = read_pictures(data / "videos" / "overpass-clip.mp4", [60])[0]
    kinds = [render_viewport(street, 0, 0, 75, (120, 160), kind)[20:80, 40:120] for kind in KINDS]
    titles = ["camera_hfov_deg: 75", "wide events, up to camera_max_hfov_deg: 100", "saliency laid over"]
    titles += [f"interpolation: {kind} (part of 160×120 px)" for kind in KINDS]
    for axis, title, picture in zip(axes.flat, titles, [narrow, wide, overlay, *kinds], strict=False):
        axis.imshow(picture, interpolation="nearest")
        axis.set_title(title, fontsize=10)
        axis.axis("off")
    _draw_paths(*axes[2])
    figure.savefig("docs/viewports.jpg", dpi=80, pil_kwargs={"quality": 88})


def _draw_paths(shake: Axes, quick: Axes, pole: Axes) -> None:
    """A trembling centre, one that is quicker than the camera may be by itself, and one that passes over a pole."""
    limits = asdict(EventSettings())
    time_s = np.arange(-64, 65) / FPS
    trembling = 6 * np.sin(time_s) + np.random.default_rng(0).normal(0, 1.5, len(time_s))
    jumping = np.clip(70 * time_s, -60, 60)
    for axis, centre in ((shake, trembling), (quick, jumping)):
        axis.plot(time_s, centre, color="0.6", label="centre of the event")
    for smooth_s in (0.2, 1.0):
        path = follow(to_vectors(trembling, 0), limits | {"camera_smooth_s": smooth_s})[0]
        shake.plot(time_s, path, label=f"{smooth_s} s")
    for offset in (10, 180):
        path = follow(to_vectors(jumping, 0), limits | {"camera_max_offset_deg": offset})[0]
        quick.plot(time_s, path, label=f"at most {offset}° away")
    over = to_vectors(np.where(time_s < 0, 20, -160), 90 - np.abs(20 * time_s))
    for rotation in (60, 100_000):
        turned = np.unwrap(follow(over, limits | {"camera_max_rotation_deg_s": rotation})[0], period=360)
        pole.plot(time_s, turned - turned[0], label=f"at most {rotation}°/s")
    titles = ("camera_smooth_s", "camera_max_offset_deg (40°/s at most)", "camera_max_rotation_deg_s, over a pole")
    for axis, title in zip((shake, quick, pole), titles, strict=True):
        axis.set_title(title, fontsize=10)
        axis.set_xlabel("s")
        axis.set_ylabel("yaw, °")
        axis.legend(fontsize=8)


def follow(vectors: np.ndarray, limits: dict[str, float]) -> tuple[np.ndarray, np.ndarray]:
    """The camera's yaw and pitch with settings of the events stage."""
    names = ("smooth_s", "max_speed_deg_s", "max_acceleration_deg_s2", "max_offset_deg", "max_rotation_deg_s")
    return camera_path(vectors, FPS, *(limits[f"camera_{name}"] for name in names))


if sys.argv[1:] == ["viewports"]:
    draw_viewports(Path(os.environ["TSALV360_REAL_DATA"]))
elif sys.argv[1:] == ["camera-paths"]:
    draw_camera_paths(Path(os.environ["TSALV360_REAL_DATA"]))
elif sys.argv[1:] == ["curating"]:
    draw_curating()
else:
    draw_demo(sys.argv[1] if len(sys.argv) > 1 else "001_2")
