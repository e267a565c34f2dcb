"""Settings of the evaluation."""

from pydantic.dataclasses import dataclass

from tsalv360.contracts.settings import STRICT, setting


@dataclass(frozen=True, config=STRICT)
class EvaluateSettings:
    """Evaluation of trained models on the test videos of their folds."""

    neutral_prompt: str = setting("something", "the sentence that says nothing about any event", pattern=r"\w")
    bootstrap: int = setting(2000, "times that the videos are drawn anew for a 95 % interval", ge=100)
    rows: int = setting(2, "rows of pictures for each of the best, the median and the worst clips of a fold", ge=1)
    seed: int = setting(0, "seed of the intervals, and of the halves that observers are split into", ge=0)
