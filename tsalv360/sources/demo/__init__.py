"""The demo: short 360° videos with moving objects, simulated observers, and the truth about what they watched.

The settings determine all of it; a video depends on the seed and its own number, not on the other videos.
Layout of the folder: `videos/<VVV>.mp4`, `Gaze_txt_files/p<NNN>/<VVV>._<date>_ori_0.txt` (the on-disk form of
VR-EyeTracking), `truth/<VVV>.json`.
"""

from pathlib import Path
from typing import Literal, Self

from pydantic import model_validator
from pydantic.dataclasses import dataclass

from tsalv360.contracts.settings import NO_BRACES, STRICT, setting
from tsalv360.job.files import whole_file, write_json
from tsalv360.media.video import VideoWriter
from tsalv360.sources.demo.files import gaze_text, truth, watch
from tsalv360.sources.demo.scene import Scene, draw_frame, script_scene
from tsalv360.sources.recording import Recording

RECORDED = "2017-10-01-11-38"  # constant, so that the names of all files are known beforehand
EXTRA_ROW_OBSERVER = 2  # from 0; this observer's files run one frame past the end


@dataclass(frozen=True, config=STRICT)
class DemoSource:
    """Settings of the demo. The same settings give the same files."""

    kind: Literal["demo"] = setting("demo", "kind of source")
    directory: str = setting("data/demo", "folder of the demo", runtime=True, pattern=NO_BRACES)
    n_videos: int = setting(12, "number of videos", ge=1, le=99)
    min_duration_s: float = setting(
        8.0, "length of the shortest video; from 4 s, every video has watched events", unit="s", ge=3, le=60
    )
    max_duration_s: float = setting(12.0, "length of the longest video", unit="s", ge=3, le=60)
    height: int = setting(
        480, "height of the videos, even; the width is twice that", unit="px", ge=64, le=2048, multiple_of=2
    )
    n_observers: int = setting(24, "number of simulated observers", ge=5, le=999)
    seed: int = setting(1, "seed of the scenes and the observers", ge=0)

    @model_validator(mode="after")
    def _durations_in_order(self) -> Self:
        if self.min_duration_s > self.max_duration_s:
            raise ValueError(f"min_duration_s ({self.min_duration_s}) is above max_duration_s ({self.max_duration_s})")
        return self

    def recordings(self) -> list[Recording]:
        """Return all videos of the demo, whether they exist or not."""
        return [
            Recording(video, "demo", video_path(self, video), tuple(gaze_paths(self, video)), "vr_eyetracking", "MIT")
            for video in video_ids(self)
        ]


def video_ids(source: DemoSource) -> list[str]:
    """Return the three-digit ids, "001" first."""
    return [f"{number:03d}" for number in range(1, source.n_videos + 1)]


def video_path(source: DemoSource, video_id: str) -> Path:
    """Return the path of a video."""
    return Path(source.directory) / "videos" / f"{video_id}.mp4"


def gaze_paths(source: DemoSource, video_id: str) -> list[Path]:
    """Return the paths of a video's gaze files, one per observer."""
    folder, name = Path(source.directory) / "Gaze_txt_files", f"{video_id}._{RECORDED}_ori_0.txt"
    return [folder / f"p{observer:03d}" / name for observer in range(1, source.n_observers + 1)]


def truth_path(source: DemoSource, video_id: str) -> Path:
    """Return the path of the file with the watched events."""
    return Path(source.directory) / "truth" / f"{video_id}.json"


def make_scene(source: DemoSource, video_id: str) -> Scene:
    """Return what a video shows."""
    return script_scene(source.seed, video_id, (source.min_duration_s, source.max_duration_s), source.height)


def write_demo(source: DemoSource, video_id: str) -> None:
    """Write a video, its gaze files and its truth; each file appears whole or not at all.

    The video is H.264, yuv420p; one build of the libraries writes the same bytes every time.
    """
    scene = make_scene(source, video_id)
    size = scene.height, 2 * scene.height
    with whole_file(video_path(source, video_id)) as partial, VideoWriter(partial, scene.fps, size, crf=20) as writer:
        for n in range(scene.n_frames):
            writer.write(draw_frame(scene, n))
    viewings = watch(scene, source.n_observers)
    for observer, (path, viewing) in enumerate(zip(gaze_paths(source, video_id), viewings, strict=True)):
        with whole_file(path) as partial:
            partial.write_text(gaze_text(viewing, extra_row=observer == EXTRA_ROW_OBSERVER), encoding="ascii")
    write_json(truth_path(source, video_id), truth(scene, viewings))
