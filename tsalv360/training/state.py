"""The record of a run: with it a killed run, started again, ends as if it had not been killed."""

import shutil
import time
from itertools import islice
from typing import Any

import pandas as pd
import torch
from accelerate import Accelerator

from tsalv360.job.files import whole_file
from tsalv360.job.log import progress
from tsalv360.model import TSalV360, save_checkpoint
from tsalv360.training.batches import Sample
from tsalv360.training.provenance import made_of, provenance
from tsalv360.training.settings import TrainJob


class State:
    """The steps and epochs of a run: in a file with the state of its parts, in TensorBoard, and as progress.

    The main process alone writes. accelerate's `save_state` does not fit: it writes several files, which a kill can
    leave half, and needs all processes at once, but the main process alone knows when the next file is due.
    """

    def __init__(self, job: TrainJob, accelerator: Accelerator, **parts: Any) -> None:
        """`parts`, such as the model and the optimiser, have a `state_dict`; None is left out."""
        self._job, self._accelerator = job, accelerator
        self._parts = {name: part for name, part in parts.items() if part is not None}
        self._made_of, self._provenance, self._path = made_of(job), provenance(job), job.running / "state.pt"
        self.steps: list[dict[str, float]] = []
        self.epochs: list[dict[str, float]] = []
        self._best = -float("inf")

    @property
    def step(self) -> int:
        """Number of steps done."""
        return len(self.steps)

    def start(self, epochs: list[list[list[Sample]]]) -> None:
        """Resume what a run of the same data, settings and version of the stage has kept, if there is any."""
        kept = torch.load(self._path, map_location="cpu", weights_only=True) if self._path.is_file() else None
        if kept and kept.get("made_of") != self._made_of:
            print(f"{self._path} belongs to other data, settings or another version: training starts again.")
        elif kept:
            for name, part in self._parts.items():
                part.load_state_dict(kept[name])
            self.steps, self.epochs, self._best = kept["steps"], kept["epochs"], kept["best"]
            print(f"{self._path}: training resumes after step {self.step}.")
        self._accelerator.init_trackers("tensorboard", init_kwargs={"tensorboard": {"purge_step": self.step}})
        self._kept_at = time.monotonic()
        if self._accelerator.is_main_process:
            sizes = [len(batch) for batches in epochs for batch in batches]
            self._bar = progress(sum(sizes), "clips")
            self._bar.update(sum(islice(sizes, self.step)))

    def add_step(self, n_clips: int, **numbers: float) -> None:
        """Record a step that is done; write everything if that is due."""
        self.steps.append({"step": self.step + 1, **numbers})
        self._log("train", self.steps[-1])
        if self._accelerator.is_main_process:
            self._bar.update(n_clips)
            if time.monotonic() - self._kept_at > self._job.compute.keep_every_s:
                self._keep()

    def add_epoch(self, epoch: int, validation: dict[str, float], model: TSalV360) -> None:
        """Record an epoch that is done; write everything, and the model if it is the best so far.

        Without validation the last epoch is the best.
        """
        self.epochs.append({"epoch": epoch, "step": self.step, **validation})
        self._log("validation", self.epochs[-1])
        best = self._job.train.best
        score = validation.get(best, float(epoch)) * (-1 if validation and best == "kld" else 1)
        if self._accelerator.is_main_process:
            if score > self._best:
                what = self._provenance | {"epoch": epoch, **validation}
                save_checkpoint(model, self._job.running / "best.pt", what)
            self._best = max(score, self._best)
            self._keep()

    def finish(self, model: TSalV360) -> None:
        """Write the results and remove what was kept."""
        if not self._accelerator.is_main_process:
            return
        self._bar.close()
        output, best = self._job.output, self._job.running / "best.pt"
        output.mkdir(parents=True, exist_ok=True)
        save_checkpoint(model, output / "last.pt", self._provenance)
        for name, rows in (("steps", self.steps), ("metrics", self.epochs)):
            with whole_file(output / f"{name}.csv") as partial:
                pd.DataFrame(rows).to_csv(partial, index=False)
        with whole_file(output / "best.pt") as partial:
            shutil.copyfile(best, partial)
        self._path.unlink()
        best.unlink()

    def _keep(self) -> None:
        """Write everything, whole or not at all."""
        parts = {name: part.state_dict() for name, part in self._parts.items()}
        content = {"made_of": self._made_of, "steps": self.steps, "epochs": self.epochs, "best": self._best, **parts}
        with whole_file(self._path) as partial:
            torch.save(content, partial)
        self._kept_at = time.monotonic()

    def _log(self, part: str, numbers: dict[str, float]) -> None:
        values = {f"{part}/{name}": value for name, value in numbers.items() if name not in ("step", "epoch")}
        self._accelerator.log(values, step=self.step)
