"""From a model's answer to a caption: the text without its wrapping, or the reason why there is none."""

import re

from tsalv360.captions.captioner import Answer
from tsalv360.job.errors import plain, shorten

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
        return "the answer is empty"
    if _REFUSAL.match(clean(answer.text)):
        return f"the answer is a refusal: {shorten(answer.text)}"
    if not caption_of(answer):
        return f"the answer was cut off by captions.max_tokens in its first sentence: {shorten(answer.text)}"
    return ""


def clean(text: str) -> str:
    """Return `text` as one paragraph with a capital first letter, without openings and quotes around it."""
    text = plain(text)
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
