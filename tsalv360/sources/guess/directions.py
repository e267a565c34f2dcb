"""The columns that hold a direction, their units, signs and origin."""

from typing import Any

import numpy as np

from tsalv360.sources.guess.columns import HEAD, Columns, Guess
from tsalv360.sources.guess.vectors import guess_head_signs, guess_vector, head_angles, triples

SPHERE = ["sphere", "dome", "skybox"]
_YAW = ["yaw", "longitude", "lon", "long", "azimuth", "azi", "lambda", "horizontal", "hor", "theta", "h"]
_PITCH = ["pitch", "latitude", "lat", "elevation", "elev", "ele", "phi", "vertical", "ver", "v"]
_X, _Y = ["x", "u", "posx"], ["y", "v", "posy"]
_SIZES = 640, 720, 960, 1024, 1280, 1440, 1600, 1920, 2048, 2560, 2880, 3072, 3200, 3840, 4096, 5120, 5760, 7680, 8192
_HEIGHTS = (
    320,
    360,
    480,
    512,
    640,
    720,
    800,
    960,
    1024,
    1080,
    1280,
    1440,
    1536,
    1600,
    1920,
    2048,
    2160,
    2560,
    2880,
    3840,
)


def guess_direction(
    columns: Columns,
    guess: Guess,
    good: "np.ndarray[Any, np.dtype[np.bool_]]",
    observer: Any,
    size: tuple[int, int] | None,
) -> None:
    """Add the columns of a direction to a guess: vectors, angles or positions, and the head's rotation beside them.

    Parameters: `good` are the rows that count as valid, `observer` the column of observers, `size` that of the video.
    """
    vectors, quaternion = triples(columns, good, "xyz"), triples(columns, good, "xyzw")
    turns = head_angles(columns)
    vectors = {base: names for base, names in vectors.items() if not any(names[0] == q[0] for q in quaternion.values())}
    if quaternion or turns:
        if quaternion:
            names = min(quaternion.items(), key=lambda item: (not HEAD & set(item[0]), len(item[0])))[1]
            guess.columns |= dict(zip(("head_qx", "head_qy", "head_qz", "head_qw"), names, strict=True))
            columns.used |= set(names)
        else:
            guess.columns |= turns
            columns.used |= set(turns.values())
            guess_head_signs(columns, guess)
    rotated = bool(quaternion or turns)
    if vectors:
        guess_vector(columns, guess, vectors, good, observer, rotated)
    elif not (_guess_angles(columns, guess, good, rotated) or _guess_position(columns, guess, good, size)):
        if rotated:
            guess.table["head_only"] = True
            guess.doubts.append("no direction of the eyes was recognised: the head's direction alone is used")
        else:
            guess.doubts.append(f"no direction was recognised in {list(columns.text)}: name its columns by hand")
    if "head_qx" in guess.columns and "axes" not in guess.table:
        guess.table["axes"] = "unity"
        guess.doubts.append(
            "the head's axes are taken as Unity's (`axes: unity`); OpenXR looks along -z (`axes: openxr`)"
        )


