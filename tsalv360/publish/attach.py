"""Frames that may not be passed on: whoever has the videos extracts them again, and they are compared by checksum."""

import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any, NamedTuple

import pandas as pd

from tsalv360.contracts.entries import IndexEntry, read_text
from tsalv360.contracts.tables import CHECKSUMS, read_table
from tsalv360.frames import extract_frames
from tsalv360.index import checksum_of, size_of
from tsalv360.job.errors import InputError
from tsalv360.job.files import sha256
from tsalv360.job.log import progress
from tsalv360.media.pictures import is_ready_frame, ready_frames
from tsalv360.publish.pictures import Extraction, pack_frames
from tsalv360.sources.published_folder import ATTACHED, PublishedFolder


class Attached(NamedTuple):
    """What was attached: the videos, those not found with the reason, and frames that differ from those published."""

    videos: list[str]
    not_found: dict[str, str]
    frames_that_differ: dict[str, int]


def attach(folder: PublishedFolder, videos: Path) -> Attached:
    """Extract the frames that a published folder lacks from the videos in a folder, and return what was done.

    A video counts as the published one by its checksum, whatever its name is. What was attached before is left alone,
    so that a killed run goes on. Frames of the same video can differ in bits where another version of FFmpeg or OpenCV
    decodes them; they are counted.
    """
    lacking = [row for row in folder.videos.to_dict("records") if not folder.frames(row["video"])]
    candidates = _by_size(videos, {row["size_bytes"] for row in lacking})
    sums = read_table(folder.listed("data/checksums.parquet"), CHECKSUMS)
    done = Attached([], {}, {})
    with progress(len(lacking), "videos") as bar:
        for row in lacking:
            video = row["video"]
            found = next(
                (one for one in candidates.get(row["size_bytes"], []) if checksum_of(one) == row["sha256"]), None
            )
            if found is None:
                done.not_found[video] = _why(row, videos)
            else:
                differ = _attach(folder, row, found, sums[sums.video == video])
                done.videos.append(video)
                if differ:
                    done.frames_that_differ[video] = differ
            bar.update()
    return done


def as_text(done: Attached, folder: PublishedFolder) -> str:
    """Return what was attached, for the terminal."""
    lines = [f"Attached the frames of {len(done.videos)} videos to {folder.path / ATTACHED}."]
    lines += [
        f"{video}: {n} frames differ in bits from those published." for video, n in done.frames_that_differ.items()
    ]
    lines += [f"{video}: not attached; {reason}" for video, reason in done.not_found.items()]
    return "\n".join(lines)


def _attach(folder: PublishedFolder, row: dict[Any, Any], found: Path, sums: pd.DataFrame) -> int:
    """Write the shard of a video's frames; return how many differ from those that were published."""
    index = read_text(row["index"], IndexEntry, folder.path)
    how = read_text(row["extraction"], Extraction, folder.path)
    target = folder.path / ATTACHED / f"{row['video']}.parquet"
    target.parent.mkdir(exist_ok=True)
    with tempfile.TemporaryDirectory(dir=target.parent, prefix=".frames-") as work:
        frames = Path(work, "frames")
        extract_frames(
            found,
            frames,
            fps=index.rate,
            skip_first=index.skip_first,
            index=index,
            **vars(how),
        )
        files = ready_frames(frames)
        published = dict(zip(sums.frame, sums.sha256, strict=True))
        own = {frame: sha256(file) for frame, file in files.items()}
        if own.keys() != published.keys():
            what = f"{len(own)} frames of {found}"
            raise InputError(folder.path, what, f"the {len(published)} that were published", "Report this.")
        pack_frames(target, index, files)
    return sum(own[frame] != published[frame] for frame in own)


def _by_size(folder: Path, sizes: set[int]) -> dict[int, list[Path]]:
    """Return the video files and folders of frames below a folder by their size, of these sizes."""
    if not folder.is_dir():
        raise InputError(folder, "no such folder", "the folder of the videos", "Correct --videos.")
    found: dict[int, list[Path]] = {}
    for path in _candidates(folder):
        if (size := size_of(path)) in sizes:
            found.setdefault(size, []).append(path)
    return found


def _candidates(folder: Path) -> Iterator[Path]:
    for path in sorted(folder.rglob("*")):
        if path.is_file() or any(is_ready_frame(child) for child in path.iterdir()):
            yield path


def _why(row: dict[Any, Any], folder: Path) -> str:
    same_name = next((path for path in folder.rglob("*") if path.name == row["file"]), None)
    if same_name is None:
        return f"no file in {folder} is {row['file']} ({row['size_bytes']} bytes)"
    return f"{same_name} is another file: expected {row['size_bytes']} bytes with the checksum {row['sha256'][:12]}…"
