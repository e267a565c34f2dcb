"""The form of an unknown table: its encoding, separator and decimal mark, guessed from its bytes."""

import csv
import re
from collections import Counter
from dataclasses import dataclass
from pathlib import Path

import pandas as pd

from tsalv360.job.errors import InputError
from tsalv360.sources.gaze_table.file import MARKS, SEPARATORS, unzipped
from tsalv360.sources.known import known_format
from tsalv360.sources.text import NUMBER

_NAMES = {sign: name for name, sign in SEPARATORS.items()}
_DECIMAL_COMMA = re.compile(r"[-+]?\d+,\d+([eE][-+]?\d+)?")
_LOOKED_AT = 50  # lines that tell the separator


@dataclass(frozen=True)
class Form:
    """The cells of a table as text, the settings that its form needs, and what is uncertain about them."""

    cells: pd.DataFrame
    settings: dict[str, str]
    doubts: list[str]


def format_of(path: Path) -> str | None:
    """Return the gaze format of a data set whose form a file has; None for any other table."""
    data = unzipped(path)
    return None if data[:4] == b"PAR1" else known_format(_decoded(data)[0])


def read_form(path: Path) -> Form:
    """Return the cells of a table and its form; raise InputError if it is not a table with a header."""
    data = unzipped(path)
    if data[:4] == b"PAR1":
        return _read_parquet(path)
    text, encoding, doubts = _decoded(data)
    if text.lstrip()[:1] in ("{", "["):
        raise InputError(path, "JSON", "a CSV or TSV table with a header, or Parquet", "Write its rows as a table.")
    lines = [line for line in text.splitlines() if line.strip()]
    separator = _separator(lines[:_LOOKED_AT])
    if len(lines) < 2 or separator is None:
        raise InputError(path, "no columns", "a CSV or TSV table with a header, or Parquet", "See docs/sources.md.")
    rows = [[cell.strip() for cell in row] for row in csv.reader(lines, delimiter=separator) if row]
    header = rows[0]
    body = [row for row in rows[1:] if len(row) == len(header)]
    if NUMBER.fullmatch(header[0].replace(",", ".")) and len(set(header)) > 1:
        raise InputError(
            path, f"the first row {header[:4]}", "a header with names", "Add a line with names of columns."
        )
    if not body:
        raise InputError(path, f"no row of {len(header)} fields, as the header has", "such rows", "Correct the file.")
    if len(body) < len(rows) - 1:
        doubts.append(
            f"{len(rows) - 1 - len(body)} rows have another number of fields than the header; a build refuses them"
        )
    cells = pd.DataFrame(body, columns=pd.Index(header), dtype="str")
    settings = {}
    if separator != ("\t" if path.name.removesuffix(".gz").endswith(".tsv") else ","):
        settings["separator"] = _NAMES[separator]
    if _has_decimal_comma(cells):
        settings["decimal"] = ","
    if encoding != "utf-8":
        settings["encoding"] = encoding
    return Form(cells, settings, doubts)


def _read_parquet(path: Path) -> Form:
    try:
        table = pd.read_parquet(path)
    except (OSError, ValueError) as error:
        raise InputError(path, f"{error!s:.200}", "a whole Parquet file", "Copy it again.") from None
    cells = {name: ["" if cell != cell or cell is None else str(cell) for cell in table[name]] for name in table}
    return Form(pd.DataFrame(cells, dtype="str"), {}, [])


def _decoded(data: bytes) -> tuple[str, str, list[str]]:
    """Return the text, the encoding to state ("utf-8" where the byte order mark says it), and doubts."""
    for mark, encoding in MARKS.items():
        if data.startswith(mark):
            return data.decode(encoding, errors="replace"), "utf-8", []
    for place, encoding in ((1, "utf-16-le"), (0, "utf-16-be")):
        if data[place:400:2].count(0) > len(data[place:400:2]) * 0.8:
            return data.decode(encoding, errors="replace"), encoding, []
    try:
        return data.decode("utf-8"), "utf-8", []
    except UnicodeDecodeError as error:
        name = "cp1252"
        found = f"byte {error.start} is not UTF-8: encoding {name} is assumed; look at the names of observers"
        return data.decode(name, errors="replace"), name, [found]


def _separator(lines: list[str]) -> str | None:
    """Return the character that divides most lines into the same number of fields, two or more."""
    best: tuple[float, int, str | None] = (0.0, 0, None)
    for separator in _NAMES:
        counts = Counter(len(row) for row in csv.reader(lines, delimiter=separator))
        fields = len(next(csv.reader(lines[:1], delimiter=separator), []))
        share = counts[fields] / max(len(lines), 1)
        if fields > 1 and share > 0.5 and (share, fields) > best[:2]:
            best = share, fields, separator
    return best[2]


def _has_decimal_comma(cells: pd.DataFrame) -> bool:
    flat = [cell for name in range(cells.shape[1]) for cell in cells.iloc[:_LOOKED_AT, name] if cell]
    return sum(bool(_DECIMAL_COMMA.fullmatch(cell)) for cell in flat) > sum("." in cell for cell in flat)
