"""The camera that follows an event: calm, never rolling, never far from it, and wide enough to hold its looks.

`docs/viewports.md` has the formulas.
"""

import numpy as np
from numpy.typing import ArrayLike
from scipy.ndimage import gaussian_filter1d, minimum_filter1d

from tsalv360.sphere.directions import Array, normalise, to_angles, vector_angle, wrap_yaw

_TRUNCATE = 4.0  # σ, of all Gaussians
_ASPECT = 3 / 4  # height to width of the viewport that a field of view is chosen for
_ROUNDS = 8
_QUICKER = 1.1
_OFFSET_STEP_DEG = 0.001
_TIE_DEG = 1e-6  # half turns this close to 180° count as turns to the right, lest rounding choose


def camera_path(
    vectors: Array,
    rate: float,
    smooth_s: float,
    max_speed_deg_s: float,
    max_acceleration_deg_s2: float = np.inf,
    max_offset_deg: float = 180.0,
    max_rotation_deg_s: float = np.inf,
) -> tuple[Array, Array]:
    """Yaw and pitch [n] in degrees of a camera that follows unit vectors [n, 3] given at `rate` per second.

    Parameters
    ----------
    smooth_s : σ of the Gaussian over time, which brings no lag; 0 for none.
    max_speed_deg_s, max_acceleration_deg_s2 : of the optical axis on the sphere.
    max_offset_deg : farthest that the optical axis may lie from the vectors.
    max_rotation_deg_s : of the picture about the optical axis: the change of yaw times the sine of pitch.

    Where limits contradict each other, rotation goes before offset, and offset before speed, acceleration and
    smoothing: the camera is made quicker, as if its time ran faster, until the offset holds. Where the vectors jump by
    more than twice the offset, which no camera can follow, there is a cut.
    """
    cuts = np.flatnonzero(vector_angle(vectors[1:], vectors[:-1]) > 2 * max_offset_deg) + 1
    angles = []
    for part in np.split(vectors, cuts):
        path = _calm(part, rate, smooth_s, max_speed_deg_s, max_acceleration_deg_s2)
        quicker = 1.0
        while vector_angle(path, part).max() > max_offset_deg:
            quicker *= _QUICKER
            speed, acceleration = quicker * max_speed_deg_s, quicker**2 * max_acceleration_deg_s2
            path = _calm(part, rate, smooth_s / quicker, speed, acceleration)
        angles.append(_without_spin(path, max_rotation_deg_s / rate, smooth_s * rate / 2))
    yaw, pitch = np.concatenate(angles, axis=1)
    return yaw, pitch


def camera_hfov(
    spread_deg: Array, offset_deg: Array, rate: float, smooth_s: float, spreads: float, limits_deg: tuple[float, float]
) -> float:
    """Horizontal field of view in degrees whose 4:3 view reaches `spreads` times the spread above and below an event.

    One number for an event, so that the picture does not pump: that of its widest moment.

    Parameters
    ----------
    spread_deg, offset_deg : [n] at `rate` per second, root mean square distance of the looks from the event's
        direction, and distance of the camera from it. The square of the spread is smoothed by a Gaussian of `smooth_s`.
    limits_deg : lower and upper limit of the field of view.
    """
    if smooth_s:
        spread_deg = np.sqrt(gaussian_filter1d(spread_deg**2, smooth_s * rate, mode="nearest", truncate=_TRUNCATE))
    half_height = min(float((offset_deg + spreads * spread_deg).max()), 89.0)
    return float(np.clip(2 * np.degrees(np.arctan(np.tan(np.radians(half_height)) / _ASPECT)), *limits_deg))


def _calm(vectors: Array, rate: float, smooth_s: float, max_speed: float, max_acceleration: float) -> Array:
    """Smoothed, limited in speed, smoothed again.

    A path of speed v after a Gaussian of σ has accelerations of at most √(2/π) v/σ, and is no faster; but on the
    sphere a little more may remain, which the next rounds take away.
    """
    if len(vectors) < 2:
        return vectors
    sigma = smooth_s * rate / np.sqrt(2)  # twice, together σ = smooth_s
    later = max(sigma, rate * np.sqrt(2 / np.pi) * max_speed / max_acceleration)
    first, speed = _smoothed(vectors, sigma), max_speed
    for _ in range(_ROUNDS):
        path = _smoothed(_limited_both_ways(first, speed / rate), later)
        excess = max(_fastest(path) * rate / max_speed, _sharpest(path) * rate**2 / max_acceleration)
        if excess <= 1:
            break
        speed /= excess
    return path


def _without_spin(path: Array, step_deg: float, sigma: float) -> tuple[Array, Array]:
    """Yaw and pitch of a camera near `path` [n, 3] whose picture turns by at most `step_deg` a step.

    Beside a pole a camera that never rolls turns its picture with its yaw. Where that is too fast, the yaw starts
    earlier and ends later and the pitch makes up for it, with the smallest greatest offset that allows it, found by
    halving. The eased yaw is then smoothed by a Gaussian of `sigma` steps.
    """
    yaw, pitch = to_angles(path)
    if _eased_yaw(path, 0.0, step_deg, 0) is not None:
        return yaw, pitch
    margin = round(_TRUNCATE * sigma)
    low, high = 0.0, 90.0  # at 90° a pole lies within reach of every direction, where any yaw will do
    eased = _eased_yaw(path, high, step_deg, margin)
    while high - low > _OFFSET_STEP_DEG:
        middle = (low + high) / 2
        found = _eased_yaw(path, middle, step_deg, margin)
        if found is None:
            low = middle
        else:
            high, eased = middle, found
    assert eased is not None
    if sigma:
        longer = np.pad(eased, margin, mode="reflect", reflect_type="odd")
        eased = np.asarray(gaussian_filter1d(longer, sigma, truncate=_TRUNCATE)[margin : margin + len(path)])
    lam = np.radians(eased)
    along = path[:, 0] * np.cos(lam) + path[:, 1] * np.sin(lam)
    return wrap_yaw(eased), np.degrees(np.arctan2(path[:, 2], np.maximum(along, 0.0)))


