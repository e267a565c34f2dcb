"""What is measured of captions: too many CLIP tokens, near-duplicates, language and length."""

import pytest

from tsalv360.captions.text import NEAR, alike, flags_of, statistics
from tsalv360.contracts.entries import Candidate, CaptionEntry


def test_long_captions_are_flagged_only_above_77_tokens() -> None:
    captions = {"a": f"A man{' runs' * 73}", "b": f"A dog{' barks' * 74}", "c": "The sea at night."}
    assert flags_of(captions) == {"a": [], "b": ["over 77 tokens"], "c": []}


@pytest.mark.parametrize(
    ("text", "other", "near"),
    [
        ("A man is juggling red balls.", "The man juggling the red balls", True),
        ("A red round shape in front of a grey background.", "A red round shape in front of a grey background.", True),
        (
            "A red round shape in front of a grey background.",
            "A blue round shape in front of a grey background.",
            False,
        ),
        ("A boat, moving to the left.", "A boat, moving to the right.", False),
        ("A man is juggling.", "Two dogs run.", False),
    ],
)
def test_captions_that_say_the_same_are_alike(text: str, other: str, near: bool) -> None:
    assert (alike(text, other) >= NEAR) is near
    assert alike(text, other) == alike(other, text)


def test_each_of_two_near_duplicates_names_the_other() -> None:
    captions = {"a": "A dog is running.", "b": "A cat sleeps in a box.", "c": "The dog is running!"}
    flags = flags_of(captions)
    assert flags == {"a": ["near-duplicate of c"], "b": [], "c": ["near-duplicate of a"]}


def test_captions_in_other_languages_are_flagged() -> None:
    captions = {"a": "A man is juggling.", "b": "Ein Mann jongliert auf der Straße.", "c": "一个男人在街上玩杂耍。"}
    assert flags_of(captions) == {"a": [], "b": ["not English"], "c": ["not English"]}


def test_statistics_per_model_and_prompt() -> None:
    def entry(*texts: str) -> CaptionEntry:
        return CaptionEntry(None, [Candidate("", f"p{k}", "m", "1", text, None) for k, text in enumerate(texts)])

    first, second = statistics([entry("A dog runs. It is fast.", "Ein Hund läuft."), entry("A cat."), entry("A cat.")])
    assert first == {
        "model": "m", "revision": "1", "prompt": "p0", "captions": 3, "different": 2, "words": [2, 2, 6],
        "several_sentences": 1, "not_english": 0,
    }  # fmt: skip
    assert (second["prompt"], second["captions"], second["not_english"]) == ("p1", 1, 1)