def _guess_angles(columns: Columns, guess: Guess, good: Any, rotated: bool) -> bool:
    """Add yaw and pitch with their unit and direction; return whether there are any."""
    without = (HEAD - {"h"}) | {*SPHERE, "norm", "frame"}
    yaw, pitch = columns.find(_YAW, without=without), columns.find(_PITCH, without=without)
    if yaw is None or pitch is None or yaw == pitch:
        return False
    usable = good & np.isfinite(columns.values[yaw]) & np.isfinite(columns.values[pitch])
    lam, phi = columns.values[yaw][usable], columns.values[pitch][usable]
    if not len(lam) or np.quantile(np.abs(phi), 0.99) > 100:
        return False
    columns.used |= {yaw, pitch}
    guess.columns |= {"yaw_deg": yaw, "pitch_deg": pitch}
    words = set(columns.words[yaw] + columns.words[pitch])
    named = "rad" if words & {"rad", "radians"} else "deg" if words & {"deg", "degrees"} else None
    fits_rad = np.abs(lam).max() <= 2 * np.pi + 0.05 and np.abs(phi).max() <= np.pi / 2 + 0.05
    low, high = min(lam.min(), phi.min()), max(lam.max(), phi.max())
    if fits_rad and low >= 0 and high <= 1 and named is None and np.ptp(lam) > 0.1:
        return _angles_are_fractions(guess, yaw, pitch)
    if fits_rad and (named is None or named == "deg") and not rotated and np.ptp(lam) > 0.3:
        if named == "deg":
            guess.doubts.append(f"{yaw} says degrees, but all of it fits radians ({lam.min():.2f} to {lam.max():.2f})")
        guess.table["angle_unit"] = "rad"
    elif named == "rad" and fits_rad:
        guess.table["angle_unit"] = "rad"
    if rotated:
        guess.doubts.append(
            "the eyes' angles are taken as positive to the right and upward; else `yaw: left`, `pitch: down`"
        )
        return True
    above = float((phi > 0).mean())
    if above > 0.85:
        guess.table["pitch"] = "down"
        guess.doubts.append(
            f"{above:.0%} of {pitch} is positive, and viewers look down more often than up: `pitch: down`, else up"
        )
    else:
        guess.doubts.append(
            f"{pitch} is taken as positive upward ({above:.0%} of the gaze is above the horizon); else `pitch: down`"
        )
    guess.doubts.append(f"{yaw} is taken as positive to the right; the numbers cannot tell: else `yaw: left`")
    return True


def _angles_are_fractions(guess: Guess, x: str, y: str) -> bool:
    for name in ("yaw_deg", "pitch_deg"):
        del guess.columns[name]
    guess.columns |= {"x": x, "y": y}
    guess.table["origin"] = "top left"
    guess.doubts.append(
        f"{x} and {y} lie within 0 to 1: they are taken as fractions, origin top left, as Salient360! has them"
    )
    return True


def _guess_position(columns: Columns, guess: Guess, good: Any, size: tuple[int, int] | None) -> bool:
    """Add x and y as fractions or pixels, with their origin; return whether there are any."""
    without = HEAD - {"h"}
    x, y = columns.find(_X, without=without | {"left", "right"}), columns.find(_Y, without=without | {"left", "right"})
    x, y = x or columns.find(_X), y or columns.find(_Y)
    if x is None or y is None or x == y:
        return False
    columns.used |= {x, y}
    guess.columns |= {"x": x, "y": y}
    usable = good & np.isfinite(columns.values[x]) & np.isfinite(columns.values[y])
    across, down = columns.values[x][usable], columns.values[y][usable]
    most_x, most_y = (float(np.quantile(values, 0.995)) if len(values) else 1.0 for values in (across, down))
    pixels = most_x > 2
    if pixels:
        width, height = _size_of(most_x, most_y, size)
        guess.table |= {"width": width, "height": height}
        guess.doubts.append(
            f"positions are pixels of a panorama taken as {width}×{height}; state the one that was shown"
        )
    words = set(columns.words[x] + columns.words[y])
    middle = (height if pixels else 1) / 2
    low = float((down > middle).mean()) if len(down) else 0.5
    if "norm" in words:
        origin = "bottom left"
    elif pixels or words & {"u", "v"}:
        origin = "top left"
    else:
        origin = "top left" if low > 0.5 else "bottom left"
    guess.table["origin"] = origin
    below = low if origin == "top left" else 1 - low
    other = "bottom left" if origin == "top left" else "top left"
    guess.doubts.append(
        f"`origin: {origin}` ({below:.0%} of the gaze is then below the horizon); the alternative is {other}"
    )
    return True


def _size_of(most_x: float, most_y: float, size: tuple[int, int] | None) -> tuple[int, int]:
    """Return the width and height of the panorama that pixels up to these belong to."""
    if size and most_x <= size[0] + 1 and most_y <= size[1] + 1 and most_x > size[0] / 2:
        return size
    width = next((w for w in _SIZES if w >= most_x - 1), round(most_x) + 1)
    if most_y <= width / 2 + 1:
        return width, width // 2
    return width, next((h for h in _HEIGHTS if h >= most_y - 1), round(most_y) + 1)
