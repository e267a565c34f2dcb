"""Text-driven saliency for 360° video: from gaze to dataset, captions, curation and model."""

import os
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from tsalv360.prediction import predict
    from tsalv360.publish import load_clips

__version__ = "0.2.0"
__all__ = ["__version__", "load_clips", "predict"]

MAX_PIXELS = 16384 * 8192  # of a picture or video; larger ones are refused before memory is allocated
os.environ.setdefault("OPENCV_IO_MAX_IMAGE_PIXELS", str(MAX_PIXELS))  # OpenCV reads it when it is imported


def __getattr__(name: str) -> Any:
    # Loaded on first use: every job imports this package, but few need the model.
    if name == "predict":
        from tsalv360.prediction import predict

        return predict
    if name == "load_clips":
        from tsalv360.publish import load_clips

        return load_clips
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
