"""CLIP's tokenizer (Radford et al., 2021): a byte-pair encoding of cleaned, lower-case text. It needs no PyTorch.

It is part of the installation without extras, because datasets state the number of tokens of their captions: what is
installed beside it must not change a dataset. Its tokens are those of open_clip and of OpenAI's CLIP.
"""

import html
from functools import cache, lru_cache
from importlib.resources import files
from itertools import pairwise

import ftfy
import regex

LENGTH = 77  # tokens that CLIP reads, those of start and end included
PADDING, START, END = 0, 49406, 49407
_SPECIAL = {"<start_of_text>": START, "<end_of_text>": END}  # also where a text spells them out
_WORD_END = "</w>"
_WORDS = regex.compile(
    rf"{'|'.join(_SPECIAL)}|'s|'t|'re|'ve|'m|'ll|'d|\p{{L}}+|\p{{N}}|[^\s\p{{L}}\p{{N}}]+", regex.IGNORECASE
)


def encode(text: str) -> list[int]:
    """Return the tokens of a text, without those of start and end."""
    clean = html.unescape(html.unescape(ftfy.fix_text(text)))
    return [token for word in _WORDS.findall(" ".join(clean.split()).lower()) for token in _encode_word(word)]


def count(text: str) -> int:
    """Return the number of tokens of a text, those of start and end included."""
    return len(encode(text)) + 2


@lru_cache(maxsize=1 << 16)
def _encode_word(word: str) -> list[int]:
    """Return the tokens of a word: its bytes, of which the pair that was learned first is merged again and again."""
    if word in _SPECIAL:
        return [_SPECIAL[word]]
    ranks, numbers, signs = _vocabulary()
    parts = [signs[byte] for byte in word.encode()]
    parts[-1] += _WORD_END
    while len(parts) > 1:
        first = min(pairwise(parts), key=lambda pair: ranks.get(pair, len(ranks)))
        if first not in ranks:
            break
        merged: list[str] = []
        for part in parts:
            if merged and (merged[-1], part) == first:
                merged[-1] += part
            else:
                merged.append(part)
        parts = merged
    return [numbers[part] for part in parts]


@cache
def _vocabulary() -> tuple[dict[tuple[str, str], int], dict[str, int], dict[int, str]]:
    """Return the rank of each merge, the token of each part of a word, and the sign that stands for each byte.

    Bytes that print as Latin-1 stand for themselves, the others for the characters from U+0100 on; tokens count the
    signs in this order, then the signs at the end of a word, then the merges.
    """
    printed = [*range(0x21, 0x7F), *range(0xA1, 0xAD), *range(0xAE, 0x100)]
    others = [byte for byte in range(0x100) if byte not in printed]
    signs = {byte: chr(byte) for byte in printed} | {byte: chr(0x100 + n) for n, byte in enumerate(others)}
    lines = files("tsalv360.model").joinpath("data", "clip_merges.txt").read_text(encoding="utf-8").splitlines()
    merges = [(first, second) for first, second in (line.split(" ") for line in lines)]
    parts = [*signs.values(), *(sign + _WORD_END for sign in signs.values()), *(a + b for a, b in merges)]
    return {pair: n for n, pair in enumerate(merges)}, {part: n for n, part in enumerate(parts)}, signs
