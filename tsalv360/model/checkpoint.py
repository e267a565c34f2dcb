"""Checkpoints: the published form, and our own, which holds the model's settings too.

CLIP's own weights, for a model that is to be trained. Nothing is downloaded.
"""

import zipfile
from dataclasses import asdict
from pathlib import Path
from pickle import UnpicklingError
from typing import Any

import torch
from pydantic import TypeAdapter, ValidationError
from safetensors import SafetensorError
from safetensors.torch import load_file
from torch import Tensor

from tsalv360.job.errors import InputError
from tsalv360.job.files import whole_file
from tsalv360.model.network import TSalV360
from tsalv360.model.settings import ModelSettings

_PREFIX = "module."  # of a model that was trained on several GPUs
_SHOWN = 20


def load_checkpoint(
    path: str | Path, device: str | torch.device = "cpu", dtype: torch.dtype = torch.float32
) -> TSalV360:
    """The model of a checkpoint in evaluation mode. Nothing is downloaded: the checkpoint holds CLIP.

    A file without settings is one of the published model. InputError, for a file that is no checkpoint and for weights
    that are missing, unexpected or of another shape, all of which it names.
    """
    content = _read(path)
    try:
        settings = TypeAdapter(ModelSettings).validate_python(content.get("settings", {}))
    except ValidationError as error:
        raise InputError(path, f"settings that cannot be: {error}", "those of a model", "Train it anew.") from None
    model = TSalV360(settings)
    weights = content["model"]
    if all(name.startswith(_PREFIX) for name in weights):
        weights = {name.removeprefix(_PREFIX): tensor for name, tensor in weights.items()}
    refuse_other_weights(path, weights, model.state_dict())
    model.load_state_dict(weights)
    return model.to(device, dtype).eval()


def save_checkpoint(model: TSalV360, path: str | Path, provenance: dict[str, Any] | None = None) -> None:
    """Write weights and settings of a model, and what it was made of, whole or not at all."""
    content = {"model": model.state_dict(), "settings": asdict(model.settings), "provenance": provenance}
    with whole_file(path) as partial:
        torch.save(content, partial)


def _read(path: str | Path) -> dict[str, Any]:
    """The content of a file with weights under `model`."""
    expected, advice = "a checkpoint of TSalV360", "Name the file that training wrote or the authors published."
    if not Path(path).is_file():
        raise InputError(path, "no such file", expected, advice)
    try:
        content = torch.load(path, map_location="cpu", weights_only=True, mmap=zipfile.is_zipfile(path))
    except (UnpicklingError, RuntimeError, EOFError, ValueError, OSError, KeyError) as error:
        reason = str(error).partition("\n")[0] or "an empty file"
        raise InputError(path, f"no checkpoint ({reason})", expected, advice) from None
    weights = content.get("model") if isinstance(content, dict) else None
    if not isinstance(weights, dict) or not all(isinstance(tensor, Tensor) for tensor in weights.values()):
        found = f"keys {', '.join(map(str, content))}" if isinstance(content, dict) else type(content).__name__
        raise InputError(path, found, f"{expected}, with weights under 'model'", advice)
    return content


def refuse_other_weights(path: str | Path, found: dict[str, Tensor], expected: dict[str, Tensor]) -> None:
    """InputError that lists what is missing, unexpected or of another shape."""
    shapes = [
        f"{name} {list(found[name].shape)} instead of {list(tensor.shape)}"
        for name, tensor in expected.items()
        if name in found and found[name].shape != tensor.shape
    ]
    wrong = {
        "missing": [name for name in expected if name not in found],
        "unexpected": [name for name in found if name not in expected],
        "of another shape": shapes,
    }
    if any(wrong.values()):
        listed = "; ".join(f"{len(names)} {what}: {_some(names)}" for what, names in wrong.items() if names)
        raise InputError(path, listed, f"the {len(expected)} weights of the model", "This is another model's file.")


def _some(names: list[str]) -> str:
    more = [f"… and {len(names) - _SHOWN} more"] if len(names) > _SHOWN else []
    return ", ".join([*names[:_SHOWN], *more])


_EXPECTED = "weights of CLIP RN50"
_ADVICE = "Take OpenAI's RN50.pt, or open_clip's file of RN50-quickgelu, openai."
_SIZES = {"input_resolution", "context_length", "vocab_size"}  # in OpenAI's file beside the weights
_MARK = "visual.attnpool.positional_embedding"


def is_clip(path: str | Path) -> bool:
    """Whether a file holds CLIP's weights, not those of a TSalV360. Other files are False, also unreadable ones."""
    return Path(path).is_file() and _MARK in (_read_clip(path) or {})


def load_clip(model: TSalV360, path: str | Path) -> None:
    """Put CLIP's weights in a model. InputError that names those that are missing, unexpected or of another shape."""
    weights = _read_clip(path)
    if weights is None:
        raise InputError(path, "no weights that can be read", _EXPECTED, _ADVICE)
    weights = {
        name: tensor.float() if tensor.is_floating_point() else tensor
        for name, tensor in weights.items()
        if name not in _SIZES
    }
    refuse_other_weights(path, weights, model.clip.state_dict())
    model.clip.load_state_dict(weights)


def _read_clip(path: str | Path) -> dict[str, Tensor] | None:
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
