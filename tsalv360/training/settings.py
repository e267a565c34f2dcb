"""Settings of training, their checks before anything runs, and the start of a fold's training in its own processes.

Defaults are the published ones where they are known, but for `group`, `clips` and `clip_batch_norm`: docs/training.md
says what the published training does instead. This module does without PyTorch.
"""

import os
import subprocess
import sys
from dataclasses import dataclass as plain_dataclass
from dataclasses import field
from importlib.util import find_spec
from pathlib import Path
from typing import Literal

from pydantic import TypeAdapter
from pydantic.dataclasses import dataclass

from tsalv360.contracts.layout import CLIP_LENGTH
from tsalv360.contracts.settings import STRICT, setting
from tsalv360.job.errors import InputError
from tsalv360.job.files import whole_file
from tsalv360.job.libraries import require_extra
from tsalv360.job.log import RUN
from tsalv360.model import ModelSettings
from tsalv360.model.architectures import architecture_of


@dataclass(frozen=True, config=STRICT)
class TrainSettings:
    """What a model learns: clips, augmentation, loss and optimiser."""

    name: str = setting(
        "default",
        "name of the training run and its folders in models/ and evaluation/; with another name these models stay",
        pattern=r"^[A-Za-z0-9][A-Za-z0-9-]*$",
    )
    weights: str = setting(
        "",
        "file of the initial weights: those of the encoders (CLIP RN50, …), or a checkpoint of TSalV360; small "
        "encoders need none, nor do those that name weights, which are read from the Hugging Face cache; the word "
        "random starts from random weights, for trials",
    )
    clips: Literal["dataset", "published"] = setting(
        "dataset", "clips of the dataset's table, which never span a gap, or those that the published reader cuts"
    )
    stride: int = setting(8, "frames from one clip to the next; below 8 they overlap", ge=1, le=8)
    roll: bool = setting(True, "roll each clip about the vertical axis by a random angle")
    flip: Literal["never", "exchange", "skip"] = setting(
        "exchange",
        "mirror half of the clips; where a caption says left or right, exchange the words or skip the mirroring",
    )
    group: int = setting(
        4, "consecutive clips of a video that are drawn together: they share frames and augmentation", ge=1
    )
    batch_size: int = setting(8, "clips per optimiser step, whatever the number of processes", ge=1)
    epochs: int = setting(4, "passes over the clips", ge=1)
    learning_rate: float = setting(1e-5, "AdamW learning rate", gt=0)
    weight_decay: float = setting(0.01, "AdamW weight decay", ge=0)
    schedule: Literal["constant", "cosine"] = setting("constant", "learning-rate schedule after the warm-up")
    warmup: float = setting(0.0, "share of the steps in which the learning rate rises to its value", ge=0, lt=1)
    cc_weight: float = setting(0.05, "weight of 1 − CC beside KL(target ‖ prediction) in the loss", ge=0)
    clip_norm: float = setting(5.0, "maximum norm of the gradient; longer ones are scaled down", gt=0)
    clip_batch_norm: Literal["frozen", "published"] = setting(
        "frozen",
        "statistics of CLIP's batch norms: those of CLIP's weights, or updated by each batch as in the published "
        "training",
    )
    cached_rolls: int = setting(
        0,
        "number of rolls of each frame for which the features of frozen CLIP are cached on disk, mirrored ones too "
        "if flip allows; clips are rolled by these angles alone; 0: no cache, and any angle",
        ge=0,
    )
    best: Literal["cc", "kld"] = setting("cc", "metric on the validation videos that selects the best epoch")
    precision: Literal["no", "bf16", "fp16"] = setting("no", "mixed precision")
    seed: int = setting(0, "seed of weights, batches and augmentation", ge=0)


@dataclass(frozen=True, config=STRICT)
class ComputeSettings:
    """What training and evaluation run on; it changes the trained model only by rounding."""

    device: Literal["auto", "cpu"] = setting("auto", "a GPU if there is one, or CPU cores alone", runtime=True)
    processes: int = setting(1, "processes per fold, one on each GPU", runtime=True, ge=1)
    cores: int = setting(8, "CPU cores per fold", runtime=True, ge=1)
    workers: int = setting(0, "processes that read clips for each training process", runtime=True, ge=0)
    accumulate: int = setting(
        1, "parts in which a process computes its share of a step (gradient accumulation); more need less memory",
        runtime=True, ge=1,
    )  # fmt: skip
    keep_every_s: float = setting(
        300, "time between checkpoints of an unfinished training", unit="s", runtime=True, ge=0
    )
    deterministic: bool = setting(
        False, "use only algorithms that give the same result each time; slower on a GPU", runtime=True
    )


