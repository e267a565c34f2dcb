"""Captions that state only what is measured in the pictures of an event: colours, size and motion.

The viewport follows what is watched. The object is therefore the region near the centre whose colours hardly occur
along the border, and its velocity is its motion in the view minus that of its surroundings. What cannot be measured
clearly is left out. Pictures are compared in CIELAB at a fixed width; all results are deterministic.
"""

import re
from collections import Counter
from collections.abc import Iterator, Sequence
from itertools import pairwise

import cv2
import numpy as np
from numpy.typing import NDArray
from scipy.ndimage import gaussian_filter
from scipy.spatial import KDTree
from skimage.color import deltaE_ciede2000, rgb2lab
from skimage.measure import label, regionprops
from skimage.registration import phase_cross_correlation
from skimage.segmentation import clear_border

from tsalv360.captions.captioner import Answer, Clip
from tsalv360.job.errors import InputError
from tsalv360.job.files import sha256

Floats = NDArray[np.floating]
Mask = NDArray[np.bool_]

WIDTH = 200  # pixels of the pictures that are measured
BORDER = 15  # pixels along the border that show the background
CELL = 8.0  # CIELAB units of one cell of a colour histogram
GRID_STEP = 0.6  # degrees per cell of the grid on which the surroundings' shift is sought
STILL, SLOW, QUICK = 2.5, 8.0, 30.0  # degrees per second
SMALL, LARGE = 12.0, 36.0  # degrees across
MOST = 0.6  # share of the pictures that must agree
NAMES = {  # examples of each name, in sRGB: a colour has the name of the nearest one
    "black": "000000 161616", "dark grey": "3c3c3c 505050", "grey": "6c6c6c 808080 989898",
    "light grey": "b8b8b8 d0d0d0", "white": "ececec ffffff",
    "red": "ff0000 d62828 a81c1c", "dark red": "640f0f 640a32", "pink": "ffc0cb ff69b4 f090a0 d02080 fa30ff",
    "orange": "ff8c1a ffaa33 f07820", "yellow": "ffff00 f0d728 e0c040", "light yellow": "f8f0a0",
    "brown": "8b5a2b a0703c 8b4513", "dark brown": "4a2c12",
    "green": "008000 28aa3c 00ff00 70a030 a0d840", "dark green": "0a3c0a 2c3c10", "light green": "a0e8a0",
    "cyan": "28cddc 00ffff 20a0a0", "dark cyan": "0a4646", "light cyan": "a8ecec",
    "blue": "0000ff 2850dc 1e78d2 4890f0", "dark blue": "101464 14285a", "light blue": "a0c8f8",
    "purple": "800080 9132c3 8a2be2 a878d8 6a30a0", "dark purple": "3c1450", "light purple": "d0b0f0",
    "grey-brown": "786a5c 968272 b4a290", "grey-yellow": "a8a070 c8c090", "grey-green": "64705e 82967c a4b49c 4c5844",
    "grey-cyan": "607878 8aa6a6", "grey-blue": "586880 7e92ae 98a8c0 404c60", "grey-purple": "74687e 9a8aa8",
}  # fmt: skip
_NAME_OF = {bytes.fromhex(example): name for name, examples in NAMES.items() for example in examples.split()}
_EXAMPLES = rgb2lab(np.array([list(rgb) for rgb in _NAME_OF], dtype=np.uint8))


def colour_names(lab: Floats) -> list[str]:
    """Return the everyday names of CIELAB colours [n, 3], such as 'red', 'dark blue' or 'grey-green'."""
    names = list(_NAME_OF.values())
    return [names[nearest] for nearest in deltaE_ciede2000(lab[:, None], _EXAMPLES[None]).argmin(axis=1)]


def _histogram(lab: Floats) -> tuple[Floats, Floats]:
    """Return the cells of CIELAB [n, 3] in which the colours [..., 3] lie, and their shares [n], of a sample."""
    colours = lab.reshape(-1, 3)
    sample = np.random.default_rng(0).choice(colours, min(4000, len(colours)), replace=False)
    cells, counts = np.unique(np.round(sample / CELL), axis=0, return_counts=True)
    return cells * CELL, counts / counts.sum()


def _palette(lab: Floats) -> str:
    """Return the one or two names that cover colours [..., 3], or 'multicoloured'.

    Light, dark and greyish variants of a colour count as one, and get the name of the commonest.
    """
    families: dict[str, Counter[str]] = {}
    cells, shares = _histogram(lab)
    for name, share in zip(colour_names(cells), shares, strict=True):
        families.setdefault(name.replace("grey-", "").split()[-1], Counter())[name] += share
    ranked = sorted(families.values(), key=lambda family: -family.total())
    names = [family.most_common(1)[0][0] for family in ranked[:2]]
    first, second = (*(family.total() for family in ranked), 0.0)[:2]
    if first >= 0.62 or (first >= 0.5 and second < 0.25):
        return names[0]
    return " and ".join(names) if first + second >= 0.65 and second >= 0.25 else "multicoloured"


