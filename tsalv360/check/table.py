"""`tsalv360 data import`: the settings that probably read a gaze table, and what they make of it."""

import os
import re
import textwrap
from collections import Counter
from collections.abc import Hashable, Sequence
from dataclasses import dataclass, replace
from itertools import takewhile
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import pandas as pd
import yaml
from pydantic import ValidationError

from tsalv360.contracts.entries import VideoInfo
from tsalv360.fixations import OVERRUN_S
from tsalv360.job.errors import InputError
from tsalv360.media.drawing import COLOURS, EDGE, PAPER, mark
from tsalv360.media.pictures import kept_pictures, resized
from tsalv360.media.video import probe
from tsalv360.sources import READERS, OwnVideo, read_gaze
from tsalv360.sources.gaze_table.settings import is_table
from tsalv360.sources.gaze_table.times import PER_SECOND
from tsalv360.sources.guess.columns import Guess
from tsalv360.sources.guess.form import Form, format_of, read_form
from tsalv360.sources.guess.settings import guess_settings
from tsalv360.sources.plausibility import plausibility_remarks, speeds_of
from tsalv360.sphere.directions import angular_distance, direction_to_pixel
from tsalv360.sphere.projection import Picture

_OWNER = "observer of the file"  # the column of files' names, beside those of a table
_FPS = 30.0  # of a video that is not named; only frame numbers depend on it
_COLUMNS, _ROWS = 60, 15  # characters of the panorama
_SHADES = " .:+#"
_SHOWN = 0.0, 0.37, 0.71  # parts of all samples after which one is shown: of several observers, at several times
_PICTURE = 480, 960
_MOST_DOTS = 3000  # of gaze in a picture, so that it stays visible
_WIDTH = 110


@dataclass(frozen=True)
class ImportedTable:
    """What was guessed of a table, and what its gaze is by that guess.

    `entry` is the entry of `video_id` in the config's `videos`. `samples` are None where the guess does not read the
    table, for the reason `failure`; `shown` are three of them, and `rows` the table's rows that they come from.
    """

    video_id: str
    entry: dict[str, Any]
    n_files: int
    doubts: list[str]
    samples: pd.DataFrame | None
    shown: pd.DataFrame
    rows: list[str]
    notes: list[str]
    remarks: list[str]
    failure: str
    info: VideoInfo | None


def import_table(tables: Sequence[Path], video: Path | None = None) -> ImportedTable:
    """Return the settings that probably read the gaze of a video, and its gaze read by them.

    Parameters
    ----------
    tables : a table, a folder or several files with one observer each, or a pattern of their names.
    video : the video, whose length and size help to guess; may be left out.

    Raises InputError for files that do not exist or are no tables, or a video that cannot be used.
    """
    info = probe(video, force_2to1=True) if video else None
    files = _files(tables, video.stem if video else "")
    known = format_of(files[0])
    doubts = [] if video else ["`path` must name the video; with --video, its length and size help to guess"]
    if known in READERS:
        video_id = _id(video.stem if video else files[0].name.split(".")[0])
        doubts.append(f"the columns are those of the data set's format {known}, whose reader knows the rest")
        gaze = str(files[0] if len(files) == 1 else files[0].parent)
        entry: dict[str, Any] = {"path": str(video or f"{video_id}.mp4"), "gaze": gaze, "gaze_format": known}
        return _read(video_id, entry, files, doubts, info)
    cells, form = _cells(files)
    size, seconds = ((info.width, info.height), info.duration_s) if info else (None, None)
    guess = guess_settings(cells, form.settings.get("decimal") == ",", size, seconds)
    if guess.columns.get("observer") == _OWNER:
        del guess.columns["observer"]
    settings: dict[str, Any] = form.settings | guess.settings()
    gaze = str(files[0]) if len(files) == 1 else _pattern(files)
    if "observer" not in guess.columns:
        gaze = _pattern(files)
        doubts.append("no column of observers was recognised: the observer is what * in `gaze` stands for")
        doubts += _several_videos(files)
    doubts += form.doubts
    video_id, gaze_id = _ids(video, files, guess, cells, doubts)
    entry = {"path": str(video or f"{video_id}.mp4"), "gaze": gaze}
    entry |= ({"gaze_id": gaze_id} if gaze_id else {}) | ({"table": settings} if settings else {})
    found = _read(video_id, entry, files, doubts + guess.doubts, info)
    names = [name for name in guess.columns.values() if name != _OWNER]
    rows = [_row_of(sample, cells, guess, settings, names) for sample in found.shown.to_dict("records")]
    return replace(found, rows=rows)


