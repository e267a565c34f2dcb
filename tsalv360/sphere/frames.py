"""Directions given in another frame, such as Unity's or OpenXR's, and head rotations in it.

A frame is three axes: those that point right, up and forward, each "x", "y" or "z", with "-" in front if the axis
points the other way. A rotation acts on components in its frame: the algebra is the same in left-handed frames, where a
positive angle turns clockwise as seen from the tip of its axis. So 90° about y looks right in Unity, left in OpenXR.
"""

from collections.abc import Sequence
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import ArrayLike

from tsalv360.sphere.directions import Array

if TYPE_CHECKING:  # SciPy's rotations are slow to import, and reading a configuration needs none
    from scipy.spatial.transform import Rotation

Axes = tuple[str, str, str]

# Right, up and forward. Unity: left-handed; OpenXR (also three.js, A-Frame, WebXR): right-handed, looking along −z.
AXES: dict[str, Axes] = {"unity": ("x", "y", "z"), "openxr": ("x", "y", "-z")}
NORM_TOLERANCE = 0.02  # two decimals in each component change the norm by up to 0.01


def from_axes(vectors: ArrayLike, axes: Sequence[str]) -> Array:
    """Return vectors [n, 3] of a frame in ours (x forward, y right, z up), with their length.

    `axes` are those that point right, up and forward. Raises ValueError if they are not x, y and z once each.
    """
    components = np.asarray(vectors, dtype=float)
    right, up, forward = (sign * components[..., place] + 0.0 for place, sign in _components(axes))  # no −0
    return np.stack([forward, right, up], axis=-1)


def quaternions(x: ArrayLike, y: ArrayLike, z: ArrayLike, w: ArrayLike) -> "Rotation":
    """Return the rotations of quaternions with vector part (x, y, z) and scalar part w, [n] each, normalised.

    Raises ValueError, which names the row from 0, for a norm that is not 1 within 0.02: these are no rotations.
    """
    from scipy.spatial.transform import Rotation

    parts = np.stack(np.broadcast_arrays(*(np.asarray(part, dtype=float) for part in (x, y, z, w))), axis=-1)
    norm = np.atleast_1d(np.linalg.norm(parts, axis=-1))
    good = np.abs(norm - 1) <= NORM_TOLERANCE  # false for NaN
    if not good.all():
        row = int(good.argmin())
        raise ValueError(f"row {row}: a quaternion of norm {norm[row]:g}; the norm of a rotation is 1")
    return Rotation.from_quat(parts)


def euler(order: str, angles_deg: ArrayLike) -> "Rotation":
    """Return the rotations of Euler angles [n, 3] in degrees, in the order of the letters of `order`.

    Upper case is intrinsic: "YXZ" (Unity's yaw, pitch and roll) turns about y, then about the new x, then about the new
    z. Lower case is extrinsic, as in SciPy. Raises ValueError for another order.
    """
    from scipy.spatial.transform import Rotation

    return Rotation.from_euler(order, np.asarray(angles_deg, dtype=float), degrees=True)


def _components(axes: Sequence[str]) -> list[tuple[int, int]]:
    """Return for right, up and forward the place of its component and the sign."""
    if sorted(axis.removeprefix("-") for axis in axes) != ["x", "y", "z"]:
        raise ValueError(f"axes {tuple(axes)}; right, up and forward are x, y and z once each, or -x, -y, -z")
    return [("xyz".index(axis[-1]), -1 if axis.startswith("-") else 1) for axis in axes]
