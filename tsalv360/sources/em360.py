"""360_em_dataset (Agtzidis et al., 2019): gaze samples with hand labels, one ARFF file per observer and video.

`@RELATION gaze_360`; `%@METADATA width_px` and `height_px` state the panorama in whose pixels, from the top left, `x`
and `y` are; `time` is in µs. A labeller has marked every sample: fixation, saccade, SP (smooth pursuit), noise, VOR,
OKN or unassigned. The labels are the truth for `tsalv360.fixations`; they do not enter the gaze.
"""

import re
from collections.abc import Sequence
from pathlib import Path

import numpy as np
import pandas as pd

from tsalv360.job.errors import InputError
from tsalv360.sources.recording import check_rows, directions_from_fractions, fixations_table
from tsalv360.sources.text import number, read_lines

LABELS = ("unassigned", "fixation", "saccade", "SP", "noise", "VOR", "OKN")
STILL = ("fixation", "SP", "VOR", "OKN")  # labels of gaze that stays on a thing, whether thing or head moves
_NEEDED = ["time", "x", "y", "confidence", "labeller_1"]
_CONFIDENT = 0.5  # the recorder writes 1, and 0 for a lost eye
_ADVICE = "Use the file as published."


def read_em360(paths: Sequence[str | Path], fps: float, notes: list[str] | None = None) -> pd.DataFrame:
    """Return the gaze samples of all observers of a video as rows of the fixations table, `fixation_id` −1.

    Parameters: one file per observer, who is named by it; the frame rate; a list to which remarks are appended, with
    the number of samples of each label. Raises InputError, which names the file and line.
    """
    notes = [] if notes is None else notes
    samples = labelled_samples(paths, fps, notes)
    counts = ", ".join(f"{count} {label}" for label, count in samples.label.value_counts().items())
    notes.append(f"labels by hand, which the fixation stage does not use: {counts}")
    return samples.drop(columns="label")


def labelled_samples(paths: Sequence[str | Path], fps: float, notes: list[str] | None = None) -> pd.DataFrame:
    """Return what `read_em360` returns, and the labeller's `label` of each sample, one of `LABELS`."""
    notes = [] if notes is None else notes
    return pd.concat([_read_file(Path(path), fps, notes) for path in paths], ignore_index=True)


def _read_file(path: Path, fps: float, notes: list[str]) -> pd.DataFrame:
    lines = read_lines(path, notes)
    start = next((n for n, line in enumerate(lines, start=1) if line.strip().lower() == "@data"), None)
    if lines[0].strip().lower() != "@relation gaze_360":
        raise InputError(f"{path}, line 1", f"'{lines[0][:80]}'", "@RELATION gaze_360", _ADVICE)
    if start is None:
        raise InputError(f"{path}, line {len(lines)}", "no line @DATA", "attributes, @DATA, then samples", _ADVICE)
    names = [line.split()[1] for line in lines[:start] if re.match(r"@attribute\s+\S+\s", line, re.IGNORECASE)]
    size = [_metadata(path, lines[:start], name) for name in ("width_px", "height_px")]
    if any(names.count(name) != 1 for name in _NEEDED):
        raise InputError(f"{path}, line {start}", f"attributes {', '.join(names)}", f"also {_NEEDED}", _ADVICE)
    rows = {n: line.split(",") for n, line in enumerate(lines[start:], start=start + 1) if line}
    for n, cells in rows.items():
        if len(cells) != len(names) or cells[names.index("labeller_1")] not in LABELS:
            expected = f"{len(names)} values, as attributes, with a label of {', '.join(LABELS)}"
            raise InputError(f"{path}, line {n}", f"'{','.join(cells)[:80]}'", expected, "Correct or remove the line.")
    if not rows:
        raise InputError(f"{path}, line {start}", "no samples", "samples after @DATA", _ADVICE)
    where, table = [f"{path}, line {n}" for n in rows], pd.DataFrame([*rows.values()], columns=names)
    time_us, x, y, confidence = (np.array([number(cell) for cell in table[name]]) for name in _NEEDED[:4])
    finite = np.logical_and.reduce(np.isfinite([time_us, x, y, confidence]))
    check_rows(finite, where, lambda row: f"'{','.join(table.iloc[row])[:80]}'", f"numbers as {', '.join(_NEEDED[:4])}")
    good = np.diff(time_us, prepend=-1) > 0
    check_rows(good, where, lambda row: f"the time {time_us[row]:g}", "a later one than that of the row before")
    kept = confidence >= _CONFIDENT
    if not kept.all():
        notes.append(f"{path.stem}: of {len(kept)} rows dropped: {(~kept).sum()} of confidence below {_CONFIDENT:g}")
    place = [one for one, keep in zip(where, kept, strict=True) if keep]
    yaw, pitch = directions_from_fractions(x[kept] / size[0], y[kept] / size[1], "top left", place, notes)
    time_s = time_us[kept] / 1e6
    step_s = np.median(np.diff(time_us)) / 1e6 if len(time_us) > 1 else 1 / fps
    frame = np.floor(time_s * fps + 1e-6)
    samples = fixations_table([path.stem] * len(time_s), time_s, step_s, frame, yaw, pitch)
    return samples.assign(label=table.labeller_1.to_numpy()[kept])


def _metadata(path: Path, header: list[str], name: str) -> float:
    """Return a positive number of the header's comments."""
    texts = [line.split()[2] for line in header if re.fullmatch(rf"%@metadata\s+{name}\s+\S+", line, re.IGNORECASE)]
    if len(texts) != 1 or not number(texts[0]) > 0:
        raise InputError(f"{path}, line {len(header)}", f"{name} {texts}", f"one %@METADATA {name} above it", _ADVICE)
    return number(texts[0])