def _cells(files: Sequence[Path]) -> tuple[pd.DataFrame, Form]:
    """Return the cells of all files, with their names if there are several, and the form of the first."""
    forms = [read_form(file) for file in files]
    for file, other in zip(files[1:], forms[1:], strict=True):
        if list(other.cells) != list(forms[0].cells):
            expected = f"the columns of {files[0].name}: {', '.join(map(str, forms[0].cells))}"
            found = f"the columns {', '.join(map(str, other.cells))}"
            raise InputError(file, found, expected, "Name the files of one video only.")
    if len(files) == 1:
        return forms[0].cells, forms[0]
    parts = [form.cells.assign(**{_OWNER: f"observer {file.name}"}) for file, form in zip(files, forms, strict=True)]
    return pd.concat([part[[_OWNER, *forms[0].cells]] for part in parts], ignore_index=True), forms[0]


def _read(
    video_id: str, entry: dict[str, Any], files: Sequence[Path], doubts: list[str], info: VideoInfo | None
) -> ImportedTable:
    """Return a table with its gaze read by the entry, as a build reads it, and remarks on it."""
    try:
        own = OwnVideo(**entry | {"path": str(files[0])})  # the video may not be at hand
        read = read_gaze(own.recording(video_id), info.fps if info else _FPS)
    except (InputError, ValidationError) as error:
        nothing = pd.DataFrame()
        return ImportedTable(video_id, entry, len(files), doubts, None, nothing, [], [], [], str(error), info)
    samples = read.samples
    length_s = info.duration_s if info else float((samples.time_s + samples.duration_s).max())
    within = samples[samples.time_s < length_s]
    remarks = [
        f"{remark.found}; {remark.expected}. {remark.advice}"
        for remark in plausibility_remarks(within, length_s, read.n_observers is not None)
    ]
    if info and samples.time_s.max() > length_s + OVERRUN_S:
        last = f"{samples.time_s.max():.2f} s, its video {length_s:.2f} s"
        remarks.append(f"gaze lasts until {last}: a build refuses it. Check `time_unit` and `time_zero`.")
    shown = samples.iloc[[int(part * len(samples)) for part in _SHOWN]]
    rows, notes = [""] * len(shown), read.notes
    return ImportedTable(video_id, entry, len(files), doubts, samples, shown, rows, notes, remarks, "", info)


def as_yaml(found: ImportedTable) -> str:
    """Return the entry of the video to paste, below comments with all that was found: the whole is YAML."""
    lines = [f"{found.entry['gaze']}: {_what(found)}", ""]
    if found.samples is not None:
        lines += [*_panorama_text(found, found.samples), "", *_statistics(found), ""]
    else:
        lines += [*_wrapped("Not read by this guess", [found.failure]), ""]
    for heading, items in (("May be wrong", found.remarks), ("Uncertain", found.doubts), ("Notes", found.notes)):
        lines += [*_wrapped(heading, items), ""] if items else []
    comments = "\n".join(f"# {line}".rstrip() for line in lines)
    content = {"videos": {found.video_id: found.entry}}
    text = yaml.safe_dump(content, sort_keys=False, allow_unicode=True, default_flow_style=False, width=1000)
    return f"{comments}\n{text}"


