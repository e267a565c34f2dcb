"""TSalV360: where people look in a 360° video for what a sentence says. Only the settings load without PyTorch.

Shapes: B clips or prompts, F frames of a clip, K tangent images, C channels, E the space that image and text share.
Inside the model latitudes grow downwards, as its published weights need; that geometry is used nowhere else.
"""

from importlib import import_module
from typing import TYPE_CHECKING, Any

from tsalv360.model.settings import ModelSettings

if TYPE_CHECKING:
    from tsalv360.model.checkpoint import load_checkpoint, save_checkpoint
    from tsalv360.model.encoders import FrameFeatures, TextFeatures
    from tsalv360.model.network import TSalV360
    from tsalv360.model.tokenizer import tokenize

__all__ = [
    "FrameFeatures",
    "ModelSettings",
    "TSalV360",
    "TextFeatures",
    "load_checkpoint",
    "save_checkpoint",
    "tokenize",
]
_MODULES = {
    "FrameFeatures": "encoders",
    "TSalV360": "network",
    "TextFeatures": "encoders",
    "load_checkpoint": "checkpoint",
    "save_checkpoint": "checkpoint",
    "tokenize": "tokenizer",
}


def __getattr__(name: str) -> Any:
    if name not in _MODULES:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return getattr(import_module(f"{__name__}.{_MODULES[name]}"), name)
