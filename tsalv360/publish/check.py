"""Checking a published folder: its files are all there, none is damaged, and no others are among them."""

from collections.abc import Iterator, Mapping
from pathlib import Path

from tsalv360.contracts.layout import CHECKSUMS
from tsalv360.job.errors import InputError, shorten
from tsalv360.job.files import sha256
from tsalv360.job.log import byte_progress
from tsalv360.sources.published_folder import read_sums

_SNAKEMAKE = ".snakemake_timestamp"  # its mark in a folder that it has made
_SHOWN = 5
_ADVICE = "Make it again with `snakemake publish`, or download it again."


def check_folder(folder: Path) -> list[Path]:
    """Return the files of a published folder, `SHA256SUMS` last. InputError names what is damaged, missing or extra."""
    sums = read_sums(folder)
    extra = [name for name in _names(folder) if name not in sums and name not in (CHECKSUMS, _SNAKEMAKE)]
    missing = [name for name in sums if not (folder / name).is_file()]
    for names, what in ((extra, f"files or links that {CHECKSUMS} does not list"), (missing, "missing files")):
        if names:
            raise InputError(folder, f"{what}: {_listed(names)}", f"the files that {CHECKSUMS} lists", _ADVICE)
    if damaged := list(_damaged(folder, sums)):
        found = f"other content in {_listed(damaged)}"
        raise InputError(folder, found, f"the content that {CHECKSUMS} states", _ADVICE)
    return [folder / name for name in (*sorted(sums), CHECKSUMS)]


def _names(folder: Path) -> Iterator[str]:
    """Yield the names of all that is no folder; a link is named, not followed."""
    for path in sorted(folder.rglob("*")):
        if path.is_symlink() or not path.is_dir():
            name = path.relative_to(folder).as_posix()
            # a link under a listed name could pass on a file from elsewhere, and a pipe would not end
            yield name if path.is_file() and not path.is_symlink() else f"{name} (no file)"


def _damaged(folder: Path, sums: Mapping[str, str]) -> Iterator[str]:
    sizes = {name: (folder / name).stat().st_size for name in sums}
    with byte_progress(sum(sizes.values()), f"Checking {folder.name}") as bar:
        for name, digest in sums.items():
            if sha256(folder / name) != digest:
                yield name
            bar.update(sizes[name])


def _listed(names: list[str]) -> str:
    shown = ", ".join(shorten(name) for name in names[:_SHOWN])
    return shown if len(names) <= _SHOWN else f"{shown} and {len(names) - _SHOWN} more"
