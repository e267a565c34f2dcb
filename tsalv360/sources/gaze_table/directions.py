"""Directions in the panorama from the columns of a gaze table."""

from collections.abc import Callable, Mapping, Sequence

import numpy as np

from tsalv360.sources.gaze_table.settings import (
    ANGLES,
    HEAD_ANGLES,
    POSITION,
    QUATERNION,
    SPHERE_YAW,
    VECTOR,
    GazeTableSettings,
)
from tsalv360.sources.recording import check_rows, directions_from_degrees, directions_from_fractions
from tsalv360.sphere.directions import Array, to_angles, to_vectors, wrap_yaw

_SHORTEST = 1e-6  # a vector that is shorter has no direction
_AXIS = {"yaw": "Z", "pitch": "Y", "roll": "X"}  # of our frame: x forward, y right, z up
_POSITIVE = {"right": 1, "up": 1, "left": -1, "down": -1}
_SENSE = {"yaw": 1, "pitch": -1, "roll": -1}  # of SciPy's rotation about that axis, for right, up and leaning right


def directions(
    values: Mapping[str, Array], settings: GazeTableSettings, where: Sequence[str], notes: list[str]
) -> tuple[Array, Array]:
    """Return yaw and pitch [n] in degrees of the rows.

    Parameters: `values` the used columns [n] as numbers; `where` [n] file and row of each; `notes` gets remarks.
    Raises InputError for a value that is no direction.
    """
    scale = 180 / np.pi if settings.angle_unit == "rad" else 1.0
    head = _head(values, settings, where, scale)
    if POSITION[0] in values:
        x, y = (
            values[name] / (size or 1) for name, size in zip(POSITION, (settings.width, settings.height), strict=True)
        )
        yaw, pitch = directions_from_fractions(x, y, str(settings.origin), where, notes)
    elif VECTOR[0] in values:
        from tsalv360.sphere import frames  # SciPy's rotations, which most tables do not need

        vectors = np.stack([values[name] for name in VECTOR], axis=1)
        length = np.linalg.norm(vectors, axis=1)
        check_rows(length > _SHORTEST, where, lambda row: f"a gaze vector of length {length[row]:.3g}", "a direction")
        yaw, pitch = to_angles(frames.from_axes(vectors, _axes(settings)))
    elif ANGLES[0] in values:
        yaw, pitch = (scale * values[name] for name in ANGLES)
        yaw, pitch = directions_from_degrees(yaw, pitch, where, notes)
        yaw, pitch = wrap_yaw(_POSITIVE[settings.yaw] * yaw), _POSITIVE[settings.pitch] * pitch
    else:
        yaw = pitch = np.zeros(len(where))  # straight ahead, where the head points
    if head is not None:
        yaw, pitch = to_angles(head(to_vectors(yaw, pitch)))
    turned = values.get(SPHERE_YAW, np.full(len(where), settings.sphere_yaw))
    return wrap_yaw(yaw - _POSITIVE[settings.yaw] * scale * turned), pitch


def _head(
    values: Mapping[str, Array], settings: GazeTableSettings, where: Sequence[str], scale: float
) -> Callable[[Array], Array] | None:
    """Return the function that turns our vectors [n, 3] from the head's frame to the world's, if there is a head."""
    if not len(where) or not (QUATERNION[0] in values or HEAD_ANGLES[0] in values):
        return None
    from scipy.spatial.transform import Rotation

    from tsalv360.sphere import frames

    if QUATERNION[0] in values:
        parts = np.stack([values[name] for name in QUATERNION])
        norm = np.linalg.norm(parts, axis=0)
        good = np.abs(norm - 1) <= frames.NORM_TOLERANCE
        check_rows(good, where, lambda row: f"a head quaternion of norm {norm[row]:.3g}", "norm 1, as rotations have")
        to_ours = frames.from_axes(np.eye(3), _axes(settings)).T
        rotation = Rotation.from_matrix(to_ours @ frames.quaternions(*parts).as_matrix() @ to_ours.T)
    else:
        signs = {"yaw": settings.head_yaw, "pitch": settings.head_pitch, "roll": settings.head_roll}
        order = settings.head_order.split()
        turns = [
            _SENSE[part] * _POSITIVE[signs[part]] * scale * values.get(f"head_{part}_deg", np.zeros(len(where)))
            for part in order
        ]
        rotation = frames.euler("".join(_AXIS[part] for part in order), np.stack(turns, axis=1))
    return lambda vectors: np.asarray(rotation.apply(vectors))


def _axes(settings: GazeTableSettings) -> Sequence[str]:
    """Return the axes that point right, up and forward."""
    assert settings.axes is not None  # `choose_columns` refuses vectors and quaternions without them
    from tsalv360.sphere.frames import AXES

    return AXES[settings.axes] if isinstance(settings.axes, str) else settings.axes
