"""CLIP's tokens: golden ones of its own tokenizer, and those of open_clip for any text, where it is installed."""

import importlib.util
import random
import sys
import unicodedata

import pytest

from tsalv360.model.clip_tokens import LENGTH, count, encode

WITH_OPEN_CLIP = pytest.mark.skipif(importlib.util.find_spec("open_clip") is None, reason="needs the extra train")
# Made with open_clip 3.3.0.
GOLDEN = {
    "a": [320],
    "A man juggling.": [320, 786, 669, 16523, 269],
    "a red round shape, moving slowly to the right": [320, 736, 2522, 6448, 267, 3584, 9568, 531, 518, 1155],
    "it's 10&nbsp;m\taway -- don't\n\nlook": [585, 568, 272, 271, 332, 1520, 2432, 847, 713, 1012],
    "Ein Mädchen läuft über die Straße": [
        24524,
        76,
        10896,
        67,
        8983,
        75,
        10896,
        84,
        981,
        6522,
        1516,
        2082,
        1894,
        127,
        253,
        324,
    ],
    "スケートボード 🛹": [22694, 3909, 109, 18584, 230, 2429, 250, 18584, 487, 11306, 373],
    "<start_of_text> and <END_OF_TEXT>": [49406, 537, 49407],
    "schÃ¶n": [844, 7255, 333],
}
SENTENCES = [
    "A man in a blue jacket walks slowly from the left to the right in front of a building.",
    "The surfer's board is hit by the wave; she doesn't fall!",
    "two dogs & a cat (seen from above), 1,234.5 m apart",
]


@pytest.mark.parametrize("text", GOLDEN)
def test_tokens_are_those_of_clip(text: str) -> None:
    assert encode(text) == GOLDEN[text]
    assert count(text) == len(GOLDEN[text]) + 2  # start and end


def hostile(n: int) -> list[str]:
    """Texts of all of Unicode, of what is repaired (entities, wrongly decoded UTF-8), and of broken words."""
    draw = random.Random(0)
    everything = [chr(c) for c in range(sys.maxunicode + 1) if unicodedata.category(chr(c)) != "Cs"]
    repaired = list("aabcs'tlmrevd  <>&;#019éßİıſ\u0301\u200b\u200d\ufeff\u00adﬁÃ©â€™œ")
    words = [*"aaabcdeghilmnoprstuwy  .,", "ing", "the", "'s", "'ll", "&amp;", "&lt;"]
    pools = [everything, repaired, words]
    texts = ["".join(draw.choices(pools[k % 3], k=draw.randrange(40))) for k in range(n)]
    return [*texts, "", " ", "a" * 300, "\x00", "🏳️‍🌈 👩‍👩‍👧", "Z͑ͫ̓ͪ̂ͫ̽͏̴" * 20, "ﷺ" * 9, "مرحبا بالعالم", "&amp;amp;lt;"]


@WITH_OPEN_CLIP
def test_open_clip_makes_the_same_tokens_of_any_text() -> None:
    import open_clip

    tokenizer = open_clip.SimpleTokenizer()
    for text in [*SENTENCES, *GOLDEN, *hostile(3000)]:
        assert encode(text) == tokenizer.encode(text), ascii(text)


@WITH_OPEN_CLIP
def test_tensors_of_tokens_are_those_of_open_clip() -> None:
    import open_clip

    from tsalv360.model import tokenize

    texts = [*SENTENCES, "a " * (LENGTH - 2), "a " * LENGTH]
    assert (tokenize(texts, truncate=True) == open_clip.tokenize(texts)).all()
