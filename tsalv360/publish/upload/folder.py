"""A copy of a published folder in another place, such as another disk."""

import os
from collections.abc import Iterator, Sequence
from pathlib import Path

from tsalv360.contracts.layout import CHECKSUMS
from tsalv360.job.errors import InputError, shorten
from tsalv360.job.files import sha256, whole_file
from tsalv360.job.log import byte_progress
from tsalv360.sources.published_folder import read_sums

_CHUNK = 1 << 20


class FolderCopy:
    """A copy that goes on where it was interrupted. `SHA256SUMS` comes last: a copy without it is unfinished."""

    def __init__(self, folder: Path, files: Sequence[Path], target: Path) -> None:
        """InputError if the target is no place for it. `files` are those of the folder, `SHA256SUMS` last."""
        self._folder, self._target = folder, target
        self._names = [file.relative_to(folder).as_posix() for file in files]
        here, there = folder.resolve(), target.resolve()
        if there.is_relative_to(here) or here.is_relative_to(there):
            raise InputError(target, "a folder in, or around, the one to copy", "another place", "Correct --path.")
        if target.is_symlink() or (target.exists() and not target.is_dir()):
            raise InputError(target, "a file or link", "a folder, or a free name", "Correct --path.")
        if foreign := next(self._foreign(), None):
            expected = "a new or empty folder, or a copy that was begun"
            raise InputError(target, f"{shorten(foreign)}, which is not copied there", expected, "Correct --path.")
        sums = target / CHECKSUMS
        if sums.exists() and sums.read_bytes() != (folder / CHECKSUMS).read_bytes():
            raise InputError(target, "another version of a dataset", "a new folder for each", "Correct --path.")

    def describe(self) -> list[str]:
        """Return where it goes, and how much of it is there."""
        n = sum((self._target / name).is_file() for name in self._names)
        return [f"To:       the folder {self._target}" + (f", which has {n} of the files" if n else "")]

    def send(self) -> list[str]:
        """Copy the files that are not there or not whole; InputError if one cannot be read back as it was written."""
        sums = read_sums(self._folder)
        sizes = {name: (self._folder / name).stat().st_size for name in sums}
        with byte_progress(sum(sizes.values()), "Copying") as bar:
            for name, digest in sums.items():
                there = self._target / name
                if not there.is_file() or there.stat().st_size != sizes[name] or sha256(there) != digest:
                    (self._target / CHECKSUMS).unlink(missing_ok=True)  # until all is there again
                    self._copy(name, digest)
                bar.update(sizes[name])
        self._copy(CHECKSUMS, sha256(self._folder / CHECKSUMS))
        return [f"Copied and read back: {self._target}"]

    def _copy(self, name: str, digest: str) -> None:
        with whole_file(self._target / name) as partial:
            with open(self._folder / name, "rb") as source, open(partial, "wb") as file:
                while chunk := source.read(_CHUNK):
                    file.write(chunk)
                file.flush()
                os.fsync(file.fileno())  # a disk that is pulled out has what is under its name
            if sha256(partial) != digest:
                found = f"other content in the copy of {name}"
                raise InputError(self._target, found, "that of the original", "Check the disk, then run it again.")

    def _foreign(self) -> Iterator[str]:
        """Yield what is in the target and is neither copied there nor left by a killed copy."""
        for path in sorted(self._target.rglob("*")):
            name = path.relative_to(self._target).as_posix()
            if path.is_symlink():
                yield f"the link {name}"
            elif not path.is_dir() and name not in self._names and not (path.name[0] == "." and "partial" in path.name):
                yield name
