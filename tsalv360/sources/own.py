"""Videos named one by one in the config: anyone's own recordings."""

from pathlib import Path
from typing import Literal

from pydantic.dataclasses import dataclass

from tsalv360.settings import STRICT, setting
from tsalv360.sources import gaze_table, salient360, vr_eyetracking
from tsalv360.sources.recording import Recording, check_id


@dataclass(frozen=True, config=STRICT)
class OwnVideo:
    """One video of the config's `videos`."""

    path: str = setting(..., "the video file")
    gaze: str = setting(..., "its gaze: a file, or the folder Gaze_txt_files for vr_eyetracking")
    gaze_format: Literal["gaze_table", "salient360", "vr_eyetracking"] = setting("gaze_table", "format of the gaze")
    gaze_id: str | None = setting(None, "the video's id within its gaze, where that is another one")
    gaze_origin: Literal["bottom left", "top left"] | None = setting(None, "origin of x and y in a gaze table")
    source: str = setting("own", "name of the data set it belongs to")
    licence: str = setting("not stated", "licence of video and gaze, told in the dataset card")
    skip_first: int = setting(0, "last frame number that is left out; 0 keeps all", unit="frames", ge=0, le=10_000)

    def recording(self, video_id: str) -> Recording:
        """The recording under this id."""
        gaze_id = self.gaze_id or video_id
        gaze = Path(self.gaze)
        paths = vr_eyetracking.gaze_files(gaze, gaze_id) if self.gaze_format == vr_eyetracking.FORMAT else [gaze]
        return Recording(
            check_id(video_id), self.source, Path(self.path), tuple(paths), self.gaze_format, self.licence, self.skip_first,
            gaze_id, self.gaze_origin,
        )
