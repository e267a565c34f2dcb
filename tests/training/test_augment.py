"""Rolls and mirrors: pictures and maps by the same angle, captions that still say what is seen."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from training.clipset import picture

from tsalv360.saliency import saliency_map
from tsalv360.sphere.directions import angular_distance, pixel_to_direction
from tsalv360.training.clips import Augmentation, mirrored_caption, says_side


@given(st.integers(0, 31), st.booleans())
def test_a_frame_and_its_map_are_rolled_by_the_same_angle(roll: int, mirrored: bool) -> None:
    n = 32  # the most that divides both widths
    augmentation = Augmentation(roll, n, mirrored)
    yaw = (-40 if mirrored else 40) + 360 * roll / n
    red = np.argwhere(augmentation(picture(0))[..., 0] == 220)
    seen = np.array(pixel_to_direction(red[:, 1], red[:, 0], 64, 128))
    assert angular_distance(*seen, yaw, 10).max() < 14
    there = saliency_map([yaw], [10], sigma=12, size=(48, 96))
    np.testing.assert_allclose(augmentation(saliency_map([40], [10], sigma=12, size=(48, 96))), there, atol=2e-3)


def test_the_default_changes_nothing() -> None:
    assert (Augmentation()(picture(3)) == picture(3)).all()


@pytest.mark.parametrize(
    ("caption", "mirrored"),
    [
        ("A man on the left turns right.", "A man on the right turns left."),
        ("LEFT. Right, leftmost; rightwards", "RIGHT. Left, rightmost; leftwards"),
        ("A right-hand bend, a left-handed player", "A left-hand bend, a right-handed player"),
        ("A wheel turns clockwise, another counter-clockwise.", "A wheel turns counterclockwise, another clockwise."),
        ("Anticlockwise", "Clockwise"),
    ],
)
def test_sides_are_exchanged(caption: str, mirrored: str) -> None:
    assert says_side(caption)
    assert mirrored_caption(caption) == mirrored


@pytest.mark.parametrize("caption", ["A bright light, all right-angled.", "An upright cleft.", "A man skis."])
def test_other_words_stay(caption: str) -> None:
    assert not says_side(caption)
    assert mirrored_caption(caption) == caption
