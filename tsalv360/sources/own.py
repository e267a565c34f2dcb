"""Videos named one by one in the config: anyone's own recordings."""

from typing import Literal

from pydantic.dataclasses import dataclass

from tsalv360.settings import STRICT, setting
from tsalv360.sources.recording import Recording, check_id, existing
from tsalv360.sources.vr_eyetracking import FORMAT, gaze_files


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
        """The recording under this id; InputError where its files do not exist."""
        check_id(video_id)
        gaze_id = self.gaze_id or video_id
        video, gaze = existing(self.path, f"videos.{video_id}.path"), existing(self.gaze, f"videos.{video_id}.gaze")
        return Recording(
            video_id,
            self.source,
            video,
            tuple(gaze_files(gaze, gaze_id)) if self.gaze_format == FORMAT else (gaze,),
            self.gaze_format,
            self.licence,
            self.skip_first,
            gaze_id,
            {"origin": self.gaze_origin} if self.gaze_format == "gaze_table" else {},
        )
