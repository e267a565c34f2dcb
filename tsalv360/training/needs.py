"""What training needs, checked before anything runs; imports no PyTorch."""

from pathlib import Path

from tsalv360.job.errors import InputError
from tsalv360.job.libraries import require_extra
from tsalv360.model import ModelSettings
from tsalv360.training.settings import TrainSettings

LIBRARIES = ("torch", "open_clip", "accelerate", "tensorboard")


def check_installed() -> None:
    """InputError, with the line that installs it, where a library of the extra `train` is missing."""
    require_extra("training", "train", LIBRARIES)


def check_cache(model: ModelSettings, settings: TrainSettings) -> None:
    """InputError where features are to be cached that change while the model is trained."""
    if settings.cached_turns and model.encoder == "small":
        found, advice = "small encoders, which are trained", "Set train.cached_turns to 0."
    elif settings.cached_turns and settings.clip_batch_norm == "published":
        found, advice = "batch norms that drift", "Set train.clip_batch_norm to frozen, or train.cached_turns to 0."
    else:
        return
    raise InputError("train.cached_turns", found, "encoders that stay as they are", advice)


def check_weights(model: ModelSettings, settings: TrainSettings) -> None:
    """InputError where weights that the model needs are not named or not there."""
    path = settings.weights
    if not path and model.encoder == "clip":
        advice = "Name its file, or a checkpoint of TSalV360. `random` is for trials of speed and memory."
        raise InputError("train.weights", "none", "CLIP RN50, which training leaves as it is", advice)
    if path not in ("", "random") and not Path(path).is_file():
        raise InputError("train.weights", f"no file {path}", "CLIP RN50, or a checkpoint of TSalV360", "Correct it.")
