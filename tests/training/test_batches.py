"""Batches: every clip once per epoch, drawn again for each, the same for any number of processes."""

from dataclasses import replace
from itertools import groupby

import numpy as np
import pandas as pd
import pytest

from tsalv360.training.batches import Sample, epoch_batches, plain_batches, split_batch
from tsalv360.training.settings import TrainSettings

CLIPS = pd.DataFrame(
    {
        "video": ["001"] * 13 + ["002"] * 4 + ["003"],
        "event_id": "001_1",
        "target_frame": [*range(13), *range(4), 7],
        "caption": ["on the left"] * 13 + ["a man"] * 5,
    }
)
SETTINGS = TrainSettings(group=3, batch_size=5)


def rows(batches: list[list[Sample]]) -> list[int]:
    return [sample.row for batch in batches for sample in batch]


def rolls(batches: list[list[Sample]]) -> set[tuple[int, bool]]:
    return {(augmentation.roll, augmentation.mirrored) for batch in batches for _, augmentation in batch}


@pytest.mark.parametrize("group", [1, 3, 50])
def test_an_epoch_sees_every_clip_once(group: int) -> None:
    batches = epoch_batches(CLIPS, replace(SETTINGS, group=group), 0, 16)
    assert sorted(rows(batches)) == list(range(18))
    assert [len(batch) for batch in batches] == [5, 5, 5, 3]


def test_epochs_differ_and_each_can_be_drawn_again() -> None:
    first, again, second = (epoch_batches(CLIPS, SETTINGS, epoch, 16) for epoch in (0, 0, 1))
    assert first == again
    assert rows(first) != rows(second)
    assert rolls(first) != rolls(second)


def test_groups_are_neighbours_of_one_video() -> None:
    n_rolls = 10**9  # no two groups draw the same one, which tells them apart
    (batch,) = epoch_batches(CLIPS, replace(SETTINGS, batch_size=100), 3, n_rolls)
    groups = [[sample.row for sample in group] for _, group in groupby(batch, key=lambda sample: sample.augmentation)]
    assert len(groups) == len({augmentation for _, augmentation in batch})
    for group in groups:
        assert 1 <= len(group) <= 3
        assert CLIPS.video[group].nunique() == 1
        assert np.all(np.diff(CLIPS.target_frame[group]) == 1)
    assert sum(len(group) == 3 for group in groups) >= 4


def test_rolls_and_mirrors_are_settings() -> None:
    def drawn(**settings: object) -> set[tuple[str, int, bool]]:
        epochs = [epoch_batches(CLIPS, replace(SETTINGS, **settings), epoch, 16) for epoch in range(20)]
        return {
            (str(CLIPS.video[row]), augmentation.roll, augmentation.mirrored)
            for batches in epochs for batch in batches for row, augmentation in batch
        }  # fmt: skip

    assert {roll for _, roll, _ in drawn()} == set(range(16))
    assert {roll for _, roll, _ in drawn(roll=False)} == {0}
    assert {mirrored for *_, mirrored in drawn(flip="never")} == {False}
    assert {video for video, _, mirrored in drawn(flip="exchange") if mirrored} == {"001", "002", "003"}
    assert {video for video, _, mirrored in drawn(flip="skip") if mirrored} == {"002", "003"}


@pytest.mark.parametrize("parts", [1, 2, 3, 7])
def test_parts_make_up_a_batch_in_order(parts: int) -> None:
    for batch in epoch_batches(CLIPS, SETTINGS, 0, 16):
        shared = split_batch(batch, parts)
        assert [sample for part in shared for sample in part] == batch
        sizes = [len(part) for part in shared]
        assert len(sizes) == parts and max(sizes) - min(sizes) <= 1


def test_validation_sees_every_clip_once_as_it_is() -> None:
    batches = plain_batches(CLIPS, 4)
    assert sorted(rows(batches)) == list(range(18))
    assert rolls(batches) == {(0, False)} and all(len(batch) <= 4 for batch in batches)
