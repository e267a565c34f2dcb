"""Splits: folds of videos, stratified by source. No video is in two parts of a fold."""

import math

import numpy as np

Fold = dict[str, list[str]]


def make_splits(sources: dict[str, str], folds: int, validation_share: float, seed: int) -> list[Fold]:
    """Train, validation and test video ids of each fold.

    The videos of each source are shuffled and dealt out like cards, so that every fold tests its share of each
    source, also of a source with fewer videos than folds (which scikit-learn's StratifiedKFold refuses).

    Parameters: `sources` {video id: source}; `folds` at most the number of videos (with 1, all videos train).
    """
    rng = np.random.default_rng(seed)
    dealt: list[str] = []
    for source in sorted(set(sources.values())):
        dealt += rng.permutation(sorted(video for video in sources if sources[video] == source)).tolist()
    if folds == 1:
        return [{"train": sorted(dealt), "validation": [], "test": []}]
    return [_fold(dealt, number, folds, validation_share) for number in range(folds)]


def _fold(dealt: list[str], number: int, folds: int, validation_share: float) -> Fold:
    """Test videos are every `folds`-th card; validation takes evenly spread cards of the rest."""
    test = dealt[number::folds]
    rest = [video for video in dealt if video not in test]
    held_out = min(math.ceil(validation_share * len(rest)), len(rest) - 1) if rest else 0
    places = {int((i + 0.5) * len(rest) / held_out) for i in range(held_out)}
    return {
        "train": sorted(video for place, video in enumerate(rest) if place not in places),
        "validation": sorted(rest[place] for place in places),
        "test": sorted(test),
    }
