"""The contract of every table: columns, types, units and ranges, checked on every read and write.

`tsalv360.workflow.reference` generates `docs/tables.md` from it.
"""

from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq

from tsalv360.job.errors import InputError
from tsalv360.job.files import whole_file

TEXT, INTEGER, NUMBER = pa.string(), pa.int64(), pa.float64()
TEXTS, INTEGERS, NUMBERS, TRUTHS = (pa.list_(kind) for kind in (TEXT, INTEGER, NUMBER, pa.bool_()))
CONTENT = pa.struct([("bytes", pa.binary()), ("path", TEXT)])  # of a file, see `contracts.shards`
_ADVICE = "See docs/tables.md."


@dataclass(frozen=True)
class Column:
    """A column: Arrow type, meaning, inclusive limits of numbers, and whether cells may be empty."""

    type: pa.DataType
    meaning: str
    low: float = -np.inf
    high: float = np.inf
    nullable: bool = False


Table = dict[str, Column]


def _direction(of: str, prefix: str = "") -> Table:
    """Return the two columns of a direction."""
    return {
        f"{prefix}yaw_deg": Column(NUMBER, f"yaw of {of}, degrees", -180, 180),
        f"{prefix}pitch_deg": Column(NUMBER, f"pitch of {of}, degrees", -90, 90),
    }


_GAZE = _direction("the gaze")
_EVENT = Column(TEXT, "event id, `<video>_<k>`, numbered by start")
_VIDEO = Column(TEXT, "video id")
_FRAME = Column(INTEGER, "native frame number", 0)

