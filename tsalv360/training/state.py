"""What a run keeps while it trains, so that a killed run, started again, ends as if it had not been killed."""

import shutil
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pandas as pd
import torch

from tsalv360.job.files import whole_file
from tsalv360.model import TSalV360, save_checkpoint


class State:
    """The steps, epochs and best score of a run, kept in a file together with the state of its parts.

    accelerate's `save_state` does not fit: it writes several files, which a kill can leave half, and in all processes
    at once, whereas the main process alone knows when the next one is due.
    """

    def __init__(
        self, folder: Path, provenance: dict[str, Any], made_of: dict[str, Any], parts: Mapping[str, Any]
    ) -> None:
        """Parameters: `provenance` for checkpoints; `made_of`, which a kept state must equal to be resumed; `parts`,
        objects with a `state_dict` by name, such as the model and the optimiser.
        """
        self._folder, self._path, self._parts = folder, folder / "state.pt", parts
        self.provenance, self._made_of = provenance, made_of
        self.steps: list[dict[str, float]] = []
        self.epochs: list[dict[str, float]] = []
        self._best = -float("inf")

    @property
    def step(self) -> int:
        """Number of steps done."""
        return len(self.steps)

    def restore(self) -> None:
        """Resume what a run of the same data, settings and version of the stage has kept, if there is any."""
        if not self._path.is_file():
            return
        kept = torch.load(self._path, map_location="cpu", weights_only=True)
        if kept.get("made_of") != self._made_of:
            print(f"{self._path} is of other data or settings, or of another version: training begins again.")
            return
        for name, part in self._parts.items():
            part.load_state_dict(kept[name])
        self.steps, self.epochs, self._best = kept["steps"], kept["epochs"], kept["best"]
        print(f"{self._path}: training goes on after step {self.step}.")

    def add_step(self, **numbers: float) -> None:
        """Record a step that is done."""
        self.steps.append({"step": self.step + 1, **numbers})

    def add_epoch(self, epoch: int, validation: dict[str, float], best: str) -> bool:
        """Record an epoch that is done; return whether it is the best so far by the metric `best`.

        Without validation the last epoch is the best.
        """
        self.epochs.append({"epoch": epoch, "step": self.step, **validation})
        score = validation.get(best, float(epoch)) * (-1 if validation and best == "kld" else 1)
        is_best = score > self._best
        self._best = max(score, self._best)
        return is_best

    def keep(self) -> None:
        """Write everything, whole or not at all."""
        parts = {name: part.state_dict() for name, part in self._parts.items()}
        content = {"made_of": self._made_of, "steps": self.steps, "epochs": self.epochs, "best": self._best, **parts}
        with whole_file(self._path) as partial:
            torch.save(content, partial)

    def finish(self, model: TSalV360, output: Path) -> None:
        """Write the results to `output` and remove what was kept."""
        output.mkdir(parents=True, exist_ok=True)
        save_checkpoint(model, output / "last.pt", self.provenance)
        for name, rows in (("steps", self.steps), ("metrics", self.epochs)):
            with whole_file(output / f"{name}.csv") as partial:
                pd.DataFrame(rows).to_csv(partial, index=False)
        with whole_file(output / "best.pt") as partial:
            shutil.copyfile(self._folder / "best.pt", partial)
        self._path.unlink()
        (self._folder / "best.pt").unlink()
