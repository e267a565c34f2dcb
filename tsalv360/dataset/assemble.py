"""A video's part of the dataset: its maps with captions, and its rows of the tables.

It is assembled from the results of our stages, or imported from a published dataset.
"""

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from tsalv360.contracts import layout, tables
from tsalv360.contracts.entries import Candidate, CaptionEntry, IndexEntry, LeftOut
from tsalv360.contracts.grid import runs
from tsalv360.contracts.shards import ShardWriter, write_shard
from tsalv360.contracts.tables import MAPS
from tsalv360.curation.apply import Applied, Curation, VideoEvents, apply_curation
from tsalv360.job.errors import InputError
from tsalv360.job.files import link_or_copy, sha256, whole_folder, write_json
from tsalv360.media.maps import Maps
from tsalv360.media.pictures import decode_picture
from tsalv360.saliency import ALL_OBSERVERS, MapInput, map_inputs, points_table, write_saliency_maps
from tsalv360.sources.published_folder import open_published

Rows = list[dict[str, Any]]  # of a table, checked by its contract when they are written
_DOWNLOAD = "Download it again, or exclude the video."
FOLDERS = (layout.MAPS, layout.SALIENCY_ALL, layout.FIXATION_POINTS)


def assemble_video(
    directory: str | Path,
    index: IndexEntry,
    detected: VideoEvents,
    saliency: str | Path,
    points: str | Path,
    curation: Curation | None = None,
    source_maps: str | Path | None = None,
) -> None:
    """Write a video's part of the dataset; events without a caption are left out and counted.

    It has `maps/<video>.parquet`, `points/<video>.parquet`, the maps of all observers, if there are any, as
    `saliency_all/<video>.parquet`, the rows of annotations, clips and fixations, `left_out.json`, `curation.json` if
    curated, and SHA256SUMS of maps and points.

    Parameters
    ----------
    detected : the events of the video, as the stages give them.
    saliency, points : results of the saliency stage. Only maps and points of events that curators changed are made
        again.
    curation : the decisions of curators; without them all events are drafts.
    source_maps : as in `write_saliency_maps`, for these events.
    """
    video, frames, applied, again = index.id, index.kept_frames, Applied(detected), dict[str, MapInput]()
    if curation:
        applied = apply_curation(curation, detected, index.kept_times)
        inputs = map_inputs(detected.fixations, applied.video.assignments, applied.video.tracks, index.kept_times)
        if applied.changed:
            again = {name: inputs[name] for name in (*applied.changed, ALL_OBSERVERS)}
    events, captions = applied.video.events, applied.video.captions
    shown = events[np.array([captions[event].caption is not None for event in events.event_id], dtype=bool)]
    n_left = len(detected.events) - len(events)
    left_out = LeftOut(
        **(applied.outcome.counts(n_left) if applied.outcome else {}),
        events_without_caption=len(events) - len(shown),
        videos_emptied=int(shown.empty and not detected.events.empty),
    )
    annotations: Rows = []
    clips: Rows = []
    unchanged = Maps(saliency)
    with whole_folder(directory) as partial:
        changed = unchanged
        if curation:
            of_events = replace(curation.saliency, all_observers=False)
            write_saliency_maps(partial / "changed.parquet", again, of_events, source_maps)
            changed = Maps(partial / "changed.parquet")
        with write_shard(partial / layout.MAPS / f"{video}.parquet", MAPS) as shard:
            for event, start, end in zip(shown.event_id, shown.start_frame, shown.end_frame, strict=True):
                track, maps = applied.video.track(event), changed if event in applied.changed else unchanged
                with_map = _add_event(shard, maps, video, event, track, captions[event].caption)
                row = annotation_row(video, event, (start, end), captions[event], "machine")
                annotations.append(row | applied.reviews[event]._asdict() if curation else row)
                numbers = track.frame.tolist()
                own = cut_clips(event, video, numbers, frames, set(with_map))
                clips += own
                in_no_clip = len(numbers) - layout.CLIP_LENGTH * len(own)
                left_out += LeftOut(frames_without_map=len(numbers) - len(with_map), frames_in_no_clip=in_no_clip)
        (partial / "changed.parquet").unlink(missing_ok=True)

        table, target = tables.read_table(points, tables.POINTS), partial / layout.FIXATION_POINTS / f"{video}.parquet"
        if curation and (again or n_left):
            points_again = points_table(again, curation.saliency.window_s, curation.saliency.method) if again else table
            table = _current_points(table, points_again, events.event_id, set(applied.changed))
            tables.write_table(target, table, tables.POINTS)
        else:
            _link(Path(points), target)
        if None in unchanged.events:
            with write_shard(partial / layout.SALIENCY_ALL / f"{video}.parquet", MAPS) as shard:
                _add_event(shard, unchanged, video, None, index.kept_times, None)
        if applied.outcome:
            write_json(partial / layout.CURATION, applied.outcome)
        owner = applied.video.assignments.set_index("row").event_id.reindex(range(len(detected.fixations)))
        fixations = detected.fixations.assign(video=video, event_id=owner.to_numpy())
        write_part(partial, annotations, with_looks(clips, table), fixations, left_out)


