"""What a model was made of: settings and data, and the versions and revision of the code that made it."""

import hashlib
import json
import re
import subprocess
from importlib.metadata import version
from pathlib import Path
from typing import Any

from pydantic import TypeAdapter

from tsalv360 import __version__
from tsalv360.contracts.layout import CHECKSUMS, GROUND_TRUTH
from tsalv360.contracts.settings import tracked
from tsalv360.contracts.tables import CLIPS, read_table
from tsalv360.job.files import read_json, sha256
from tsalv360.model import ModelSettings
from tsalv360.training.clips import PICTURES
from tsalv360.training.settings import TrainJob

_LIBRARIES = ("torch", "accelerate", "open-clip-torch", "numpy")


def made_of(job: TrainJob) -> dict[str, Any]:
    """Return what the weights follow from, as plain values: two jobs that agree in them train the same model.

    Neither the name of the run nor what it runs on is among them.
    """
    weights = Path(job.train.weights)
    train = tracked(job.train)
    del train["name"]
    if weights.is_file():
        del train["weights"]  # its checksum counts, not its place
    return {
        "stage": job.stage,
        "fold": job.fold,
        "train": train,
        "model": TypeAdapter(ModelSettings).dump_python(job.model, mode="json"),
        "data": data_checksum(job.dataset, job.frames, job.fold),
        "weights": sha256(weights) if weights.is_file() else None,
    }


def provenance(job: TrainJob) -> dict[str, Any]:
    """Return the plain values that a checkpoint holds: what the model was made of, and by which code."""
    versions = {"tsalv360": __version__, **{name: version(name) for name in _LIBRARIES}}
    return {**made_of(job), "name": job.train.name, "versions": versions, "revision": revision()}


def data_checksum(dataset: Path, frames: Path, fold: int) -> str:
    """Return the checksum of what a fold trains and validates with: videos, clips, captions, maps and frames.

    Maps and captions count by the dataset's own checksums, frames by name and size. The card, other tables and videos
    of other folds do not count.
    """
    parts = read_json(dataset / "splits.json")["folds"][fold]
    videos = {part: sorted(parts[part]) for part in ("train", "validation")}
    used = {video for part in videos.values() for video in part}
    digest = hashlib.sha256(json.dumps(videos).encode())
    clips = read_table(dataset / "clips.parquet", CLIPS)
    digest.update(clips[clips.video.isin(used)].to_json(orient="records").encode())
    for line in (dataset / CHECKSUMS).read_text("utf-8").splitlines():
        if re.fullmatch(rf"[0-9a-f]{{64}}  {GROUND_TRUTH}/([^/]+)/.+", line) and line.split("/")[1] in used:
            digest.update(f"{line}\n".encode())
    for video in sorted(used):
        for path in sorted((frames / video).glob("*.*")):
            if path.suffix in PICTURES:
                digest.update(f"{video}/{path.name} {path.stat().st_size}\n".encode())
    return digest.hexdigest()


def revision() -> str | None:
    """Return the commit of the code, with `+` if files were changed since; None outside of a git repository."""
    here = Path(__file__).parent
    describe = ["git", "describe", "--always", "--abbrev=40", "--exclude=*", "--dirty=+"]
    try:
        return subprocess.run(describe, cwd=here, capture_output=True, text=True, check=True).stdout.strip()
    except (OSError, subprocess.CalledProcessError):
        return None