def _eased_yaw(path: Array, offset_deg: float, step_deg: float, margin: int) -> Array | None:
    """Yaw [n] in degrees, not wrapped, of half meridians that pass within `offset_deg` of `path`; None if none can.

    The picture turns by at most `step_deg` a step, also after a filter that reaches `margin` steps. Of the yaws
    possible at each step this is the middle between the outermost two (McShane 1934).
    """
    yaw, pitch = to_angles(path)
    steepest = np.sin(np.radians(np.minimum(np.abs(pitch) + offset_deg, 90.0)))
    most = np.minimum(step_deg / np.maximum(steepest, 1e-9), 360.0)
    steps = minimum_filter1d(np.minimum(most[1:], most[:-1]), 2 * margin + 1) if len(path) > 1 else most[1:]
    run = np.concatenate([[0.0], np.cumsum(steps)])
    free = 90.0 - np.abs(pitch) <= offset_deg  # at the pole within reach
    if free.all():
        return np.full(len(path), float(to_angles(path.sum(axis=0))[0]))
    ratio = np.sin(np.radians(offset_deg)) / np.cos(np.radians(pitch[~free]))
    half_width, centre = np.degrees(np.arcsin(np.minimum(ratio, 1.0))), _unwrapped(yaw[~free])
    bounds = np.full((2, len(path)), np.inf)  # to the right, and to the left with the sign turned
    bounds[:, ~free] = centre + half_width, half_width - centre
    right, left = _lowest_reach(bounds[0], run), -_lowest_reach(bounds[1], run)
    return (left + right) / 2 if (left <= right + 1e-9).all() else None


def _lowest_reach(bound: Array, run: Array) -> Array:
    """The largest function that stays below `bound` [n] and changes by at most the increments of `run` [n]."""
    onward = np.minimum.accumulate(bound - run) + run
    return np.minimum(onward, np.minimum.accumulate((bound + run)[::-1])[::-1] - run)


def _unwrapped(yaw: Array) -> Array:
    """Yaw without jumps over the seam; half turns go to the right."""
    steps = wrap_yaw(np.diff(yaw))
    return yaw[0] + np.concatenate([[0.0], np.cumsum(np.where(steps < _TIE_DEG - 180, steps + 360, steps))])


def _smoothed(vectors: Array, sigma: float) -> Array:
    """Gaussian over the rows; beyond its ends the path goes on as it came, so that it is not held back there."""
    margin = min(len(vectors) - 1, round(_TRUNCATE * sigma))
    if not margin:
        return vectors
    before, after = vectors[margin:0:-1], vectors[-2 : -margin - 2 : -1]
    longer = np.concatenate([_half_turn(before, vectors[0]), vectors, _half_turn(after, vectors[-1])])
    smooth = gaussian_filter1d(longer, sigma, axis=0, mode="nearest", truncate=_TRUNCATE)
    return normalise(smooth[margin : margin + len(vectors)])


def _half_turn(vectors: Array, axis: Array) -> Array:
    """Vectors [n, 3] turned by 180° about a unit vector, which continues every great circle through it."""
    return 2 * (vectors @ axis)[:, None] * axis - vectors


def _limited_both_ways(vectors: Array, step_deg: float) -> Array:
    """Follow `vectors` by at most `step_deg` a step, so that a jump is passed half before and half after it happens."""
    mean = normalise(_limited(vectors, step_deg) + _limited(vectors[::-1], step_deg)[::-1])
    return _limited(mean, step_deg)  # where the two lie far apart, their mean may be faster than both


def _limited(vectors: Array, step_deg: float) -> Array:
    """Follow `vectors` by at most `step_deg` a step, along great circles."""
    path = vectors.copy()
    for i in range(1, len(path)):
        angle = float(vector_angle(path[i - 1], vectors[i]))
        if angle > step_deg:
            path[i] = _slerp(path[i - 1], vectors[i], np.radians(angle), step_deg / angle)
    return path


def _slerp(a: Array, b: Array, angle: ArrayLike, share: ArrayLike) -> Array:
    """Unit vectors [..., 3] the share of the way from `a` to `b`, which lie `angle` in radians apart."""
    angle, share = np.asarray(angle), np.asarray(share)
    return normalise(np.sin((1 - share) * angle) * a + np.sin(share * angle) * b)


def _fastest(path: Array) -> float:
    """The longest step of a path, degrees."""
    return float(vector_angle(path[1:], path[:-1]).max(initial=0.0))


def _sharpest(path: Array) -> float:
    """The largest change of a step along the sphere, degrees."""
    change = path[2:] - 2 * path[1:-1] + path[:-2]
    change -= np.sum(change * path[1:-1], axis=1, keepdims=True) * path[1:-1]
    return float(np.degrees(np.linalg.norm(change, axis=1)).max(initial=0.0))
