"""The model that training starts from."""

import torch

from tsalv360.errors import InputError
from tsalv360.model import ModelSettings, TSalV360, load_checkpoint
from tsalv360.model.pretrained import is_clip, load_clip
from tsalv360.training.needs import check_weights
from tsalv360.training.settings import TrainSettings


def start_model(model_settings: ModelSettings, settings: TrainSettings) -> TSalV360:
    """Random weights by the seed, then those of `train.weights`. InputError for a file that is missing or no fit."""
    check_weights(model_settings, settings)
    torch.manual_seed(settings.seed)
    path = settings.weights
    if path and path != "random" and not is_clip(path):
        model = load_checkpoint(path)
        if model.settings != model_settings:
            raise InputError(path, "a model of other settings", "those under `model`", "Make them agree.")
    else:
        model = TSalV360(model_settings)
        if is_clip(path):
            load_clip(model, path)
    if settings.clip_batch_norm == "published" and model_settings.encoder == "clip":
        model.clip.adapts = True
    return model
