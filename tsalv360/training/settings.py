"""Settings of training: what a model learns, and what it runs on. Defaults are the published ones, where stated.

What one fold is trained of.
"""

from dataclasses import dataclass as plain_dataclass
from dataclasses import field
from pathlib import Path
from typing import Literal

from pydantic.dataclasses import dataclass

from tsalv360.contracts.settings import STRICT, setting
from tsalv360.model import ModelSettings


@dataclass(frozen=True, config=STRICT)
class TrainSettings:
    """What a model learns: clips, augmentation, loss and optimiser."""

    name: str = setting(
        "default",
        "name of the training run: its folder in models/ and evaluation/; with another one the first is kept",
        pattern=r"^[A-Za-z0-9][A-Za-z0-9-]*$",
    )
    weights: str = setting(
        "", "file to start from: CLIP RN50, or a checkpoint of TSalV360; small encoders need none; random: for trials"
    )
    clips: Literal["dataset", "published"] = setting(
        "dataset", "clips of the dataset, which start anew after a gap, or as the published reader cuts its folder"
    )
    stride: int = setting(8, "frames from one clip to the next; below 8 they overlap", ge=1, le=8)
    roll: bool = setting(True, "turn each clip about the vertical axis by a random angle")
    flip: Literal["never", "exchange", "skip"] = setting(
        "exchange", "mirror half of the clips; where a caption says left or right, exchange the words, or skip it"
    )
    group: int = setting(4, "clips of a batch from one video, near in time: they share frames and turn alike", ge=1)
    batch_size: int = setting(8, "clips of an optimiser's step, whatever the number of processes", ge=1)
    epochs: int = setting(4, "passes over the clips", ge=1)
    learning_rate: float = setting(1e-5, "of AdamW", gt=0)
    weight_decay: float = setting(0.01, "of AdamW", ge=0)
    schedule: Literal["constant", "cosine"] = setting("constant", "of the learning rate, after the warm-up")
    warmup: float = setting(0.0, "part of the steps in which the learning rate grows to its value", ge=0, lt=1)
    cc_weight: float = setting(0.05, "weight of 1 − CC beside KL(target ‖ prediction) in the loss", ge=0)
    clip_norm: float = setting(5.0, "largest norm of the gradient; longer ones are scaled down", gt=0)
    clip_batch_norm: Literal["frozen", "published"] = setting(
        "frozen", "CLIP's batch norms: as in CLIP's weights, or drifting with each batch as in the published training"
    )
    cached_turns: int = setting(
        0,
        "turns of each frame whose features by frozen CLIP are kept on disk, mirrored too where flip mirrors; "
        "clips are turned by these alone; 0: no cache, and any turn",
        ge=0,
    )
    best: Literal["cc", "kld"] = setting("cc", "which metric of the validation videos says what the best epoch is")
    precision: Literal["no", "bf16", "fp16"] = setting("no", "mixed precision")
    seed: int = setting(0, "seed of weights, batches and augmentation", ge=0)


@dataclass(frozen=True, config=STRICT)
class ComputeSettings:
    """What training and evaluation run on; a model learns the same, but for rounding."""

    device: Literal["auto", "cpu"] = setting("auto", "a GPU where there is one, or CPU cores alone", runtime=True)
    processes: int = setting(1, "processes of a fold, one on each GPU", runtime=True, ge=1)
    cores: int = setting(8, "CPU cores of a fold", runtime=True, ge=1)
    workers: int = setting(0, "processes that read clips for each process that trains", runtime=True, ge=0)
    accumulate: int = setting(
        1, "parts that a process computes its share of a step in; more take less memory", runtime=True, ge=1
    )
    keep_every_s: float = setting(300, "time between running checkpoints", unit="s", runtime=True, ge=0)
    deterministic: bool = setting(
        False, "only algorithms that give the same result each time, slower on a GPU", runtime=True
    )


@plain_dataclass(frozen=True)
class TrainJob:
    """A fold of a dataset, how it is trained, on what, and where its files go. `running` is kept when it is killed.

    `features` holds cached features, where `train.cached_turns` asks for them. `stage` is the version of the training
    stage: what a killed run of another one left is not gone on from.
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
