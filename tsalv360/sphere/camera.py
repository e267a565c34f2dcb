"""The camera that follows an event: steady, never rolling, never far from it, and wide enough for its gaze.

`docs/viewports.md` has the formulas.
"""

import numpy as np
from scipy.ndimage import gaussian_filter1d, minimum_filter1d

from tsalv360.sphere.directions import Array, normalise, to_angles, vector_angle, wrap_yaw

_TRUNCATE = 4.0  # σ, of all Gaussians
_ASPECT = 3 / 4  # height to width of the viewport that a field of view is chosen for
_ROUNDS = 8
_SPEED_UP = 1.1
_OFFSET_STEP_DEG = 0.001
_TIE_DEG = 1e-6  # half turns this close to 180° count as turns to the right, so that rounding does not choose


def camera_path(
    vectors: Array,
    rate: float,
    smooth_s: float,
    max_speed_deg_s: float,
    max_acceleration_deg_s2: float = np.inf,
    max_offset_deg: float = 180.0,
    max_rotation_deg_s: float = np.inf,
) -> tuple[Array, Array]:
    """Return yaw and pitch [n] in degrees of a camera that follows unit vectors [n, 3] given at `rate` per second.

    Parameters
    ----------
    smooth_s : σ of the Gaussian over time, which causes no lag; 0 for none.
    max_speed_deg_s, max_acceleration_deg_s2 : of the optical axis on the sphere.
    max_offset_deg : farthest that the optical axis may lie from the vectors.
    max_rotation_deg_s : of the view about the optical axis: the change of yaw times the sine of pitch.

    Where limits contradict each other, rotation outranks offset, and offset outranks speed, acceleration and smoothing:
    the camera gets faster, as if its time ran faster, until the offset holds. Where the vectors jump by more than twice
    the offset, which no camera can follow, there is a cut.
    """
    cuts = np.flatnonzero(vector_angle(vectors[1:], vectors[:-1]) > 2 * max_offset_deg) + 1
    angles = []
    for part in np.split(vectors, cuts):
        faster, path = 1.0, _steady(part, rate, smooth_s, max_speed_deg_s, max_acceleration_deg_s2)
        while vector_angle(path, part).max() > max_offset_deg:
            faster *= _SPEED_UP
            speed, acceleration = faster * max_speed_deg_s, faster**2 * max_acceleration_deg_s2
            path = _steady(part, rate, smooth_s / faster, speed, acceleration)
        angles.append(_without_spin(path, max_rotation_deg_s / rate, smooth_s * rate / 2))
    yaw, pitch = np.concatenate(angles, axis=1)
    return yaw, pitch


def camera_hfov(
    spread_deg: Array, offset_deg: Array, rate: float, smooth_s: float, spreads: float, limits_deg: tuple[float, float]
) -> float:
    """Return the horizontal field of view in degrees whose 4:3 view reaches `spreads` times the spread above an event.

    It is that of the widest moment for the whole event, so that the view does not zoom in and out.

    Parameters
    ----------
    spread_deg, offset_deg : [n] at `rate` per second, root mean square distance of gaze from the event's direction, and
        distance of the camera from it. The square of the spread is smoothed by a Gaussian of `smooth_s`.
    limits_deg : lower and upper limit of the field of view.
    """
    if smooth_s:
        spread_deg = np.sqrt(gaussian_filter1d(spread_deg**2, smooth_s * rate, mode="nearest", truncate=_TRUNCATE))
    half_height = min(float((offset_deg + spreads * spread_deg).max()), 89.0)
    return float(np.clip(2 * np.degrees(np.arctan(np.tan(np.radians(half_height)) / _ASPECT)), *limits_deg))


def _steady(vectors: Array, rate: float, smooth_s: float, max_speed: float, max_acceleration: float) -> Array:
    """Return the path [n, 3] smoothed, limited in speed, and smoothed again.

    A path of speed v after a Gaussian of σ has accelerations of at most √(2/π) v/σ, and is no faster. On the sphere a
    little more may remain, which further rounds at a lower speed remove.
    """
    if len(vectors) < 2:
        return vectors
    sigma = smooth_s * rate / np.sqrt(2)  # applied twice: together σ = smooth_s
    later = max(sigma, rate * np.sqrt(2 / np.pi) * max_speed / max_acceleration)
    smooth, speed = _smoothed(vectors, sigma), max_speed
    for _ in range(_ROUNDS):
        step = speed / rate
        # forward and backward in time, so that a jump is passed half before and half after it happens
        mean = normalise(_limited(smooth, step) + _limited(smooth[::-1], step)[::-1])
        path = _smoothed(_limited(mean, step), later)  # where the two lie far apart, their mean may be faster than both
        change = path[2:] - 2 * path[1:-1] + path[:-2]
        change -= np.sum(change * path[1:-1], axis=1, keepdims=True) * path[1:-1]  # along the sphere
        fastest = vector_angle(path[1:], path[:-1]).max(initial=0.0) * rate
        sharpest = np.degrees(np.linalg.norm(change, axis=1)).max(initial=0.0) * rate**2
        excess = max(fastest / max_speed, sharpest / max_acceleration)
        if excess <= 1:
            break
        speed /= excess
    return path


