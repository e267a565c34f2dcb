"""Captions that state only what was measured in the pictures of an event.

The pictures come from a viewport that follows the attended thing. The thing is therefore the part at the centre that
differs in colour from the picture's border, and its motion is what remains of its own motion in the view once that of
the surroundings is taken away. What cannot be measured clearly is left out. Everything is deterministic.
Pictures are worked on at a fixed width, in CIELAB; colours are named in OKLab, where blue and purple lie apart.
"""

from collections import Counter
from collections.abc import Iterator, Sequence

import cv2
import numpy as np
from numpy.typing import ArrayLike, NDArray

from tsalv360.captions.captioner import Answer, Clip
from tsalv360.job.errors import InputError
from tsalv360.job.files import sha256

Floats = NDArray[np.floating]
Mask = NDArray[np.bool_]
Spectrum = NDArray[np.complex128]

WIDTH = 320  # of the pictures worked on, pixels
GRID_STEP = 0.6  # degrees per cell of the grid on which the surroundings' shift is sought
STILL, SLOW, QUICK = 2.5, 8.0, 30.0  # degrees per second
MOST = 0.6  # share of the pictures that must agree
CONES = np.array([[0.4122, 0.5363, 0.0515], [0.2119, 0.6807, 0.1074], [0.0883, 0.2817, 0.6300]])
OPPONENTS = np.array([[0.2105, 0.7936, -0.0041], [1.9780, -2.4286, 0.4506], [0.0259, 0.7828, -0.8087]])  # of OKLab
HUES = (
    (12, "pink", "red"),
    (41, "red", "red"),
    (80, "orange", "brown"),
    (100, "yellow", "brown"),
    (118, "yellow", "green"),
    (172, "green", "green"),
    (224, "cyan", "cyan"),
    (284, "blue", "blue"),
    (326, "purple", "purple"),
    (345, "pink", "purple"),
    (360, "pink", "red"),
)  # up to an OKLab hue: bright, dull


def colour_name(rgb: ArrayLike) -> str:
    """Everyday name of an sRGB colour [3] in 0..255, such as 'red', 'dark blue', 'grey-green' or 'light grey'."""
    c = np.asarray(rgb, dtype=float) / 255.0
    linear = np.where(c <= 0.04045, c / 12.92, ((c + 0.055) / 1.055) ** 2.4)
    light, a, b = (float(v) for v in OPPONENTS @ np.cbrt(CONES @ linear))
    chroma, hue = float(np.hypot(a, b)), float(np.degrees(np.arctan2(b, a)) % 360)
    if light < 0.26:
        return "black"
    if chroma < 0.025:
        return "white" if light > 0.88 else "dark grey" if light < 0.43 else "light grey" if light > 0.75 else "grey"
    bright, dull = next(terms for bound, *terms in HUES if hue <= bound)
    name = dull if light < 0.6 or chroma < 0.085 else bright
    name = "pink" if name == "red" and light > 0.7 and chroma < 0.19 else name
    if chroma < 0.055:
        return "grey-brown" if name == "red" else f"grey-{name}"
    if light < (0.33 if name in ("blue", "purple") else 0.42):
        return f"dark {name}"
    return f"light {name}" if light > 0.75 and chroma < 0.1 and name != "pink" else name


