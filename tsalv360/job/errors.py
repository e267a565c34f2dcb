"""The error that all bad input raises, and text from outside as it may stand in messages, on terminals and on pages."""

import re

_UNPRINTABLE = re.compile("[\x00-\x1f\x7f-\x9f\u202a-\u202e\u2066-\u2069\ud800-\udfff]")


class InputError(ValueError):
    """Input that cannot be used: where it is, what was found, what was expected, and what to do."""

    def __init__(self, where: object, found: str, expected: str, advice: str) -> None:
        self.where = where
        self._parts = where, found, expected, advice
        super().__init__(f"{where}: found {found}; expected {expected}. {advice}")

    def __reduce__(self) -> tuple[type["InputError"], tuple[object, str, str, str]]:
        """Let the error of a process that computes for another one arrive there."""
        return type(self), self._parts


def plain(text: str) -> str:
    """Return `text` on one line, without control characters, bidirectional overrides and lone surrogates."""
    return " ".join(_UNPRINTABLE.sub(" ", text).split())


def shorten(text: str, length: int = 80) -> str:
    """Return `text` as by `plain`, cut to `length` characters with an ellipsis where it is longer."""
    text = plain(text)
    return text if len(text) <= length else f"{text[: length - 1]}…"


def masked(text: object, secret: str) -> str:
    """Return a message on one line, cut where it is very long, without a secret, which some servers repeat."""
    return shorten(str(text).replace(secret, "***") if secret else str(text), 300)
