"""The model that training starts from."""

import torch

from tsalv360.errors import InputError
from tsalv360.model import ModelSettings, TSalV360, load_checkpoint
from tsalv360.model.pretrained import is_clip, load_clip
from tsalv360.training.settings import TrainSettings


def start_model(model_settings: ModelSettings, settings: TrainSettings) -> TSalV360:
    """Random weights by the seed, then those of `train.weights`. InputError for a file that does not fit."""
    torch.manual_seed(settings.seed)
    if settings.weights in ("", "random") or is_clip(settings.weights):
        if model_settings.encoder == "clip" and not settings.weights:
            raise InputError(
                "train.weights",
                "none",
                "CLIP RN50, which the model does not train itself",
                "Name its file, or a checkpoint of TSalV360; `random` is for trials of speed and memory.",
            )
        model = TSalV360(model_settings)
        if is_clip(settings.weights):
            load_clip(model, settings.weights)
    else:
        model = load_checkpoint(settings.weights)
        if model.settings != model_settings:
            raise InputError(settings.weights, "a model of other settings", "those under `model`", "Make them agree.")
    if settings.clip_batch_norm == "published" and model_settings.encoder == "clip":
        model.clip.adapts = True
    return model
