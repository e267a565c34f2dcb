"""What is measured of captions: CLIP tokens, near-duplicates, language and length."""

import importlib.util

import pytest

from tsalv360.captions import text as module
from tsalv360.captions.text import alike, count_tokens, flags_of, is_english, statistics
from tsalv360.contracts.entries import Candidate, CaptionEntry

WITH_CLIP = pytest.mark.skipif(importlib.util.find_spec("open_clip") is None, reason="needs the extra train")


@WITH_CLIP
def test_tokens_are_those_of_clip() -> None:
    import open_clip

    texts = ["A man juggling.", "a", "a red round shape, moving slowly to the right " * 5]
    counts = count_tokens(texts)
    assert counts[1] == 3  # start, word, end
    for text, count in zip(texts[:2], counts, strict=False):
        assert int((open_clip.tokenize([text]) > 0).sum()) == count
    assert (counts[2] or 0) > 50


def test_tokens_are_not_counted_without_the_tokenizer(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "find_spec", lambda name: None)
    assert count_tokens(["A man juggling.", "x"]) == [None, None]


def test_long_captions_are_flagged_only_above_77_tokens() -> None:
    captions = {"a": "A man runs.", "b": "A dog is in a car.", "c": "The sea at night."}
    assert flags_of(captions, {"a": 77, "b": 78, "c": None}) == {"a": [], "b": ["over 77 tokens"], "c": []}


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
    assert (alike(text, other) >= module.NEAR) is near
    assert alike(text, other) == alike(other, text)


def test_each_of_two_near_duplicates_names_the_other() -> None:
    captions = {"a": "A dog is running.", "b": "A cat sleeps in a box.", "c": "The dog is running!"}
    flags = flags_of(captions, dict.fromkeys(captions))
    assert flags == {"a": ["near-duplicate of c"], "b": [], "c": ["near-duplicate of a"]}


@pytest.mark.parametrize(
    ("text", "english"),
    [
        ("A man is juggling.", True),
        ("An even grey scene.", True),
        ("Ein Mann jongliert auf der Straße.", False),
        ("Un hombre hace malabares en la calle.", False),
        ("一个男人在街上玩杂耍。", False),
        ("Café with a view.", True),
    ],
)
def test_other_languages_are_detected(text: str, english: bool) -> None:
    assert is_english(text) is english


def test_statistics_per_model_and_prompt() -> None:
    def entry(*texts: str) -> CaptionEntry:
        return CaptionEntry(None, [Candidate("", f"p{k}", "m", "1", text, None) for k, text in enumerate(texts)])

    first, second = statistics([entry("A dog runs. It is fast.", "Ein Hund."), entry("A cat."), entry("A cat.")])
    assert first == {
        "model": "m", "revision": "1", "prompt": "p0", "captions": 3, "different": 2, "words": [2, 2, 6],
        "several_sentences": 1, "not_english": 0,
    }  # fmt: skip
    assert (second["prompt"], second["captions"], second["not_english"]) == ("p1", 1, 1)
