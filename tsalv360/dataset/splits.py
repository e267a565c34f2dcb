"""Splits: folds of videos, stratified by source. No video is in two parts of a fold."""

import numpy as np
from numpy.typing import NDArray
from sklearn.model_selection import StratifiedKFold

Fold = dict[str, list[str]]


def make_splits(sources: dict[str, str], folds: int, validation_share: float, seed: int) -> list[Fold]:
    """Train, validation and test video ids of each fold.

    Parameters: `sources` {video id: source}; `folds` at most the number of videos (with 1, all videos train).
    """
    videos = np.array(sorted(sources))
    if folds == 1:
        return [{"train": videos.tolist(), "validation": [], "test": []}]
    splitter = StratifiedKFold(folds, shuffle=True, random_state=seed)
    return [
        _fold(videos[train], videos[test], validation_share, seed + number)
        for number, (train, test) in enumerate(splitter.split(videos, [sources[v] for v in videos]))
    ]


def _fold(train: NDArray[np.str_], test: NDArray[np.str_], validation_share: float, seed: int) -> Fold:
    held_out = round(validation_share * len(train)) if len(train) > 1 else 0
    validation = np.random.default_rng(seed).permutation(train)[:held_out]
    return {
        "train": sorted(set(train.tolist()) - set(validation.tolist())),
        "validation": sorted(validation.tolist()),
        "test": sorted(test.tolist()),
    }
