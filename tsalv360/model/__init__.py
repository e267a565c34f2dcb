"""TSalV360, a model of text-driven saliency in 360° video. Importing this package loads no PyTorch; its models do.

Shapes: B clips or prompts, F frames of a clip, K tangent images, C channels, E dimensions shared by images and text.
Inside the model latitudes grow downwards, because its published weights need that; no other room uses this geometry.
"""

from importlib import import_module
from typing import TYPE_CHECKING, Any

from tsalv360.model.settings import ModelSettings

if TYPE_CHECKING:
    from tsalv360.model.checkpoint import load_checkpoint, save_checkpoint
    from tsalv360.model.encoders import FrameFeatures
    from tsalv360.model.network import TSalV360
    from tsalv360.model.tokens import tokenize

__all__ = ["FrameFeatures", "ModelSettings", "TSalV360", "load_checkpoint", "save_checkpoint", "tokenize"]

_MODULES = {"TSalV360": "network", "FrameFeatures": "encoders", "tokenize": "tokens"}


def __getattr__(name: str) -> Any:
    if name not in __all__:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    module = _MODULES.get(name, "checkpoint")
    return getattr(import_module(f"{__name__}.{module}"), name)
