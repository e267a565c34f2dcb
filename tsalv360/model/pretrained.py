"""CLIP's own weights, for a model that is to be trained. Nothing is downloaded."""

import zipfile
from pathlib import Path
from pickle import UnpicklingError

import torch
from safetensors import SafetensorError
from safetensors.torch import load_file
from torch import Tensor

from tsalv360.errors import InputError
from tsalv360.model.checkpoint import refuse_other_weights
from tsalv360.model.network import TSalV360

_EXPECTED = "weights of CLIP RN50"
_ADVICE = "Take OpenAI's RN50.pt, or open_clip's file of RN50-quickgelu, openai."
_SIZES = {"input_resolution", "context_length", "vocab_size"}  # in OpenAI's file beside the weights
_MARK = "visual.attnpool.positional_embedding"


def is_clip(path: str | Path) -> bool:
    """Whether a file holds CLIP's weights, not those of a TSalV360. Other files are False, also unreadable ones."""
    return Path(path).is_file() and _MARK in (_read(path) or {})


def load_clip(model: TSalV360, path: str | Path) -> None:
    """Put CLIP's weights in a model. InputError that names those that are missing, unexpected or of another shape."""
    weights = _read(path)
    if weights is None:
        raise InputError(path, "no weights that can be read", _EXPECTED, _ADVICE)
    weights = {
        name: tensor.float() if tensor.is_floating_point() else tensor
        for name, tensor in weights.items()
        if name not in _SIZES
    }
    refuse_other_weights(path, weights, model.clip.state_dict())
    model.clip.load_state_dict(weights)


def _read(path: str | Path) -> dict[str, Tensor] | None:
    """Names and tensors of a file: safetensors, TorchScript as OpenAI publishes it, or a state dict; else None."""
    try:
        if Path(path).suffix == ".safetensors":
            return load_file(path)
        if zipfile.is_zipfile(path):
            with zipfile.ZipFile(path) as archive:
                is_script = any(name.endswith("/constants.pkl") for name in archive.namelist())
            if is_script:
                return torch.jit.load(str(path), map_location="cpu").state_dict()
        content = torch.load(path, map_location="cpu", weights_only=True)
    except (UnpicklingError, RuntimeError, EOFError, ValueError, OSError, KeyError, SafetensorError):
        return None
    content = content.get("state_dict", content) if isinstance(content, dict) else {}
    is_weights = all(isinstance(name, str) and isinstance(tensor, Tensor) for name, tensor in content.items())
    return content if content and is_weights else None