def import_video(directory: str | Path, index: IndexEntry, truth: str | Path) -> None:
    """Write a published video's part of the dataset, as `assemble_video` does for one of ours.

    As in the public reader, clips are groups of 8 maps, and maps without a frame are left out; they are counted.

    Parameters: `truth` the folder `TSV360_gt/<video>`. Raises InputError for a caption or map that cannot be used, or
    an event without any frame.
    """
    video, frames = index.id, set(index.kept_frames)
    annotations: Rows = []
    clips: Rows = []
    left_out = LeftOut()
    with whole_folder(directory) as partial:
        with write_shard(partial / layout.MAPS / f"{video}.parquet", MAPS) as shard:
            for event, maps in layout.event_maps(truth).items():
                source = Path(truth, event)
                kept = layout.maps_with_frame(source, maps, frames)
                caption, numbers = layout.read_caption(source / layout.DESCRIPTION), list(kept)
                for frame, path in kept.items():
                    _check_map(path)
                    row = {"video": video, "event_id": event, "frame": frame, "time_s": frame / index.fps}
                    shard.add(path.read_bytes(), path.name, **row, caption=caption)
                span = numbers[0], numbers[-1]
                annotations.append(annotation_row(video, event, span, CaptionEntry(caption), "published"))
                own = layout.cut_published_clips(event, video, numbers)
                clips += own
                in_no_clip = len(kept) - layout.CLIP_LENGTH * len(own)
                left_out += LeftOut(maps_without_frame=len(maps) - len(kept), frames_in_no_clip=in_no_clip)
        if not annotations:
            raise InputError(truth, "no event", f"folders {video}_<k>", _DOWNLOAD)
        write_part(partial, annotations, clips, tables.empty(tables.DATASET_FIXATIONS), left_out)


def import_published(directory: str | Path, index: IndexEntry, files: Sequence[str | Path]) -> None:
    """Write the part of a video of a published folder: its rows and files as they are.

    Parameters: `files` those of `PublishedFolder.files_of`. Raises InputError for a file that is not as published.
    """
    video, folder = index.id, open_published(Path(files[0]).parents[1])
    for file in files:
        folder.check(Path(file))
    events, clips, *shards = map(Path, files)
    annotations = tables.read_table(events, tables.ANNOTATIONS)
    own = {path.parent.name: path for path in shards}
    with whole_folder(directory) as partial:
        for name in (layout.MAPS, layout.SALIENCY_ALL):
            if name in own:
                _link(own[name], partial / name / f"{video}.parquet")
        if layout.FIXATION_POINTS in own:
            points = tables.read_table(own[layout.FIXATION_POINTS], tables.PUBLISHED_POINTS)
            tables.write_table(partial / layout.FIXATION_POINTS / f"{video}.parquet", points, tables.POINTS)
        if layout.MAPS not in own:  # no event
            with write_shard(partial / layout.MAPS / f"{video}.parquet", MAPS):
                pass
        if "fixations" in own:
            fixations = tables.read_table(own["fixations"], tables.DATASET_FIXATIONS)
        else:
            fixations = tables.empty(tables.DATASET_FIXATIONS)
        of_video = _rows(annotations[list(tables.PART_ANNOTATIONS)], video)
        write_part(partial, of_video, _rows(tables.read_table(clips, tables.CLIPS), video), fixations, LeftOut())


def _rows(table: pd.DataFrame, video: str) -> Rows:
    return [{str(name): value for name, value in row.items()} for row in table[table.video == video].to_dict("records")]


def write_part(directory: Path, annotations: Rows, clips: Rows, fixations: pd.DataFrame, left_out: LeftOut) -> None:
    """Write the tables of a video's part, the numbers of what is left out, and the checksums of its folders."""
    tables.write_rows(directory / "annotations.parquet", annotations, tables.PART_ANNOTATIONS)
    tables.write_rows(directory / "clips.parquet", clips, tables.CLIPS)
    tables.write_table(directory / "fixations.parquet", fixations, tables.DATASET_FIXATIONS)
    write_json(directory / layout.LEFT_OUT, left_out)
    files = [path for folder in FOLDERS for path in sorted((directory / folder).rglob("*")) if path.is_file()]
    (directory / layout.CHECKSUMS).write_text("".join(checksum_lines(files, directory)), encoding="utf-8")