def _clusters(colours: Floats, count: int) -> tuple[Floats, Floats]:
    """k-means of about 4000 CIELAB colours [..., 3], without chance: centres [k, 3] and shares [k], largest first."""
    colours = np.ascontiguousarray(colours.reshape(-1, 3)[:: max(1, colours.size // 12000)], dtype=np.float32)
    count = min(count, len(colours))
    axis = np.linalg.eigh((colours - colours.mean(0)).T @ (colours - colours.mean(0)))[1][:, -1]
    order = np.argsort(np.argsort(colours @ axis, kind="stable"), kind="stable")
    start = (order * count // len(colours)).astype(np.int32)[:, None]  # slices along the main axis
    _, labels, centres = cv2.kmeans(colours, count, start, (3, 15, 0.5), 1, cv2.KMEANS_USE_INITIAL_LABELS)
    shares = np.bincount(labels.ravel(), minlength=count) / len(colours)
    largest = np.argsort(-shares, kind="stable")
    return centres[largest].astype(np.float32), shares[largest]


def _palette(colours: Floats) -> str:
    """The one or two names that cover CIELAB colours [..., 3], or 'varied'."""
    centres, shares = _clusters(colours, 5)
    families: dict[str, list[tuple[float, str]]] = {}
    for rgb, share in zip(255.0 * cv2.cvtColor(centres[None], cv2.COLOR_LAB2RGB)[0], shares, strict=True):
        name = colour_name(rgb)
        families.setdefault(name.replace("grey-", "").split()[-1], []).append((float(share), name))
    ranked = sorted(((sum(s for s, _ in members), max(members)[1]) for members in families.values()), reverse=True)
    (first, name), (second, other) = (*ranked, (0.0, ""))[:2]
    if first >= 0.62 or (first >= 0.4 and second < 0.25):
        return name
    return f"{name} and {other}" if first + second >= 0.65 and second >= 0.25 else "varied"


def _distance(lab: Floats, centres: Floats) -> Floats:
    """CIELAB distance [...] of colours [..., 3] to the nearest of the centres [k, 3]."""
    flat = lab.reshape(-1, 3)
    nearest = ((centres**2).sum(1)[:, None] - 2.0 * centres @ flat.T).min(0) + np.einsum("ij,ij->i", flat, flat)
    return np.sqrt(np.maximum(nearest, 0.0)).reshape(lab.shape[:-1])


def _border(shape: tuple[int, ...]) -> Mask:
    """The outer 24 rows and columns of a picture: [h, w]."""
    return np.pad(np.zeros((shape[0] - 48, shape[1] - 48), dtype=bool), 24, constant_values=True)


def _central_component(mask: Mask) -> Mask:
    """The connected part [h, w] of a mask that is large and near the centre; empty if there is none."""
    opened = cv2.morphologyEx(mask.astype(np.uint8), cv2.MORPH_OPEN, np.ones((3, 3), np.uint8))
    _, labels, stats, centroids = cv2.connectedComponentsWithStats(opened, connectivity=4)
    height, width = mask.shape
    areas = stats[:, cv2.CC_STAT_AREA] / mask.size
    away = np.hypot(*(centroids - ((width - 1) / 2, (height - 1) / 2)).T) / width
    scores = np.where((areas > 0.005) & (areas < 0.4) & (away < 0.22), areas * np.exp(-((away / 0.15) ** 2)), 0.0)
    scores[0] = 0.0
    found = (labels == scores.argmax()) & (scores.max() > 0)
    return found & (found[24:-24, 24:-24].sum() > 0.9 * found.sum())  # what runs along the border is scenery


def _same_colour(lab: Floats, masks: Mask, background: Floats) -> Mask:
    """The masks [T, h, w] drawn again around the main colour at the centre; unchanged where there is no such colour."""
    centres, _ = _clusters(lab[masks], 5)
    picture, row, column = np.nonzero(masks)
    height, width = masks.shape[1:]
    near = np.exp(-((column - (width - 1) / 2) ** 2 + (row - (height - 1) / 2) ** 2) / (0.12 * width) ** 2)
    label = np.linalg.norm(lab[masks][:, None] - centres, axis=2).argmin(1)
    votes = np.bincount(picture * len(centres) + label, near, len(masks) * len(centres)).reshape(len(masks), -1)
    main = centres[np.median(votes, axis=0).argmax()]
    rivals = np.concatenate([background, centres[np.linalg.norm(centres - main, axis=1) > 30]])
    own = _distance(lab, main[None])
    again = np.stack([_central_component(m) for m in (own < 40) & (own < _distance(lab, rivals))])
    share = [(a & m).sum() / m.sum() for a, m in zip(again, masks, strict=True) if m.any()]
    return again if np.percentile(share, 70) > 0.75 and _is_steady(again, lab) else masks


def _is_steady(masks: Mask, lab: Floats) -> bool:
    """Whether the masks [T, h, w] hold a part of steady colour and size in most pictures."""
    found = masks.any(axis=(1, 2))
    if found.mean() < MOST:
        return False
    medians = np.array([np.median(p[m], axis=0) for p, m in zip(lab[found], masks[found], strict=True)])
    sizes = np.log(masks[found].sum(axis=(1, 2)))
    alike = np.linalg.norm(medians - np.median(medians, axis=0), axis=1) < 20
    return bool((alike & (np.abs(sizes - np.median(sizes)) < np.log(2.0))).sum() >= MOST * len(masks))


def central_region(frames: NDArray[np.uint8]) -> tuple[Mask, Floats]:
    """The part at the centre of the RGB pictures [T, H, W, 3] that differs in colour from the border in most of them.

    Returns: masks [T, h, w], all empty where no such part is steady; the pictures [T, h, w, 3], smaller, in CIELAB.
    """
    size = (WIDTH, max(64, round(WIDTH * frames.shape[1] / frames.shape[2])))
    small = [cv2.GaussianBlur(cv2.resize(f, size, interpolation=cv2.INTER_AREA), (0, 0), 1.0) for f in frames]
    lab = np.stack([cv2.cvtColor(f.astype(np.float32) / 255.0, cv2.COLOR_RGB2LAB) for f in small])
    border = lab[:, _border(lab.shape[1:3])]
    centres, shares = _clusters(border, 6)
    background = centres[shares >= 0.05]  # less than that may be a second thing on its way through the view
    limit = float(np.clip(1.3 * np.percentile(_distance(border, background), 95), 18.0, 40.0))
    masks = np.stack([_central_component(m) for m in _distance(lab, background) > limit])
    if masks.any():
        masks = _same_colour(lab, masks, background)
    return (masks if _is_steady(masks, lab) else np.zeros_like(masks)), lab


def shape_name(mask: Mask) -> str:
    """The shape of a mask [h, w], read from its outline; '' where it is none of them clearly."""
    contours, _ = cv2.findContours(mask.astype(np.uint8), cv2.RETR_EXTERNAL, cv2.CHAIN_APPROX_NONE)
    contour = max(contours, key=cv2.contourArea, default=None)
    if contour is None or cv2.contourArea(contour) < 100:
        return ""
    filled = cv2.drawContours(np.zeros(mask.shape, np.uint8), [contour], -1, 1, -1) > 0
    offsets = contour[:, 0, :] - np.argwhere(filled).mean(0)[::-1]
    angles, turn = np.arctan2(offsets[:, 1], offsets[:, 0]), np.linspace(-np.pi, np.pi, 128, endpoint=False)
    order = np.argsort(angles, kind="stable")
    radius = np.fft.rfft(np.interp(turn, angles[order], np.hypot(*offsets.T)[order], period=2 * np.pi))
    waves = 2.0 * np.abs(radius) / np.abs(radius[0])  # [k]: k bulges per turn, relative to the mean radius
    solid = cv2.contourArea(contour) / cv2.contourArea(cv2.convexHull(contour))
    if mask.sum() < 0.88 * filled.sum():
        return "ring-shaped" if solid > 0.92 and waves[2:9].max() < 0.1 else ""
    if solid > 0.88:
        return _convex_name(contour.astype(np.int32), waves)
    first, second = np.argsort(-waves[2:9], kind="stable")[:2] + 2
    plain = solid < 0.85 and waves[first] > 0.1 and waves[first] > 1.4 * waves[second]
    return {4: "cross-shaped", 5: "star-shaped", 6: "star-shaped"}.get(first, "irregular") if plain else "irregular"


def _convex_name(contour: NDArray[np.int32], waves: Floats) -> str:
    """The shape of an outline [n, 1, 2] without dents and the waves of its radius; '' where it is unclear."""
    low, high = sorted(cv2.minAreaRect(contour)[1])
    width, height = cv2.boundingRect(contour)[2:]
    box = cv2.contourArea(contour) / (low * high)  # the share of the smallest box, upright or turned, that it fills
    if high > 1.8 * low:
        return "tall, narrow" if height > 1.5 * width else "long, flat" if width > 1.5 * height else ""
    if waves[3] > 0.12 and waves[3] > 1.5 * waves[4] and box < 0.68:
        return "triangular"
    if high < 1.3 * low and waves[3:7].max() < (0.06 if waves[2] < 0.06 else 0.035):
        return "round"
    return "square" if high < 1.3 * low and waves[4] > max(0.05, waves[3]) and box > 0.86 else ""


def _focal_length(hfov: float) -> float:
    """In pixels, of pictures with a horizontal field of view in degrees."""
    return WIDTH / 2 / float(np.tan(np.radians(hfov / 2)))


def _spectra(lab: Floats, mask: Mask, hfov: float) -> tuple[Spectrum, Spectrum, Spectrum]:
    """Transforms of the cells off the mask, of their lightness detail and of its square, padded to twice the size."""
    focal = _focal_length(hfov)
    half, half_down = hfov / 2, np.degrees(np.arctan(len(lab) / 2 / focal))
    # on a grid of angles, unlike in the picture, a turn of the camera is a plain shift
    grid = np.meshgrid(np.arange(-half, half, GRID_STEP), np.arange(-half_down, half_down, GRID_STEP))
    right, down = np.radians(grid)
    x = (focal * np.tan(right) + (WIDTH - 1) / 2).astype(np.float32)
    y = (focal * np.tan(down) / np.cos(right) + (len(lab) - 1) / 2).astype(np.float32)
    free = 1.0 - cv2.dilate(mask.astype(np.float32), np.ones((13, 13), np.uint8))
    light, usable = cv2.remap(lab[..., 0], x, y, cv2.INTER_LINEAR), cv2.remap(free, x, y, cv2.INTER_LINEAR)
    usable = (usable > 0.99).astype(np.float32)
    seen = (light * usable).astype(np.float32)
    mean = cv2.GaussianBlur(seen, (0, 0), 12) / np.maximum(cv2.GaussianBlur(usable, (0, 0), 12), 1e-3)
    detail = cv2.GaussianBlur(light - mean, (0, 0), 0.8) * usable
    bound = 3.0 * max(float(np.median(np.abs(detail))), 0.1)
    detail = np.clip(detail, -bound, bound)  # lest one strong edge outweigh the rest
    size = [cv2.getOptimalDFTSize(2 * n) for n in light.shape]
    return np.fft.rfft2(usable, size), np.fft.rfft2(detail, size), np.fft.rfft2(detail**2, size)


def _shift(first: tuple[Spectrum, ...], second: tuple[Spectrum, ...]) -> tuple[float, float]:
    """Shift, degrees right and up, by masked normalised cross-correlation (Padfield 2012); NaN where not plain."""
    (m1, f1, s1), (m2, f2, s2) = first, second
    count, sum1, sum2, power1, power2, product = np.fft.irfft2(
        np.conj([m1, f1, m1, s1, m1, f1]) * np.array([m2, m2, f2, m2, s2, f2])
    )
    count = np.maximum(count, 1.0)
    power = (power1 - sum1**2 / count) * (power2 - sum2**2 / count)
    score = (product - sum1 * sum2 / count) / np.sqrt(np.maximum(power, 0.01 * power.max() + 1e-6))
    score *= np.where(count > 0.2 * count.max(), np.sqrt(count / count.max()), 0)  # few cells match by chance
    score = np.fft.fftshift(score)
    peak, (row, column) = score.max(), np.unravel_index(score.argmax(), score.shape)
    score[max(0, row - 6) : row + 7, max(0, column - 6) : column + 7] = 0
    if peak < 0.3 or score.max() > 0.8 * peak:  # a repeating pattern matches in many places
        return np.nan, np.nan
    return (column - score.shape[1] // 2) * GRID_STEP, (score.shape[0] // 2 - row) * GRID_STEP


def _typical(speeds: Floats) -> Floats | None:
    """The common velocity [2] of velocities [n, 2]; None where too few are known or they disagree."""
    known = speeds[~np.isnan(speeds).any(axis=1)]
    lengths = np.hypot(*known.T)
    if not len(known) or len(known) < MOST * len(speeds):
        return None
    steady = np.hypot(*known.mean(axis=0)) > 0.75 * lengths.mean() or np.median(lengths) < STILL
    return np.median(known, axis=0) if steady else None


def _shifts(masks: Mask, lab: Floats, hfov: float) -> Floats:
    """Shift [T - 1, 2] of what lies outside the masks, degrees right and up; NaN where it is not plain."""
    spectra = [_spectra(p, m, hfov) for p, m in zip(lab, masks, strict=True)]
    return np.array([_shift(a, b) for a, b in zip(spectra, spectra[1:], strict=False)]).reshape(-1, 2)


def surroundings_motion(frames: NDArray[np.uint8], seconds_between: float, hfov: float = 75.0) -> Floats | None:
    """Velocity [2] around the central part, degrees per second right and up; None where it is not plain."""
    return _typical(_shifts(*central_region(frames), hfov) / seconds_between) if seconds_between > 0 else None


def _positions(masks: Mask, hfov: float) -> Floats:
    """Direction [T, 2] of the masks' middles from the axis, degrees right and up; NaN where a mask is empty."""
    places, focal = np.full((len(masks), 2), np.nan), _focal_length(hfov)
    for k in np.flatnonzero(masks.any(axis=(1, 2))):
        down, right = np.argwhere(masks[k]).mean(0) - (np.array(masks.shape[1:]) - 1) / 2
        places[k] = np.degrees((np.arctan2(right, focal), np.arctan2(-down, np.hypot(right, focal))))
    return places


def _going(velocity: Floats) -> str:
    """'moving slowly to the left' and the like for a velocity [2], degrees per second right and up."""
    speed = float(np.hypot(*velocity))
    ways = ("up" if velocity[1] > 0 else "down", "to the right" if velocity[0] > 0 else "to the left")
    clear = [w for w, v in zip(ways, velocity[::-1], strict=True) if abs(v) > 0.42 * speed]  # sine of 25°
    pace = "slowly " if speed < SLOW else "quickly " if speed > QUICK else ""
    return "hardly moving" if speed < STILL else f"moving {pace}{' and '.join(clear)}"


def _with_article(words: str) -> str:
    """The words behind 'a' or 'an'."""
    return f"{'an' if words[0] in 'aeiou' else 'a'} {words}"


def _thing(masks: Mask, lab: Floats) -> str:
    """What is said of a central part: its colours, its shape and the background's colours."""
    grown = np.stack([cv2.dilate(m.astype(np.uint8), np.ones((9, 9), np.uint8)) > 0 for m in masks])
    inner = np.stack([cv2.erode(m.astype(np.uint8), np.ones((3, 3), np.uint8)) > 0 for m in masks])
    ((name, count),) = Counter(shape_name(m) for m in masks if m.any()).most_common(1)
    clear = name and count >= MOST * masks.any(axis=(1, 2)).sum()
    shape = f"{name} {'figure' if name.endswith('shaped') else 'shape'}" if clear else "shape"
    colour = _palette(lab[inner if inner.any() else masks])
    return f"{colour} {shape} in front of {_with_article(_palette(lab[~grown]))} background"


def _scene(lab: Floats) -> str:
    """What is said of pictures [T, h, w, 3] (CIELAB) in which no part stands out at the centre."""
    detail = np.mean([np.std(p - cv2.GaussianBlur(p, (0, 0), 12)) for p in lab[..., 0]])
    texture, (height, width) = "patterned" if detail > 2.0 else "even", lab.shape[1:3]
    middle = _palette(lab[:, height // 3 : -(height // 3), width // 3 : -(width // 3)])
    around = _palette(lab[:, _border((height, width))])
    split = f"{texture} scene, {middle} in the middle and {around} around it"
    return f"{texture} {middle} scene" if middle == around else split


def describe(frames: NDArray[np.uint8], seconds_between: float, hfov: float = 75.0) -> str:
    """One sentence, under 40 words, of what was measured in RGB pictures uint8 [T, H, W, 3] `seconds_between` apart.

    Parameters: `hfov`, the horizontal field of view of the pictures in degrees.
    """
    frames = np.asarray(frames)
    if frames.ndim != 4 or len(frames) < 1 or frames.shape[3] != 3 or frames.dtype != np.uint8:
        found = f"{frames.dtype} {list(frames.shape)}"
        raise InputError("pictures of an event", found, "uint8 [T, H, W, 3]", "Pass at least one RGB picture.")
    masks, lab = central_region(frames)
    text = _with_article(_thing(masks, lab) if masks.any() else _scene(lab)).capitalize()
    shifts = _shifts(masks, lab, hfov)
    own = np.diff(_positions(masks, hfov), axis=0) - shifts if masks.any() else shifts
    velocity = _typical(own / seconds_between) if seconds_between > 0 else None
    # parts of a scene may move though its whole does not, so a scene is never said to rest
    if velocity is not None and (masks.any() or np.hypot(*velocity) >= STILL):
        return f"{text}, {_going(velocity)}."
    return f"{text}."


class Facts:
    """The captioner that needs no weights, GPU or prompt."""

    model = "facts"
    revision = "1"
    takes_prompt = False

    def __init__(self) -> None:
        self.decoding = {"code": sha256(__file__)}  # a changed measure makes known answers old

    def caption(self, clips: Sequence[Clip], prompt: str) -> Iterator[tuple[Clip, Answer]]:
        """Each clip with what was measured in it; there is nothing to ask."""
        for clip in clips:
            yield clip, Answer(describe(clip.pictures(), clip.seconds_between, clip.hfov_deg))
