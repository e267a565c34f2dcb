"""D-SAV360 (Bernal-Berdun et al., 2023): gaze samples of observers of videos with spatial sound, in CSV files.

Columns `video, id, frame, t, u, v, fixation, valid_fix_classification`. `u` and `v` are fractions of the panorama with
the origin at the top left. `frame` counts at 60 Hz, whatever the rate of the video; `t` is the time, whose unit (s or
ms) is the one that agrees with it. Rows with frame 0 at the centre (0.5, 0.5) are errors of the recorder.
"""

from collections.abc import Sequence
from pathlib import Path

import numpy as np
import pandas as pd

from tsalv360.job.errors import InputError
from tsalv360.sources.recording import check_rows, directions_from_fractions, fixations_table
from tsalv360.sources.text import number, read_lines

_COLUMNS = ["video", "id", "frame", "t", "u", "v"]
_RATE = 60.0  # of `frame`
_AGREE_S = 0.1  # between the two clocks; they differ by up to one frame and by rounding
_ADVICE = "Use the files as published."


def read_dsav360(
    paths: Sequence[str | Path], video_id: str, fps: float, notes: list[str] | None = None
) -> pd.DataFrame:
    """Return the gaze samples of all observers of a video as rows of the fixations table, `fixation_id` −1.

    Parameters: the CSV files, of which the rows of this video are used; its id, `12` or `0012`; its frame rate; a list
    to which remarks are appended. Raises InputError, which names the file and line.
    """
    notes = [] if notes is None else notes
    tables = [_read_file(Path(path), notes) for path in paths]
    table = pd.concat(tables, ignore_index=True)
    own = table[table.video.str.lstrip("0") == video_id.lstrip("0")]
    if own.empty:
        found = f"videos {', '.join(dict.fromkeys(table.video))[:200]}"
        raise InputError(paths[0], found, f"also '{video_id}'", "Set the video's `gaze_id` to its id in the file.")
    numbers = {name: np.array([number(cell) for cell in own[name]]) for name in _COLUMNS[2:]}
    where = own["where"].tolist()
    for name, values in numbers.items():
        cells = own[name].tolist()
        check_rows(np.isfinite(values), where, lambda row, c=cells, n=name: f"'{c[row]}' in column {n}", "a number")  # type: ignore[misc]
    frame, t, u, v = numbers.values()
    wrong = (frame == 0) & (u == 0.5) & (v == 0.5)
    if wrong.any():
        notes.append(f"of {len(own)} rows dropped: {wrong.sum()} errors of the recorder (frame 0 at the centre)")
    unit = min((1.0, 1e3), key=lambda ticks: float(np.median(np.abs(t / ticks - frame / _RATE)[~wrong], axis=0)))
    time_s = t / unit
    good = wrong | ((np.abs(time_s - frame / _RATE) <= _AGREE_S) & (time_s >= 0))
    check_rows(good, where, lambda row: f"t {t[row]:g} and frame {frame[row]:g}", "the same time, frame / 60 Hz")
    observer = own["id"].to_numpy()
    samples = pd.DataFrame({"observer": observer, "time_s": time_s, "u": u, "v": v, "where": where})[~wrong]
    copies = samples.duplicated(["observer", "time_s", "u", "v"])
    if copies.any():
        notes.append(f"of {len(own)} rows dropped: {copies.sum()} exact copies")
    samples = samples[~copies]
    yaw, pitch = directions_from_fractions(samples.u, samples.v, "top left", samples["where"].tolist(), notes)
    step = samples.groupby("observer").time_s.transform(lambda time: time.sort_values().diff().median())
    frame = np.floor(samples.time_s * fps + 1e-3)  # the file rounds its times
    return fixations_table(samples.observer, samples.time_s, step.fillna(1 / _RATE), frame, yaw, pitch)


def _read_file(path: Path, notes: list[str]) -> pd.DataFrame:
    """Return the cells of the columns that are used as text, and the place of each row."""
    header, *lines = read_lines(path, notes)
    names = header.split(",")
    if any(names.count(name) != 1 for name in _COLUMNS):
        raise InputError(f"{path}, line 1", f"'{header[:200]}'", f"the columns {', '.join(_COLUMNS)}", _ADVICE)
    rows, places = [], [names.index(name) for name in _COLUMNS]
    for line_number, line in enumerate(lines, start=2):
        cells, where = line.split(","), f"{path}, line {line_number}"
        if len(cells) != len(names) or not all(cells[place].isprintable() and cells[place] for place in places[:2]):
            expected = f"{len(names)} fields, with the video and the observer"
            raise InputError(where, f"'{line[:80]}'", expected, "Correct or remove the line.")
        rows.append([*(cells[place] for place in places), where])
    return pd.DataFrame(rows, columns=[*_COLUMNS, "where"], dtype="str")
