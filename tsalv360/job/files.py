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
    """Yield a temporary path beside `path` that is renamed to `path` when the block ends without error.

    If several writers overlap, the one that began last wins; the others fail and never mix their content in. Files
    that killed writers left are removed.
    """
    with _partial(Path(path)) as partial:
        yield partial
        os.replace(partial, path)


@contextmanager
def whole_folder(path: str | Path) -> Iterator[Path]:
    """Yield a temporary folder beside `path`; otherwise as `whole_file`."""
    path = Path(path)
    with _partial(path) as partial:
        partial.mkdir()
        yield partial
        old = _beside(path, secrets.token_hex(4))
        if path.is_dir():  # renamed first: a kill during its removal must not leave half of it under its name
            os.replace(path, old)
        os.replace(partial, path)
        shutil.rmtree(old, ignore_errors=True)


@contextmanager
def _partial(path: Path) -> Iterator[Path]:
    """Yield a free hidden path beside `path`, and remove it at the end; remove first what killed writers left."""
    path.parent.mkdir(parents=True, exist_ok=True)
    for left in path.parent.glob(_beside(Path(glob.escape(str(path))), "?" * 8).name):
        _remove(left)
    partial = _beside(path, secrets.token_hex(4))
    try:
        yield partial
    finally:
        _remove(partial)


def _beside(path: Path, token: str) -> Path:
    return path.with_name(f".{path.stem}.{token}.partial{path.suffix}")


def _remove(path: Path) -> None:
    if path.is_dir():
        shutil.rmtree(path, ignore_errors=True)
    else:
        path.unlink(missing_ok=True)


def write_json(path: str | Path, content: Any) -> None:
    """Write `content`, which may contain dataclasses, as readable JSON."""
    with whole_file(path) as partial:
        text = json.dumps(content, indent=1, ensure_ascii=False, default=asdict) + "\n"
        partial.write_text(text, encoding="utf-8", errors="backslashreplace")  # lone surrogates, as JSON escapes them


def read_json(path: str | Path, advice: str = "Make or copy it again.") -> Any:
    """Return the content of a JSON file; InputError with `advice` if it is damaged."""
    try:
        return json.loads(Path(path).read_text(encoding="utf-8"))
    except (ValueError, RecursionError) as error:
        raise InputError(path, f"no readable JSON ({error})", "a whole file", advice) from None


def sha256(path: str | Path) -> str:
    """Return the SHA-256 of a file in hexadecimal digits."""
    with open(path, "rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def link_or_copy(source: Path, target: Path) -> None:
    """Make `target` a hard link to `source` where the file system allows it, else a copy."""
    try:
        os.link(source.resolve(), target)  # a symbolic link, as in a Hugging Face cache, is followed
    except OSError:  # another file system, or one without hard links
        shutil.copyfile(source, target)