# A row is an interval during which gaze stayed in one direction: a gaze sample, or a recorded fixation.
FIXATIONS: Table = {
    "observer": Column(TEXT, "observer id"),
    "fixation_id": Column(INTEGER, "number of the observer's fixation; -1: a gaze sample not yet assigned to one", -1),
    "time_s": Column(NUMBER, "start of the interval during which gaze stayed in this direction, seconds", 0),
    "duration_s": Column(NUMBER, "length of the interval, seconds", 0),
    "frame": Column(INTEGER, "native frame number at the start", 0),
    **_GAZE,
    "weight": Column(NUMBER, "1 for recorded gaze; for a direction recovered from a map, its share of the map", 0),
}
EVENTS: Table = {
    "event_id": _EVENT,
    "video": _VIDEO,
    "start_frame": Column(INTEGER, "native number of the first frame", 0),
    "end_frame": Column(INTEGER, "native number of the last frame, inclusive", 0),
    "start_s": Column(NUMBER, "time of the first frame, seconds", 0),
    "end_s": Column(NUMBER, "time of the last frame, seconds", 0),
    "n_segments": Column(INTEGER, "number of segments: runs of kept frames without a gap", 1),
    **_direction("the mean direction of its track"),
    "n_observers": Column(INTEGER, "observers who watched it at any time", 1),
    "share": Column(NUMBER, "mean share of the observers with gaze at a frame who watched it", 0, 1),
    "evidence": Column(NUMBER, "log-likelihood ratio to chance, nats; see docs/events.md", 0),
    "by_chance": Column(NUMBER, "expected number of events of this video that are as strong by chance", 0),
    "confidence": Column(NUMBER, "how certain the event is, 0 to 1; see docs/events.md", 0, 1),
}
TRACKS: Table = {
    "event_id": _EVENT,
    "frame": _FRAME,
    "time_s": Column(NUMBER, "time of the frame, frame / fps, seconds", 0),
    **_direction("the event's centre at this frame"),
    "spread_deg": Column(NUMBER, "root mean square distance of gaze from the centre, degrees", 0, 180),
    "n_observers": Column(INTEGER, "observers watching it at this time", 0),
    **_direction("the camera", "camera_"),
    "camera_hfov_deg": Column(NUMBER, "horizontal field of view of the viewport, degrees", 1, 179),
}
ASSIGNMENTS: Table = {
    "row": Column(INTEGER, "row of the fixations table, from 0", 0),
    "event_id": _EVENT,
    "distance_deg": Column(NUMBER, "distance from the event's centre at that time, degrees", 0, 180),
}
DROPPED: Table = {
    "video": _VIDEO,
    "start_s": Column(NUMBER, "start, seconds", 0),
    "end_s": Column(NUMBER, "end, seconds", 0),
    **_direction("the mean direction of its track"),
    "n_observers": Column(INTEGER, "observers who watched it at any time", 0),
    "share": Column(NUMBER, "mean share of the observers with gaze at a frame who watched it", 0, 1),
    "rule": Column(TEXT, "the setting that dropped it"),
    "reason": Column(TEXT, "the measured value and its limit"),
}
# A row is a detection: on the gaze of all observers, of a half of them, or of a surrogate.
RELIABILITY: Table = {
    "video": _VIDEO,
    "gaze": Column(TEXT, "whose gaze: all, half or surrogate (all observers, each turned and shifted in time)"),
    "number": Column(INTEGER, "number of the split into halves or of the surrogate, from 0", 0),
    "n_observers": Column(INTEGER, "observers of that gaze", 0),
    "confidence": Column(NUMBERS, "confidence of each event found"),
    "found": Column(TRUTHS, "of a half: whether the other half has the event, in the same order; else an empty list"),
}
POINTS: Table = {
    "event_id": Column(TEXT, "event whose map the point belongs to; empty: the map of all observers", nullable=True),
    "frame": _FRAME,
    "observer": FIXATIONS["observer"],
    **_GAZE,
    "weight": FIXATIONS["weight"],
}
MAPS: Table = {
    "video": Column(TEXT, "video id; empty in `saliency/`", nullable=True),
    "event_id": Column(TEXT, "event that the map shows; empty: the map of all observers", nullable=True),
    "frame": _FRAME,
    "time_s": Column(NUMBER, "time of the frame, frame / fps, seconds", 0),
    "caption": Column(TEXT, "caption of the event; empty before there is one, and of all observers", nullable=True),
    "map": Column(CONTENT, "saliency, 0 to 255: an 8-bit gray PNG, `NNNN.png`"),
}
FRAMES: Table = {
    "video": _VIDEO,
    "frame": _FRAME,
    "time_s": Column(NUMBER, "time of the frame, frame / fps, seconds", 0),
    "picture": Column(CONTENT, "the frame: a PNG or JPEG, `NNNN.png` or `NNNN.jpg`"),
}
VIEWPORTS: Table = {
    "event_id": _EVENT,
    "caption": Column(TEXT, "caption of the event"),
    "viewport": Column(CONTENT, "the event as a camera that follows it sees it: a video, MP4"),
}
SHARDS = (MAPS, FRAMES, VIEWPORTS)  # pictures of a video in one file
ANNOTATIONS: Table = {
    "event_id": _EVENT,
    "video": _VIDEO,
    "source": Column(TEXT, "data set that the video comes from"),
    "gaze": Column(TEXT, "what was recorded of the observers: eye, or head where the event is where heads point"),
    "caption": Column(TEXT, "caption of the event"),
    "caption_machine": Column(TEXT, 'caption by the captioner; "" if the caption is a published one'),
    "caption_origin": Column(TEXT, "machine, accepted, edited or published"),
    "model": Column(TEXT, 'captioner that wrote the machine caption; "" if there is none'),
    "revision": Column(TEXT, 'version of the captioner; "" if there is none'),
    "candidates": Column(TEXTS, "all captions of the captioners, the chosen one first"),
    "n_tokens": Column(
        INTEGER, "CLIP tokens of the caption, start and end included; empty: published without it", 0, nullable=True
    ),
    "verdict": Column(TEXT, "decision of the curators: accept, edit or reject; empty: not curated", nullable=True),
    "flags": Column(TEXTS, "flags of the caption checks (docs/captions.md) and of curators (docs/curating.md)"),
    "n_curators": Column(INTEGER, "number of curators who reviewed it", 0),
    "start_frame": Column(INTEGER, "native number of the first frame", 0),
    "end_frame": Column(INTEGER, "native number of the last frame, inclusive", 0),
    "start_frame_before": Column(INTEGER, "first frame before curation", 0),
    "end_frame_before": Column(INTEGER, "last frame before curation", 0),
}
# The part of one video; `source` and `gaze` are added when the parts are joined.
PART_ANNOTATIONS: Table = {name: column for name, column in ANNOTATIONS.items() if name not in ("source", "gaze")}
CLIPS: Table = {
    "clip_id": Column(TEXT, "clip id, `<event>_<n>`, numbered from 0"),
    "event_id": _EVENT,
    "video": _VIDEO,
    "frames": Column(INTEGERS, "native numbers of 8 consecutive kept frames"),
    "target_frame": Column(INTEGER, "the last of them, whose map is the target", 0),
    "n_looks": Column(INTEGER, "looks (fixation points) that the target is made of; empty: no gaze", 0, nullable=True),
    "n_observers": Column(INTEGER, "observers whose looks these are; empty: no gaze", 0, nullable=True),
}
VIDEOS: Table = {
    "video": _VIDEO,
    "source": ANNOTATIONS["source"],
    "gaze": Column(TEXT, "what was recorded of the observers: eye or head"),
    "licence": Column(TEXT, "licence of video and gaze, as the source states it"),
    "pictures": Column(TEXT, 'by what permission frames, viewports and pages are passed on; "": they are not'),
    "file": Column(TEXT, "name of the video file, or of the folder of its frames"),
    "size_bytes": Column(INTEGER, "its size, bytes", 0),
    "sha256": Column(TEXT, "its checksum; of a folder that of the list `sha256sum` prints of its files"),
    "fps": Column(NUMBER, "native frame rate, frames/s", 0),
    "n_frames": Column(INTEGER, "native number of frames", 0),
    "duration_s": Column(NUMBER, "length, seconds", 0),
    "width": Column(INTEGER, "width of the panorama, pixels", 1),
    "height": Column(INTEGER, "height of the panorama, pixels", 1),
    "index": Column(TEXT, "JSON: the video's entry of the stage index"),
    "extraction": Column(TEXT, "JSON: how frames are extracted, `size` and other parameters of `extract_frames`"),
}
# Of a published folder, whose readers join the files of all videos.
PUBLISHED_POINTS: Table = {"video": _VIDEO, **POINTS}
CHECKSUMS: Table = {
    "video": _VIDEO,
    "frame": _FRAME,
    "sha256": Column(TEXT, "checksum of the frame's file as it was extracted for this dataset"),
}
DATASET_FIXATIONS: Table = {
    "video": _VIDEO,
    **FIXATIONS,
    "event_id": Column(TEXT, "event that the fixation belongs to; empty: none", nullable=True),
}
MAP_METRICS = {
    "cc": "Pearson correlation with the target, −1 to 1",
    "sim": "similarity (histogram intersection) with the target, 0 to 1",
    "kld": "KL(target ‖ prediction), nats; published logs call it KLD2",
    "kld_reversed": "KL(prediction ‖ target), nats; published logs call it KLD",
}
FIXATION_METRICS = {
    "nss": "normalised scanpath saliency",
    "auc_judd": "AUC-Judd, 0 to 1",
    "auc_shuffled": "shuffled AUC, 0 to 1; negatives are fixations of the fold's other test videos",
    "information_gain": "information gain over the training fold's mean map, bits",
}
METRICS = {**MAP_METRICS, **FIXATION_METRICS}
# Shuffled AUC has no such variant: it depends on fixations only.
ON_SPHERE = {f"{name}_sphere": f"`{name}`, weighted by solid angle" for name in METRICS if name != "auc_shuffled"}
SCORES: Table = {
    "fold": Column(INTEGER, "fold whose test videos contain the clip", 0),
    "clip_id": CLIPS["clip_id"],
    "event_id": _EVENT,
    "video": _VIDEO,
    "source": ANNOTATIONS["source"],
    "predictor": Column(
        TEXT, "what predicted the map, see docs/evaluation.md; `external:<name>`: maps of another model"
    ),
    "event_s": Column(NUMBER, "length of the event, seconds (number of its maps / 16)", 0),
    "peak_pitch_deg": Column(NUMBER, "pitch of the target map's maximum, degrees", -90, 90),
    "target_peak": Column(INTEGER, "largest value of the target map in the dataset, of 255", 1, 255),
    "n_others": Column(INTEGER, "number of other events visible in the clip", 0),
    "n_wrong": Column(INTEGER, "number of wrong prompts: captions of these events that differ from the clip's own", 0),
    "peak": Column(NUMBER, "highest value of the model's map; the mean for several wrong prompts", 0, nullable=True),
    **{name: Column(NUMBER, meaning, nullable=True) for name, meaning in {**METRICS, **ON_SPHERE}.items()},
}
FOLD_SCORES: Table = {name: column for name, column in SCORES.items() if name != "source"}
SUMMARY: Table = {
    "by": Column(
        TEXT, "how clips are grouped: all, source, fold, length (`event_s`), equator (`peak_pitch_deg`), others"
    ),
    "group": Column(TEXT, "value or range of `by` that the clips share, such as 2 to 4 s"),
    "predictor": Column(TEXT, "as in scores, or two of them, `model − wrong_prompt`: the paired difference"),
    "metric": Column(TEXT, "column of scores"),
    "n_clips": Column(INTEGER, "clips that have a value", 1),
    "n_videos": Column(INTEGER, "videos of these clips", 1),
    "mean_clips": Column(NUMBER, "mean over clips, as published"),
    "mean_videos": Column(NUMBER, "mean over videos of each video's mean"),
    "low": Column(
        NUMBER, "lower end of the 95 % interval of `mean_videos`, by bootstrap; empty: one video", nullable=True
    ),
    "high": Column(NUMBER, "upper end of that interval", nullable=True),
}
TABLES: dict[str, Table] = {
    "fixations": FIXATIONS,
    "events": EVENTS,
    "tracks": TRACKS,
    "assignments": ASSIGNMENTS,
    "dropped": DROPPED,
    "reliability": RELIABILITY,
    "points": POINTS,
    "annotations (dataset)": ANNOTATIONS,
    "maps (dataset)": MAPS,
    "clips (dataset)": CLIPS,
    "fixations (dataset)": DATASET_FIXATIONS,
    "videos (published)": VIDEOS,
    "checksums of frames (published)": CHECKSUMS,
    "points (published)": PUBLISHED_POINTS,
    "frames (published)": FRAMES,
    "viewports (published)": VIEWPORTS,
    "scores (evaluation)": SCORES,
    "summary (evaluation)": SUMMARY,
}


