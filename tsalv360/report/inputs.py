"""What the captioners wrote: language and length, what is odd about captions, and events that have none.

What the stages wrote about each video, read and checked.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from statistics import median
from typing import Any

import pandas as pd

from tsalv360.captions.checks import statistics
from tsalv360.contracts.entries import Captions as CaptionShard
from tsalv360.contracts.entries import Failure, GazeNotes, IndexEntry, ViewportLength, ViewportLengths, read_entry
from tsalv360.contracts.layout import CURATION
from tsalv360.contracts.tables import DROPPED, EVENTS, TRACKS, read_table
from tsalv360.dataset.build import TABLES
from tsalv360.job.errors import InputError
from tsalv360.job.files import read_json
from tsalv360.report.camera_paths import CameraPath, read_camera_path
from tsalv360.sources.recording import Origin


@dataclass(frozen=True)
class Captions:
    """Statistics, one row per model and prompt; flags of shown captions; failures, each with event and reason."""

    rows: list[dict[str, Any]]
    n_counted: int
    longest: int | None
    flags: list[tuple[str, str]]
    failures: list[tuple[str, Failure]]


def read_captions(paths: Sequence[str | Path]) -> Captions:
    """All that the shards of the caption stage tell, in the order of events."""
    entries = {
        event: entry
        for path in paths
        for video in read_entry(path, CaptionShard).values()
        for event, entry in video.items()
    }
    entries = dict(sorted(entries.items(), key=lambda item: _order(item[0])))
    rows = []
    for row in statistics(list(entries.values())):
        words = row.pop("words")
        rows.append(row | {"fewest": words[0], "median": median(words), "most": words[-1]})
    tokens = [entry.n_tokens for entry in entries.values() if entry.n_tokens is not None]
    return Captions(
        rows=rows,
        n_counted=len(tokens),
        longest=max(tokens, default=None),
        flags=[(event, flag) for event, entry in entries.items() for flag in entry.flags],
        failures=[(event, failure) for event, entry in entries.items() for failure in entry.failures],
    )


def _order(event: str) -> tuple[str, int]:
    video, _, number = event.rpartition("_")
    return video, int(number)


Paths = Sequence[str | Path]


@dataclass(frozen=True)
class Video:
    """One video: index entry, origin, what the fixations stage tells, tables of its events, known events if told.

    `n_observers` is None where the gaze does not tell who looked.
    `viewports` is the folder of that stage, `lengths` what its `viewports.json` says of each event, `sheet` the contact
    sheet, `camera_paths` what was published about the video, if anything.
    """

    index: IndexEntry
    origin: Origin
    n_observers: int | None
    notes: list[str]
    events: pd.DataFrame
    tracks: pd.DataFrame
    dropped: pd.DataFrame
    viewports: Path
    lengths: dict[str, ViewportLength]
    sheet: Path
    truth: list[dict[str, Any]] | None
    camera_paths: list[CameraPath] | None

    @property
    def id(self) -> str:
        """The id of the video."""
        return str(self.index.id)


def read_videos(
    indexes: Paths,
    notes: Paths,
    events: Paths,
    tracks: Paths,
    dropped: Paths,
    viewports: Paths,
    sheets: Paths,
    truth: Paths,
    camera_paths: Paths,
    origins: Mapping[str, Origin],
) -> list[Video]:
    """All videos, from files in the same order.

    `truth` is told apart by the video that each file names, `camera_paths` by the names of the files.
    """
    known = {content["video"]: content["events"] for content in map(read_json, truth)}
    published = {Path(path).stem: path for path in camera_paths}
    videos = []
    stages = (indexes, notes, events, tracks, dropped, viewports, sheets)
    for index, note, event, track, drop, folder, sheet in zip(*stages, strict=True):
        entry, gaze = read_entry(index, IndexEntry), read_entry(note, GazeNotes)
        videos.append(
            Video(
                index=entry,
                origin=origins[entry.id],
                n_observers=gaze.n_observers,
                notes=gaze.notes,
                events=read_table(event, EVENTS),
                tracks=read_table(track, TRACKS),
                dropped=read_table(drop, DROPPED),
                viewports=Path(folder),
                lengths=read_entry(Path(folder, "viewports.json"), ViewportLengths).events,
                sheet=Path(sheet),
                truth=known.get(entry.id),
                camera_paths=_camera_paths(published[entry.id], entry) if entry.id in published else None,
            )
        )
    return videos


def _camera_paths(path: str | Path, index: IndexEntry) -> list[CameraPath]:
    """The published camera paths in a file; InputError where they run on after the video."""
    paths = read_camera_path(path)
    if (last := max(part.frame[-1] for part in paths)) >= index.n_frames:
        expected = f"frames up to {index.n_frames - 1}, the last of the video"
        raise InputError(path, f"frame {last}", expected, "Check that the file belongs to the video, or remove it.")
    return paths


def read_curation(folder: Path) -> dict[str, Any] | None:
    """What people's judgement did to the dataset, None for drafts."""
    return read_json(folder / CURATION) if (folder / CURATION).exists() else None


def read_dataset(folder: Path) -> dict[str, pd.DataFrame]:
    """The annotations, clips and fixations of the dataset."""
    return {name: read_table(folder / f"{name}.parquet", table) for name, table in TABLES.items()}
