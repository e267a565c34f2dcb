"""What a run keeps while it goes on, so that a killed one ends as if it had not been killed."""

import shutil
from pathlib import Path
from typing import Any

import pandas as pd
import torch

from tsalv360.job.files import whole_file
from tsalv360.model import TSalV360, save_checkpoint


class State:
    """Step, history and best epoch of a run, kept with weights and the optimiser's state in a folder."""

    def __init__(self, folder: Path, provenance: dict[str, Any], made_of: dict[str, Any]) -> None:
        """`provenance` goes into checkpoints; a run does not go on from what one that is `made_of` else kept."""
        self._folder, self._path = folder, folder / "state.pt"
        self.provenance, self._made_of = provenance, made_of
        self.steps: list[dict[str, float]] = []
        self.epochs: list[dict[str, float]] = []
        self._best = -float("inf")

    @property
    def step(self) -> int:
        """Steps that are done."""
        return len(self.steps)

    def restore(self, model: TSalV360, optimizer: Any, scaler: Any) -> None:
        """Go on from what was kept, if that was by a run of the same data, settings and version of the stage."""
        if not self._path.is_file():
            return
        kept = torch.load(self._path, map_location="cpu", weights_only=True)
        if kept.get("made_of") != self._made_of:
            print(f"{self._path} is of other data or settings, or of another version: training begins again.")
            return
        model.load_state_dict(kept["model"])
        optimizer.load_state_dict(kept["optimizer"])
        if scaler is not None:
            scaler.load_state_dict(kept["scaler"])
        self.steps, self.epochs, self._best = kept["steps"], kept["epochs"], kept["best"]
        print(f"{self._path}: training goes on after step {self.step}.")

    def add_step(self, **numbers: float) -> None:
        """A step is done."""
        self.steps.append({"step": self.step + 1, **numbers})

    def add_epoch(self, epoch: int, validation: dict[str, float], best: str) -> bool:
        """An epoch is done; returns whether it is the best so far by a metric. Without validation the last one is."""
        self.epochs.append({"epoch": epoch, "step": self.step, **validation})
        score = validation.get(best, float(epoch)) * (-1 if validation and best == "kld" else 1)
        is_best = score > self._best
        self._best = max(score, self._best)
        return is_best

    def keep(self, model: TSalV360, optimizer: Any, scaler: Any) -> None:
        """Write everything, whole or not at all."""
        content = {
            "made_of": self._made_of,
            "model": model.state_dict(),
            "optimizer": optimizer.state_dict(),
            "scaler": scaler.state_dict() if scaler is not None else None,
            "steps": self.steps,
            "epochs": self.epochs,
            "best": self._best,
        }
        with whole_file(self._path) as partial:
            torch.save(content, partial)

    def finish(self, model: TSalV360, output: Path) -> None:
        """Write the results and forget what was kept."""
        output.mkdir(parents=True, exist_ok=True)
        save_checkpoint(model, output / "last.pt", self.provenance)
        for name, rows in (("steps", self.steps), ("metrics", self.epochs)):
            with whole_file(output / f"{name}.csv") as partial:
                pd.DataFrame(rows).to_csv(partial, index=False)
        with whole_file(output / "best.pt") as partial:
            shutil.copyfile(self._folder / "best.pt", partial)
        self._path.unlink()
        (self._folder / "best.pt").unlink()
