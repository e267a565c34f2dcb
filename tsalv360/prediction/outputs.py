"""The files of predictions: videos to look at, maps to compute with, and a table of directions."""

import math
import os
import re
from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path
from tempfile import TemporaryFile
from typing import IO, Any, Literal
from zipfile import ZIP_DEFLATED, ZipFile

import cv2
import numpy as np
import pandas as pd
from numpy.typing import NDArray

from tsalv360.contracts.layout import DESCRIPTION, GROUND_TRUTH
from tsalv360.job.errors import InputError
from tsalv360.job.files import whole_folder
from tsalv360.job.log import progress
from tsalv360.media.drawing import mark, overlay_saliency, with_legend
from tsalv360.media.pictures import resized
from tsalv360.media.video import VideoWriter
from tsalv360.model.presence import FALSE_ALARMS, Presence
from tsalv360.prediction.windows import Predictions
from tsalv360.saliency import resize_maps
from tsalv360.sphere.directions import pixel_to_direction
from tsalv360.sphere.projection import Picture

Maps = Literal["video", "png", "npz"]
Format = Literal["own", "tsv360"]
TableFormat = Literal["csv", "parquet"]

_COLUMNS = ["prompt", "text", "frame", "time_s", "yaw_deg", "pitch_deg", "peak", "spread_deg", "false_alarms"]
_NAME_LENGTH = 40
_NOTHING = "nothing found"
_CORNER = 8, 20  # of texts, pixels


def write_predictions(
    predictions: Predictions,
    output: str | Path,
    *,
    maps: Maps = "video",
    table: TableFormat = "csv",
    format: Format = "own",
    compare: bool = False,
) -> pd.DataFrame:
    """Compute predictions and write them to a folder, which appears whole or not at all; return the table.

    Parameters
    ----------
    output : a folder that does not exist or is empty, else InputError.
    maps : `video`: 8 bit H.264; `png`: 16 bit, 65535 is 1; `npz`: float32, an array for each frame number.
    format : `tsv360` adds maps and descriptions in the published layout of TSV360.
    compare : add a video with the overlays of all prompts side by side.

    All videos have one scale, from 0 to the highest value of any prompt at any time. Maps of `tsv360` are scaled to
    their own maximum, as those of the dataset are; PNG, NPZ and table hold the model's own values.
    """
    output = Path(output)
    refuse_existing(output)
    try:
        with whole_folder(output) as folder, TemporaryFile(dir=folder) as spool, ExitStack() as open_files:
            files, kept = _Files(folder, predictions, open_files), _Spool(spool)
            found = _compute(predictions, files, kept, maps, format)
            _draw(predictions, found, files, kept, gray_videos=maps == "video", compare=compare)
            for k, prompt in enumerate(predictions.prompts if format == "tsv360" else [], 1):
                (folder / _published_folder(predictions, k) / DESCRIPTION).write_text(prompt, encoding="utf-8")
            if table == "csv":
                found.to_csv(folder / "table.csv", index=False, float_format="%.6f")
            else:
                found.to_parquet(folder / "table.parquet", index=False)
    except OSError as error:
        wrong = f"no way to write it ({error})"
        raise InputError(output, wrong, "space and permission", "Name another place.") from error
    return found


def finds_nothing(table: pd.DataFrame, presence: Presence | None) -> pd.Series:
    """Return for each row of a table of predictions whether the map is one that any prompt would give.

    That is where more than `FALSE_ALARMS` of other videos' captions peak as high; nowhere, if peaks do not tell.
    """
    return (table.false_alarms > FALSE_ALARMS) & bool(presence and presence.is_telling)


def summary(table: pd.DataFrame, presence: Presence | None) -> list[str]:
    """Return in words where each prompt was found, or why the model does not tell."""
    if not presence:
        reason = "the checkpoint does not say how high the maps of other videos' captions peak"
        return [f"A bright map does not mean that something fits the prompt: {reason}."]
    rates = f"it finds {presence.found:.0%} of right prompts, and {FALSE_ALARMS:.0%} of other videos' captions"
    if not presence.is_telling:
        return [f"A bright map of this model does not mean that something fits the prompt: {rates}."]
    lines = [f"Found or not, by the peaks of this model's maps ({rates}):"]
    for (k, prompt), of_prompt in table.groupby(["prompt", "text"]):
        times = of_prompt.time_s[~finds_nothing(of_prompt, presence)]
        where = f"found in {len(times)} of {len(of_prompt)} maps, first at {times.min():.2f} s"
        lines.append(f"{k} {prompt}: {where if len(times) else 'nothing found'}")
    return lines


