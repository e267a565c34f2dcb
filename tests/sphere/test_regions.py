"""Regions of maps, drawn by hand: at the seam, in the rows at the poles, and against labels of the rolled map."""

import numpy as np
import pytest

from tsalv360.sphere.regions import label_regions


def drawn(*rows: str) -> np.ndarray:
    return np.array([[pixel == "#" for pixel in row] for row in rows])


def n_regions(mask: np.ndarray) -> int:
    labels = label_regions(mask)
    assert labels.shape == mask.shape
    np.testing.assert_array_equal(labels > 0, mask)
    return len(np.unique(labels[mask]))


def test_a_map_without_pixels_has_no_region_and_a_full_one_has_one() -> None:
    assert n_regions(np.zeros((4, 8), bool)) == 0
    assert n_regions(np.ones((4, 8), bool)) == 1


def test_pixels_that_touch_by_side_or_corner_are_one_region() -> None:
    assert n_regions(drawn(".##.....", "...#....", ".....##.", "........")) == 2


@pytest.mark.parametrize("row", range(4), ids=["north pole", "north", "south", "south pole"])
def test_a_region_goes_on_over_the_seam_in_every_row(row: int) -> None:
    mask = np.zeros((4, 8), bool)
    mask[row, [0, 1, 7]] = True
    assert n_regions(mask) == 1
    mask[row, [0, 4]] = False, True
    assert n_regions(mask) == 3


@pytest.mark.parametrize(("first", "last"), [(0, 1), (1, 0), (2, 3), (3, 2)])
def test_corners_touch_over_the_seam_up_to_the_rows_at_the_poles(first: int, last: int) -> None:
    mask = np.zeros((4, 8), bool)
    mask[first, 0] = mask[last, 7] = True
    assert n_regions(mask) == 1


def test_a_chain_that_meets_itself_over_the_seam_is_one_region() -> None:
    assert n_regions(drawn("##....##", "........", "###..###", "..#..#..", "##.....#")) == 2
    assert n_regions(drawn("##...###", ".....#..", "##...###", ".#......", "##....##")) == 1


def test_the_first_row_is_not_joined_over_the_pole() -> None:
    assert n_regions(drawn("#...#...", "........", "........", "...#...#")) == 4


def test_rolled_maps_have_the_same_regions() -> None:
    rng = np.random.default_rng(4)
    for _ in range(50):
        mask = rng.random((12, 24)) < 0.35
        labels = label_regions(mask)
        shift = int(rng.integers(24))
        rolled = np.roll(label_regions(np.roll(mask, shift, axis=1)), -shift, axis=1)
        pairs = np.unique(np.stack([labels[mask], rolled[mask]]), axis=1)
        assert len(pairs[0]) == len(np.unique(pairs[0])) == len(np.unique(pairs[1]))
