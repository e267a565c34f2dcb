"""Settings of the curation."""

from pathlib import Path
from typing import Literal

from pydantic.dataclasses import dataclass

from tsalv360.contracts.settings import STRICT, setting

Mode = Literal["draft", "curated"]
Uncurated = Literal["leave_out", "keep_as_draft"]
Resolve = Literal["latest", "majority"]
Order = Literal["random", "by_video", "least_confident"]


@dataclass(frozen=True, config=STRICT)
class CurationSettings:
    """The curation of events in Label Studio, and how it enters the dataset."""

    mode: Mode = setting(
        "draft", "draft: the dataset is built from machine captions; curated: from the curators' decisions"
    )
    uncurated: Uncurated = setting("leave_out", "what happens in mode curated to events that nobody has reviewed")
    folder: str = setting("curation", "folder of the record files, one per video under the dataset's name; for git")
    resolve: Resolve = setting(
        "latest", "which decision counts where several curators reviewed an event; a tie of the majority is undecided"
    )
    order: Order = setting("by_video", "order in which curators get the events of a first push")
    seed: int = setting(0, "seed of the random order", ge=0)
    project: str | None = setting(None, "title of the Label Studio project; default: tsalv360 and the dataset's name")
    media_url: str | None = setting(
        None,
        "where a browser finds the folder of results, such as https://media.example.org/tsv360; "
        "default: Label Studio serves the media folder itself",
    )
    media_root: str | None = setting(
        None,
        "folder of results as a team's server sees it: its LABEL_STUDIO_LOCAL_FILES_DOCUMENT_ROOT; default: as here",
    )
    server_folder: str = setting("label-studio", "folder of the database of an own Label Studio server; back it up")
    port: int = setting(
        8080, "port of an own Label Studio server; a free one is taken where it is busy", ge=1024, le=65535
    )

    def file(self, dataset: str, video: str) -> Path:
        """Where people's work on a video lies."""
        return Path(self.folder, dataset, f"{video}.json")
