"""Settings of the caption stage."""

from typing import Literal

from pydantic.dataclasses import dataclass

from tsalv360.settings import STRICT, setting


@dataclass(frozen=True, config=STRICT)
class CaptionSettings:
    """A caption for every event."""

    backend: Literal["facts"] = setting("facts", "captioner: facts states what can be measured, without weights or GPU")
    n_frames: int = setting(8, "pictures of an event that the captioner sees, spread evenly", ge=1, le=64)
    shards: int = setting(4, "jobs over which the videos are spread by a stable hash of their ids", ge=1, le=10_000)
