"""Which columns of a gaze table are used, and for what."""

import difflib
import re
from collections.abc import Sequence
from pathlib import Path

import pandas as pd
import yaml

from tsalv360.job.errors import InputError
from tsalv360.sources.gaze_table.file import ADVICE, shortened
from tsalv360.sources.gaze_table.settings import (
    ANGLES,
    COLUMNS,
    HEAD_ANGLES,
    POSITION,
    QUATERNION,
    SPHERE_YAW,
    VECTOR,
    GazeTableSettings,
)

_EXPECTED = (
    "observer (or a file for each), time_s or frame, and a direction: yaw_deg and pitch_deg, or x and y, or gaze_x, "
    "gaze_y and gaze_z"
)

_SIMILAR = 0.7  # of two names, from 0 to 1


def choose_columns(
    path: Path, table: pd.DataFrame, settings: GazeTableSettings, observer: str | None, notes: list[str]
) -> pd.DataFrame:
    """Return the columns that are used, under our names, and `valid`, `confidence` and `marker` where settings ask.

    Columns that the settings name are preferred; then times to frames, and angles to vectors to positions. `observer`
    is the one that the file belongs to, for tables without such a column. Raises InputError for a missing column.
    """
    names = {name: settings.columns.get(name, name) for name in COLUMNS}

    def chosen(groups: Sequence[Sequence[str]]) -> Sequence[str]:
        named = [group for group in groups if settings.named(*group)]
        whole = [group for group in named or groups if all(names[name] in table for name in group)]
        begun = [group for group in groups if any(names[name] in table for name in group)]
        return next(iter(whole or named or begun), ())

    head = chosen([QUATERNION, HEAD_ANGLES[:2]])
    direction = chosen([ANGLES, VECTOR, POSITION])
    used = ["observer"] if observer is None or names["observer"] in table or settings.named("observer") else []
    used += [*(chosen([["time_s"], ["frame"]]) or ["time_s or frame"]), *direction, *head]
    used += [] if direction or head else ["a direction"]
    optional = ["video", "duration_s", SPHERE_YAW, *(HEAD_ANGLES[2:] if head and head != QUATERNION else ())]
    used += [name for name in optional if settings.named(name) or names[name] in table]
    columns = {name: names.get(name, name) for name in used}
    extra = {
        "valid": settings.validity.column,
        "confidence": settings.confidence.column,
        "marker": settings.start_marker.column,
    }
    columns |= {name: column for name, column in extra.items() if column is not None}
    if missing := [name for name in columns.values() if name not in table]:
        found = f"columns {shortened(list(table))} without {', '.join(missing)}"
        expected = "the columns that its settings name" if settings.columns else _EXPECTED
        raise InputError(path, found, expected, f"{_how_to_name(missing, list(map(str, table)))} {ADVICE}")
    if repeated := [name for name in columns.values() if list(table).count(name) > 1]:
        found = f"columns {shortened(list(table))}"
        raise InputError(path, found, f"{repeated} once", "Remove or rename the others.")
    _check_frame(path, direction, head, settings)
    if unused := [str(name) for name in table if name not in columns.values()]:
        notes.append(f"columns not used: {shortened(', '.join(unused))}")
    own = {} if "observer" in columns else {"observer": observer}
    return pd.DataFrame({name: table[column] for name, column in columns.items()}).assign(**own)


def _how_to_name(missing: Sequence[str], columns: Sequence[str]) -> str:
    """Return how to name the missing columns, with the columns of most similar names where there are any."""
    wanted = [name for entry in missing for name in (ANGLES if entry == "a direction" else entry.split(" or "))]
    words = {column: re.split(r"[^a-z]+", column.lower()) for column in columns}
    meant: dict[str, str] = {}
    for name in wanted:
        stem = re.sub("_(deg|s)$", "", name).split("_")
        close = difflib.get_close_matches(name, columns, 1, _SIMILAR)
        if found := [column for column in columns if set(stem) <= set(words[column])] or close:
            meant[name] = found[0]
    if not meant:
        return "Name the columns in the video's table.columns."
    written = yaml.safe_dump({"columns": meant}, default_flow_style=True, sort_keys=False, width=1000).strip()
    return f"If they are meant, set the video's table: {written}."


def _check_frame(path: Path, direction: Sequence[str], head: Sequence[str], settings: GazeTableSettings) -> None:
    """Raise InputError for directions whose frame of reference is not stated."""
    if direction == POSITION and settings.origin is None:
        expected = "bottom left or top left"
        raise InputError(path, "columns x and y without their origin", expected, "Set `origin` in the video's `table`.")
    if (direction == VECTOR or head == QUATERNION) and settings.axes is None:
        found = f"{'vectors' if direction == VECTOR else 'quaternions'} without their axes"
        expected = "unity, openxr, or the axes that point right, up and forward"
        raise InputError(path, found, expected, "Set `axes` in the video's `table`.")
    if head and not direction and not settings.head_only:
        advice = "Name the columns of the gaze, or set table.head_only: true."
        raise InputError(path, "directions of the head and none of the eyes", "both", advice)
