"""Unit vectors of gaze and rotations of the head, and their axes, guessed from names and values."""

from typing import Any

import numpy as np
import pandas as pd

from tsalv360.sources.guess.columns import HEAD, Columns, Guess

_EYE = {"eye", "gaze", "gazedir", "gazedirection", "dir", "direction", "ray", "forward", "look", "local"}
_IN_HEAD = 0.85  # length of the mean of vectors; eyes turn by 30° at most, and seldom
_FEWEST_STARTS = 3  # observers whose first directions tell where the front is


def triples(columns: Columns, good: Any, letters: str) -> dict[tuple[str, ...], list[str]]:
    """Return groups of columns that end with all `letters` and have length 1, by the other words of their names."""
    groups: dict[tuple[str, ...], dict[str, str]] = {}
    for name, words in columns.words.items():
        if words and words[-1] in letters and columns.numeric(name):
            groups.setdefault(tuple(words[:-1]), {})[words[-1]] = name
    found = {}
    for base, group in groups.items():
        if set(letters) <= group.keys() and (len(letters) == 4 or "w" not in group):
            names = [group[letter] for letter in letters]
            length = np.linalg.norm([columns.values[name][good] for name in names], axis=0)
            if np.isfinite(length).any() and abs(np.nanmedian(length) - 1) < 0.05:
                found[base] = names
    return found


def head_angles(columns: Columns) -> dict[str, str]:
    """Return the columns of a head's yaw, pitch and roll, if the names say that they are the head's."""
    found: dict[str, str] = {}
    for angle in ("yaw", "pitch", "roll"):
        for name, words in columns.words.items():
            if angle in words and HEAD & set(words) and name not in columns.used and columns.numeric(name):
                found.setdefault(f"head_{angle}_deg", name)
    return found if {"head_yaw_deg", "head_pitch_deg"} <= found.keys() else {}


def guess_head_signs(columns: Columns, guess: Guess) -> None:
    """Add the directions in which a head's angles are positive."""
    pitch = columns.values[guess.columns["head_pitch_deg"]]
    if np.nanmin(pitch) >= 0 and np.nanmax(pitch) > 270:
        guess.table |= {"head_pitch": "down", "head_roll": "left"}
        guess.doubts.append("head angles from 0 to 360 are taken as Unity's, whose pitch is positive downward")
    else:
        guess.doubts.append("the head's pitch is taken as positive upward; Unity's is not (`head_pitch: down`)")
    guess.doubts.append("head angles are taken in the order yaw, pitch, roll (`head_order`)")


def guess_vector(
    columns: Columns, guess: Guess, vectors: dict[tuple[str, ...], list[str]], good: Any, observer: Any, rotated: bool
) -> None:
    """Add the gaze vector and its axes: up is where it varies least, forward where observers begin."""
    left_right = {"left", "right", "l", "r"}
    order = sorted(
        vectors.items(),
        key=lambda item: (not _EYE & set("_".join(item[0]).split("_")), bool(left_right & set(item[0])), len(item[0])),
    )
    _, names = order[0]
    columns.used |= set(names)
    guess.columns |= dict(zip(("gaze_x", "gaze_y", "gaze_z"), names, strict=True))
    values = np.array([columns.values[name] for name in names])
    usable = good & np.isfinite(values).all(axis=0)
    mean = values[:, usable].mean(axis=1)
    if rotated and np.linalg.norm(mean) < _IN_HEAD:
        guess.columns = {name: column for name, column in guess.columns.items() if not name.startswith("head_")}
        guess.table = {name: value for name, value in guess.table.items() if not name.startswith("head_")}
        guess.doubts.append(
            "the gaze vector points everywhere, not only forward: it is taken as one of the world's frame"
        )
        rotated = False
    if rotated:
        forward = int(np.abs(mean).argmax())
        up = 1 if forward != 1 else 2
        sign = float(np.sign(mean[forward]))
    else:
        spread = values[:, usable].std(axis=1)
        up = int(spread.argmin())
        first = (
            pd.Series(np.arange(len(good))[usable])
            .groupby(observer.to_numpy()[usable] if observer is not None else np.zeros(usable.sum()))
            .head(1)
        )
        start = values[:, first.to_numpy()].mean(axis=1)
        start[up] = 0
        told = len(first) >= _FEWEST_STARTS and np.abs(start).max() > 0.85
        forward = int(np.abs(start).argmax()) if told else (2 if up == 1 else 0)
        sign = float(np.sign(start[forward])) if told else 1.0
        if not told:
            guess.doubts.append("which axis is forward is not told by where observers begin: the usual one is taken")
        if np.sort(spread)[1] < 1.5 * spread[up]:
            guess.doubts.append("which axis is up is not clear from the values")
    _set_axes(guess, up, forward, sign)


def _set_axes(guess: Guess, up: int, forward: int, sign: float) -> None:
    """Add the axes of a frame whose axis `forward` points forward (`sign` 1) or backward (−1)."""
    if up == 1 and forward == 2:
        guess.table["axes"] = "unity" if sign > 0 else "openxr"
        other = "openxr" if sign > 0 else "unity"
        guess.doubts.append(
            f"`axes: {guess.table['axes']}` (y up, z {'forward' if sign > 0 else 'backward'}); "
            f"the alternative is {other}"
        )
        return
    letter = "xyz"
    right = 3 - up - forward
    # right-handed: right × forward = up, with the sign of this permutation
    parity = 1 if (right, forward, up) in ((0, 1, 2), (1, 2, 0), (2, 0, 1)) else -1
    side = "" if parity * sign > 0 else "-"
    forward_axis = ("-" if sign < 0 else "") + letter[forward]
    guess.table["axes"] = [side + letter[right], letter[up], forward_axis]
    guess.doubts.append(
        f"the axes are taken as right-handed; if the gaze is mirrored, right is {'' if side else '-'}{letter[right]}"
    )
