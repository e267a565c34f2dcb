"""What one fold is trained of."""

from dataclasses import dataclass
from pathlib import Path

from tsalv360.model import ModelSettings
from tsalv360.training.settings import TrainSettings


@dataclass(frozen=True)
class TrainJob:
    """A fold of a dataset, how it is trained, and where its files go. `running` is kept when the job is killed.

    `features` holds cached features, where `train.cached_turns` asks for them.
    """

    dataset: Path
    frames: Path
    fold: int
    train: TrainSettings
    model: ModelSettings
    output: Path
    running: Path
    features: Path
