"""The cells of a table file: delimited text in any common encoding, plain or gzipped, or Parquet."""

import codecs
import csv
import gzip
import io
import re
import zlib
from pathlib import Path
from typing import TYPE_CHECKING

import pandas as pd
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.csv
import pyarrow.parquet as pq

from tsalv360.job.errors import InputError
from tsalv360.sources.known import FORMATS, known_format

if TYPE_CHECKING:
    from tsalv360.sources.gaze_table.settings import GazeTableSettings

SEPARATORS = {",": ",", ";": ";", "tab": "\t", "|": "|", "space": " "}
MARKS = {codecs.BOM_UTF8: "utf-8-sig", codecs.BOM_UTF16_LE: "utf-16", codecs.BOM_UTF16_BE: "utf-16"}
_NUMBER = re.compile(r"\s*[-+]?[0-9]+([.,][0-9]+)?([eE][-+]?[0-9]+)?\s*")
_FIRST_LINES = 50  # which tell another format
_SHOWN = 200  # characters of a file in a message
ADVICE = "`tsalv360 data import` suggests the settings; docs/gaze-tables.md explains them."


def read_cells(path: Path, settings: "GazeTableSettings", notes: list[str]) -> pd.DataFrame:
    """Return the whole table unchanged, text as text, indexed by its lines as an editor counts them; Parquet by rows.

    Raises InputError, which names the file, and the line where there is one.
    """
    try:
        data = unzipped(path)
        if path.suffix == ".parquet":
            return _read_parquet(data)
        return _read_text(path, _decoded(path, data, settings.encoding), settings, notes)
    except InputError:
        raise
    except (OSError, ValueError, pa.ArrowException) as error:
        raise InputError(path, f"{error!s:.200}", "a table as CSV, TSV or Parquet", ADVICE) from error


def unzipped(path: Path) -> bytes:
    """Return the content of a file, decompressed if it is gz; raise InputError if that fails."""
    data = path.read_bytes()
    try:
        return gzip.decompress(data) if data[:2] == b"\x1f\x8b" else data
    except (OSError, EOFError, zlib.error) as error:
        raise InputError(path, f"a gz file that cannot be read ({error})", "a whole one", "Copy it again.") from None


def shortened(names: object) -> str:
    """Return a list of names for a message, cut off where it becomes long."""
    text = str(names)
    return text if len(text) <= _SHOWN else f"{text[:_SHOWN]} …"


def _decoded(path: Path, data: bytes, encoding: str) -> str:
    encoding = next((name for mark, name in MARKS.items() if data.startswith(mark)), encoding)
    try:
        return data.decode(encoding)
    except UnicodeDecodeError as error:
        before = data[: error.start].decode(encoding, "ignore").replace("\r\n", "\n").replace("\r", "\n")
        line, column = before.count("\n") + 1, len(before.rpartition("\n")[2]) + 1
        found = f"{data[error.start : error.end]!r}, which is not {encoding.removesuffix('-sig').upper()}"
        advice = "Set table.encoding, such as latin-1 or utf-16, or correct the line."
        raise InputError(f"{path}, line {line}, column {column}", found, "a table in this encoding", advice) from None


