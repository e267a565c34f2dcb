"""What would be sent, for the reader to see before it is: files, bytes, and what is left out and why."""

import os
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Protocol

from tsalv360.contracts.tables import VIDEOS, read_table
from tsalv360.job.errors import InputError, shorten


class Target(Protocol):
    """A place that a published folder is sent to."""

    def describe(self) -> list[str]:
        """Return lines that say where the files go and who may see them; change nothing there."""

    def send(self) -> list[str]:
        """Send what is not there yet, check that all of it arrived, and return lines that say where it is."""


def plan_text(folder: Path, files: Sequence[Path], target: Target) -> str:
    """Return what would be sent where, for the terminal."""
    n_bytes = sum(file.stat().st_size for file in files)
    what = f"From:     {folder}: {len(files)} files, {n_bytes:,} bytes"
    return "\n".join([*target.describe(), what, *_left_out(folder)])


def _left_out(folder: Path) -> Iterator[str]:
    """Yield lines about the videos whose pictures are not in the folder."""
    table = read_table(folder / "data" / "videos.parquet", VIDEOS)
    for (source, licence), videos in table[table.pictures == ""].groupby(["source", "licence"]):
        of = f"Left out: frames, viewports and pages of {shorten(str(source))} ({len(videos)} of its videos)"
        yield f"{of}: publish.pictures states no permission for them (licence: {shorten(str(licence))})"


def secret(name: str, where: str, how: str) -> str:
    """Return the token in the environment variable `name`; InputError, which says how to get one, if there is none."""
    if token := os.environ.get(name, "").strip():
        return token
    raise InputError(where, f"no token in the environment variable {name}", "one", f"{how}  export {name}=…")
