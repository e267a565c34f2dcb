"""The contract of every table: columns, types, units and ranges, checked on every read and write.

`docs/tables.md` is generated from here (`tsalv360.workflow.reference`).
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
TEXTS, INTEGERS = pa.list_(pa.string()), pa.list_(pa.int64())


@dataclass(frozen=True)
class Column:
    """One column: Arrow type, meaning, inclusive limits for numbers, and whether it may be empty."""

    type: pa.DataType
    meaning: str
    low: float = -np.inf
    high: float = np.inf
    nullable: bool = False


Table = dict[str, Column]

_YAW = Column(NUMBER, "degrees, right positive", -180, 180)
_PITCH = Column(NUMBER, "degrees, up positive", -90, 90)
_EVENT = Column(TEXT, "`<video>_<k>`, numbered by start")
_VIDEO = Column(TEXT, "id of the video")
_FRAME = Column(INTEGER, "native frame number", 0)
_SHARE = Column(NUMBER, "0 to 1", 0, 1)

FIXATIONS: Table = {
    "observer": Column(TEXT, "who looked"),
    "fixation_id": Column(INTEGER, "number of the fixation of this observer; -1 where unknown", -1),
    "time_s": Column(NUMBER, "start of the interval in which gaze stood here, seconds", 0),
    "duration_s": Column(NUMBER, "length of the interval, seconds", 0),
    "frame": Column(INTEGER, "native frame number at the start", 0),
    "yaw_deg": _YAW,
    "pitch_deg": _PITCH,
    "weight": Column(NUMBER, "1 for a fixation or sample; mass where it was recovered from a map", 0),
}
EVENTS: Table = {
    "event_id": _EVENT,
    "video": _VIDEO,
    "start_frame": _FRAME,
    "end_frame": Column(INTEGER, "native number of the last frame, inclusive", 0),
    "start_s": Column(NUMBER, "seconds", 0),
    "end_s": Column(NUMBER, "seconds; of the last frame", 0),
    "n_segments": Column(INTEGER, "segments: runs of kept frames without a gap", 1),
    "yaw_deg": _YAW,
    "pitch_deg": _PITCH,
    "n_observers": Column(INTEGER, "observers who looked at it at any time", 1),
    "confidence": Column(NUMBER, "0 to 1: √(mean share of the observers × compactness) × (1 − 1 / lift)", 0, 1),
}
TRACKS: Table = {
    "event_id": _EVENT,
    "frame": _FRAME,
    "time_s": Column(NUMBER, "frame / fps, seconds", 0),
    "yaw_deg": _YAW,
    "pitch_deg": _PITCH,
    "spread_deg": Column(NUMBER, "root mean square distance of the gaze from the direction, degrees", 0, 180),
    "n_observers": Column(INTEGER, "observers looking at it at this time", 0),
    "camera_yaw_deg": _YAW,
    "camera_pitch_deg": _PITCH,
    "camera_hfov_deg": Column(NUMBER, "horizontal field of view of the viewport, degrees", 1, 179),
}
ASSIGNMENTS: Table = {
    "row": Column(INTEGER, "row of the fixations table, from 0", 0),
    "event_id": _EVENT,
    "distance_deg": Column(NUMBER, "from the event's direction at that time, degrees", 0, 180),
}
DROPPED: Table = {
    "video": _VIDEO,
    "start_s": Column(NUMBER, "seconds", 0),
    "end_s": Column(NUMBER, "seconds", 0),
    "yaw_deg": _YAW,
    "pitch_deg": _PITCH,
    "n_observers": Column(INTEGER, "observers", 0),
    "share": _SHARE,
    "rule": Column(TEXT, "the setting that dropped it"),
    "reason": Column(TEXT, "the measured value beside its limit"),
}
POINTS: Table = {
    "event_id": Column(TEXT, "event whose map they belong to; empty: the map of all observers", nullable=True),
    "frame": _FRAME,
    "observer": FIXATIONS["observer"],
    "yaw_deg": _YAW,
    "pitch_deg": _PITCH,
    "weight": FIXATIONS["weight"],
}
ANNOTATIONS: Table = {
    "event_id": _EVENT,
    "video": _VIDEO,
    "source": Column(TEXT, "data set the video comes from"),
    "caption": Column(TEXT, "the text of the event"),
    "caption_machine": Column(TEXT, "what the captioner wrote; empty for published ones"),
    "caption_origin": Column(TEXT, "machine, accepted, edited or published"),
    "model": Column(TEXT, "captioner, where one wrote"),
    "revision": Column(TEXT, "its version"),
    "candidates": Column(TEXTS, "all captions that were made, the shown one first"),
    "n_tokens": Column(INTEGER, "CLIP tokens of the caption, where counted", 0, nullable=True),
    "verdict": Column(TEXT, "of the curators: accept, edit or reject; empty: not curated", nullable=True),
    "flags": Column(TEXTS, "raised by the checks of captions, and by curators"),
    "n_curators": Column(INTEGER, "people who judged it", 0),
    "start_frame": _FRAME,
    "end_frame": _FRAME,
    "start_frame_before": Column(INTEGER, "before a curator's correction", 0),
    "end_frame_before": Column(INTEGER, "before a curator's correction", 0),
}
# A video's part of the dataset: where the video comes from is told when the parts are put together.
PART_ANNOTATIONS: Table = {name: column for name, column in ANNOTATIONS.items() if name != "source"}
CLIPS: Table = {
    "clip_id": Column(TEXT, "`<event>_<n>`, from 0"),
    "event_id": _EVENT,
    "video": _VIDEO,
    "frames": Column(INTEGERS, "8 consecutive kept frames, native numbers"),
    "target_frame": Column(INTEGER, "the last of them: its map is the target", 0),
}
DATASET_FIXATIONS: Table = {
    "video": _VIDEO,
    **FIXATIONS,
    "event_id": Column(TEXT, "event the fixation belongs to; empty: none", nullable=True),
}
MAP_METRICS = {
    "cc": "correlation with the target, −1 to 1",
    "sim": "similarity to the target, 0 to 1",
    "kld": "KL(target ‖ prediction), nats; published logs call it KLD2",
    "kld_reversed": "KL(prediction ‖ target), nats; published logs call it KLD",
}
FIXATION_METRICS = {
    "nss": "normalised scanpath saliency",
    "auc_judd": "AUC-Judd, 0 to 1",
    "auc_shuffled": "shuffled AUC, 0 to 1; others: fixations of the fold's other test videos",
    "information_gain": "over the training fold's mean map, bits",
}
METRICS = {**MAP_METRICS, **FIXATION_METRICS}
ON_SPHERE = {
    f"{name}_sphere": f"`{name}`, weighted by solid angle" for name in METRICS if name != "auc_shuffled"
}  # fixations alone make the shuffled AUC
SCORES: Table = {
    "fold": Column(INTEGER, "whose test videos the clip is of", 0),
    "clip_id": CLIPS["clip_id"],
    "event_id": _EVENT,
    "video": _VIDEO,
    "source": ANNOTATIONS["source"],
    "predictor": Column(TEXT, "what made the map, see docs/evaluation.md"),
    "event_s": Column(NUMBER, "length of the event, seconds: its maps, 16 of which are a second", 0),
    "peak_pitch_deg": _PITCH,
    "n_others": Column(INTEGER, "other events that can be seen in the clip", 0),
    "n_wrong": Column(INTEGER, "wrong prompts: captions of those that differ from the clip's own", 0),
    **{name: Column(NUMBER, meaning, nullable=True) for name, meaning in {**METRICS, **ON_SPHERE}.items()},
}
FOLD_SCORES: Table = {name: column for name, column in SCORES.items() if name != "source"}
SUMMARY: Table = {
    "by": Column(TEXT, "what the clips are grouped by: all, source, fold, length, equator, others"),
    "group": Column(TEXT, "the group"),
    "predictor": Column(TEXT, "as in scores; or two of them, `model − wrong_prompt`: the paired difference"),
    "metric": Column(TEXT, "column of scores"),
    "n_clips": Column(INTEGER, "clips that have the number", 1),
    "n_videos": Column(INTEGER, "videos of those", 1),
    "mean_clips": Column(NUMBER, "mean over clips, as published"),
    "mean_videos": Column(NUMBER, "mean over videos of their clips' means"),
    "low": Column(NUMBER, "95 % interval of that, videos drawn anew; empty: one video", nullable=True),
    "high": Column(NUMBER, "its upper end", nullable=True),
}
TABLES: dict[str, Table] = {
    "fixations": FIXATIONS,
    "events": EVENTS,
    "tracks": TRACKS,
    "assignments": ASSIGNMENTS,
    "dropped": DROPPED,
    "points": POINTS,
    "annotations (dataset)": ANNOTATIONS,
    "clips (dataset)": CLIPS,
    "fixations (dataset)": DATASET_FIXATIONS,
    "scores (evaluation)": SCORES,
    "summary (evaluation)": SUMMARY,
}


def as_table(frame: pd.DataFrame, table: Table, where: object) -> pa.Table:
    """`frame` as an Arrow table in the contract's column order; InputError names `where`, the column and the row."""
    if missing := [name for name in table if name not in frame]:
        raise InputError(where, f"columns {list(frame)}", f"also {missing}", "Write the missing columns.")
    schema = pa.schema([(name, column.type) for name, column in table.items()])
    try:
        arrow = pa.Table.from_pandas(frame[list(table)], schema=schema, preserve_index=False)
    except (pa.ArrowInvalid, pa.ArrowTypeError) as error:
        raise InputError(where, str(error), f"the types of {schema.names}", "See docs/tables.md.") from error
    for name, column in table.items():
        values = arrow[name]
        if not column.nullable and values.null_count:
            row = int(np.flatnonzero(values.is_null().to_numpy())[0])
            raise InputError(where, f"nothing in column {name}, row {row}", column.meaning, "See docs/tables.md.")
        if column.type in (NUMBER, INTEGER):
            numbers = values.drop_null().to_numpy()
            bad = ~((numbers >= column.low) & (numbers <= column.high) & np.isfinite(numbers))
            if bad.any():
                row = int(np.flatnonzero(bad)[0])
                raise InputError(
                    where,
                    f"{numbers[row]} in column {name}, row {row}",
                    f"{column.low} to {column.high}",
                    "See docs/tables.md.",
                )
    return arrow


def write_table(path: str | Path, frame: pd.DataFrame, table: Table) -> None:
    """Write `frame` as Parquet after checking it against `table`."""
    arrow = as_table(frame, table, path)
    with whole_file(path) as partial:
        pq.write_table(arrow, partial)


def write_rows(path: str | Path, rows: list[dict[str, Any]], table: Table) -> None:
    """Write rows as Parquet; a table without rows has the contract's columns too."""
    write_table(path, pd.DataFrame(rows) if rows else empty(table), table)


def read_table(path: str | Path, table: Table) -> pd.DataFrame:
    """Read a Parquet file and check it against `table`."""
    try:
        # No threads: without the memory for one Arrow waits for it for ever, and these tables are small.
        with pq.ParquetFile(path) as file:
            frame = file.read(use_threads=False).to_pandas(use_threads=False)
    except (OSError, pa.ArrowInvalid) as error:
        raise InputError(
            path, f"no readable Parquet file ({error})", "a table of this pipeline", "Delete it and run again."
        ) from error
    as_table(frame, table, path)
    return frame


def empty(table: Table) -> pd.DataFrame:
    """A data frame of the contract's columns and types without rows."""
    return pa.schema([(name, column.type) for name, column in table.items()]).empty_table().to_pandas()