def as_table(frame: pd.DataFrame, table: Table, where: object) -> pa.Table:
    """Return `frame` as an Arrow table in the contract's column order.

    Raises InputError with `where`, the column and the row that break the contract.
    """
    if missing := [name for name in table if name not in frame]:
        raise InputError(where, f"columns {list(frame)}", f"also {missing}", "Write the missing columns.")
    schema = _schema(table)
    try:
        arrow = pa.Table.from_pandas(frame[list(table)], schema=schema, preserve_index=False)
    except (pa.ArrowInvalid, pa.ArrowTypeError) as error:
        raise InputError(where, str(error), f"the types of {schema.names}", _ADVICE) from error
    for name, column in table.items():
        values = arrow[name]
        if not column.nullable and values.null_count:
            row = values.is_null().to_numpy().argmax()
            raise InputError(where, f"nothing in column {name}, row {row}", column.meaning, _ADVICE)
        if column.type in (NUMBER, INTEGER):
            numbers = values.to_numpy()  # NaN where empty
            bad = (numbers < column.low) | (numbers > column.high) | np.isinf(numbers)
            if bad.any():
                row = bad.argmax()
                found = f"{numbers[row]} in column {name}, row {row}"
                raise InputError(where, found, f"{column.low} to {column.high}", _ADVICE)
    return arrow


