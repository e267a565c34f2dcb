"""Text-driven saliency for 360° video: from gaze to dataset, captions, curation and model."""

import os
from importlib.metadata import version
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from tsalv360.prediction import predict

__all__ = ["__version__", "predict"]
__version__ = version("tsalv360")

MAX_PIXELS = 16384 * 8192  # of a picture or video that is read; more is refused before its memory is asked for
os.environ.setdefault("OPENCV_IO_MAX_IMAGE_PIXELS", str(MAX_PIXELS))  # OpenCV looks at it when it is imported


def __getattr__(name: str) -> Any:
    if name != "predict":
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    from tsalv360.prediction import predict

    return predict
