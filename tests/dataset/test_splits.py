"""Splits: every video is tested once, none is in two parts, sources are spread evenly, and order does not matter."""

from collections import Counter

import pytest

from tsalv360.dataset.splits import in_no_fold, make_splits
from tsalv360.sources import tsv360

SOURCES = {f"{n:03d}": "VR-EyeTracking" if n <= 28 else "Sports-360" for n in range(1, 41)}


@pytest.mark.parametrize(("folds", "share"), [(2, 0.2), (4, 0.2), (5, 0.0), (4, 0.5)])
def test_no_video_is_in_two_parts_and_none_is_lost(folds: int, share: float) -> None:
    for fold in make_splits(SOURCES, folds, share, seed=0):
        parts = [video for part in ("train", "validation", "test") for video in fold[part]]
        assert sorted(parts) == sorted(SOURCES)


@pytest.mark.parametrize("folds", [2, 4, 5, 10])
def test_every_video_is_tested_in_one_fold(folds: int) -> None:
    splits = make_splits(SOURCES, folds, 0.2, seed=0)
    assert len(splits) == folds
    assert sorted(video for fold in splits for video in fold["test"]) == sorted(SOURCES)


def test_each_fold_tests_its_share_of_every_source() -> None:
    for fold in make_splits(SOURCES, 4, 0.2, seed=3):
        assert Counter(SOURCES[video] for video in fold["test"]) == {"VR-EyeTracking": 7, "Sports-360": 3}


def test_the_share_of_the_training_videos_is_held_out() -> None:
    for fold in make_splits(SOURCES, 4, 0.2, seed=0):
        assert (len(fold["train"]), len(fold["validation"]), len(fold["test"])) == (24, 6, 10)


def test_the_same_seed_gives_the_same_splits_in_any_order_of_videos() -> None:
    backwards = dict(reversed(SOURCES.items()))
    assert make_splits(SOURCES, 4, 0.2, seed=7) == make_splits(backwards, 4, 0.2, seed=7)


def test_the_names_of_sources_do_not_matter() -> None:
    renamed = {video: {"VR-EyeTracking": "A", "Sports-360": "Z"}[source] for video, source in SOURCES.items()}
    assert make_splits(renamed, 4, 0.2, seed=7) == make_splits(SOURCES, 4, 0.2, seed=7)
    swapped = {video: {"VR-EyeTracking": "Z", "Sports-360": "A"}[source] for video, source in SOURCES.items()}
    assert make_splits(swapped, 4, 0.2, seed=7) == make_splits(SOURCES, 4, 0.2, seed=7)


def test_another_seed_gives_other_splits() -> None:
    assert make_splits(SOURCES, 4, 0.2, seed=1) != make_splits(SOURCES, 4, 0.2, seed=2)


def test_folds_hold_out_different_videos() -> None:
    held_out = [tuple(fold["validation"]) for fold in make_splits(SOURCES, 4, 0.2, seed=0)]
    assert len(set(held_out)) == 4


def test_a_single_fold_trains_on_everything() -> None:
    assert make_splits({"b": "x", "a": "y"}, 1, 0.2, 0) == [{"train": ["a", "b"], "validation": [], "test": []}]


def test_as_many_folds_as_videos_leave_one_out() -> None:
    splits = make_splits(dict.fromkeys("abc", "x"), 3, 0.2, 0)
    assert sorted(fold["test"][0] for fold in splits) == ["a", "b", "c"]


@pytest.mark.filterwarnings("error")
@pytest.mark.parametrize(
    "sources", [{"a1": "a", "a2": "a", "b1": "b", "b2": "b"}, {"a": "a", "b": "b", "c": "b", "d": "b"}]
)
def test_sources_with_fewer_videos_than_folds_are_split_too(sources: dict[str, str]) -> None:
    splits = make_splits(sources, 3, 0.2, 0)
    assert sorted(video for fold in splits for video in fold["test"]) == sorted(sources)


def test_training_videos_are_left_whatever_the_share() -> None:
    for fold in make_splits(dict.fromkeys("abcd", "x"), 4, 0.9, 0):
        assert fold["train"]


def test_the_published_folds_have_the_present_videos_and_286_is_in_none() -> None:
    sources = {"282": "Sports-360", "286": "Sports-360"}
    sources |= {video: "VR-EyeTracking" for fold in tsv360.folds() for video in fold if video < "200"}
    splits = make_splits(sources, "tsv360", 0.2, seed=0)
    for fold, published in zip(splits, tsv360.folds(), strict=True):
        assert fold["test"] == [video for video in published if video in sources]
        assert sorted([*fold["train"], *fold["validation"], *fold["test"]]) == sorted(set(sources) - {"286"})
    assert in_no_fold(list(sources), splits) == ["286"]