def _schema(table: Table) -> pa.Schema:
    return pa.schema([(name, column.type) for name, column in table.items()])


def write_table(path: str | Path, frame: pd.DataFrame, table: Table) -> None:
    """Write `frame` as Parquet after checking it against `table`."""
    arrow = as_table(frame, table, path)
    with whole_file(path) as partial:
        pq.write_table(arrow, partial)


def write_rows(path: str | Path, rows: list[dict[str, Any]], table: Table) -> None:
    """Write rows as Parquet after checking them against `table`; there may be none."""
    write_table(path, pd.DataFrame(rows) if rows else empty(table), table)


def read_table(path: str | Path, table: Table) -> pd.DataFrame:
    """Return the content of a Parquet file after checking it against `table`."""
    try:
        # No threads: Arrow waits forever if there is no memory for one, and these tables are small.
        with pq.ParquetFile(path) as file:
            frame = file.read(use_threads=False).to_pandas(use_threads=False)
    except (OSError, pa.ArrowInvalid) as error:
        found, expected = f"no readable Parquet file ({error})", "a table of this pipeline"
        raise InputError(path, found, expected, "Delete it and run again.") from error
    as_table(frame, table, path)
    return frame


def empty(table: Table) -> pd.DataFrame:
    """Return a data frame without rows that has the contract's columns and types."""
    return _schema(table).empty_table().to_pandas()
