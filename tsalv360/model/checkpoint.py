"""Files of weights: checkpoints of TSalV360, the published ones and ours, and CLIP's own. Nothing is downloaded."""

from __future__ import annotations

import zipfile
from dataclasses import asdict
from pathlib import Path
from pickle import UnpicklingError
from typing import Any, TypeGuard

import torch
from pydantic import TypeAdapter, ValidationError
from safetensors import SafetensorError
from safetensors.torch import load_file
from torch import Tensor, nn

from tsalv360.job.errors import InputError
from tsalv360.job.files import whole_file
from tsalv360.model.foreign import RETRY, describe
from tsalv360.model.network import TSalV360
from tsalv360.model.presence import Presence
from tsalv360.model.settings import ModelSettings
from tsalv360.model.torchscript import is_torchscript, read_torchscript

MAX_HEIGHT = 8192  # of frames, as in `frames.height`
_PREFIX = "module."  # of a model that was trained on several GPUs
_NO_WEIGHTS = {"input_resolution", "context_length", "vocab_size", "attn_mask"}  # in OpenAI's file beside the weights
_RN50 = "visual.attnpool.positional_embedding"
_MOST_NAMES = 20  # in an error
_DAMAGE = RuntimeError, EOFError, ValueError, OSError, KeyError


def load_checkpoint(
    path: str | Path, device: str | torch.device = "cpu", dtype: torch.dtype = torch.float32
) -> TSalV360:
    """Return the model of a checkpoint in evaluation mode.

    A checkpoint holds CLIP's weights too; one without settings has the shape of the published model. Raises InputError
    for a file that is no checkpoint, and for weights that are missing, unexpected or of another shape, which it names.

    >>> from tsalv360.model import ModelSettings
    >>> model = TSalV360(ModelSettings(encoder="small", width=2, embedding=32, heads=4))
    >>> save_checkpoint(model, "small.pt")
    >>> load_checkpoint("small.pt").settings == model.settings
    True
    """
    expected, advice = "a checkpoint of TSalV360", "Name the file that training wrote or the authors published."
    content = _read(path, expected, advice)
    weights = content.get("model")
    if not _are_weights(weights):
        found = f"the keys {', '.join(map(str, content))}"
        raise InputError(path, found, f"{expected}, with weights under 'model'", advice)
    try:
        settings = TypeAdapter(ModelSettings).validate_python(content.get("settings", {}))
    except ValidationError as error:
        raise InputError(path, f"settings that cannot be: {error}", "those of a model", "Train it again.") from None
    model = TSalV360(settings)
    load_weights(model, _without_prefix(weights), path)
    provenance = content.get("provenance")
    provenance = provenance if isinstance(provenance, dict) else {}
    height = provenance.get("frame_height")
    model.frame_height = height if isinstance(height, int) and 2 <= height <= MAX_HEIGHT else None
    try:
        model.presence = TypeAdapter(Presence | None).validate_python(provenance.get("presence"))
    except ValidationError as error:
        raise InputError(path, f"a presence that cannot be: {error}", "one of training", "Train it again.") from None
    return model.to(device, dtype).eval()


def save_checkpoint(model: TSalV360, path: str | Path, provenance: dict[str, Any] | None = None) -> None:
    """Write the weights, settings and provenance of a model as a whole file or not at all."""
    content = {"model": model.state_dict(), "settings": asdict(model.settings), "provenance": provenance}
    with whole_file(path) as partial:
        torch.save(content, partial)


def copy_checkpoint(path: str | Path, copy: str | Path, **more: Any) -> None:
    """Write a checkpoint of ours with more plain values in its provenance as a whole file or not at all."""
    content = torch.load(path, map_location="cpu", weights_only=True)
    content["provenance"] |= more
    with whole_file(copy) as partial:
        torch.save(content, partial)


def read_clip(
    path: str | Path, expected: str = "weights of CLIP RN50, or a checkpoint of TSalV360", sign: str = _RN50
) -> dict[str, Tensor] | None:
    """Return the weights in a file of CLIP RN50, or None for a file of something else.

    CLIP is read as OpenAI (TorchScript) and open_clip (safetensors) publish it, and as a state dict; no code in the
    file runs. The names of other models' weights begin with another `sign`. Raises InputError for a file that cannot be
    read.
    """
    content = _read(path, expected, "Name another file.", clip=True)
    weights = content.get("state_dict", content)
    if not _are_weights(weights):
        return None
    weights = _without_prefix(weights)
    if not any(name.startswith(sign) for name in weights):
        return None
    return {name: tensor for name, tensor in weights.items() if name.rpartition(".")[2] not in _NO_WEIGHTS}


def load_weights(module: nn.Module, weights: dict[str, Tensor], path: str | Path) -> None:
    """Copy weights, read from `path`, into a module; InputError lists missing, unexpected and misshapen ones."""
    expected = module.state_dict()
    shapes = [
        f"{name} {list(weights[name].shape)} instead of {list(tensor.shape)}"
        for name, tensor in expected.items()
        if name in weights and weights[name].shape != tensor.shape
    ]
    missing = [name for name in expected if name not in weights]
    unexpected = [name for name in weights if name not in expected]
    wrong = {"missing": missing, "unexpected": unexpected, "of another shape": shapes}
    if found := "; ".join(f"{len(names)} {kind}: {_some(names)}" for kind, names in wrong.items() if names):
        raise InputError(path, found, f"the {len(expected)} weights of the model", "This is another model's file.")
    module.load_state_dict(weights)


def _read(path: str | Path, expected: str, advice: str, clip: bool = False) -> dict[Any, Any]:
    """Return the dict in a file of torch.save, or in one of the forms of CLIP; InputError if there is none."""
    if not Path(path).is_file():
        raise InputError(path, "no such file", expected, advice)
    if is_torchscript(path):
        try:
            if clip:
                return read_torchscript(path)
            found = "TorchScript"
        except UnpicklingError as error:
            found = str(error)
        raise InputError(path, f"no checkpoint ({found})", expected, advice)
    try:
        if clip and Path(path).suffix == ".safetensors":
            return load_file(path)
        content = torch.load(path, map_location="cpu", weights_only=True, mmap=zipfile.is_zipfile(path))
    except SafetensorError as error:
        raise InputError(path, f"no checkpoint ({error})", expected, RETRY) from None
    except (*_DAMAGE, UnpicklingError, zipfile.BadZipFile):  # their messages advise to run what is in the file
        found, advice = describe(path)
        raise InputError(path, f"no checkpoint but {found}", expected, advice) from None
    if not isinstance(content, dict):
        raise InputError(path, f"a {type(content).__name__}", expected, advice)
    return content


def _are_weights(content: Any) -> TypeGuard[dict[str, Tensor]]:
    return isinstance(content, dict) and all(
        isinstance(name, str) and isinstance(tensor, Tensor) for name, tensor in content.items()
    )


def _without_prefix(weights: dict[str, Tensor]) -> dict[str, Tensor]:
    if not all(name.startswith(_PREFIX) for name in weights):
        return weights
    return {name.removeprefix(_PREFIX): tensor for name, tensor in weights.items()}


def _some(names: list[str]) -> str:
    return ", ".join(names[:_MOST_NAMES]) + (f", … and {len(names) - _MOST_NAMES} more" if names[_MOST_NAMES:] else "")
