"""Names of the published layout."""

import pytest

from tsalv360.contracts.layout import numbered_from


@pytest.mark.parametrize(
    ("first", "event", "expected"), [(1, "003_1", "003_1"), (0, "003_1", "003_0"), (0, "a-7_10", "a-7_9")]
)
def test_events_of_a_video_are_counted_from_0_or_1(first: int, event: str, expected: str) -> None:
    assert numbered_from(first, event) == expected
