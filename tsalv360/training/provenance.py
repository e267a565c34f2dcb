"""What a model was made of: settings, data, versions and revision of the code."""

import hashlib
import subprocess
from dataclasses import asdict
from importlib.metadata import version
from pathlib import Path
from typing import Any

from tsalv360 import __version__
from tsalv360.files import sha256
from tsalv360.training.job import TrainJob

_LIBRARIES = ("torch", "accelerate", "open-clip-torch", "numpy")


def provenance(job: TrainJob) -> dict[str, Any]:
    """Plain values, which a checkpoint holds and the state of a killed run is compared by."""
    weights = Path(job.train.weights)
    return {
        "fold": job.fold,
        "train": asdict(job.train),
        "data": data_checksum(job.dataset, job.frames),
        "weights": sha256(weights) if weights.is_file() else None,
        "versions": {"tsalv360": __version__, **{name: version(name) for name in _LIBRARIES}},
        "revision": revision(),
    }


def data_checksum(dataset: Path, frames: Path) -> str:
    """Of maps, captions and tables by the dataset's checksums, and of the names and sizes of all frames."""
    digest = hashlib.sha256((dataset / "SHA256SUMS").read_bytes())
    for path in sorted(frames.glob("*/*")):
        digest.update(f"{path.relative_to(frames)} {path.stat().st_size}\n".encode())
    return digest.hexdigest()


def revision() -> str | None:
    """The commit of the code, `+` behind it where files were changed since; None outside of a git repository."""
    here = Path(__file__).parent
    try:
        commit, changes = (
            subprocess.run(["git", "-C", str(here), *asked], capture_output=True, text=True, check=True).stdout.strip()
            for asked in (["rev-parse", "HEAD"], ["status", "--porcelain", "--untracked-files=no", "."])
        )
    except (OSError, subprocess.CalledProcessError):
        return None
    return commit + ("+" if changes else "")