def cut_clips(
    event: str, video: str, numbers: list[int], kept: list[int], with_map: set[int], stride: int = layout.CLIP_LENGTH
) -> Rows:
    """Return the clips of an event: 8 consecutive kept frames every `stride` frames, starting again after each gap.

    A clip without a map for its last frame is left out. Parameters: frame numbers of the event, of all kept frames, and
    of those with a map.
    """
    clips: Rows = []
    for run in runs(np.searchsorted(kept, numbers)):
        own = numbers[run]
        for start in range(0, len(own) - layout.CLIP_LENGTH + 1, stride):
            clip = own[start : start + layout.CLIP_LENGTH]
            if clip[-1] in with_map:
                clips.append(layout.clip_row(event, video, len(clips), clip))
    return clips


def with_looks(clips: Rows, points: pd.DataFrame) -> Rows:
    """Return the clips with the number of looks and of observers that their targets are made of.

    Parameters: the fixation points of the video.
    """
    of_maps = points.groupby(["event_id", "frame"]).observer.agg(["size", "nunique"])
    counts = {event_and_frame: list(row) for event_and_frame, *row in of_maps.itertuples()}
    names = "n_looks", "n_observers"
    return [
        clip | dict(zip(names, counts.get((clip["event_id"], clip["target_frame"]), (0, 0)), strict=True))
        for clip in clips
    ]


def checksum_lines(files: list[Path], base: Path) -> list[str]:
    """Return the lines of sha256sum for files, named relative to the folder `base`."""
    return [f"{sha256(file)}  {file.relative_to(base).as_posix()}\n" for file in files]


def _link(source: Path, target: Path) -> None:
    target.parent.mkdir(parents=True, exist_ok=True)
    link_or_copy(source, target)


def _add_event(
    shard: ShardWriter, maps: Maps, video: str, event: str | None, frames: pd.DataFrame, caption: str | None
) -> list[int]:
    """Add the maps of an event, or of all observers, to a shard; return the numbers of the frames that have one.

    Parameters: `frames` has the columns `frame` and `time_s`. InputError if there is no map, or for a damaged one.
    """
    times, advice = dict(zip(frames.frame, frames.time_s, strict=True)), "Make the video's maps again."
    with_map = [frame for frame in maps.numbers(event) if frame in times]
    if not with_map:
        found = f"no saliency map of {event or 'all observers'}"
        raise InputError(maps.path, found, "one per frame of the event", advice)
    for frame in with_map:
        if not maps.read(event, frame).any():
            found = f"a saliency map of zeros, of {event or 'all observers'} in frame {frame}"
            raise InputError(maps.path, found, "at least one fixation", advice)
        row = {"video": video, "event_id": event, "frame": frame, "time_s": times[frame], "caption": caption}
        shard.add(maps.content(event, frame), f"{frame:04d}.png", **row)
    return with_map


def _current_points(table: pd.DataFrame, again: pd.DataFrame, events: pd.Series, changed: set[str]) -> pd.DataFrame:
    """Return the points of the events, from `again` for changed ones, and those of all observers."""
    sources = [(event, again if event in changed else table) for event in events]
    rows = [source[source.event_id == event] for event, source in sources]
    return pd.concat([*rows, table[table.event_id.isna()]], ignore_index=True)


def annotation_row(video: str, event: str, span: tuple[int, int], caption: CaptionEntry, origin: str) -> dict[str, Any]:
    """Return an event's row of the annotations table, not curated here.

    Parameters: first and last frame as `span`, the caption entry, and the origin of the caption.
    """
    (start, end), candidates = span, caption.candidates
    chosen = candidates[0] if candidates else Candidate("", "", "", "", "", None)
    return {
        "event_id": event,
        "video": video,
        "caption": caption.caption,
        "caption_machine": chosen.text,
        "caption_origin": origin,
        "model": chosen.model,
        "revision": chosen.revision,
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


def _check_map(path: Path) -> None:
    saliency = decode_picture(path)
    if saliency.ndim != 2 or saliency.dtype != "uint8" or saliency.shape[1] != 2 * saliency.shape[0]:
        raise InputError(path, f"{saliency.dtype} values of shape {saliency.shape}", "8-bit gray, 2:1", _DOWNLOAD)
    if not saliency.any():
        raise InputError(path, "a saliency map of zeros", "at least one fixation", _DOWNLOAD)
