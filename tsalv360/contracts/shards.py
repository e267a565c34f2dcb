"""Shards: the pictures of a video in one Parquet file, each row with the content of a PNG or JPEG file.

A struct of `bytes` and `path`, which the schema declares as an image, is what Hugging Face's `datasets` shows as a
picture; any other Parquet reader gets the bytes.
"""

import json
from bisect import bisect_right
from collections.abc import Iterator
from contextlib import contextmanager
from functools import cached_property, lru_cache
from itertools import accumulate
from pathlib import Path
from typing import Any

import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq

from tsalv360.contracts.tables import CONTENT, SHARDS, Table, as_table
from tsalv360.job.errors import InputError
from tsalv360.job.files import whole_file

_ROWS = {"map": 32, "picture": 8, "viewport": 1}  # of a row group, which is read at once: about 0.3 to 3 MB
_NOTE = b"tsalv360"
_ADVICE = "Delete it and run again, or download it again."


@contextmanager
def write_shard(path: str | Path, table: Table, feature: str = "Image", note: str = "") -> Iterator["ShardWriter"]:
    """Give the writer of a shard, which appears when the block ends without an error.

    Parameters: the contract of its rows, the type that `datasets` shows its content as, and a note to keep with it.
    """
    Path(path).parent.mkdir(parents=True, exist_ok=True)
    plain = [name for name, column in table.items() if column.type != CONTENT]  # the content is compressed already
    schema = _shown_as(as_table(pd.DataFrame(columns=list(table)), table, path), feature, note).schema
    with (
        whole_file(path) as partial,
        pq.ParquetWriter(partial, schema, compression="none", use_dictionary=plain, write_statistics=plain) as file,
    ):
        writer = ShardWriter(path, table, file)
        yield writer
        writer.flush()


class ShardWriter:
    """Writes rows in groups, each of which is read at once."""

    def __init__(self, path: str | Path, table: Table, file: pq.ParquetWriter) -> None:
        self._path, self._table, self._file = path, table, file
        self._column = next(name for name, column in table.items() if column.type == CONTENT)
        self._rows: list[dict[str, Any]] = []

    def add(self, content: bytes, name: str, **row: Any) -> None:
        """Add a row with the content of a file and its name."""
        self._rows.append({**row, self._column: {"bytes": content, "path": name}})
        if len(self._rows) == _ROWS[self._column]:
            self.flush()

    def flush(self) -> None:
        """Write the rows that wait."""
        if self._rows:
            rows = as_table(pd.DataFrame(self._rows, columns=list(self._table)), self._table, self._path)
            self._file.write_table(rows.replace_schema_metadata(self._file.schema.metadata))
            self._rows = []


def _shown_as(table: pa.Table, feature: str, note: str) -> pa.Table:
    """Return a table whose schema says which type `datasets` gives to each column, and has a note of ours."""
    features = {}
    for field in table.schema:
        if field.type == CONTENT:
            features[field.name] = {"_type": feature}
        else:
            features[field.name] = {"dtype": str(field.type).replace("double", "float64"), "_type": "Value"}
    return table.replace_schema_metadata({"huggingface": json.dumps({"info": {"features": features}}), _NOTE: note})


class Shard:
    """A shard that is open: `rows` without the content, and the content of single rows."""

    def __init__(self, path: Path, table: Table) -> None:
        """InputError if the file cannot be read or its rows break the contract."""
        self.path = path
        self._column = next(name for name, column in table.items() if column.type == CONTENT)
        others = {name: column for name, column in table.items() if name != self._column}
        try:
            self._file = pq.ParquetFile(path, memory_map=True)
            rows = self._file.read(columns=list(others), use_threads=False).to_pandas(use_threads=False)
            if self._file.schema_arrow.field(self._column).type != CONTENT:
                raise pa.ArrowInvalid(f"column {self._column} holds no files")
        except (OSError, pa.ArrowException, KeyError) as error:
            found, expected = f"no readable Parquet file ({error})", f"a file with the columns {list(table)}"
            raise InputError(path, found, expected, _ADVICE) from error
        self.rows = as_table(rows, others, path).to_pandas(use_threads=False)  # with the types of the contract
        self.note: str = (self._file.schema_arrow.metadata or {}).get(_NOTE, b"").decode()
        self._read: tuple[int, Any] = -1, None

    @cached_property
    def _starts(self) -> list[int]:
        """The first row of each row group."""
        groups = self._file.metadata
        return [0, *accumulate(groups.row_group(k).num_rows for k in range(groups.num_row_groups))]

    def content(self, row: int) -> bytes:
        """Return the content of the file in a row; InputError if it is damaged."""
        group = bisect_right(self._starts, row) - 1
        if self._read[0] != group:  # of the last one only: neighbours are read one after the other
            try:
                found = self._file.read_row_group(group, columns=[self._column], use_threads=False)
            except (OSError, pa.ArrowException) as error:
                raise InputError(self.path, f"damage ({error})", "a whole file", _ADVICE) from error
            self._read = group, found[self._column].combine_chunks().field("bytes")
        content = self._read[1][row - self._starts[group]].as_py()
        if content is None:
            raise InputError(self.path, f"nothing in row {row}", "the content of a file", _ADVICE)
        return content


def open_shard(path: str | Path, table: Table) -> Shard:
    """Return a shard, which stays open for the next call. Raises InputError as `Shard`, also if there is no file."""
    try:
        stat = Path(path).stat()
    except OSError as error:
        raise InputError(path, "no such file", "pictures in a Parquet file", "Make or download it again.") from error
    return _opened(Path(path), tuple(table), (stat.st_mtime_ns, stat.st_size, stat.st_ino))


@lru_cache(maxsize=256)
def _opened(path: Path, columns: tuple[str, ...], stamp: tuple[int, ...]) -> Shard:
    return Shard(path, next(table for table in SHARDS if tuple(table) == columns))
