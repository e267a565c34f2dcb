"""Directions, projections and camera paths on the sphere, exact at the seam and at the poles; no files are read."""

from typing import TYPE_CHECKING, Any

from tsalv360.sphere.directions import angular_distance

if TYPE_CHECKING:
    from tsalv360.sphere.projection import render_viewport

__all__ = ["angular_distance", "render_viewport"]


def __getattr__(name: str) -> Any:
    if name == "render_viewport":  # it needs OpenCV, which a job that only measures angles does without
        from tsalv360.sphere.projection import render_viewport

        return render_viewport
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
