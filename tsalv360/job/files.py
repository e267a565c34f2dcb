"""Files and folders that appear whole or not at all: written beside their place, then renamed."""

import glob
import hashlib
import json
import os
import secrets
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import asdict
from pathlib import Path
from typing import Any

from tsalv360.job.errors import InputError


@contextmanager
def whole_file(path: str | Path) -> Iterator[Path]:
    """Yield a temporary path beside `path` that becomes `path` when the block ends without error.

    Of several writers at once the one that began last wins; another one fails, and never mixes its content in. What a
    killed one left is removed.
    """
    path = Path(path)
    path.parent.mkdir(parents=True, exist_ok=True)
    _remove_left(path)
    partial = _beside(path, secrets.token_hex(4))
    try:
        yield partial
        os.replace(partial, path)
    finally:
        partial.unlink(missing_ok=True)


@contextmanager
def whole_folder(path: str | Path) -> Iterator[Path]:
    """Yield a temporary folder beside `path` that becomes `path` when the block ends without error; as `whole_file`."""
    path = Path(path)
    path.parent.mkdir(parents=True, exist_ok=True)
    _remove_left(path)
    partial, old = _beside(path, secrets.token_hex(4)), _beside(path, secrets.token_hex(4))
    partial.mkdir()
    try:
        yield partial
        if path.is_dir():  # moved aside first: a kill while it is removed must leave no half of it under its name
            os.replace(path, old)
        os.replace(partial, path)
        shutil.rmtree(old, ignore_errors=True)
    finally:
        shutil.rmtree(partial, ignore_errors=True)


def _beside(path: Path, token: str) -> Path:
    """The hidden place beside `path` for what is not whole, told apart by a token of 8 characters."""
    return path.with_name(f".{path.stem}.{token}.partial{path.suffix}")


def _remove_left(path: Path) -> None:
    """Remove what killed writers of `path` left beside it."""
    for left in path.parent.glob(_beside(Path(glob.escape(str(path))), "?" * 8).name):
        if left.is_dir():
            shutil.rmtree(left, ignore_errors=True)
        else:
            left.unlink(missing_ok=True)


def write_json(path: str | Path, content: Any) -> None:
    """Write `content`, in which dataclasses may stand for mappings, as readable JSON."""
    with whole_file(path) as partial:
        text = json.dumps(content, indent=1, ensure_ascii=False, default=asdict) + "\n"
        partial.write_text(text, encoding="utf-8", errors="backslashreplace")  # half characters as JSON escapes them


def read_json(path: str | Path, advice: str = "Make or copy it again.") -> Any:
    """The content of a JSON file; InputError with `advice` where it is damaged."""
    try:
        return json.loads(Path(path).read_text(encoding="utf-8"))
    except (ValueError, RecursionError) as error:
        raise InputError(path, f"no readable JSON ({error})", "a whole file", advice) from None


def sha256(path: str | Path) -> str:
    """Hexadecimal SHA-256 of a file."""
    with open(path, "rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def link_or_copy(source: Path, target: Path) -> None:
    """Give a file a second place: a hard link where the file system allows it, else a copy."""
    try:
        os.link(source.resolve(), target)  # of a link, as in a folder of the Hub's cache, what it leads to
    except OSError:  # another file system, or one without hard links
        shutil.copyfile(source, target)
