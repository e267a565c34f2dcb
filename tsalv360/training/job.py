"""What one fold is trained of."""

from dataclasses import dataclass, field
from pathlib import Path

from tsalv360.model import ModelSettings
from tsalv360.training.settings import ComputeSettings, TrainSettings


@dataclass(frozen=True)
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
