"""Texts of captions: from a model's answer to a caption, or the reason why there is none; and checks of captions."""

import re
from collections import Counter
from collections.abc import Mapping, Sequence
from typing import Any

from tsalv360.captions.captioner import Answer
from tsalv360.contracts.entries import CaptionEntry
from tsalv360.job.errors import plain, shorten
from tsalv360.model import clip_tokens
from tsalv360.model.language import FUNCTION_WORDS, not_english

NEAR = 0.9  # near-duplicates share at least this part of their words
# Openings before the description itself.
_PICTURE = r"(?:video|image|picture|photo|scene|clip|footage|frame|frames|images|sequence|view|viewport)s?"
_SHOWS = r"(?:shows?|depicts?|features?|captures?|displays?|presents?|portrays?|illustrates?)"
_MIDDLE = r"(?:cent(?:er|re)|middle)"
_THEN = r"(?:,?(?: (?:we|you) (?:can )?see)|,|(?= (?:an?|the|there|one|two|three|several|some|many|people)\b))"
_OPENINGS = [
    r"(?:assistant|answer|caption|description|output)\s*:",
    r"(?:sure|certainly|of course)[!,.]",
    r"here (?:is|'s) (?:a|the|one|your)[^:.]{0,60}:",
    rf"(?:this|the) (?:\w+ )?{_PICTURE} (?:(?:of|from) [^,.]{{0,30}} )?{_SHOWS}(?: that)?",
    rf"(?:in|throughout) (?:this|the|these) (?:\w+ )?{_PICTURE}{_THEN}",
    rf"(?:in|at) the {_MIDDLE}(?: of (?:the|this) (?:\w+ )?{_PICTURE})?{_THEN}",
    r"(?:we|you) (?:can )?see(?: that)?",
]
_OPENING = re.compile(rf"^(?:{'|'.join(_OPENINGS)})\s+", re.IGNORECASE)
_REFUSAL = re.compile(
    r"(?:i['’]?m|i am|we are|we're) (?:very |so )?(?:sorry|unable|not able)|sorry[,.]|i apologi[sz]e"
    r"|i (?:can ?not|can['’]t|won['’]t|do not have|don['’]t have)\b|as an ai\b|unfortunately, i\b",
    re.IGNORECASE,
)
# `<think>…</think>`; some templates put the first tag into the prompt, and an answer that is cut off has no second one.
_THOUGHT = re.compile(r"^.*</think>|<think>.*", re.IGNORECASE | re.DOTALL)
_END = re.compile(r"(?<=[.!?])[\"'”’)]*\s+(?=[\"'“‘(]*[A-ZÀ-Þ0-9])")


def caption_of(answer: Answer) -> str:
    """Return the caption in an answer: one paragraph of whole sentences, without openings such as "The video shows"."""
    text = clean(answer.text)
    if answer.cut_off:
        return " ".join(part for part in sentences(text) if part[-1] in '.!?"”')
    return text if not text or text[-1] in '.!?"”…' else f"{text}."


def rejection(answer: Answer) -> str:
    """Return why an answer gives no caption; empty where it gives one."""
    if answer.failure:
        return answer.failure
    if not clean(answer.text):
        thought = answer.cut_off and _THOUGHT.search(answer.text)
        return (
            "the answer was cut off by captions.max_tokens in what the model thinks"
            if thought
            else "the answer is empty"
        )
    if _REFUSAL.match(clean(answer.text)):
        return f"the answer is a refusal: {shorten(answer.text)}"
    if not caption_of(answer):
        return f"the answer was cut off by captions.max_tokens in its first sentence: {shorten(answer.text)}"
    return ""


def clean(text: str) -> str:
    """Return `text` as one paragraph with a capital first letter.

    What a model thinks aloud before it answers, openings, and quotes around it are left out.
    """
    text = plain(_THOUGHT.sub("", text))
    before = None
    while text != before:
        before = text
        if len(text) > 1 and text[0] + text[-1] in ('""', "''", "“”", "‘’", "**"):
            text = text[1:-1].strip()
        text = _OPENING.sub("", text)
    return text[:1].upper() + text[1:]


def sentences(text: str) -> list[str]:
    """Return the sentences of a text; the last may be unfinished."""
    return [part for part in _END.split(text) if part]


def flags_of(captions: Mapping[str, str]) -> dict[str, list[str]]:
    """Return what is odd about the captions of one video, {event: flags}.

    Flagged are captions of more than 77 CLIP tokens, whose end a model does not see; near-duplicates, since different
    saliency maps with one text teach a model nothing; and captions that are visibly not English.
    """
    flags: dict[str, list[str]] = {event: [] for event in captions}
    for event, text in captions.items():
        if clip_tokens.count(text) > clip_tokens.LENGTH:
            flags[event].append(f"over {clip_tokens.LENGTH} tokens")
        if not_english(text):
            flags[event].append("not English")
        others = (other for other in captions if other != event)
        flags[event] += [f"near-duplicate of {o}" for o in others if alike(text, captions[o]) >= NEAR]
    return flags


def alike(text: str, other: str) -> float:
    """Return the part of their words that two captions share, 0 to 1; function words do not count."""
    words, others = _content_words(text), _content_words(other)
    total = words.total() + others.total()
    return 2 * (words & others).total() / total if total else 1.0


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
            "not_english": sum(bool(not_english(text)) for text in texts),
        }
        for (model, revision, prompt), texts in groups.items()
    ]


def _words(text: str) -> list[str]:
    return re.findall(r"[^\W_]+(?:['’-][^\W_]+)*", text.lower())


def _content_words(text: str) -> "Counter[str]":
    return Counter(word for word in _words(text) if word not in FUNCTION_WORDS)
