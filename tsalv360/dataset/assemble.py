"""One video's part of the dataset: maps and captions in the published layout, and its rows of the tables."""

import shutil
from collections.abc import Mapping
from dataclasses import asdict, replace
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from tsalv360.contracts.entries import Candidate, CaptionEntry, IndexEntry
from tsalv360.contracts.layout import (
    CHECKSUMS,
    CLIP_LENGTH,
    CURATION,
    DESCRIPTION,
    FIXATION_POINTS,
    GROUND_TRUTH,
    LEFT_OUT,
    SALIENCY_ALL,
    clip_row,
)
from tsalv360.contracts.tables import (
    CLIPS,
    DATASET_FIXATIONS,
    PART_ANNOTATIONS,
    POINTS,
    read_table,
    write_rows,
    write_table,
)
from tsalv360.curation.apply import Applied, Curation, apply_curation
from tsalv360.job.errors import InputError
from tsalv360.job.files import link_or_copy, sha256, whole_folder, write_json
from tsalv360.media.pictures import read_picture
from tsalv360.saliency import ALL_OBSERVERS, MapInput, map_inputs, points_table, write_saliency_maps

FOLDERS = (GROUND_TRUTH, SALIENCY_ALL, FIXATION_POINTS)
_COUNTED = (
    "maps_without_frame", "frames_without_map", "frames_in_no_clip", "events_without_caption", "events_rejected",
    "events_merged", "events_uncurated", "videos_emptied",
)  # fmt: skip


def assemble_video(
    directory: str | Path,
    index: IndexEntry,
    events: pd.DataFrame,
    tracks: pd.DataFrame,
    fixations: pd.DataFrame,
    assignments: pd.DataFrame,
    captions: Mapping[str, CaptionEntry],
    saliency: str | Path,
    points: str | Path,
    curation: Curation | None = None,
) -> None:
    """Write a video's part of the dataset.

    It holds `TSV360_gt/<video>/<event>/description.txt` and `NNNN.png`, `points/<video>.parquet`, the maps of all
    observers as `saliency_all/<video>/NNNN.png` where they were made, rows of annotations, clips and fixations as
    Parquet, counts of what was left out, the outcome of the curation (`curation.json`), and SHA256SUMS of captions,
    maps and points. Events without a caption are left out and counted.

    Parameters
    ----------
    captions : the caption entry of each event.
    saliency, points : outputs of the saliency stage, hard-linked where the file system allows it. Maps and points are
        made again only for events that curators changed.
    curation : the records of the video; without them all events are drafts.
    """
    video, frames = index.id, index.kept_frames
    applied, changed = Applied(events, tracks, assignments, captions), dict[str, MapInput]()
    if curation:
        kept = index.kept_times
        applied = apply_curation(curation, events, tracks, fixations, assignments, captions, kept)
        of_video = map_inputs(fixations, applied.assignments, applied.tracks, kept)
        changed = {event: of_video[event] for event in applied.changed}
    captioned = applied.events.event_id.map(lambda event: applied.captions[str(event)].caption is not None)
    shown = applied.events[captioned.astype(bool)]
    tracks = applied.tracks[applied.tracks.event_id.isin(shown.event_id)]
    with whole_folder(directory) as partial:
        ground_truth, changed_maps = partial / GROUND_TRUTH / video, partial / "changed"
        ground_truth.mkdir(parents=True)
        if curation:
            write_saliency_maps(changed_maps, changed, replace(curation.saliency, all_observers=False))
        maps = {}
        for event in map(str, shown.event_id):
            source = changed_maps / event if event in changed else Path(saliency, event)
            maps[event] = _write_event(ground_truth / event, source, applied.captions[event].caption or "")
        shutil.rmtree(changed_maps, ignore_errors=True)
        part_of_points = partial / FIXATION_POINTS / f"{video}.parquet"
        if curation and (changed or len(applied.events) < len(events)):
            changed_points = points_table(changed, curation.saliency.window_s)
            write_table(part_of_points, _merged_points(points, applied.events.event_id, changed_points), POINTS)
        else:
            read_table(points, POINTS)  # a damaged one goes no further
            _link(Path(points), part_of_points)
        for path in sorted(Path(saliency, ALL_OBSERVERS).glob("*.png")):
            read_picture(path, gray=True)
            _link(path, partial / SALIENCY_ALL / video / path.name)
        annotations = [
            annotation_row(video, str(name), (start, end), applied.captions[name], "machine")
            | applied.columns.get(name, {})
            for name, start, end in zip(shown.event_id, shown.start_frame, shown.end_frame, strict=True)
        ]
        clips = [clip for event in shown.event_id for clip in cut_clips(event, video, tracks, frames, maps[event])]
        left_out = {
            "frames_without_map": len(tracks) - sum(map(len, maps.values())),
            "frames_in_no_clip": len(tracks) - CLIP_LENGTH * len(clips),
            "events_without_caption": len(applied.events) - len(shown),
            "videos_emptied": int(shown.empty and not events.empty),
        }
        if applied.outcome:
            write_json(partial / CURATION, asdict(applied.outcome))
            left_out |= applied.outcome.counts(len(events) - len(applied.events))
        write_part(partial, annotations, clips, _with_events(video, fixations, applied.assignments), left_out)


