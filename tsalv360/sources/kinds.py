"""All kinds of sources that a configuration can name, and the videos that it names one by one."""

import re
from dataclasses import asdict, field
from pathlib import Path
from typing import Annotated, Any, Literal

from pydantic import Discriminator
from pydantic.dataclasses import dataclass

from tsalv360.contracts.settings import STRICT, setting
from tsalv360.media.panorama import Pose, Projection, View
from tsalv360.sources.demo import DemoSource
from tsalv360.sources.gaze_table.settings import GazeTableSettings, is_table
from tsalv360.sources.maps import MapSettings
from tsalv360.sources.recording import Recording, check_id, existing, existing_files
from tsalv360.sources.sports360 import Sports360Source
from tsalv360.sources.tsv360 import PublishedSource
from tsalv360.sources.vr_eyetracking import FORMAT, VrEyeTrackingSource, gaze_files

Source = Annotated[DemoSource | VrEyeTrackingSource | Sports360Source | PublishedSource, Discriminator("kind")]


@dataclass(frozen=True, config=STRICT)
class OwnVideo:
    """One video of the config's `videos`."""

    path: str = setting(..., "the video file, or a folder of frames NNNN.jpg or .png", runtime=True)
    gaze: str = setting(
        ...,
        "its gaze: a file, a folder or pattern of files such as gaze/harbour_*.csv, the folder of its maps, or "
        "Gaze_txt_files for vr_eyetracking",
        runtime=True,
    )
    gaze_format: Literal["gaze_table", "salient360", "vr_eyetracking", "fixation_maps", "saliency_maps"] = setting(
        "gaze_table", "format of the gaze"
    )
    gaze_id: str | None = setting(None, "id of the video in its gaze, if it differs")
    table: GazeTableSettings = field(default_factory=GazeTableSettings)
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
            {"gaze_table": self._table(), "saliency_maps": asdict(self.maps)}.get(self.gaze_format, {}),
            self.fps,
            self.view,
            projection=self.projection,
            pose=self.pose,
        )

    def _gaze(self, key: str, gaze_id: str) -> tuple[Path, ...]:
        if self.gaze_format == FORMAT:
            return tuple(gaze_files(existing(self.gaze, key), gaze_id))
        return (
            existing_files(self.gaze, key, is_table)
            if self.gaze_format == "gaze_table"
            else (existing(self.gaze, key),)
        )

    def _table(self) -> dict[str, Any]:
        """Return the settings of the table; what the one `*` of a pattern stands for is the observer."""
        settings = asdict(self.table)
        if settings["observer_from"] is None and self.gaze.count("*") == 1:
            before, after = self.gaze.split("*")
            settings["observer_from"] = f"{re.escape(before.rpartition('/')[2])}([^/]*){re.escape(after)}$"
        return settings
