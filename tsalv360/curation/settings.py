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
    """Review of the events by curators in Label Studio, and how their decisions enter the dataset."""

    mode: Mode = setting("draft", "draft: machine captions; curated: the decisions of curators are applied")
    uncurated: Uncurated = setting("leave_out", "what a curated dataset does with events that have no decision")
    folder: str = setting("curation", "folder of the curators' work: one file per video, by dataset; keep it in git")
    resolve: Resolve = setting(
        "latest",
        "whose decision counts if several curators review an event, from the next pull on; a tie of the majority stays "
        "undecided",
    )
    order: Order = setting("by_video", "order in which curators get new tasks")
    seed: int = setting(0, "seed of the random order", ge=0)
    project: str | None = setting(None, "title of the Label Studio project; default: tsalv360 and the dataset's name")
    media_url: str | None = setting(
        None,
        "URL at which browsers find the results folder, such as https://media.example.org/tsv360; "
        "default: Label Studio serves the files",
    )
    media_root: str | None = setting(
        None,
        "path of the results folder on a team's server, as its LABEL_STUDIO_LOCAL_FILES_DOCUMENT_ROOT; "
        "default: the path on this machine",
    )
    server_folder: str = setting("label-studio", "folder of your own Label Studio server with its database; back it up")
    port: int = setting(
        8080, "port of your own Label Studio server; if it is in use, a free one is taken", ge=1024, le=65535
    )

    def file(self, dataset: str, video: str) -> Path:
        """Return the path of the file with the curators' work on a video."""
        return Path(self.folder, dataset, f"{video}.json")
