"""Settings of the dataset stage."""

from typing import Annotated, Literal

from pydantic import Field
from pydantic.dataclasses import dataclass

from tsalv360.settings import STRICT, setting


@dataclass(frozen=True, config=STRICT)
class DatasetSettings:
    """The dataset: its name and its splits."""

    name: str = setting("demo", "name of the dataset: its folder under results/", pattern=r"^[A-Za-z0-9][A-Za-z0-9-]*$")
    folds: Annotated[int, Field(ge=1, le=100)] | Literal["tsv360"] = setting(
        4, "folds of the cross-validation, every video tested in one; or tsv360: the published 5"
    )
    validation_share: float = setting(
        0.2, "part of a fold's training videos that is held out for validation", ge=0, lt=1
    )
    seed: int = setting(0, "seed of the splits", ge=0)