def _read_text(path: Path, text: str, settings: "GazeTableSettings", notes: list[str]) -> pd.DataFrame:
    """Return all cells as text, so that ids keep their zeros; raise InputError for the first row of another form."""
    separator = SEPARATORS[settings.separator or ("tab" if ".tsv" in path.suffixes else ",")]
    if not text.endswith(("\n", "\r")):
        notes.append("no line end after the last row: it may have been cut off")
    lines = text.replace("\r\n", "\n").replace("\r", "\n").split("\n")
    if separator == " ":
        lines = [" ".join(line.split()) for line in lines]
    rows = [number for number, line in enumerate(lines, start=1) if line and not line.isspace()]
    filled = [lines[number - 1] for number in rows]
    if not filled:
        raise InputError(path, "an empty file", "a table with a header", "Copy it again.")
    _refuse_other_forms(path, filled, separator, settings)
    split = _split_quoted(path, filled, rows, separator) if '"' in text else None
    counts = [len(row) for row in split] if split else [line.count(separator) + 1 for line in filled]
    if wrong := [k for k, count in enumerate(counts) if count != counts[0]][:1]:
        found, expected = f"{counts[wrong[0]]} fields", f"{counts[0]}, as in the header"
        where = f"{path}, line {rows[wrong[0]]}"
        advice = "Correct or remove the line."
        if settings.separator is None and separator == "," and len(filled) > 1 and len(set(counts[1:])) == 1:
            advice = 'Every row is like that: is the decimal mark a comma? Save the table with another separator (";").'
        raise InputError(where, found, expected, advice)
    if split:
        header, *body = split
        return pd.DataFrame(body, rows[1:], pd.Index(header), dtype="str")
    header = [cell.strip() for cell in filled[0].split(separator)]
    keys = [str(number) for number in range(len(header))]  # names may repeat, or be empty
    if not filled[1:]:
        return pd.DataFrame(columns=pd.Index(header), dtype="str")
    content = pa.csv.read_csv(
        io.BytesIO("\n".join(filled[1:]).encode()),
        pa.csv.ReadOptions(use_threads=False, column_names=keys),
        pa.csv.ParseOptions(delimiter=separator, quote_char=False),
        pa.csv.ConvertOptions(column_types=dict.fromkeys(keys, pa.string()), strings_can_be_null=False),
    )
    cells = [pc.utf8_trim_whitespace(content[key]).to_pandas() for key in keys]
    return pd.concat(cells, axis=1).set_axis(pd.Index(header), axis=1).set_axis(pd.Index(rows[1:]), axis=0)


def _split_quoted(path: Path, lines: list[str], rows: list[int], separator: str) -> list[list[str]]:
    """Return the cells of lines with quotes, each of which is a whole row."""
    found: list[list[str]] = []
    for number, line in zip(rows, lines, strict=True):
        try:
            found.append([cell.strip() for cell in next(csv.reader([line], delimiter=separator, strict=True))])
        except csv.Error as error:
            where, shown = f"{path}, line {number}", f"{line[:80]!r} ({error})"
            raise InputError(where, shown, "a row on one line", "Correct or remove the line.") from None
    return found


def _refuse_other_forms(path: Path, lines: list[str], separator: str, settings: "GazeTableSettings") -> None:
    """Raise InputError, which says what to set, for text that is no table with a header and this separator."""
    header, known = lines[0], known_format("\n".join(lines[:_FIRST_LINES]))
    if known and known != "vidstr88":
        raise InputError(path, FORMATS[known], "a gaze table", f"Set the video's `gaze_format: {known}`.")
    if header.lstrip()[:1] in ("{", "["):
        raise InputError(path, "JSON", "a table as CSV, TSV or Parquet", "Write a reader: docs/sources.md shows how.")
    cells = header.split(separator)
    if all(_NUMBER.fullmatch(cell) for cell in header.split()) or all(map(_NUMBER.fullmatch, cells)):
        found = f"numbers in the first row: {shortened(header)}"
        advice = "Add a first row with the names of the columns; set table.separator if spaces separate the cells."
        advice += " A file of the 88 videos needs `gaze_format: vidstr88`." if known else ""
        raise InputError(path, found, "a table with a header", advice)
    if len(cells) == 1 and settings.separator is None:
        others = {name: header.count(sign) for name, sign in SEPARATORS.items() if sign != separator}
        name = max(others, key=lambda name: others[name])
        if others[name]:
            words = {";": "semicolons", "tab": "tabs", "|": "bars", "space": "spaces", ",": "commas"}[name]
            expected = "commas" if separator == "," else "tabs"
            advice = f"Set the video's table.separator: '{name}' (and table.decimal: ',' for decimal commas)."
            raise InputError(path, f"cells separated by {words}: {shortened(header)}", expected, advice)


def _read_parquet(data: bytes) -> pd.DataFrame:
    with pq.ParquetFile(io.BytesIO(data), page_checksum_verification=True) as file:
        content = file.read(use_threads=False)  # as in `tables.read_table`
        groups = [file.metadata.row_group(n) for n in range(file.num_row_groups)]
    content.validate(full=True)
    columns = [(group.column(n), group.num_rows) for group in groups for n in range(group.num_columns)]
    if any(column.num_values != n_rows for column, n_rows in columns if "." not in column.path_in_schema):
        raise ValueError("columns with more values than rows, or fewer")  # damage that would hide rows
    table: pd.DataFrame = content.to_pandas(ignore_metadata=True)  # a stored index would hide a column
    return table.set_axis(range(1, len(table) + 1))
