"""Evaluation: scores of model and baselines on a fold's test clips, means with intervals, tables and figures."""

from typing import Literal

from pydantic.dataclasses import dataclass

from tsalv360.contracts.settings import STRICT, setting


@dataclass(frozen=True, config=STRICT)
class EvaluateSettings:
    """Evaluation of trained models on the test videos of their folds."""

    neutral_prompt: str = setting("something", "prompt that describes no event, the text-blind baseline", pattern=r"\w")
    targets: Literal["as_they_are", "rescaled"] = setting(
        "as_they_are", "targets as the dataset has them; or each rescaled to maximum 255, as published ones are not"
    )
    bootstrap: int = setting(2000, "bootstrap samples of the videos for a 95 % interval", ge=100)
    rows: int = setting(2, "rows of pictures for each of the best, median and worst clips of a fold", ge=1)
    seed: int = setting(0, "seed of the bootstrap, and of the split of observers into halves and fifths", ge=0)
