"""What `tsalv360 explore` does: show the explorer of a dataset, or that of any video, with a model or without."""

import re
import signal
import socket
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING

from tsalv360.contracts.entries import IndexEntry
from tsalv360.explorer import copy_bundle
from tsalv360.explorer.server import listen, serve
from tsalv360.explorer.stacked import TILE, Layout, write_stacked
from tsalv360.explorer.video_page import Media, data_of_plain_video, write_video_page
from tsalv360.job.errors import InputError
from tsalv360.job.libraries import require_extra
from tsalv360.media.pictures import ready_frames, resized, write_picture
from tsalv360.media.video import View
from tsalv360.prediction.live import LiveModel
from tsalv360.prediction.windows import HEIGHT, Footage, Precision, at_height_of, load_model, open_footage
from tsalv360.sphere.projection import Picture

if TYPE_CHECKING:
    from tsalv360.model import TSalV360

_MOST_HEIGHT = 960  # of the panorama in a page; decoders of browsers and telephones play its width


def explore_dataset(
    results: Path,
    *,
    checkpoint: Path | None = None,
    device: str = "auto",
    precision: Precision = "float32",
    port: int | None = None,
    browser: bool = True,
) -> None:
    """Show the explorer in the results of a dataset until Ctrl-C; InputError if there is none.

    Parameters: as in `predict` and `serve`; with a `checkpoint` the pages ask its model.
    """
    folder = results / "explorer"
    if not (folder / "index.html").is_file():
        raise InputError(folder, "no explorer", "its pages", "Make them:  snakemake explorer")
    with listen(port) as listening:
        model = _model(checkpoint, device, precision)
        _serve(listening, folder, results / "frames", model, checkpoint, browser)


def explore_video(
    video: Path,
    *,
    checkpoint: Path | None = None,
    device: str = "auto",
    precision: Precision = "float32",
    port: int | None = None,
    browser: bool = True,
    height: int | None = None,
    fps: float | None = None,
    view: View = "whole",
    force_2to1: bool = False,
) -> None:
    """Show an explorer of one video, in a temporary folder, until Ctrl-C. Parameters: as in `predict` and `serve`."""
    for number in (signal.SIGTERM, signal.SIGHUP):  # the folder goes even if the terminal is closed
        signal.signal(number, lambda number, _: sys.exit(128 + number))
    footage = open_footage(video, fps, HEIGHT if height is None else height, view, force_2to1)
    with listen(port) as listening, tempfile.TemporaryDirectory(prefix="tsalv360-") as folder:
        model = _model(checkpoint, device, precision)
        if model and height is None:
            footage = at_height_of(model, footage)
        explorer, frames = Path(folder, "explorer"), Path(folder, "frames")
        name = re.sub(r"[^A-Za-z0-9]+", "-", video.absolute().stem).strip("-") or "video"
        pictures = _kept(footage, frames / name) if model else footage.pictures()
        _write_explorer(explorer, footage, name, pictures)
        _serve(listening, explorer, frames, model, checkpoint, browser)


def _write_explorer(folder: Path, footage: Footage, name: str, pictures: Iterator[Picture]) -> None:
    """Write the explorer of one video of which nothing is known but its pictures; the index leads to its page."""
    height = max(min(footage.height, _MOST_HEIGHT) // 2 * 2, TILE[0])
    layout = Layout((height, 2 * height), 0, {})
    file, page = folder / "videos" / f"{name}.mp4", folder / "videos" / f"{name}.html"
    file.parent.mkdir(parents=True)
    shown = (resized(picture, layout.panorama) for picture in pictures)
    write_stacked(file, shown, layout, len(footage.numbers), float(footage.rate))
    size = file.stat().st_size
    index = IndexEntry(**vars(footage.video), id=name, skip_first=0, size_bytes=size, sha256="")
    write_video_page(page, data_of_plain_video(footage.path.name, index, Media(layout, size, False)))
    copy_bundle(folder)
    head = f'<link rel="icon" href="data:,"><meta http-equiv="refresh" content="0; url=videos/{name}.html">'
    (folder / "index.html").write_text(f"<!DOCTYPE html><title>{name}</title>{head}", encoding="utf-8")


def _kept(footage: Footage, folder: Path) -> Iterator[Picture]:
    """Yield the pictures of footage, and write each as a frame of the dataset would be."""
    folder.mkdir(parents=True)
    for number, picture in zip(footage.numbers, footage.pictures(), strict=True):
        write_picture(folder / f"{number:04d}.jpg", picture[..., ::-1])
        yield picture


def _serve(
    listening: socket.socket,
    folder: Path,
    frames: Path,
    model: "TSalV360 | None",
    checkpoint: Path | None,
    browser: bool,
) -> None:
    """Serve a folder; the model, if any, sees the pictures in the folder of each video in `frames`."""

    def frames_of(video: str) -> list[Path]:
        if not (frames / video).is_dir():
            raise InputError(frames / video, "no frames", "those of the video", "Run snakemake again.")
        return list(ready_frames(frames / video).values())

    live = LiveModel(model, frames_of) if model else None
    serve(listening, folder, browser, live, "/".join(checkpoint.absolute().parts[-2:]) if checkpoint else "")


def _model(checkpoint: Path | None, device: str, precision: Precision) -> "TSalV360 | None":
    if not checkpoint:
        return None
    require_extra("explore", "train", ("torch", "open_clip"))
    return load_model(checkpoint, device, precision)
