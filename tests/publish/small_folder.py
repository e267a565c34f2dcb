"""A published folder of a few small files, in the layout of `snakemake publish`."""

import hashlib
import json
from pathlib import Path

import numpy as np
import pandas as pd

from tsalv360.contracts.tables import VIDEOS, write_table
from tsalv360.publish.settings import PublishSettings

ZENODO = {
    "title": "Small set",
    "upload_type": "dataset",
    "description": "A <b>small</b> set.",
    "creators": [{"name": "Doe, Jane"}],
}


def make_folder(results: Path) -> Path:
    """Write `results/publish` and return it. Two videos are there, the pictures of one of which are not passed on."""
    folder = results / "publish"
    random = np.random.default_rng(0)
    texts = {
        "README.md": "---\npretty_name: Small set\n---\n# Small set\n",
        "LICENSE.md": "By source.\n",
        "zenodo.json": json.dumps(ZENODO),
        "explorer/index.html": "<!doctype html><title>Small set</title>",
        "explorer/videos/001.html": "<!doctype html>",
    }
    for name, text in texts.items():
        _write(folder / name, text.encode())
    for video in ("001", "größe 2"):
        _write(folder / f"data/maps/{video}.parquet", random.bytes(200_000))
    _write(folder / "TSV360_gt.tar", random.bytes(500_000))
    write_table(folder / "data" / "videos.parquet", pd.DataFrame([_row("001", "ours"), _row("002", "theirs")]), VIDEOS)
    (folder / ".snakemake_timestamp").touch()
    write_sums(folder)
    return folder


def write_sums(folder: Path) -> None:
    """Write `SHA256SUMS` of what is in the folder now."""
    (folder / "SHA256SUMS").unlink(missing_ok=True)
    sums = {name: digest for name, digest in content_of(folder).items() if name != ".snakemake_timestamp"}
    text = "".join(f"{digest}  {name}\n" for name, digest in sorted(sums.items()))
    (folder / "SHA256SUMS").write_text(text, encoding="utf-8")


def content_of(folder: Path) -> dict[str, str]:
    """The checksum of each file by its name."""
    files = [path for path in folder.rglob("*") if path.is_file()]
    return {path.relative_to(folder).as_posix(): digest(path.read_bytes()) for path in files}


def published_files(folder: Path) -> dict[str, str]:
    """As `content_of`, without Snakemake's mark."""
    return {name: digest for name, digest in content_of(folder).items() if name != ".snakemake_timestamp"}


def digest(content: bytes) -> str:
    return hashlib.sha256(content).hexdigest()


def _write(path: Path, content: bytes) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(content)


def _row(video: str, source: str) -> dict[str, object]:
    row: dict[str, object] = dict.fromkeys(VIDEOS, "") | {"video": video, "source": source, "licence": "research"}
    row |= dict.fromkeys(("size_bytes", "n_frames", "width", "height"), 1) | {"fps": 30.0, "duration_s": 1.0}
    settings = PublishSettings(pictures={"ours": "recorded by us"})
    return row | {"gaze": "eye", "pictures": settings.permission(source, drawn=False), "sha256": "0" * 64}
