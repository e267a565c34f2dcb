"""All kinds of sources that a configuration can name, and the videos that it names one by one."""

import re
from dataclasses import asdict, field
from fnmatch import fnmatchcase
from pathlib import Path
from typing import Annotated, Any, Literal

from pydantic import Discriminator
from pydantic.dataclasses import dataclass

from tsalv360.contracts.settings import STRICT, setting
from tsalv360.media.panorama import Pose, Projection, View
from tsalv360.sources.avtrack360 import AvTrack360Source
from tsalv360.sources.demo import DemoSource
from tsalv360.sources.gaze_table.settings import GazeTableSettings, is_table
from tsalv360.sources.maps import MapSettings
from tsalv360.sources.published import PublishedSource
from tsalv360.sources.recording import Recording, check_id, existing, existing_files
from tsalv360.sources.salient360_raw import Salient360RawSettings
from tsalv360.sources.sports360 import Sports360Source
from tsalv360.sources.vidstr88 import VidStr88Source
from tsalv360.sources.vr_eyetracking import FORMAT, VrEyeTrackingSource, gaze_files

Source = Annotated[
    DemoSource | VrEyeTrackingSource | Sports360Source | PublishedSource | AvTrack360Source | VidStr88Source,
    Discriminator("kind"),
]
GazeFormat = Literal[
    "gaze_table",
    "salient360",
    "salient360_raw",
    "vr_eyetracking",
    "avtrack360",
    "vidstr88",
    "dsav360",
    "em360",
    "fixation_maps",
    "saliency_maps",
]
# Names of the gaze files in a folder, of which there is one per observer, video or part.
_GAZE_FILES = {
    "salient360_raw": "*.csv",
    "avtrack360": "*.json",
    "vidstr88": "{video}.txt",
    "dsav360": "*.csv",
    "em360": "*.arff",
}


@dataclass(frozen=True, config=STRICT)
class OwnVideo:
    """One video of the config's `videos`."""

    path: str = setting(..., "the video file, or a folder of frames NNNN.jpg or .png", runtime=True)
    gaze: str = setting(
        ...,
        "its gaze: a file, a pattern of files such as gaze/harbour_*.csv, or the folder that the format has "
        "(docs/sources.md)",
        runtime=True,
    )
    gaze_format: GazeFormat = setting("gaze_table", "format of the gaze")
    gaze_id: str | None = setting(None, "id of the video in its gaze, if it differs")
    table: GazeTableSettings = field(default_factory=GazeTableSettings)
    salient360_raw: Salient360RawSettings = field(default_factory=Salient360RawSettings)
    maps: MapSettings = field(default_factory=MapSettings)
    source: str = setting("own", "name of the data set that the video belongs to")
    licence: str = setting("not stated", "licence of video and gaze, stated in the dataset card")
    skip_first: int = setting(
        0, "the frames up to and including this number are left out; 0 leaves out none", ge=0, le=10_000
    )
    fps: float | None = setting(
        None, "native rate of a folder of frames, which it requires", unit="frames/s", gt=0, le=1000
    )
    view: View = setting("whole", "part of the picture that is the panorama, such as one eye's half of a stereo video")
    projection: Projection | None = setting(
        None,
        "projection of the pictures, in the words of FFmpeg's v360; other than equirect they are converted. "
        "By default it is that in the header, or equirect",
    )
    pose: Pose = setting("refuse", "what happens if the header of the video turns the sphere (yaw, pitch or roll)")

    def recording(self, video_id: str) -> Recording:
        """Return the recording under this id; raise InputError if its files do not exist."""
        check_id(video_id, "videos")
        gaze_id = self.gaze_id or video_id
        video, key = existing(self.path, f"videos.{video_id}.path"), f"videos.{video_id}.gaze"
        return Recording(
            video_id,
            self.source,
            video,
            self._gaze(key, gaze_id),
            self.gaze_format,
            self.licence,
            self.skip_first,
            gaze_id,
            self._gaze_settings().get(self.gaze_format, {}),
            self.fps,
            self.view,
            projection=self.projection,
            pose=self.pose,
        )

    def _gaze(self, key: str, gaze_id: str) -> tuple[Path, ...]:
        if self.gaze_format == FORMAT:
            return tuple(gaze_files(existing(self.gaze, key), gaze_id))
        if self.gaze_format == "gaze_table":
            return existing_files(self.gaze, key, is_table)
        if pattern := _GAZE_FILES.get(self.gaze_format):
            name = pattern.format(video=gaze_id)
            return existing_files(self.gaze, key, lambda file: fnmatchcase(file.name, name))
        return (existing(self.gaze, key),)

    def _gaze_settings(self) -> dict[str, dict[str, Any]]:
        """Return the settings of the readers that have some, by format."""
        return {
            "gaze_table": self._table(),
            "salient360_raw": asdict(self.salient360_raw),
            "saliency_maps": asdict(self.maps),
        }

    def _table(self) -> dict[str, Any]:
        """Return the settings of the table; what the one `*` of a pattern stands for is the observer."""
        settings = asdict(self.table)
        if settings["observer_from"] is None and self.gaze.count("*") == 1:
            before, after = self.gaze.split("*")
            settings["observer_from"] = f"{re.escape(before.rpartition('/')[2])}([^/]*){re.escape(after)}$"
        return settings
