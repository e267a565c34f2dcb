"""Checks of captions: CLIP tokens, near-duplicates within a video, language and length."""

import re
from collections import Counter
from collections.abc import Mapping, Sequence
from importlib.util import find_spec
from typing import Any

from tsalv360.captions.text import sentences
from tsalv360.contracts.entries import CaptionEntry

MAX_TOKENS = 77  # that CLIP reads, start and end tokens included
NEAR = 0.9  # near-duplicates share at least this part of their words
_FUNCTION_WORDS = frozenset(re.findall(r"\w+", """
    a an and are as at be by for from has have he her his in into is it its of off on onto or over she some that the
    their them there they this through to towards two under up while who with
"""))  # fmt: skip


def count_tokens(texts: Sequence[str]) -> list[int | None]:
    """Return the number of CLIP tokens of texts, start and end included; None without the extra `train`."""
    if not texts or find_spec("open_clip") is None:
        return [None] * len(texts)
    from tsalv360.model.encoders import clip_tokenizer  # it loads PyTorch

    return [len(clip_tokenizer().encode(text)) + 2 for text in texts]


def flags_of(captions: Mapping[str, str], n_tokens: Mapping[str, int | None]) -> dict[str, list[str]]:
    """Return what is odd about the captions of one video, {event: flags}.

    Flagged are captions of more than 77 CLIP tokens, whose end a model does not see; near-duplicates, since different
    saliency maps with one text teach a model nothing; and captions that are not English.
    """
    flags: dict[str, list[str]] = {event: [] for event in captions}
    for event, text in captions.items():
        if (n_tokens[event] or 0) > MAX_TOKENS:
            flags[event].append(f"over {MAX_TOKENS} tokens")
        if not is_english(text):
            flags[event].append("not English")
        others = (other for other in captions if other != event)
        flags[event] += [f"near-duplicate of {o}" for o in others if alike(text, captions[o]) >= NEAR]
    return flags


def alike(text: str, other: str) -> float:
    """Return the part of their words that two captions share, 0 to 1; function words do not count."""
    words, others = _content_words(text), _content_words(other)
    total = words.total() + others.total()
    return 2 * (words & others).total() / total if total else 1.0


def is_english(text: str) -> bool:
    """Return whether a caption looks English: Latin letters and at least one English function word."""
    letters = [c for c in text if c.isalpha()]
    return sum(c.isascii() for c in letters) >= 0.9 * len(letters) and not _FUNCTION_WORDS.isdisjoint(_words(text))


def statistics(captions: Sequence[CaptionEntry]) -> list[dict[str, Any]]:
    """Return language and length of all candidates of caption entries, one row per model and prompt."""
    groups: dict[tuple[str, str, str], list[str]] = {}
    for entry in captions:
        for candidate in entry.candidates:
            key = candidate.model, candidate.revision, candidate.prompt
            groups.setdefault(key, []).append(candidate.text)
    return [
        {
            "model": model,
            "revision": revision,
            "prompt": prompt,
            "captions": len(texts),
            "different": len(set(texts)),
            "words": sorted(len(_words(text)) for text in texts),
            "several_sentences": sum(len(sentences(text)) > 1 for text in texts),
            "not_english": sum(not is_english(text) for text in texts),
        }
        for (model, revision, prompt), texts in groups.items()
    ]


def _words(text: str) -> list[str]:
    return re.findall(r"[^\W_]+(?:['’-][^\W_]+)*", text.lower())


def _content_words(text: str) -> "Counter[str]":
    return Counter(word for word in _words(text) if word not in _FUNCTION_WORDS)
