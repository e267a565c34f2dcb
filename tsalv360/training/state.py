"""The state of a run, by which a killed one ends as if it had not been killed, and what its model was made of."""

import hashlib
import json
import re
import subprocess
import time
from collections.abc import Callable
from dataclasses import asdict
from importlib.metadata import version
from itertools import islice
from pathlib import Path
from typing import Any

import pandas as pd
import torch
from accelerate import Accelerator
from pydantic import TypeAdapter

from tsalv360 import __version__
from tsalv360.contracts.layout import CHECKSUMS, MAPS
from tsalv360.contracts.settings import tracked
from tsalv360.contracts.tables import CLIPS, PART_ANNOTATIONS, read_table
from tsalv360.job.files import read_json, sha256, whole_file
from tsalv360.job.installed import FILES
from tsalv360.job.log import progress
from tsalv360.model import ModelSettings, TSalV360, load_checkpoint, save_checkpoint
from tsalv360.model.checkpoint import copy_checkpoint
from tsalv360.model.presence import Presence
from tsalv360.training.batches import Sample
from tsalv360.training.clips import PICTURES, ClipFiles, read_clips
from tsalv360.training.settings import TrainJob, weights_file

_LIBRARIES = ("torch", "accelerate", "open-clip-torch", "numpy")


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

    def finish(self, model: TSalV360, measure: Callable[[TSalV360], Presence | None]) -> None:
        """Write the results and remove what was kept. Parameters: what measures the `Presence` of the best model."""
        if not self._accelerator.is_main_process:
            return
        self._bar.close()
        output, best = self._job.output, self._job.running / "best.pt"
        output.mkdir(parents=True, exist_ok=True)
        save_checkpoint(model, output / "last.pt", self._provenance)
        for name, rows in (("steps", self.steps), ("metrics", self.epochs)):
            with whole_file(output / f"{name}.csv") as partial:
                pd.DataFrame(rows).to_csv(partial, index=False)
        presence = measure(load_checkpoint(best, self._accelerator.device))
        copy_checkpoint(best, output / "best.pt", presence=asdict(presence) if presence else None)
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


def made_of(job: TrainJob) -> dict[str, Any]:
    """Return what the weights follow from, as plain values: two jobs that agree in them train the same model.

    Neither the name of the run nor what it runs on is among them.
    """
    weights = weights_file(job.model, job.train)
    train = tracked(job.train)
    del train["name"]
    if weights and weights.is_file():
        del train["weights"]  # its checksum counts, not its place
    return {
        "stage": job.stage,
        "fold": job.fold,
        "train": train,
        "model": TypeAdapter(ModelSettings).dump_python(job.model, mode="json"),
        "data": data_checksum(job.dataset, job.frames, job.fold),
        "weights": sha256(weights) if weights and weights.is_file() else None,
    }


def provenance(job: TrainJob) -> dict[str, Any]:
    """Return the plain values that a checkpoint holds: what the model was made of, and by which code."""
    versions = {"tsalv360": __version__, **{name: version(name) for name in _LIBRARIES}}
    height = {"frame_height": frame_height(job.frames, job.dataset, job.fold)}
    return {**made_of(job), "name": job.train.name, **height, "versions": versions, "revision": revision()}


def frame_height(frames: Path, dataset: Path, fold: int) -> int:
    """Return the height in pixels of the frames that a fold trains with, that of the first one."""
    files = ClipFiles(dataset, frames)
    clips = read_clips(files)
    first = clips[clips.video.isin(files.splits[fold]["train"])].iloc[0]
    return int(files.picture(first.video, first.target_frame).shape[0])


def data_checksum(dataset: Path, frames: Path, fold: int) -> str:
    """Return the checksum of what a fold trains and validates with: videos, clips, captions, maps and frames.

    Maps count by the dataset's own checksums, frames by name and size. The card, other tables and videos
    of other folds do not count.
    """
    parts = read_json(dataset / "splits.json")["folds"][fold]
    videos = {part: sorted(parts[part]) for part in ("train", "validation")}
    used = {video for part in videos.values() for video in part}
    digest = hashlib.sha256(json.dumps(videos).encode())
    clips = read_table(dataset / "clips.parquet", CLIPS)
    digest.update(clips[clips.video.isin(used)].to_json(orient="records").encode())
    captions = read_table(dataset / "annotations.parquet", PART_ANNOTATIONS)[["event_id", "video", "caption"]]
    digest.update(captions[captions.video.isin(used)].to_json(orient="records").encode())
    for line in (dataset / CHECKSUMS).read_text("utf-8").splitlines():
        match = re.fullmatch(rf"[0-9a-f]{{64}}  {MAPS}/([^/]+)\.parquet", line)
        if match and match[1] in used:
            digest.update(f"{line}\n".encode())
    for video in sorted(used):
        for path in sorted((frames / video).glob("*.*")):
            if path.suffix in PICTURES:
                digest.update(f"{video}/{path.name} {path.stat().st_size}\n".encode())
    return digest.hexdigest()


def revision() -> str | None:
    """Return the commit of the code, with `+` if files were changed since; None outside of a clone.

    An installed package may be in a repository of its user's, whose commit says nothing about it.
    """
    if not (FILES / ".git").exists():
        return None
    describe = ["git", "describe", "--always", "--abbrev=40", "--exclude=*", "--dirty=+"]
    try:
        return subprocess.run(describe, cwd=FILES, capture_output=True, text=True, check=True).stdout.strip()
    except (OSError, subprocess.CalledProcessError):
        return None
