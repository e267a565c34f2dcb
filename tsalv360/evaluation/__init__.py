"""Evaluation: scores of model and baselines on a fold's test clips, means with intervals, tables and figures."""

import re
from pathlib import Path
from typing import Annotated, Literal

from pydantic import Field, field_validator
from pydantic.dataclasses import dataclass

from tsalv360.contracts.settings import STRICT, setting
from tsalv360.job.errors import InputError
from tsalv360.sources.recording import existing

# Predictors of a scores table, in the order of pages; the maps of other models, `external:<name>`, follow the model's.
NAMES = {
    "model": "model, right prompt",
    "wrong_prompt": "model, wrong prompt",
    "neutral_prompt": "model, neutral prompt",
    "absent_prompt": "model, prompt of another video",
    "other_video": "model, other video",
    "clip_zero_shot": "CLIP, not trained",
    "mean_map": "mean training map",
    "equator": "equator",
    "centre": "centre",
    "uniform": "uniform",
    "observers": "other observers",
}
EXTERNAL = "external:"  # begins the predictor of another model's maps
_WORDS = re.compile(r"[A-Za-z0-9][\w.-]*( [A-Za-z0-9][\w.-]*)*", re.ASCII)

Folder = Annotated[
    str, Field(description="the folder of a model's maps, under the name that pages show", pattern=r"\S")
]


@dataclass(frozen=True, config=STRICT)
class EvaluateSettings:
    """Evaluation on the test videos of the folds: of the trained models, and of maps that other models made."""

    model: bool = setting(
        True, "score the trained model; false: baselines and external maps alone, which need no training and no PyTorch"
    )
    external: dict[str, Folder] = setting(dict, "maps that other models made, scored beside ours")
    neutral_prompt: str = setting("something", "prompt that describes no event, the text-blind baseline", pattern=r"\w")
    targets: Literal["as_they_are", "rescaled"] = setting(
        "as_they_are", "targets as the dataset has them; or each rescaled to maximum 255, as published ones are not"
    )
    bootstrap: int = setting(2000, "bootstrap samples of the videos for a 95 % interval", ge=100)
    rows: int = setting(2, "rows of pictures for each of the best, median and worst clips of a fold", ge=1)
    seed: int = setting(0, "seed of the bootstrap, and of the split of observers into halves and fifths", ge=0)

    @field_validator("external")
    @classmethod
    def _check_names(cls, external: dict[str, str]) -> dict[str, str]:
        taken = {name.casefold() for name in (*NAMES, *NAMES.values())}
        for name in external:
            if not _WORDS.fullmatch(name):
                raise ValueError(f"found the name '{name}'; expected words of letters, digits, '.', '-' and '_'")
            if name.casefold() in taken:
                raise ValueError(f"found the name '{name}', which a baseline has; expected another one")
        return external

    def external_folders(self) -> dict[str, Path]:
        """Return the folders of other models' maps by name; InputError for one that does not exist."""
        folders = {}
        for name, path in self.external.items():
            key = f"evaluate.external.{name}"
            folders[name] = existing(path, key)
            if not folders[name].is_dir():
                raise InputError(key, f"'{path}', a file", "a folder of maps", "Correct the path in the config.")
        return folders
