"""Batches: every clip once an epoch, drawn anew, the same however many processes share them."""

from dataclasses import replace

import numpy as np
import pandas as pd
import pytest

from tsalv360.training.batches import count, epoch_batches, part_of, plain_batches
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


def rows(batches: list) -> list[int]:
    return [row for batch in batches for group in batch for row in group.rows]


@pytest.mark.parametrize("group", [1, 3, 50])
def test_an_epoch_sees_every_clip_once(group: int) -> None:
    batches = epoch_batches(CLIPS, replace(SETTINGS, group=group), 0, 16)
    assert sorted(rows(batches)) == list(range(18))
    assert [count(batch) for batch in batches] == [5, 5, 5, 3]


def test_epochs_differ_and_each_can_be_drawn_again() -> None:
    first, again, second = (epoch_batches(CLIPS, SETTINGS, epoch, 16) for epoch in (0, 0, 1))
    assert first == again
    assert rows(first) != rows(second)
    turns = [
        {(group.turn.steps, group.turn.mirrored) for batch in epoch for group in batch} for epoch in (first, second)
    ]
    assert turns[0] != turns[1]


def test_groups_are_neighbours_of_one_video() -> None:
    for batch in epoch_batches(CLIPS, replace(SETTINGS, batch_size=100), 3, 16):
        for group in batch:
            assert CLIPS.video[list(group.rows)].nunique() == 1
            assert np.all(np.diff(CLIPS.target_frame[list(group.rows)]) == 1)


def test_turns_and_mirrors_are_settings() -> None:
    def turns(**settings: object) -> set[tuple[str, int, bool]]:
        drawn = [epoch_batches(CLIPS, replace(SETTINGS, **settings), epoch, 16) for epoch in range(20)]
        return {
            (str(CLIPS.video[group.rows[0]]), group.turn.steps, group.turn.mirrored)
            for batches in drawn for batch in batches for group in batch
        }  # fmt: skip

    assert {steps for _, steps, _ in turns()} == set(range(16))
    assert {steps for _, steps, _ in turns(roll=False)} == {0}
    assert {mirrored for *_, mirrored in turns(flip="never")} == {False}
    assert {video for video, _, mirrored in turns(flip="exchange") if mirrored} == {"001", "002", "003"}
    assert {video for video, _, mirrored in turns(flip="skip") if mirrored} == {"002", "003"}


@pytest.mark.parametrize("parts", [1, 2, 3, 7])
def test_parts_make_up_a_batch_in_order(parts: int) -> None:
    for batch in epoch_batches(CLIPS, SETTINGS, 0, 16):
        shared = [part_of(batch, part, parts) for part in range(parts)]
        assert rows(shared) == rows([batch])
        sizes = [count(part) for part in shared]
        assert max(sizes) - min(sizes) <= 1
        turn_of = {row: group.turn for group in batch for row in group.rows}
        assert all(group.turn == turn_of[row] for part in shared for group in part for row in group.rows)


def test_validation_sees_every_clip_once_as_it_is() -> None:
    batches = plain_batches(CLIPS, 4)
    assert sorted(rows(batches)) == list(range(18))
    assert all(
        count(batch) <= 4 and not group.turn.mirrored and not group.turn.steps for batch in batches for group in batch
    )
