"""What is written of predictions: pictures to look at, maps to compute with, and a table of directions."""

import math
import re
from contextlib import ExitStack
from pathlib import Path
from typing import Literal
from zipfile import ZIP_DEFLATED, ZipFile

import cv2
import numpy as np
import pandas as pd
from numpy.typing import NDArray

from tsalv360.errors import InputError
from tsalv360.files import whole_folder
from tsalv360.frames import resized, write_picture
from tsalv360.geometry import pixel_to_direction, to_vectors, vector_angle
from tsalv360.prediction.windows import Predictions
from tsalv360.progress import progress
from tsalv360.projection import Picture
from tsalv360.sheets.style import mark
from tsalv360.video import VideoWriter
from tsalv360.viewports import overlay_saliency, with_legend

Maps = Literal["video", "png", "npz"]
Format = Literal["own", "tsv360"]
TableFormat = Literal["csv", "parquet"]

_NAME_LENGTH = 40


def write_predictions(
    predictions: Predictions,
    output: str | Path,
    *,
    maps: Maps = "video",
    table: TableFormat = "csv",
    format: Format = "own",
    compare: bool = False,
) -> pd.DataFrame:
    """Compute predictions and write them to a folder, which appears whole or not at all; returns the table.

    Parameters
    ----------
    output : a folder that is not there or empty, else InputError.
    maps : `video`: 8 bit H.264; `png`: 16 bit, 65535 is 1; `npz`: float32, an array for each frame number.
    format : `tsv360` adds maps and descriptions in the published layout of TSV360.
    compare : add a video with the overlays of all prompts side by side.

    The pictures of videos and of `tsv360` are scaled to the maximum of each map, as those of the dataset are; PNG,
    NPZ and table hold the model's own values.
    """
    output = Path(output)
    refuse_existing(output)
    names = [_name(k, prompt) for k, prompt in enumerate(predictions.prompts, 1)]
    rows = []
    try:
        with whole_folder(output) as folder, ExitStack() as files:
            videos = _Videos(folder, predictions, files)
            bar = files.enter_context(progress(len(predictions), "windows"))
            archives = [
                files.enter_context(ZipFile(folder / f"{name}.npz", "w", ZIP_DEFLATED))
                for name in names
                if maps == "npz"
            ]
            published = _published_folders(folder, predictions) if format == "tsv360" else []
            for window in predictions:
                overlays = []
                for k, (name, values) in enumerate(zip(names, window.maps, strict=True)):
                    gray = _scaled(values)
                    picture = resized(window.picture, (gray.shape[0], gray.shape[1]))
                    overlays.append(overlay_saliency(picture, gray))
                    videos.write(f"{name}.overlay", with_legend(overlays[-1].copy()))
                    if maps == "video":
                        videos.write(f"{name}.saliency", gray[..., None].repeat(3, axis=2))
                    elif maps == "png":
                        _write_png16(folder / name / f"{window.frame:04d}.png", values)
                    else:
                        with archives[k].open(f"{window.frame:04d}.npy", "w") as file:
                            np.save(file, values)
                    if published:
                        write_picture(published[k] / f"{window.frame:04d}.png", gray)
                    rows.append([k + 1, predictions.prompts[k], window.frame, window.time_s, *peak_and_spread(values)])
                if compare:
                    videos.write("compare", _side_by_side(overlays, predictions.prompts))
                bar.update()
            columns = ["prompt", "text", "frame", "time_s", "yaw_deg", "pitch_deg", "peak", "spread_deg"]
            found = pd.DataFrame(rows, columns=columns).sort_values(["prompt", "frame"], ignore_index=True)
            if table == "csv":
                found.to_csv(folder / "table.csv", index=False, float_format="%.6f")
            else:
                found.to_parquet(folder / "table.parquet", index=False)
    except OSError as error:  # of the disk: input was read before
        raise InputError(
            output, f"no way to write it ({error})", "space and permission", "Name another place."
        ) from error
    return found