def _central_region(mask: Mask) -> Mask:
    """Return the connected region [h, w] of a mask that is large and near the centre; empty if there is none."""
    labels, best, found = label(clear_border(mask), connectivity=1), 0.0, np.zeros_like(mask)
    for region in regionprops(labels):
        area = region.area / mask.size
        away = np.hypot(*(np.array(region.centroid) - (np.array(mask.shape) - 1) / 2)) / mask.shape[1]
        score = area * np.exp(-((away / 0.15) ** 2))
        if 0.005 < area < 0.4 and away < 0.22 and score > best:
            best, found = score, labels == region.label
    return found


def _is_steady(masks: Mask, lab: Floats) -> bool:
    """Return whether the masks [T, h, w] hold a region of steady colour and size in most pictures."""
    regions = [(*np.median(p[m], axis=0), 30 * np.log(m.sum())) for p, m in zip(lab, masks, strict=True) if m.any()]
    if len(regions) < MOST * len(masks):
        return False
    return bool((np.abs(np.array(regions) - np.median(regions, axis=0)).max(axis=1) < 20).sum() >= MOST * len(masks))


def find_object(frames: NDArray[np.uint8]) -> tuple[Mask, Floats]:
    """Return the region at the centre of RGB pictures [T, H, W, 3] whose colours differ from those of their border.

    Returns: masks [T, h, w], all empty where no region is steady; the pictures [T, h, w, 3], smaller, in CIELAB.
    """
    size = (WIDTH, max(3 * BORDER, round(WIDTH * frames.shape[1] / frames.shape[2])))
    small = [cv2.GaussianBlur(cv2.resize(f, size, interpolation=cv2.INTER_AREA), (0, 0), 1.0) for f in frames]
    lab = rgb2lab(np.stack(small).astype(np.float32) / 255)
    border = np.ones(lab.shape[1:3], dtype=bool)
    border[BORDER:-BORDER, BORDER:-BORDER] = False
    cells, shares = _histogram(lab[:, border])
    background = KDTree(cells[shares >= min(0.01, shares.max())])  # less may be another object that passes
    distance = background.query(lab)[0]
    limit = np.clip(1.3 * np.percentile(distance[:, border], 95), 18.0, 40.0)
    masks = np.stack([_central_region(far) for far in distance > limit])
    return (masks if _is_steady(masks, lab) else np.zeros_like(masks)), lab


def _focal_length(hfov: float) -> float:
    """Return the focal length in pixels of pictures with a horizontal field of view in degrees."""
    return WIDTH / 2 / float(np.tan(np.radians(hfov / 2)))


def _grown(mask: Mask) -> Mask:
    """Return a mask [h, w] grown by 4 pixels."""
    return cv2.dilate(mask.astype(np.uint8), np.ones((9, 9), np.uint8)) > 0


def _detail(lab: Floats, mask: Mask, hfov: float) -> Floats:
    """Return the lightness detail [rows, columns] on a grid of angles, where a pan of the camera is a plain shift.

    It is 0 on the mask, and everywhere in a picture without detail.
    """
    focal = _focal_length(hfov)
    edges = hfov / 2, np.degrees(np.arctan(len(lab) / 2 / focal))
    right, down = np.radians(np.meshgrid(*(np.arange(-edge, edge, GRID_STEP) for edge in edges)))
    x = (focal * np.tan(right) + (WIDTH - 1) / 2).astype(np.float32)
    y = (focal * np.tan(down) / np.cos(right) + (len(lab) - 1) / 2).astype(np.float32)
    usable = (cv2.remap((~_grown(mask)).astype(np.float32), x, y, cv2.INTER_LINEAR) > 0.99).astype(np.float32)
    light = cv2.remap(lab[..., 0], x, y, cv2.INTER_LINEAR) * usable
    detail = light - gaussian_filter(light, 8) / np.maximum(gaussian_filter(usable, 8), 1e-3) * usable
    bound = 4 * max(float(np.median(np.abs(detail[usable > 0]))), 0.1)  # lest one strong edge outweigh the rest
    return np.clip(detail, -bound, bound) * (detail.std() > 0.05)


def _shifts(masks: Mask, lab: Floats, hfov: float) -> Floats:
    """Return the shift of the surroundings of the masks, degrees right and up: [T - 1, 2]; NaN where it is not clear.

    A shift is clear if it and the next or the previous one add up to the shift between every other picture.
    """
    details = [_detail(picture, mask, hfov) for picture, mask in zip(lab, masks, strict=True)]

    def shift(first: Floats, second: Floats) -> Floats:
        if not (first.any() and second.any()):
            return np.full(2, np.nan)
        down, right = -phase_cross_correlation(
            first, second, reference_mask=first != 0, moving_mask=second != 0, overlap_ratio=0.4
        )[0]
        return GRID_STEP * np.array([right, -down])

    steps = np.array([shift(*pair) for pair in pairwise(details)]).reshape(-1, 2)
    adds_up = np.zeros(len(steps), dtype=bool)
    for k in range(len(steps) - 1):
        error = steps[k] + steps[k + 1] - shift(details[k], details[k + 2])
        adds_up[k : k + 2] |= np.abs(error).max() < 1.5 * GRID_STEP
    return np.where(adds_up[:, None], steps, np.nan)


