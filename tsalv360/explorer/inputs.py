"""What the stages wrote, read and checked for the pages."""

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
    Outcome,
    read_entry,
)
from tsalv360.contracts.layout import CURATION
from tsalv360.contracts.tables import DROPPED, EVENTS, PART_ANNOTATIONS, TRACKS, read_table
from tsalv360.dataset.build import TABLES
from tsalv360.explorer.comparisons import CameraPath, NamedTrack, read_camera_path
from tsalv360.job.errors import InputError
from tsalv360.job.files import read_json
from tsalv360.metrics.events import Track
from tsalv360.sources.recording import Origin

Paths = Sequence[str | Path]


@dataclass(frozen=True)
class Video:
    """One video: its index entry and origin, what stages noted, and its tables.

    `n_observers` is None where the source hides who watched. `remarks` are signs that gaze was read in a wrong way, and
    `gaze` is what their pictures show. `truth` are the known events, None where the source has none.
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
    truth: list[NamedTrack] | None


def read_video(
    index: str | Path,
    notes: str | Path,
    events: str | Path,
    tracks: str | Path,
    dropped: str | Path,
    truth: str | Path | None,
    origin: Origin,
) -> Video:
    """Read a video: files of these stages, and that of its known events, if there are any.

    InputError for a file that is missing or not what its stage writes.
    """
    entry, gaze = read_entry(index, IndexEntry), read_entry(notes, GazeNotes)
    return Video(
        index=entry,
        origin=origin,
        n_observers=gaze.n_observers,
        notes=[*entry.notes, *gaze.notes],
        remarks=gaze.remarks,
        gaze=gaze.summary,
        events=read_table(events, EVENTS),
        tracks=read_table(tracks, TRACKS),
        dropped=read_table(dropped, DROPPED),
        truth=None if truth is None else read_truth(truth),
    )


def read_videos(
    *,
    indexes: Paths,
    notes: Paths,
    events: Paths,
    tracks: Paths,
    dropped: Paths,
    truth: Paths,
    origins: Mapping[str, Origin],
) -> list[Video]:
    """Read all videos, as `read_video` does: files of these stages, one per video, in the same order.

    The files of known events, which some videos have, and the origins go by the ids of the videos.
    """
    known = {Path(path).stem: path for path in truth}
    stages = zip(indexes, notes, events, tracks, dropped, strict=True)
    ids = [Path(index).stem for index in indexes]
    return [read_video(*files, known.get(id), origins[id]) for id, files in zip(ids, stages, strict=True)]


def read_truth(path: str | Path) -> list[NamedTrack]:
    """Return the known events of a video."""
    return [NamedTrack(one["object"], one["start_s"], one["end_s"], Track.of(one)) for one in read_json(path)["events"]]


def read_camera_paths(paths: Paths, videos: Sequence[Video]) -> dict[str, list[CameraPath]]:
    """Return the published camera paths in files `<video>.txt`, by video.

    InputError where they are longer than the video.
    """
    files = {Path(path).stem: path for path in paths}
    published = {}
    for index in (video.index for video in videos if video.index.id in files):
        path = files[index.id]
        published[index.id] = read_camera_path(path)
        if (last := max(part.frame[-1] for part in published[index.id])) >= index.n_frames:
            expected = f"frames up to {index.n_frames - 1}, the last of the video"
            raise InputError(path, f"frame {last}", expected, "Check that the file belongs to the video, or remove it.")
    return published


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


def read_part(folder: Path) -> tuple[pd.DataFrame, Outcome | None]:
    """Return the annotations in a video's part of the dataset, and what curation changed in it, None for a draft."""
    annotations = read_table(folder / "annotations.parquet", PART_ANNOTATIONS)
    return annotations, read_entry(folder / CURATION, Outcome) if (folder / CURATION).exists() else None
