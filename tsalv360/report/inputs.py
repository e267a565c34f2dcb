"""What the stages wrote, read and checked for the report."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import pandas as pd

from tsalv360.contracts.entries import (
    CaptionEntry,
    Captions,
    DatasetOutcome,
    GazeNotes,
    GazeRemark,
    GazeSummary,
    IndexEntry,
    ViewportLength,
    ViewportLengths,
    read_entry,
)
from tsalv360.contracts.layout import CURATION
from tsalv360.contracts.tables import DROPPED, EVENTS, RELIABILITY, TRACKS, read_table
from tsalv360.dataset.build import TABLES
from tsalv360.job.errors import InputError
from tsalv360.job.files import read_json
from tsalv360.metrics.events import Track
from tsalv360.report.comparisons import CameraPath, NamedTrack, read_camera_path
from tsalv360.sources.recording import Origin

Paths = Sequence[str | Path]


@dataclass(frozen=True)
class Video:
    """One video: its index entry and origin, what stages noted, its tables, and the files of its viewports.

    `n_observers` is None where the source hides who watched. `remarks` are signs that gaze was read in a wrong way, and
    `gaze` is what their pictures show. `trials` is the table `reliability`. `truth` are the known
    events and `camera_paths` the published ones, None where the source has none. `viewports` is the folder of that
    stage, `sheet` the contact sheet.
    """

    index: IndexEntry
    origin: Origin
    n_observers: int | None
    notes: list[str]
    remarks: list[GazeRemark]
    gaze: GazeSummary | None
    events: pd.DataFrame
    tracks: pd.DataFrame
    dropped: pd.DataFrame
    trials: pd.DataFrame
    viewports: Path
    lengths: dict[str, ViewportLength]
    sheet: Path
    truth: list[NamedTrack] | None
    camera_paths: list[CameraPath] | None


def read_videos(
    *,
    indexes: Paths,
    notes: Paths,
    events: Paths,
    tracks: Paths,
    dropped: Paths,
    reliability: Paths,
    viewports: Paths,
    sheets: Paths,
    truth: Paths,
    camera_paths: Paths,
    origins: Mapping[str, Origin],
) -> list[Video]:
    """Read all videos. InputError for a file that is missing or not what its stage writes.

    Parameters
    ----------
    indexes, notes, events, tracks, dropped, reliability : files of these stages, one per video, in the same order.
    viewports, sheets : folders of the viewports stage and contact sheets, in that order too.
    truth : files with the known events of some of the videos, each naming its video; may be empty.
    camera_paths : files of published camera paths, named `<video>.txt`, of some of the videos; may be empty.
    origins : source and licence of each video.
    """
    known = {
        content["video"]: [
            NamedTrack(one["object"], one["start_s"], one["end_s"], Track.of(one)) for one in content["events"]
        ]
        for content in map(read_json, truth)
    }
    published = {Path(path).stem: path for path in camera_paths}
    videos = []
    stages = (indexes, notes, events, tracks, dropped, reliability, viewports, sheets)
    for index, note, event, track, drop, trials, folder, sheet in zip(*stages, strict=True):
        entry, gaze = read_entry(index, IndexEntry), read_entry(note, GazeNotes)
        videos.append(
            Video(
                index=entry,
                origin=origins[entry.id],
                n_observers=gaze.n_observers,
                notes=[*entry.notes, *gaze.notes],
                remarks=gaze.remarks,
                gaze=gaze.summary,
                events=read_table(event, EVENTS),
                tracks=read_table(track, TRACKS),
                dropped=read_table(drop, DROPPED),
                trials=read_table(trials, RELIABILITY),
                viewports=Path(folder),
                lengths=read_entry(Path(folder, "viewports.json"), ViewportLengths).events,
                sheet=Path(sheet),
                truth=known.get(entry.id),
                camera_paths=_camera_paths(published[entry.id], entry) if entry.id in published else None,
            )
        )
    return videos


def read_captions(paths: Paths) -> dict[str, CaptionEntry]:
    """Return the entries of the caption stage by event, in the order of events."""
    by_video = {video: entries for path in paths for video, entries in read_entry(path, Captions).items()}

    def number(event: str) -> int:
        return int(event.rpartition("_")[2])

    return {
        event: by_video[video][event] for video in sorted(by_video) for event in sorted(by_video[video], key=number)
    }


def read_dataset(folder: Path) -> tuple[dict[str, pd.DataFrame], DatasetOutcome | None]:
    """Return annotations, clips and fixations of the dataset, and what curation changed in it, None for drafts."""
    tables = {name: read_table(folder / f"{name}.parquet", table) for name, table in TABLES.items()}
    return tables, read_entry(folder / CURATION, DatasetOutcome) if (folder / CURATION).exists() else None


def _camera_paths(path: str | Path, index: IndexEntry) -> list[CameraPath]:
    """Return the published camera paths in a file; InputError where they are longer than the video."""
    paths = read_camera_path(path)
    if (last := max(part.frame[-1] for part in paths)) >= index.n_frames:
        expected = f"frames up to {index.n_frames - 1}, the last of the video"
        raise InputError(path, f"frame {last}", expected, "Check that the file belongs to the video, or remove it.")
    return paths
