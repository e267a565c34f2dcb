"""Splits: folds of videos, none of which is in two parts of a fold; and the settings of the dataset stage."""

import math
from collections import defaultdict
from typing import Annotated, Literal

import numpy as np
from pydantic import Field
from pydantic.dataclasses import dataclass

from tsalv360.contracts.entries import Fold
from tsalv360.contracts.settings import STRICT, setting
from tsalv360.sources import tsv360


@dataclass(frozen=True, config=STRICT)
class DatasetSettings:
    """The dataset: its name and its splits."""

    name: str = setting("demo", "name of the dataset: its folder in results/", pattern=r"^[A-Za-z0-9][A-Za-z0-9-]*$")
    first_event: int = setting(1, "number of a video's first event: 003_1, or as in TSV360 003_0", ge=0, le=1)
    loose_maps: bool = setting(
        False, "also write each map and caption as a file in TSV360_gt, the published layout, which public readers need"
    )
    folds: Annotated[int, Field(ge=1, le=100)] | Literal["tsv360", "published"] = setting(
        4,
        "number of folds of the cross-validation, at most one per video; or tsv360: the 5 folds of TSV360; or "
        "published: those of the published dataset among the sources",
    )
    validation_share: float = setting(0.2, "share of a fold's training videos held out for validation", ge=0, lt=1)
    seed: int = setting(0, "seed of the splits", ge=0)


def make_splits(
    sources: dict[str, str], folds: int | Literal["tsv360"], validation_share: float, seed: int
) -> list[Fold]:
    """Return the folds of a cross-validation.

    Parameters: `sources` {video id: source}; `folds` at most the number of videos (1: all videos train), or "tsv360"
    for the published ones, as far as their videos are in `sources`. A `validation_share` of a fold's training videos
    is held out, stratified by source.
    """
    videos = _shuffled(sources, seed)
    if folds == 1:
        return [{"train": sorted(videos), "validation": [], "test": []}]
    if folds == "tsv360":
        tests = tsv360.folds()
        videos = [video for video in videos if any(video in test for test in tests)]
    else:
        tests = [videos[number::folds] for number in range(folds)]
    return [_fold(videos, test, validation_share) for test in tests]


def in_no_fold(videos: list[str], folds: list[Fold]) -> list[str]:
    """Return those of `videos` that no fold uses, sorted."""
    used = {video for fold in folds for video in [*fold["train"], *fold["validation"], *fold["test"]]}
    return sorted(set(videos) - used)


def _shuffled(sources: dict[str, str], seed: int) -> list[str]:
    """Return the videos of each source in random order, one source after the other, by their first videos.

    Every n-th video then samples all sources evenly, even those with fewer videos than folds (which scikit-learn's
    StratifiedKFold refuses). The names of sources do not matter.
    """
    rng = np.random.default_rng(seed)
    by_source: dict[str, list[str]] = defaultdict(list)
    for video in sorted(sources):
        by_source[sources[video]].append(video)
    return [str(video) for videos in by_source.values() for video in rng.permutation(videos)]


def _fold(videos: list[str], test: list[str], validation_share: float) -> Fold:
    """Return the fold with these test videos; evenly spaced ones of the rest are for validation."""
    rest = [video for video in videos if video not in test]
    held_out = min(math.ceil(validation_share * len(rest)), len(rest) - 1) if rest else 0
    validation = {rest[int((i + 0.5) * len(rest) / held_out)] for i in range(held_out)}
    return {
        "train": sorted(set(rest) - validation),
        "validation": sorted(validation),
        "test": sorted(set(test) & set(videos)),
    }