def refuse_existing(output: Path) -> None:
    """Raise InputError if there is something at `output` other than an empty folder."""
    if output.exists() and not (output.is_dir() and not any(output.iterdir())):
        raise InputError(output, "something there", "a new or an empty folder", "Name another output, or remove it.")


def peak_of(saliency: NDArray[np.float32]) -> tuple[float, float, float]:
    """Return yaw, pitch and value of the highest pixel of a map [H, W]."""
    height, width = saliency.shape
    row, column = divmod(int(saliency.argmax()), width)
    yaw, pitch = pixel_to_direction(column, row, height, width)
    return float(yaw), float(pitch), float(saliency[row, column])


def peak_and_spread(saliency: NDArray[np.float32]) -> tuple[float, float, float, float]:
    """Return the peak of a map [H, W] as by `peak_of`, and the spread of saliency around it.

    The spread is the root of the mean squared angle to the peak, in degrees, weighted by saliency and by the solid
    angle of each pixel; 0 for a map of zeros.
    """
    height, width = saliency.shape
    peak_yaw, peak_pitch, peak = peak_of(saliency)
    yaw, pitch = pixel_to_direction(np.arange(width), np.arange(height)[:, None], height, width)
    lam, phi, phi_peak = np.radians(yaw - peak_yaw), np.radians(pitch), np.radians(peak_pitch)
    cosine = np.sin(phi) * np.sin(phi_peak) + np.cos(phi) * np.cos(phi_peak) * np.cos(lam)
    angle = np.degrees(np.arccos(cosine.clip(-1, 1)))
    weight = saliency * np.cos(phi)
    spread = math.sqrt(np.average(angle**2, weights=weight)) if weight.any() else 0.0
    return peak_yaw, peak_pitch, peak, spread


def _compute(predictions: Predictions, files: "_Files", kept: "_Spool", maps: Maps, format: Format) -> pd.DataFrame:
    """Compute all maps, keep them, write those that no other map scales, and return the table."""
    rows, presence = [], predictions.presence
    with progress(len(predictions), "windows") as bar:
        for window in predictions:
            for k, (prompt, values) in enumerate(zip(predictions.prompts, window.maps, strict=True), 1):
                gray = kept.add(window.frame, values)
                if maps == "png":
                    files.write_png(_name(k, prompt), window.frame, np.rint(values * 65535).astype(np.uint16))
                elif maps == "npz":
                    files.add_array(_name(k, prompt), window.frame, values)
                if format == "tsv360":
                    files.write_png(_published_folder(predictions, k), window.frame, gray)
                yaw, pitch, peak, spread = peak_and_spread(values)
                false_alarms = presence.false_alarms(peak) if presence else math.nan
                rows.append([k, prompt, window.frame, window.time_s, yaw, pitch, peak, spread, false_alarms])
            bar.update()
    return pd.DataFrame(rows, columns=_COLUMNS).sort_values(["prompt", "frame"], ignore_index=True)


def _draw(
    predictions: Predictions, table: pd.DataFrame, files: "_Files", kept: "_Spool", *, gray_videos: bool, compare: bool
) -> None:
    """Write the videos. Overlays are as high as the frames, or as the maps if these are higher."""
    nothing = table[finds_nothing(table, predictions.presence)].groupby("frame").prompt.agg(set)
    for frame, picture in predictions.pictures():
        maps = np.stack(list(kept.read(frame)))
        height, width = np.maximum(picture.shape[:2], maps.shape[1:]).tolist()
        picture, enlarged = resized(picture, (height, width)), np.rint(resize_maps(maps, (height, width)))
        overlays, texts = [], []
        for k, (prompt, gray, saliency) in enumerate(zip(predictions.prompts, maps, enlarged, strict=True), 1):
            overlay, name = overlay_saliency(picture, saliency.astype(np.uint8)), _name(k, prompt)
            overlays.append(overlay)
            texts.append(f"{prompt}: {_NOTHING}" if k in nothing.get(frame, ()) else prompt)
            shown = with_legend(overlay.copy())
            if texts[-1] != prompt:
                mark(shown, _NOTHING, _CORNER)
            files.add_picture(f"{name}.overlay", shown)
            if gray_videos:
                files.add_picture(f"{name}.saliency", gray[..., None].repeat(3, axis=2))
        if compare:
            files.add_picture("compare", _side_by_side(overlays, texts))


