"""The text of an answer: what is wrong with it, and the caption that is left without its wrapping."""

import re

from tsalv360.captions.captioner import Answer

# What a model says before it comes to the point; each is followed by the description itself.
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
_OPENING = re.compile(rf"(?:{'|'.join(_OPENINGS)})\s+", re.IGNORECASE)
_REFUSAL = re.compile(
    r"(?:i['’]?m|i am|we are|we're) (?:very |so )?(?:sorry|unable|not able)|sorry[,.]|i apologi[sz]e"
    r"|i (?:can ?not|can['’]t|won['’]t|do not have|don['’]t have)\b|as an ai\b|unfortunately, i\b",
    re.IGNORECASE,
)
_UNSEEN = re.compile("[\x00-\x1f\x7f-\x9f\u202a-\u202e\u2066-\u2069\ud800-\udfff]")
_END = re.compile(r"(?<=[.!?])[\"'”’)]*\s+(?=[\"'“‘(]*[A-ZÀ-Þ0-9])")


def caption_of(answer: Answer) -> str:
    """The caption in an answer: one paragraph, without openings such as "The video shows", only whole sentences."""
    text = clean(answer.text)
    if answer.cut_off:
        whole = [part for part in sentences(text) if part[-1] in '.!?"”']
        return " ".join(whole)
    return text if not text or text[-1] in '.!?"”…' else f"{text}."


def rejection(answer: Answer) -> str:
    """Why an answer gives no caption; empty where it gives one."""
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
    """`text` as one paragraph, without quotes around it and openings, its first letter a capital."""
    text = plain(text)
    before = None
    while text != before:
        before = text
        if len(text) > 1 and text[0] + text[-1] in ('""', "''", "“”", "‘’", "**"):
            text = text[1:-1].strip()
        text = _OPENING.sub("", text, count=1) if _OPENING.match(text) else text
    return text[:1].upper() + text[1:]


def plain(text: str) -> str:
    """`text` on one line, without half characters and what a terminal obeys or turns the direction of writing."""
    return " ".join(_UNSEEN.sub(" ", text).split())


def sentences(text: str) -> list[str]:
    """The sentences of a text, the last perhaps unfinished."""
    return [part for part in _END.split(text) if part]


def shorten(text: str, length: int = 80) -> str:
    """The beginning of a text, for a message."""
    text = plain(text)
    return text if len(text) <= length else f"{text[: length - 1]}…"
