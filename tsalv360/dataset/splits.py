"""Settings of the dataset stage.

Splits: folds of videos. No video is in two parts of a fold.
"""

import math
from typing import Annotated, Literal

import numpy as np
from pydantic import Field
from pydantic.dataclasses import dataclass

from tsalv360.contracts.settings import STRICT, setting
from tsalv360.sources import tsv360


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


Fold = dict[str, list[str]]


def make_splits(
    sources: dict[str, str], folds: int | Literal["tsv360"], validation_share: float, seed: int
) -> list[Fold]:
    """Train, validation and test video ids of each fold.

    Parameters: `sources` {video id: source}; `folds` at most the number of videos (with 1, all videos train), or
    "tsv360" for the published ones, of which only the videos in `sources` are taken. `validation_share` of a fold's
    training videos, stratified by source, is held out.
    """
    dealt = _deal(sources, seed)
    if folds == 1:
        return [{"train": sorted(dealt), "validation": [], "test": []}]
    if folds == "tsv360":
        tests = tsv360.folds()
        dealt = [video for video in dealt if any(video in test for test in tests)]
    else:
        tests = [dealt[number::folds] for number in range(folds)]
    return [_fold(dealt, test, validation_share) for test in tests]


def in_no_fold(videos: list[str], folds: list[Fold]) -> list[str]:
    """Those of `videos` that no fold uses."""
    used = {video for fold in folds for part in fold.values() for video in part}
    return sorted(set(videos) - used)


def _deal(sources: dict[str, str], seed: int) -> list[str]:
    """The videos of each source, shuffled, one source after the other, in the order of their first videos.

    Dealt out like cards, every fold gets its share of each source, also of a source with fewer videos than folds
    (which scikit-learn's StratifiedKFold refuses).
    """
    rng = np.random.default_rng(seed)
    of_source: dict[str, list[str]] = {}
    for video in sorted(sources):
        of_source.setdefault(sources[video], []).append(video)  # what a source is called decides nothing
    return [str(video) for videos in of_source.values() for video in rng.permutation(videos)]


def _fold(dealt: list[str], test: list[str], validation_share: float) -> Fold:
    """Test videos are those of `dealt` in `test`; validation takes evenly spread cards of the rest."""
    rest = [video for video in dealt if video not in test]
    held_out = min(math.ceil(validation_share * len(rest)), len(rest) - 1) if rest else 0
    places = {int((i + 0.5) * len(rest) / held_out) for i in range(held_out)}
    return {
        "train": sorted(video for place, video in enumerate(rest) if place not in places),
        "validation": sorted(rest[place] for place in places),
        "test": sorted(set(test) & set(dealt)),
    }
