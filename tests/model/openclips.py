"""Small models of open_clip: two families in a fraction of the size, with the tokenizer that comes with open_clip."""

import json
from pathlib import Path
from typing import Any

import pytest

from tsalv360.model import ModelSettings, architectures

TEXT = {"context_length": 24, "vocab_size": 49408, "width": 64, "heads": 2, "layers": 1}
VISION: dict[str, dict[str, Any]] = {
    "tiny-vit": {"image_size": 48, "patch_size": 16, "layers": 6, "width": 96, "head_width": 32},
    "tiny-convnext": {"image_size": 64, "timm_model_name": "convnext_atto", "timm_pool": "", "timm_proj": "linear"},
}


def settings(encoder: str, **changes: Any) -> ModelSettings:
    """Return the settings of a small decoder on an encoder of open_clip."""
    shape: dict[str, Any] = {"patch_size": 64, "map_size": (24, 48), "width": 2, "heads": 4, "decoder": (32, 16, 16, 8)}
    return ModelSettings(encoder=f"open_clip:{encoder}", **{**shape, **changes})


def add_models(folder: Path, patch: pytest.MonkeyPatch, **text: Any) -> None:
    """Add the small models to those that open_clip knows; `text` replaces parts of their text encoders."""
    known = architectures._files()
    for name, vision in VISION.items():
        config = {"embed_dim": 32, "vision_cfg": vision, "text_cfg": {**TEXT, **text}}
        (folder / f"{name}.json").write_text(json.dumps(config))
        known[name] = folder / f"{name}.json"
    patch.setattr(architectures, "_files", lambda: known)
