"""Reading a published folder, or its repository: which files it has, and that they are whole."""

import os
import re
from collections.abc import Iterator
from fnmatch import fnmatchcase
from functools import cached_property
from pathlib import Path
from typing import Any

import pandas as pd

from tsalv360.contracts.entries import Fold
from tsalv360.contracts.layout import CHECKSUMS, FIXATION_POINTS, MAPS, SALIENCY_ALL
from tsalv360.contracts.tables import VIDEOS, read_table
from tsalv360.job.errors import InputError, masked, plain, shorten
from tsalv360.job.files import read_json, sha256
from tsalv360.job.libraries import require_extra
from tsalv360.sources.recording import check_id

ATTACHED = "attached"  # the folder of frames that its user has added
_VIDEOS = "data/videos.parquet"
_REPOSITORY = re.compile(r"[A-Za-z0-9][\w.-]*/[A-Za-z0-9][\w.-]*(@[\w./-]+)?")
_NOT_NEEDED = ("explorer/*", "TSV360_gt.tar", "data/viewports/*")
_LINE = re.compile(r"([0-9a-f]{64})  (.+)")
_ADVICE = "Download it again, or make it again with `snakemake publish`."


class PublishedFolder:
    """A folder that `snakemake publish` made."""

    def __init__(self, path: Path) -> None:
        """InputError, which names it, if a table is missing or damaged."""
        self.path = path
        self.videos: pd.DataFrame = read_table(self.listed(_VIDEOS), VIDEOS)
        for video in self.videos.video:
            check_id(video, path / _VIDEOS)  # it becomes part of paths

    @cached_property
    def _sums(self) -> dict[str, str]:
        """The checksum of each file by its name."""
        return read_sums(self.path)

    def listed(self, name: str) -> Path:
        """Return the path of a file of the folder; InputError if it is missing, as in half a download."""
        if name not in self._sums:
            raise InputError(self.path / name, f"a file that {CHECKSUMS} does not list", "one that it lists", _ADVICE)
        if not (self.path / name).is_file():
            raise InputError(self.path / name, "no such file", f"all files that {CHECKSUMS} lists", _ADVICE)
        return self.path / name

    def check(self, file: Path) -> None:
        """Raise InputError if a file of the folder is not as it was published."""
        name = file.relative_to(self.path).as_posix()
        if sha256(self.listed(name)) != self._sums[name]:
            raise InputError(file, "another content", f"that of {CHECKSUMS}", _ADVICE)

    @cached_property
    def folds(self) -> list[Fold]:
        """Train, validation and test video ids of each fold."""
        return read_json(self.listed("splits.json"), _ADVICE)["folds"]

    def files_of(self, video: str) -> Iterator[Path]:
        """Yield the files that a build reads of a video: the tables of all, then those of its own that exist."""
        yield from (self.listed(f"data/{name}.parquet") for name in ("events", "clips"))
        for folder in (MAPS, SALIENCY_ALL, FIXATION_POINTS, "fixations"):
            if (name := f"data/{folder}/{video}.parquet") in self._sums:
                yield self.listed(name)

    def frames(self, video: str) -> Path | None:
        """Return the shard of a video's frames, published or attached; None if there is none."""
        if (name := f"data/frames/{video}.parquet") in self._sums:
            return self.listed(name)
        attached = self.path / ATTACHED / f"{video}.parquet"
        return attached if attached.is_file() else None

    @property
    def how_to_attach(self) -> str:
        """What to do about frames that were not passed on."""
        return f"If you have the videos, run `tsalv360 data attach {self.path} --videos FOLDER`."


def read_sums(folder: Path) -> dict[str, str]:
    """Return the checksum of each file that `SHA256SUMS` of a published folder lists, by its name.

    InputError if there is no such file, or for a line or name that `snakemake publish` does not write, such as one that
    leads out of the folder.
    """
    path = folder / CHECKSUMS
    if not path.is_file():
        raise InputError(folder, f"no {CHECKSUMS}", "a whole published folder", _ADVICE)
    sums: dict[str, str] = {}
    for number, line in enumerate(path.read_bytes().decode("utf-8", "surrogateescape").split("\n")[:-1], 1):
        match = _LINE.fullmatch(line)
        if not match or not _is_safe(match[2]) or match[2] in sums:
            expected = "a checksum, and a name of its own within the folder"
            raise InputError(f"{path}, line {number}", repr(shorten(line[66:] or line)), expected, _ADVICE)
        sums[match[2]] = match[1]
    if not sums:
        raise InputError(path, "no lines", "the checksums of the files", _ADVICE)
    return sums


def _is_safe(name: str) -> bool:
    """Return whether a name stays within its folder on every system, and is plain text."""
    parts = name.split("/")
    return plain(name) == name and not set("\\:") & set(name) and not {"", ".", "..", ".git"} & set(parts)


def is_archive(path: str) -> bool:
    """Return whether a path names the archive of TSV360 or its folder `TSV360_gt`, and no published folder."""
    folder = Path(path).expanduser()
    return folder.is_dir() and not any((folder / name).exists() for name in ("data", CHECKSUMS))


def open_published(path: str | Path, key: str = "the dataset") -> PublishedFolder:
    """Return the published folder at a path, or of a repository, which is downloaded once.

    Parameters: the folder, or `user/name` or `user/name@revision` of the Hugging Face Hub; what names it, for errors.
    Raises InputError if it is neither, and as `PublishedFolder`.
    """
    folder = Path(path).expanduser()
    if folder.is_dir():
        return PublishedFolder(folder)
    if not _REPOSITORY.fullmatch(str(path)):
        expected = "a folder that `snakemake publish` made, or a repository: user/name"
        raise InputError(key, f"'{path}', which does not exist", expected, "Correct the path.")
    return PublishedFolder(_downloaded(str(path)))


def _downloaded(name: str) -> Path:
    """Return the folder of a repository in the Hub's cache. What is there is not asked for again."""
    require_extra("datasets of the Hugging Face Hub", "publish", ("huggingface_hub",))
    from huggingface_hub import snapshot_download
    from huggingface_hub.errors import LocalEntryNotFoundError

    repository, _, revision = name.partition("@")
    wanted: dict[str, Any] = {
        "repo_type": "dataset",
        "revision": revision or None,
        "ignore_patterns": list(_NOT_NEEDED),
    }
    try:
        folder = Path(snapshot_download(repository, local_files_only=True, **wanted))
        if _is_whole(folder):
            return folder
    except LocalEntryNotFoundError:
        pass
    try:
        return Path(snapshot_download(repository, **wanted))
    except (http_error(), RuntimeError, OSError) as error:
        found = f"no dataset that can be downloaded ({masked(error, os.environ.get('HF_TOKEN', '').strip())})"
        advice = "Check its name, your network, and for a private one the token in HF_TOKEN; then go on with the same."
        raise InputError(name, found, "a repository", advice) from error


def http_error() -> type[Exception]:
    """Return the base of all errors of the library that `huggingface_hub` speaks HTTP with, whichever that is."""
    from huggingface_hub.errors import HfHubHTTPError

    return next(one for one in HfHubHTTPError.__mro__ if one.__name__ == "HTTPError")


def _is_whole(folder: Path) -> bool:
    """Return whether a download has all files that are read; one that broke off leaves a folder with some of them."""
    if not (folder / CHECKSUMS).is_file():
        return False
    needed = (name for name in read_sums(folder) if not any(fnmatchcase(name, one) for one in _NOT_NEEDED))
    return all((folder / name).is_file() for name in needed)