def draw_gaze(found: ImportedTable, video: Path) -> Picture:
    """Return the first frame of the video with the density of all gaze and three samples on it, RGB [480, 960, 3].

    Raises InputError if the guess does not read the table.
    """
    if found.samples is None:
        raise InputError(found.entry["gaze"], "no gaze to draw", "a table that the guess reads", found.failure)
    _, first = next(kept_pictures(video, [0], probe(video, force_2to1=True)))
    picture = resized(first[..., ::-1], _PICTURE).copy()
    column, row = direction_to_pixel(found.samples.yaw_deg, found.samples.pitch_deg, *_PICTURE)
    every = max(len(column) // _MOST_DOTS, 1)
    for x, y in zip(np.rint(column[::every]).astype(int), np.rint(row[::every]).astype(int), strict=True):
        cv2.circle(picture, (x, y), 1, COLOURS[1], -1)
    cv2.line(picture, (0, 240), (960, 240), PAPER, 1)
    cv2.line(picture, (480, 0), (480, 480), PAPER, 1)
    columns, rows = direction_to_pixel(found.shown.yaw_deg, found.shown.pitch_deg, *_PICTURE)
    for number, (x, y) in enumerate(zip(np.rint(columns).astype(int), np.rint(rows).astype(int), strict=True), start=1):
        cv2.circle(picture, (x, y), 9, EDGE, 4, cv2.LINE_AA)
        cv2.circle(picture, (x, y), 9, COLOURS[0], 2, cv2.LINE_AA)
        mark(picture, f"{number}", (x + 12, y + 5))
    for text, place in (("front", (486, 16)), ("horizon", (6, 234))):
        mark(picture, text, place)
    return picture


def _files(tables: Sequence[Path], video: str) -> list[Path]:
    """Return the files that are meant: of a folder or pattern those whose names contain the video's, if any do."""
    found: list[Path] = []
    for table in tables:
        if table.is_dir():
            found += sorted(path for path in table.iterdir() if is_table(path))
        elif table.exists():
            found.append(table)
        else:
            found += sorted(table.parent.glob(table.name))
    if not found:
        named = ", ".join(map(str, tables))
        raise InputError(named, "no table", "a table, or a folder of them (CSV, TSV, Parquet)", "Correct the path.")
    named_so = [path for path in found if video and video.lower() in path.name.lower()]
    return named_so if 0 < len(named_so) < len(found) else found


def _pattern(files: Sequence[Path]) -> str:
    """Return the pattern of the files' names whose * is the observer: whole words between _, - and the like."""
    names = [file.name for file in files]
    if len(names) == 1:
        stem = names[0].split(".")[0]
        prefix, suffix = stem[: -len(re.split(r"[_\- ]", stem)[-1])], names[0][len(stem) :]
    else:
        prefix = _common(names)
        suffix = _common([name[: len(prefix) - 1 : -1] if prefix else name[::-1] for name in names])[::-1]
        prefix = re.sub(r"[^_\-. ]+$", "", prefix)
        suffix = re.sub(r"^[^_\-. ]+", "", suffix)
    folders = {file.parent for file in files}
    folder = folders.pop() if len(folders) == 1 else Path(os.path.commonpath(folders))
    return str(folder / f"{prefix}*{suffix}")


def _several_videos(files: Sequence[Path]) -> list[str]:
    """Return a doubt if the files' names begin with several words, each of which several files have."""
    words = Counter(re.split(r"[_\- .]", file.name)[0] for file in files)
    if len(words) < 2 or min(words.values()) < 2:
        return []
    named, first = ", ".join(list(words)[:4]), next(iter(words))
    return [f"the files' names begin with {named}: if these are videos, name the files of one, such as {first}_*"]


def _common(names: Sequence[str]) -> str:
    """Return the beginning that all names have."""
    return "".join(first for first, *_ in takewhile(lambda same: len(set(same)) == 1, zip(*names, strict=False)))


def _ids(
    video: Path | None, files: Sequence[Path], guess: Guess, cells: pd.DataFrame, doubts: list[str]
) -> tuple[str, str | None]:
    """Return the id of the video, and the name that its gaze has for it, if that differs."""
    stem = video.stem if video else re.sub(r"[*]", "", Path(_pattern(files) if len(files) > 1 else files[0].name).name)
    name = stem if video else stem.split(".")[0]
    if (column := guess.columns.get("video")) is not None:
        kinds = sorted(cells[column].unique())
        chosen = next((kind for kind in kinds if name.lower() in (kind.lower(), Path(kind).stem.lower())), kinds[0])
        if len(kinds) > 1:
            others = ", ".join(kind for kind in kinds[:6] if kind != chosen)
            doubts.append(f"the table holds {len(kinds)} videos; this entry is of {chosen}. Others: {others}")
        video_id = _id(name if video else Path(chosen).stem)
        return video_id, chosen if chosen != video_id else None
    return _id(name), None


def _id(name: str) -> str:
    return "-".join(re.findall(r"[A-Za-z0-9]+", name)) or "video"


def _what(found: ImportedTable) -> str:
    files = f"{found.n_files} files, " if found.n_files > 1 else ""
    if found.samples is None:
        return f"{files}not read"
    n = found.samples.observer.nunique()
    kind = "samples" if (found.samples.fixation_id < 0).any() else "fixations"
    return f"{files}{len(found.samples)} {kind} of {n} observer{'s' if n != 1 else ''}"


def _row_of(
    sample: dict[Hashable, Any], cells: pd.DataFrame, guess: Guess, settings: dict[str, Any], names: Sequence[str]
) -> str:
    """Return the cells of the row that a sample comes from: of its observer, the one nearest in time; "" if unknown."""
    name, unit = guess.columns.get("time_s"), settings.get("time_unit", "s")
    if name is None or unit not in PER_SECOND or isinstance(settings.get("time_zero"), float):
        return ""
    owner = guess.columns.get("observer") or cells.columns[0]
    own = cells[cells[owner].str.contains(str(sample["observer"]), regex=False)]
    time = pd.to_numeric(own[name].str.replace(",", "."), errors="coerce") / PER_SECOND[unit]
    if own.empty or time.isna().all():
        return ""
    start = {"first of each observer": time.min()}.get(settings.get("time_zero", ""), 0.0)
    row = own.loc[(time - start - sample["time_s"]).abs().idxmin()]
    return ", ".join(f"{name} {row[name]}" for name in names)


def _panorama_text(found: ImportedTable, samples: pd.DataFrame) -> list[str]:
    """Return a panorama in characters: how much gaze is where, three samples with their rows, and the front."""
    column, row = direction_to_pixel(samples.yaw_deg, samples.pitch_deg, _ROWS, _COLUMNS)
    place = np.clip(np.rint(row), 0, _ROWS - 1).astype(int), np.clip(np.rint(column), 0, _COLUMNS - 1).astype(int)
    counts = np.zeros((_ROWS, _COLUMNS))
    np.add.at(counts, place, 1)
    level = np.ceil(np.sqrt(counts / counts.max()) * (len(_SHADES) - 1)).astype(int)
    canvas = [[_SHADES[level[y, x]] for x in range(_COLUMNS)] for y in range(_ROWS)]
    columns, rows = direction_to_pixel(found.shown.yaw_deg, found.shown.pitch_deg, _ROWS, _COLUMNS)
    for number, (x, y) in enumerate(zip(columns, rows, strict=True), start=1):
        canvas[min(max(round(y), 0), _ROWS - 1)][min(max(round(x), 0), _COLUMNS - 1)] = str(number)
    rule = "+" + "-" * (_COLUMNS // 2 - 3) + "front" + "-" * (_COLUMNS // 2 - 2) + "+"
    lines = [
        rule,
        *(f"|{''.join(line)}|{' horizon' if y == _ROWS // 2 else ''}" for y, line in enumerate(canvas)),
        rule,
    ]
    for number, (sample, cells) in enumerate(zip(found.shown.to_dict("records"), found.rows, strict=True), start=1):
        yaw, pitch = sample["yaw_deg"], sample["pitch_deg"]
        side = f"{abs(yaw):.1f}° {'right' if yaw >= 0 else 'left'}"
        height = f"{abs(pitch):.1f}° {'up' if pitch >= 0 else 'down'}"
        lines.append(f"{number}: {sample['observer']} at {sample['time_s']:.3f} s looks {side}, {height}")
        lines += textwrap.wrap(cells, _WIDTH, initial_indent="   ", subsequent_indent="   ")
    return lines


def _statistics(found: ImportedTable) -> list[str]:
    """Return the statistics that betray a wrong guess."""
    samples = found.samples
    assert samples is not None
    yaw, pitch = samples.yaw_deg, samples.pitch_deg
    front = (angular_distance(yaw, pitch, 0, 0) < 30).mean()
    ends = samples.time_s + samples.duration_s
    length = f" of {found.info.duration_s:.2f} s of video" if found.info else ""
    lines = [
        f"yaw {yaw.min():.1f} to {yaw.max():.1f}°, pitch {pitch.min():.1f} to {pitch.max():.1f}°",
        f"{(pitch < 0).mean():.0%} below the horizon (real gaze: 20 to 90 %), {front:.0%} within 30° of the front",
        f"gaze from {samples.time_s.min():.3f} to {ends.max():.3f} s{length}",
    ]
    speeds = speeds_of(samples.sort_values(["observer", "time_s"], kind="stable")).speed_deg_s
    if len(speeds):
        rate = 1 / samples.groupby("observer").time_s.apply(lambda time: time.sort_values().diff().median()).median()
        lines.append(
            f"{rate:.4g} samples per second; median speed {speeds.median():.3g} deg/s, "
            f"{(speeds > 1000).mean():.1%} faster than 1000 deg/s (real gaze at 30 Hz: less than 1 %)"
        )
    return lines


def _wrapped(heading: str, items: Sequence[str]) -> list[str]:
    lines = [f"{heading}:"]
    for item in items:
        lines += textwrap.wrap(item, _WIDTH, initial_indent="- ", subsequent_indent="  ")
    return lines