def refuse_existing(output: Path) -> None:
    """InputError unless a folder is not there or empty."""
    if output.exists() and not (output.is_dir() and not any(output.iterdir())):
        raise InputError(output, "something there", "a new or an empty folder", "Name another output, or remove it.")


def peak_and_spread(saliency: NDArray[np.float32]) -> tuple[float, float, float, float]:
    """Of a map [H, W]: yaw and pitch of its highest pixel, its value, and how far saliency lies from it.

    That is the root of the mean squared angle to the peak, in degrees, weighted by saliency and by the solid angle of
    each pixel; 0 for a map of zeros.
    """
    height, width = saliency.shape
    row, column = np.unravel_index(int(saliency.argmax()), saliency.shape)
    yaw, pitch = pixel_to_direction([*range(width), column], int(row), height, width)
    _, pitches = pixel_to_direction(0, np.arange(height), height, width)
    weight = saliency * np.cos(np.radians(pitches))[:, None]
    angle = vector_angle(to_vectors(yaw[:-1], pitches[:, None]), to_vectors(yaw[-1], pitch))
    spread = math.sqrt(np.average(angle**2, weights=weight)) if weight.any() else 0.0
    return float(yaw[-1]), float(pitch), float(saliency[row, column]), spread


class _Videos:
    """Videos of a folder at the rate of the windows, each opened with its first picture."""

    def __init__(self, folder: Path, predictions: Predictions, files: ExitStack) -> None:
        self._folder, self._rate, self._files = folder, predictions.rate, files
        self._writers: dict[str, VideoWriter] = {}

    def write(self, name: str, picture: Picture) -> None:
        if name not in self._writers:
            writer = VideoWriter(self._folder / f"{name}.mp4", self._rate, (picture.shape[0], picture.shape[1]))
            self._writers[name] = self._files.enter_context(writer)
        self._writers[name].write(picture)


def _name(k: int, prompt: str) -> str:
    """Of the files of a prompt: its number and its words."""
    words = "-".join(re.findall(r"\w+", prompt.lower()))
    return f"{k}-{words[:_NAME_LENGTH]}".rstrip("-")


def _published_folders(folder: Path, predictions: Predictions) -> list[Path]:
    """A folder for each prompt as one for each event in TSV360, with its description."""
    video = re.sub(r"[^A-Za-z0-9-]+", "-", predictions.footage.path.absolute().stem)
    folders = [folder / "TSV360_gt" / video / f"{video}_{k}" for k in range(1, len(predictions.prompts) + 1)]
    for place, prompt in zip(folders, predictions.prompts, strict=True):
        place.mkdir(parents=True)
        (place / "description.txt").write_text(prompt, encoding="utf-8")
    return folders


def _scaled(values: NDArray[np.float32]) -> NDArray[np.uint8]:
    """A map as bytes, its maximum at 255."""
    return np.rint(values * (255 / max(float(values.max()), 1e-12))).astype(np.uint8)


def _write_png16(path: Path, values: NDArray[np.float32]) -> None:
    path.parent.mkdir(exist_ok=True)
    _, encoded = cv2.imencode(".png", np.rint(values * 65535).astype(np.uint16))
    path.write_bytes(encoded.data)


def _side_by_side(overlays: list[Picture], prompts: list[str]) -> Picture:
    """Overlays with their prompts in a grid, row by row."""
    columns = math.ceil(math.sqrt(len(overlays)))
    cells = [overlay.copy() for overlay in overlays]
    for cell, prompt in zip(cells, prompts, strict=True):
        mark(cell, prompt, (8, 20))
    cells += [np.zeros_like(cells[0])] * (-len(cells) % columns)
    with_legend(cells[len(overlays) - 1])
    return np.vstack([np.hstack(cells[start : start + columns]) for start in range(0, len(cells), columns)])