def write_part(
    directory: Path,
    annotations: list[dict[str, Any]],
    clips: list[dict[str, Any]],
    fixations: pd.DataFrame,
    left_out: dict[str, int],
) -> None:
    """Write the tables, the counts of what was left out (0 where not given) and the checksums of a video's part."""
    write_rows(directory / "annotations.parquet", annotations, PART_ANNOTATIONS)
    write_rows(directory / "clips.parquet", clips, CLIPS)
    write_table(directory / "fixations.parquet", fixations, DATASET_FIXATIONS)
    write_json(directory / LEFT_OUT, dict.fromkeys(_COUNTED, 0) | left_out)
    files = [path for folder in FOLDERS for path in sorted((directory / folder).rglob("*")) if path.is_file()]
    (directory / CHECKSUMS).write_text("".join(checksum_lines(files, directory)), encoding="utf-8")


def cut_clips(event: str, video: str, tracks: pd.DataFrame, frames: list[int], maps: set[int]) -> list[dict[str, Any]]:
    """Return the clips of an event: 8 consecutive kept frames each, starting again after every gap.

    A clip whose last frame has no map (`maps`: frame numbers) is left out.
    """
    place = {frame: i for i, frame in enumerate(frames)}
    number = tracks.frame[tracks.event_id == event].to_numpy()
    kept = np.array([place[n] for n in number])
    clips: list[dict[str, Any]] = []
    for stretch in np.split(number, np.flatnonzero(np.diff(kept) > 1) + 1):
        for start in range(0, len(stretch) - CLIP_LENGTH + 1, CLIP_LENGTH):
            clip = stretch[start : start + CLIP_LENGTH].tolist()
            if clip[-1] in maps:
                clips.append(clip_row(event, video, len(clips), clip))
    return clips


def checksum_lines(files: list[Path], base: Path) -> list[str]:
    """Return the lines of sha256sum for `files`, named relative to the folder `base`."""
    return [f"{sha256(file)}  {file.relative_to(base).as_posix()}\n" for file in files]


def _link(source: Path, target: Path) -> None:
    target.parent.mkdir(parents=True, exist_ok=True)
    link_or_copy(source, target)


def _write_event(folder: Path, saliency: Path, caption: str) -> set[int]:
    """Link the maps of an event, write its caption, and return the numbers of the frames that have a map."""
    folder.mkdir()
    (folder / DESCRIPTION).write_text(caption, encoding="utf-8")
    numbers = set()
    for path in sorted(saliency.glob("*.png")):
        if not read_picture(path, gray=True).any():
            raise InputError(path, "a saliency map of zeros", "at least one fixation", "Make its video's maps again.")
        link_or_copy(path, folder / path.name)
        numbers.add(int(path.stem))
    if not numbers:
        raise InputError(saliency, "no saliency map", "one per frame of the event", "Make its video's maps again.")
    return numbers


def annotation_row(
    video: str,
    event: str,
    span: tuple[int, int],
    caption: CaptionEntry,
    origin: str,
) -> dict[str, Any]:
    """Return the row of an uncurated event in the annotations of its video's part.

    Parameters: `span` is its first and last frame, `origin` that of the caption.
    """
    (start, end), candidates = span, caption.candidates
    shown = candidates[0] if candidates else Candidate("", "", "", "", "", None)
    return {
        "event_id": event,
        "video": video,
        "caption": caption.caption,
        "caption_machine": shown.text,
        "caption_origin": origin,
        "model": shown.model,
        "revision": shown.revision,
        "candidates": [candidate.text for candidate in candidates],
        "n_tokens": caption.n_tokens,
        "verdict": None,
        "flags": caption.flags,
        "n_curators": 0,
        "start_frame": start,
        "end_frame": end,
        "start_frame_before": start,
        "end_frame_before": end,
    }


def _merged_points(points: str | Path, events: pd.Series, changed: pd.DataFrame) -> pd.DataFrame:
    """The points of the video's `events`, from the `changed` ones where they are there, and those of all observers."""
    table = read_table(points, POINTS)
    parts = [(changed if event in set(changed.event_id) else table) for event in events]
    rows = [part[part.event_id == event] for event, part in zip(events, parts, strict=True)]
    return pd.concat([*rows, table[table.event_id.isna()]], ignore_index=True)


def _with_events(video: str, fixations: pd.DataFrame, assignments: pd.DataFrame) -> pd.DataFrame:
    event = np.full(len(fixations), None, dtype=object)
    event[assignments.row.to_numpy()] = assignments.event_id.to_numpy()
    return fixations.assign(video=video, event_id=event)
