"""Text-driven saliency for 360° video: from gaze to dataset, captions, curation and model."""

from importlib.metadata import version
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from tsalv360.prediction import predict

__all__ = ["__version__", "predict"]
__version__ = version("tsalv360")


def __getattr__(name: str) -> Any:
    if name != "predict":
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    from tsalv360.prediction import predict

    return predict