def _without_spin(path: Array, step_deg: float, sigma: float) -> tuple[Array, Array]:
    """Return yaw and pitch of a camera near `path` [n, 3] whose view rotates by at most `step_deg` a step.

    Beside a pole the view of a camera that never rolls rotates with its yaw. Where that is too fast, the yaw starts
    earlier and ends later and the pitch compensates, with the smallest largest offset that allows it, found by
    bisection. The eased yaw is then smoothed by a Gaussian of `sigma` steps.
    """
    if _eased_yaw(path, 0.0, step_deg, 0) is not None:
        return to_angles(path)
    margin = round(_TRUNCATE * sigma)
    low, high = 0.0, 90.0  # at 90° a pole lies within reach of every direction, and any yaw will do
    eased = _eased_yaw(path, high, step_deg, margin)
    while high - low > _OFFSET_STEP_DEG:
        middle = (low + high) / 2
        found = _eased_yaw(path, middle, step_deg, margin)
        low, high, eased = (middle, high, eased) if found is None else (low, middle, found)
    assert eased is not None
    if sigma:
        longer = np.pad(eased, margin, mode="reflect", reflect_type="odd")
        eased = np.asarray(gaussian_filter1d(longer, sigma, truncate=_TRUNCATE)[margin : margin + len(path)])
    lam = np.radians(eased)
    along = path[:, 0] * np.cos(lam) + path[:, 1] * np.sin(lam)
    return wrap_yaw(eased), np.degrees(np.arctan2(path[:, 2], np.maximum(along, 0.0)))


def _eased_yaw(path: Array, offset_deg: float, step_deg: float, margin: int) -> Array | None:
    """Return the yaw [n] in degrees, not wrapped, of meridians within `offset_deg` of `path`; None if there are none.

    The view rotates by at most `step_deg` a step, also after a filter that reaches `margin` steps. Of the yaws that are
    possible at each step this is the middle between the outermost two (McShane 1934).
    """
    yaw, pitch = to_angles(path)
    steepest = np.sin(np.radians(np.minimum(np.abs(pitch) + offset_deg, 90.0)))
    most = np.minimum(step_deg / np.maximum(steepest, 1e-9), 360.0)
    steps = minimum_filter1d(np.minimum(most[1:], most[:-1]), 2 * margin + 1) if len(path) > 1 else most[1:]
    run = np.concatenate([[0.0], np.cumsum(steps)])
    free = 90.0 - np.abs(pitch) <= offset_deg  # a pole lies within reach
    if free.all():
        return np.full(len(path), float(to_angles(path.sum(axis=0))[0]))
    ratio = np.sin(np.radians(offset_deg)) / np.cos(np.radians(pitch[~free]))
    half_width, centre = np.degrees(np.arcsin(np.minimum(ratio, 1.0))), _unwrapped(yaw[~free])
    bounds = np.full((2, len(path)), np.inf)  # to the right, and to the left with the sign changed
    bounds[:, ~free] = centre + half_width, half_width - centre
    right, left = _lowest_reach(bounds[0], run), -_lowest_reach(bounds[1], run)
    return (left + right) / 2 if (left <= right + 1e-9).all() else None


def _lowest_reach(bound: Array, run: Array) -> Array:
    """Return the largest function that stays below `bound` [n] and changes by at most the increments of `run` [n]."""
    onward = np.minimum.accumulate(bound - run) + run
    return np.minimum(onward, np.minimum.accumulate((bound + run)[::-1])[::-1] - run)


def _unwrapped(yaw: Array) -> Array:
    """Return yaw [n] without jumps at the seam; half turns go to the right."""
    steps = wrap_yaw(np.diff(yaw))
    return yaw[0] + np.concatenate([[0.0], np.cumsum(np.where(steps < _TIE_DEG - 180, steps + 360, steps))])


def _smoothed(vectors: Array, sigma: float) -> Array:
    """Return the path [n, 3] after a Gaussian of `sigma` steps.

    Beyond its ends it is continued by itself, turned by 180° about the end: that continues every great circle.
    """
    margin = min(len(vectors) - 1, round(_TRUNCATE * sigma))
    if not margin:
        return vectors
    beyond = (vectors[margin:0:-1], vectors[0]), (vectors[-2 : -margin - 2 : -1], vectors[-1])
    before, after = (2 * (part @ end)[:, None] * end - part for part, end in beyond)
    longer = np.concatenate([before, vectors, after])
    smooth = gaussian_filter1d(longer, sigma, axis=0, mode="nearest", truncate=_TRUNCATE)
    return normalise(smooth[margin : margin + len(vectors)])


def _limited(vectors: Array, step_deg: float) -> Array:
    """Return a path [n, 3] that follows `vectors` by at most `step_deg` a step, along great circles."""
    path = vectors.copy()
    for i in range(1, len(path)):
        degrees = float(vector_angle(path[i - 1], vectors[i]))
        if degrees > step_deg:
            angle, share = np.radians(degrees), step_deg / degrees
            path[i] = normalise(np.sin((1 - share) * angle) * path[i - 1] + np.sin(share * angle) * vectors[i])
    return path
