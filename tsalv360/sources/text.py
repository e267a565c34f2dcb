"""Lines of text files and the numbers in them, read strictly, so that damage is named by its line."""

import re
from pathlib import Path

from tsalv360.job.errors import InputError

NUMBER = re.compile(r"[-+]?([0-9]+\.?[0-9]*|\.[0-9]+)([eE][-+]?[0-9]+)?")  # text that only Python reads as one is none


def read_lines(path: Path, notes: list[str]) -> list[str]:
    """Return the lines of a text file in UTF-8, without their ends (LF or CRLF).

    Bytes of another encoding become U+FFFD, which is no number and no name. A last line without an end is noted. Raises
    InputError for an empty file.
    """
    text = path.read_bytes().decode("utf-8-sig", errors="replace")
    if not text.strip():
        raise InputError(path, "an empty file", "lines of gaze", "Copy it again, or remove it.")
    if not text.endswith("\n"):
        notes.append(f"{path.name} ends without a line end: it may have been cut off")
    return [line.removesuffix("\r") for line in text.removesuffix("\n").split("\n")]


def number(text: str) -> float:
    """Return the number that a text is; NaN if it is none, or is not finite."""
    value = float(text) if NUMBER.fullmatch(text) else float("nan")
    return value if abs(value) < float("inf") else float("nan")
