"""Settings of publishing: what the card and the metadata say, and whose pictures may be passed on."""

from typing import Annotated

from pydantic import Field
from pydantic.dataclasses import dataclass

from tsalv360.contracts.settings import STRICT, setting

DRAWN = "drawn by tsalv360, MIT"  # permission of videos that the pipeline draws; their observers are simulated
Permission = Annotated[str, Field(description="the permission, such as: recorded by us, CC BY 4.0", pattern=r"\w")]

REPOSITORY = r"[A-Za-z0-9][\w.-]*/[A-Za-z0-9][\w.-]*"


@dataclass(frozen=True, config=STRICT)
class PublishSettings:
    """The published folder and its metadata."""

    title: str = setting("", "title of the dataset; by default its name")
    authors: list[str] = setting(list, "authors of the dataset, each as Family, Given")
    contact: str = setting("", "e-mail address or page for questions and corrections")
    version: str = setting("1.0.0", "version of the dataset", pattern=r"^[0-9]+\.[0-9]+\.[0-9]+$")
    year: int | None = setting(None, "year of publication, which DataCite requires", ge=1900, le=9999)
    url: str = setting("", "page or DOI under which the dataset is found")
    repository: str = setting("", "repository of the Hugging Face Hub: user/name", pattern=rf"^$|^{REPOSITORY}$")
    pictures: dict[str, Permission] = setting(
        dict,
        "sources (names of data sets) whose frames, viewports and pages may be passed on, each with the permission; "
        "those of other sources are left out, but for videos that the pipeline draws itself",
    )

    def permission(self, source: str, drawn: bool) -> str:
        """Return by what permission the pictures of a video are passed on, "" if there is none that we know of.

        Parameters: the data set of the video, and whether the pipeline itself has drawn it.
        """
        return self.pictures.get(source, DRAWN if drawn else "")
