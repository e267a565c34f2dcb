"""Directions, projections and camera paths on the sphere, exact at the seam and at the poles; no files are read."""

from typing import TYPE_CHECKING, Any

from tsalv360.sphere.directions import angular_distance

if TYPE_CHECKING:
    from tsalv360.sphere.projection import render_viewport

__all__ = ["angular_distance", "render_viewport"]


def __getattr__(name: str) -> Any:
    if name != "render_viewport":
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    from tsalv360.sphere.projection import render_viewport  # needs OpenCV, without which angles can be measured

    return render_viewport