def _typical(speeds: Floats) -> Floats | None:
    """Return the common velocity [2] of velocities [n, 2]; None where too few are known or they disagree."""
    known = speeds[~np.isnan(speeds).any(axis=1)]
    if not len(known) or len(known) < MOST * len(speeds):
        return None
    lengths = np.hypot(*known.T)
    steady = np.hypot(*known.mean(axis=0)) > 0.75 * lengths.mean() or np.median(lengths) < STILL
    return np.median(known, axis=0) if steady else None


def _positions(masks: Mask, hfov: float) -> Floats:
    """Return the direction [T, 2] of the centres of masks, degrees right and up; NaN where a mask is empty."""
    places, focal = np.full((len(masks), 2), np.nan), _focal_length(hfov)
    for k in np.flatnonzero(masks.any(axis=(1, 2))):
        down, right = np.argwhere(masks[k]).mean(0) - (np.array(masks.shape[1:]) - 1) / 2
        places[k] = np.degrees((np.arctan2(right, focal), np.arctan2(-down, np.hypot(right, focal))))
    return places


def _motion(velocity: Floats) -> str:
    """Return 'moving slowly to the left' and the like for a velocity [2], degrees per second right and up."""
    speed = float(np.hypot(*velocity))
    ways = ("up" if velocity[1] > 0 else "down", "to the right" if velocity[0] > 0 else "to the left")
    clear = [w for w, v in zip(ways, velocity[::-1], strict=True) if abs(v) > 0.42 * speed]  # sine of 25°
    pace = "slowly " if speed < SLOW else "quickly " if speed > QUICK else ""
    return "hardly moving" if speed < STILL else f"moving {pace}{' and '.join(clear)}"


def _object(masks: Mask, lab: Floats, hfov: float) -> str:
    """Return what is said of an object: its size, form and colours, and the colours of the background."""
    regions = [regionprops(mask.astype(np.uint8))[0] for mask in masks if mask.any()]
    diameter = np.median([region.equivalent_diameter_area for region in regions])
    across = np.degrees(2 * np.arctan(diameter / 2 / _focal_length(hfov)))
    round_ = [4 * np.pi * region.area > 0.95 * region.perimeter_crofton**2 for region in regions]
    long = [region.axis_major_length > 2 * region.axis_minor_length for region in regions]
    size = "small " if across < SMALL else "large " if across > LARGE else ""
    form = "round " if np.mean(round_) >= MOST else "elongated " if np.mean(long) >= MOST else ""
    outside = lab[~np.stack([_grown(mask) for mask in masks])]
    return f"{size}{form}{_palette(lab[masks])} object in front of a {_palette(outside)} background"


def _scene(lab: Floats) -> str:
    """Return what is said of pictures [T, h, w, 3] in CIELAB in which no object stands out at the centre."""
    detail = np.mean([np.std(light - gaussian_filter(light, 8)) for light in lab[..., 0]])
    return f"{'patterned' if detail > 2 else 'even'} {_palette(lab)} scene"


def describe(frames: NDArray[np.uint8], seconds_between: float, hfov: float = 75.0) -> str:
    """Return one sentence, under 40 words, on RGB pictures uint8 [T, H, W, 3] that are `seconds_between` apart.

    Parameters: `hfov`, the horizontal field of view of the pictures in degrees.
    """
    frames = np.asarray(frames)
    if frames.ndim != 4 or len(frames) < 1 or frames.shape[3] != 3 or frames.dtype != np.uint8:
        found = f"{frames.dtype} {list(frames.shape)}"
        raise InputError("pictures of an event", found, "uint8 [T, H, W, 3]", "Pass at least one RGB picture.")
    masks, lab = find_object(frames)
    has_object, motion = bool(masks.any()), ""
    if seconds_between > 0:
        shifts = _shifts(masks, lab, hfov)
        own = np.diff(_positions(masks, hfov), axis=0) - shifts if has_object else shifts
        velocity = _typical(own / seconds_between)
        # parts of a scene may move though its whole does not, so a scene is never said to rest
        if velocity is not None and (has_object or np.hypot(*velocity) >= STILL):
            motion = f", {_motion(velocity)}"
    text = f"A {_object(masks, lab, hfov) if has_object else _scene(lab)}{motion}."
    return re.sub(r"\b([Aa]) (?=[aeiou])", r"\1n ", text)


class Facts:
    """The captioner that needs no weights, GPU or prompt."""

    model = "facts"
    revision = "2"
    takes_prompt = False

    def __init__(self) -> None:
        self.decoding = {"code": sha256(__file__)}  # a changed measure makes known answers old

    def caption(self, clips: Sequence[Clip], prompt: str) -> Iterator[tuple[Clip, Answer]]:
        """Yield each clip with what is measured in it; there is nothing to ask."""
        for clip in clips:
            yield clip, Answer(describe(clip.pictures(), clip.seconds_between, clip.hfov_deg))
