"""Encoders of open_clip by name: their towers and shapes, and the weights that are published for them.

Nothing is downloaded: published weights are read from the cache of the Hugging Face Hub.
"""

import difflib
from functools import cache
from pathlib import Path
from typing import Any

import open_clip
import torch
from open_clip.constants import HF_SAFE_WEIGHTS_NAME, HF_WEIGHTS_NAME
from open_clip.model import CustomTextCLIP, convert_to_custom_text_state_dict
from torch import Tensor, nn

from tsalv360.job.errors import InputError
from tsalv360.model.architectures import PREFIX, Architecture, architecture_of, configuration
from tsalv360.model.encoders import ImageFeatures, Shape
from tsalv360.model.settings import ModelSettings
from tsalv360.model.tangent import DEVIATION, MEAN

_WHERE = "model.encoder"


class OpenClip(nn.Module):
    """The image and the text encoder of a model that open_clip knows by name; always frozen."""

    def __init__(self, settings: ModelSettings) -> None:
        super().__init__()
        name = _architecture(settings.encoder).name
        towers, (_, levels) = _towers(name), _shape_and_levels(name)
        self.visual = OpenClipImages(towers.visual, levels)
        self.text: Any = towers.text
        self.text.output_tokens = True
        self.requires_grad_(False)

    def train(self, mode: bool = True) -> "OpenClip":
        """Stay in evaluation mode."""
        return super().train(False)

    def encode_text(self, tokens: Tensor) -> tuple[Tensor, Tensor]:
        """Return the vectors [B, E] of prompts and of all their tokens [B, T, E] from tokens [B, T]."""
        vectors, words = self.text(tokens)
        projection = self.text.text_projection
        if isinstance(projection, nn.Linear):
            words = projection(words)
        elif projection is not None:
            words = words @ projection
        return vectors, words

    def renamed(self, weights: dict[str, Tensor]) -> dict[str, Tensor]:
        """Return the weights of a file of open_clip or OpenAI under the names of this module."""
        weights = convert_to_custom_text_state_dict(weights)
        return {
            name.replace("visual.", "visual.tower.", 1) if name.startswith("visual.") else name: tensor
            for name, tensor in weights.items()
            if not name.startswith("logit_")  # unused
        }


class OpenClipImages(nn.Module):
    """An image encoder of open_clip, which returns the maps of three levels too."""

    def __init__(self, tower: nn.Module, levels: tuple[int, int, int]) -> None:
        """`levels` are the positions of the levels among the tower's intermediate maps, the deepest first."""
        super().__init__()
        self.tower: Any = tower
        self._levels = levels

    def forward(self, images: Tensor) -> ImageFeatures:
        """Encode images [N, 3, P, P]."""
        deepest_last = sorted(self._levels)
        # The last norm of a transformer for all levels, since a few channels of its blocks are far larger than the rest
        found = self.tower.forward_intermediates(images, indices=deepest_last, normalize_intermediates=True)
        low, middle, high = found["image_intermediates"]
        return ImageFeatures((high, middle, low), found["image_features"])


def shape_of(encoder: str) -> Shape:
    """Return the shape of an encoder of open_clip."""
    return _shape_and_levels(_architecture(encoder).name)[0]


def normalisation(encoder: str) -> tuple[tuple[float, ...], tuple[float, ...]]:
    """Return the mean and deviation of RGB from 0 to 1 by which pictures are normalised.

    They are those of the named weights; without a name those of the first that are published for the model.
    """
    name, tag = _architecture(encoder)
    if tag:
        published = _named_weights(encoder)
    else:
        tags = open_clip.list_pretrained_tags_by_model(name)
        published = _published(Architecture(name, tags[0])) if tags else {}
    return tuple(published.get("mean", MEAN)), tuple(published.get("std", DEVIATION))


def cached_weights(encoder: str) -> Path:
    """Return the file of the published weights that an encoder names, in the Hugging Face cache.

    Raises InputError, with the command that downloads them, where they are missing, and as `_named_weights`.
    """
    from huggingface_hub import try_to_load_from_cache

    repository, _, file = _named_weights(encoder)["hf_hub"].rpartition("/")
    files = [file] if file else [HF_SAFE_WEIGHTS_NAME, HF_WEIGHTS_NAME]
    for name in files:
        if isinstance(path := try_to_load_from_cache(repository, name), str):
            return Path(path)
    found = f"no {' or '.join(files)} of {repository} in the Hugging Face cache"
    advice = f"Download them:  hf download {repository} {files[0]}"
    raise InputError("train.weights", found, f"the weights of {encoder}", advice)


def _architecture(encoder: str) -> Architecture:
    architecture = architecture_of(encoder)
    assert architecture
    return architecture


def _named_weights(encoder: str) -> dict[str, Any]:
    """Return what open_clip knows about the weights that an encoder names.

    Raises InputError for a name that it does not know, and for weights that were trained with another activation
    function than the model has.
    """
    architecture = _architecture(encoder)
    published = _published(architecture)
    if bool(published.get("quick_gelu")) != bool(configuration(architecture.name).get("quick_gelu")):
        name, tag = architecture
        other = f"{name}-quickgelu" if published.get("quick_gelu") else name.removesuffix("-quickgelu")
        found = f"the weights {tag} with {name}"
        expected = "the activation function that they were trained with"
        raise InputError(_WHERE, found, expected, f"Write {PREFIX}{other}/{tag}.")
    return published


def _published(architecture: Architecture) -> dict[str, Any]:
    """Return what open_clip knows about published weights of a model; InputError with the nearest names if nothing."""
    name, tag = architecture
    published: dict[str, Any] = open_clip.get_pretrained_cfg(name, tag)
    if not published:
        tags = open_clip.list_pretrained_tags_by_model(name)
        near = difflib.get_close_matches(tag, tags, 4, cutoff=0.3) or tags
        expected = f"a name such as {', '.join(near)}" if near else f"none, as none of {name} are published"
        raise InputError(_WHERE, f"the unknown weights {tag} of {name}", expected, "Correct it.")
    return published


def _towers(name: str) -> Any:
    """Return a model of open_clip with random weights."""
    config = configuration(name)
    config.pop("custom_text", None)
    if "timm_model_name" in config["vision_cfg"]:
        config["vision_cfg"]["timm_model_pretrained"] = False  # which would be downloaded
    return CustomTextCLIP(**config)


@cache
def _shape_and_levels(name: str) -> tuple[Shape, tuple[int, int, int]]:
    """Return the shape of a model and the positions of its three levels among the maps of all its stages or blocks.

    Levels are the last maps of the three smallest sizes or, where all have one size, of the whole, two thirds and one
    third of the blocks. All follows from a forward pass without data.
    """
    with torch.device("meta"), torch.no_grad():
        tower = _towers(name).visual.eval()
        size = tower.image_size  # one number or two equal ones
        side = size if isinstance(size, int) else size[0]
        found = tower.forward_intermediates(torch.zeros(1, 3, side, side))
    maps, n = found["image_intermediates"], len(found["image_intermediates"])
    last_of_size = {one.shape[-1]: k for k, one in enumerate(maps)}
    high, middle, low = (
        [last_of_size[size] for size in sorted(last_of_size)[:3]]
        if len(last_of_size) >= 3
        else [n - 1, round(2 * n / 3) - 1, round(n / 3) - 1]
    )
    levels = high, middle, low
    channels, sizes = ([maps[k].shape[axis] for k in levels] for axis in (1, 3))
    return Shape(found["image_features"].shape[1], (*channels,), (*sizes,), side), levels