@plain_dataclass(frozen=True)
class TrainJob:
    """The training of a fold: its data, settings, and where its files go.

    `running` is kept when the job is killed; `features` holds cached features if `train.cached_rolls` asks for them.
    `stage` is the version of the training stage: a job does not resume what one of another version left.
    """

    dataset: Path
    frames: Path
    fold: int
    train: TrainSettings
    model: ModelSettings
    output: Path
    running: Path
    features: Path
    compute: ComputeSettings = field(default_factory=ComputeSettings)
    stage: str = ""


def launch(job: TrainJob, cores: int) -> int:
    """Train a fold by `compute.processes` processes that share the CPU cores; return their exit status.

    The job is written to `running/job.json`, for `torchrun … -m tsalv360.training job.json` on several nodes. The
    processes print where this one does.
    """
    path = job.running / "job.json"
    with whole_file(path) as partial:
        partial.write_bytes(TypeAdapter(TrainJob).dump_json(job, indent=1))
    n = job.compute.processes
    torchrun = ["-m", "torch.distributed.run", "--standalone", f"--nproc-per-node={n}"] if n > 1 else []
    threads = str(max(1, (cores - n * job.compute.workers) // n))
    # Snakemake sets all of these to the cores of the job, and PyTorch prefers MKL's: processes would compete for them.
    limits = dict.fromkeys(("OMP_NUM_THREADS", "MKL_NUM_THREADS", "OPENBLAS_NUM_THREADS"), threads)
    return subprocess.run(
        [sys.executable, *torchrun, "-m", "tsalv360.training", str(path)],
        env={**os.environ, **limits, RUN: f"{os.getpid()}"},
    ).returncode


def read_job(path: str | Path) -> TrainJob:
    """Return the job that `launch` wrote."""
    return TypeAdapter(TrainJob).validate_json(Path(path).read_bytes())


def check_installed() -> None:
    """Raise InputError, with the line that installs it, if a library of the extra `train` is missing."""
    require_extra("training", "train", ("torch", "open_clip", "accelerate", "tensorboard"))


def check_clips(model: ModelSettings) -> None:
    """Raise InputError if the model needs clips of another length than those of a dataset."""
    if model.n_frames != CLIP_LENGTH:
        expected = f"{CLIP_LENGTH}, since every clip of a dataset has {CLIP_LENGTH} frames, as published"
        raise InputError("model.n_frames", f"{model.n_frames}", expected, "Leave it out.")


def check_cache(model: ModelSettings, settings: TrainSettings) -> None:
    """Raise InputError if features are to be cached that change while the model is trained."""
    if not settings.cached_rolls:
        return
    where, expected = "train.cached_rolls", "encoders that training leaves unchanged"
    if model.encoder == "small":
        raise InputError(where, "small encoders, which are trained", expected, "Set train.cached_rolls to 0.")
    if settings.clip_batch_norm == "published":
        advice = "Set train.clip_batch_norm to frozen, or train.cached_rolls to 0."
        raise InputError(where, "batch norms that training updates", expected, advice)


def check_weights(model: ModelSettings, settings: TrainSettings) -> None:
    """Raise InputError if weights that the model needs are not named or not there, or cannot be trained as asked."""
    architecture = architecture_of(model.encoder)
    expected = f"{architecture.name if architecture else 'CLIP RN50'}, or a checkpoint of TSalV360"
    if architecture and settings.clip_batch_norm == "published":
        found = f"published with {model.encoder}"
        raise InputError("train.clip_batch_norm", found, "frozen, except for the encoder clip", "Leave it out.")
    if not settings.weights and model.encoder != "small" and not (architecture and architecture.tag):
        advice = "Name the file. `random` is for trials of speed and memory."
        if architecture:
            advice += " open_clip:NAME/WEIGHTS names published ones (open_clip.list_pretrained() lists them)."
        raise InputError("train.weights", "none", expected, advice)
    if find_spec("open_clip") or settings.weights:  # without it, as where the workflow is planned, the job checks
        path = weights_file(model, settings)
        if path and not path.is_file():
            raise InputError("train.weights", f"no file {path}", expected, "Correct the path.")


def weights_file(model: ModelSettings, settings: TrainSettings) -> Path | None:
    """Return the file of the initial weights, or None where they are random.

    It is that of `train.weights` or else, with an encoder such as open_clip:NAME/WEIGHTS, one in the Hugging Face
    cache, which must be there: InputError.
    """
    if settings.weights == "random":
        return None
    if settings.weights:
        return Path(settings.weights)
    architecture = architecture_of(model.encoder)
    if not architecture or not architecture.tag:
        return None
    from tsalv360.model.openclip import cached_weights  # it loads PyTorch

    return cached_weights(model.encoder)