class _Spool:
    """The maps of all windows, compressed in a file, until the highest value is known, which scales all of them."""

    def __init__(self, file: IO[bytes]) -> None:
        self._file = file
        self._places: dict[int, list[tuple[int, int, float]]] = {}  # by frame: offset, length and maximum of each map
        self._highest = 1e-12

    def add(self, frame: int, values: NDArray[np.float32]) -> NDArray[np.uint8]:
        """Keep the next map [H, W] of a frame, and return it as gray scaled to its own maximum."""
        highest = max(float(values.max()), 1e-12)
        gray = np.rint(values * (255 / highest)).astype(np.uint8)
        self._highest = max(self._highest, highest)
        start = self._file.seek(0, os.SEEK_END)
        length = self._file.write(cv2.imencode(".png", gray)[1].data)
        self._places.setdefault(frame, []).append((start, length, highest))
        return gray

    def read(self, frame: int) -> Iterator[NDArray[np.uint8]]:
        """Yield the maps of a frame as gray; 255 is the highest value of all."""
        for start, length, highest in self._places[frame]:
            self._file.seek(start)
            gray: Any = cv2.imdecode(np.frombuffer(self._file.read(length), np.uint8), cv2.IMREAD_GRAYSCALE)
            yield np.rint(gray * (highest / self._highest)).astype(np.uint8)


class _Files:
    """The files of a folder; videos, at the rate of the windows, and archives are opened with their first entry."""

    def __init__(self, folder: Path, predictions: Predictions, open_files: ExitStack) -> None:
        self._folder, self._rate, self._open_files = folder, predictions.rate, open_files
        self._videos: dict[str, VideoWriter] = {}
        self._archives: dict[str, ZipFile] = {}

    def add_picture(self, name: str, picture: Picture) -> None:
        if name not in self._videos:
            writer = VideoWriter(self._folder / f"{name}.mp4", self._rate, (picture.shape[0], picture.shape[1]))
            self._videos[name] = self._open_files.enter_context(writer)
        self._videos[name].write(picture)

    def add_array(self, name: str, frame: int, values: NDArray[np.float32]) -> None:
        if name not in self._archives:
            archive = ZipFile(self._folder / f"{name}.npz", "w", ZIP_DEFLATED)
            self._archives[name] = self._open_files.enter_context(archive)
        with self._archives[name].open(f"{frame:04d}.npy", "w") as file:
            np.save(file, values)

    def write_png(self, place: str, frame: int, values: NDArray[np.uint8 | np.uint16]) -> None:
        path = self._folder / place / f"{frame:04d}.png"
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(cv2.imencode(".png", values)[1].data)


def _name(k: int, prompt: str) -> str:
    """Return the name of a prompt's files: its number and its words."""
    words = "-".join(re.findall(r"\w+", prompt.lower()))
    return f"{k}-{words[:_NAME_LENGTH]}".rstrip("-")


def _published_folder(predictions: Predictions, k: int) -> str:
    """Return the folder of a prompt's maps, named as an event's is in TSV360."""
    video = re.sub(r"[^A-Za-z0-9-]+", "-", predictions.footage.path.absolute().stem)
    return f"{GROUND_TRUTH}/{video}/{video}_{k}"


def _side_by_side(overlays: list[Picture], texts: list[str]) -> Picture:
    """Return overlays with texts in a grid, row by row."""
    columns = math.ceil(math.sqrt(len(overlays)))
    cells = [overlay.copy() for overlay in overlays]
    for cell, text in zip(cells, texts, strict=True):
        mark(cell, text, _CORNER)
    with_legend(cells[-1])
    cells += [np.zeros_like(cells[0])] * (-len(cells) % columns)
    return np.vstack([np.hstack(cells[start : start + columns]) for start in range(0, len(cells), columns)])
