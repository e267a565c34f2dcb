"""The model that training starts from.

Features of frozen CLIP on disk, for a few turns of each frame: computed once, read in every fold and epoch.

Each video has a folder with two arrays of float16 for each turn: `pooled` has a row for each frame of its clips, `maps`
one for each frame that a clip ends with. They are mapped into memory: a batch reads its own rows alone.
"""

import fcntl
import shutil
from collections.abc import Callable, Sequence
from dataclasses import asdict
from functools import lru_cache, partial
from math import prod
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import pandas as pd
import torch
from accelerate import Accelerator
from numpy.lib.format import open_memmap
from numpy.typing import NDArray
from pydantic import TypeAdapter
from torch import Tensor

from tsalv360.job.errors import InputError
from tsalv360.job.files import read_json, sha256, whole_folder, write_json
from tsalv360.job.log import progress
from tsalv360.model import FrameFeatures, ModelSettings, TSalV360, load_checkpoint
from tsalv360.model.checkpoint import is_clip, load_clip
from tsalv360.training.batches import Turn
from tsalv360.training.clips import ClipFiles, read_clips
from tsalv360.training.needs import check_weights
from tsalv360.training.settings import TrainSettings


def start_model(model_settings: ModelSettings, settings: TrainSettings) -> TSalV360:
    """Random weights by the seed, then those of `train.weights`. InputError for a file that is missing or no fit."""
    check_weights(model_settings, settings)
    torch.manual_seed(settings.seed)
    path = settings.weights
    if path and path != "random" and not is_clip(path):
        model = load_checkpoint(path)
        if model.settings != model_settings:
            raise InputError(path, "a model of other settings", "those under `model`", "Make them agree.")
    else:
        model = TSalV360(model_settings)
        if is_clip(path):
            load_clip(model, path)
    if settings.clip_batch_norm == "published" and model_settings.encoder == "clip":
        model.clip.adapts = True
    return model


_AT_ONCE = 8  # frames in memory
_MADE_OF = "made_of.json"

Shape = tuple[int, ...]


def cached_turns(settings: TrainSettings) -> list[Turn]:
    """The turns that training draws from where features are cached; the first is none."""
    n_steps = settings.cached_turns
    mirrors = (False,) if settings.flip == "never" else (False, True)
    return [Turn(step, n_steps, mirrored) for mirrored in mirrors for step in range(n_steps if settings.roll else 1)]


class CachedFrames(NamedTuple):
    """Features of N frames, M of them the end of a clip, float16."""

    pooled: Tensor  # [N, all values of a frame]
    maps: Tensor  # [M, all values of a frame's maps]

    def unpacked(self, ends: Sequence[bool], model: TSalV360) -> list[FrameFeatures]:
        """What the model's `encode_frames` gives of the same frames, `ends` among them with maps."""
        pooled_shapes, map_shapes = _shapes(model.settings)
        pooled, maps = (part.to(model.device, model.dtype) for part in self)
        with_maps = (_split(row, map_shapes) for row in maps)
        return [
            FrameFeatures(vectors, tuple(levels), next(with_maps) if is_end else None)
            for (vectors, *levels), is_end in zip((_split(row, pooled_shapes) for row in pooled), ends, strict=True)
        ]


def read_features(folder: Path, frames: Sequence[tuple[str, int, Turn]], ends: Sequence[bool]) -> CachedFrames:
    """What `write_features` wrote to `folder` of frames: video, native number and turn of each."""
    pooled, maps = [], []
    for (video, number, turn), is_end in zip(frames, ends, strict=True):
        row, row_of_maps = _rows(folder / video)
        pooled.append(_mapped(_path(folder / video, turn, "pooled"))[row[number]])
        if is_end:
            maps.append(_mapped(_path(folder / video, turn, "maps"))[row_of_maps[number]])
    return CachedFrames(torch.from_numpy(np.stack(pooled)), torch.from_numpy(np.stack(maps)))


def write_features(
    folder: Path,
    files: ClipFiles,
    fold: int,
    model_settings: ModelSettings,
    settings: TrainSettings,
    device: str = "auto",
    threads: int | None = None,
) -> None:
    """Write the features of all frames that a fold trains and validates with; says first how much disk they take.

    A video whose features are there, of the same weights, frames and turns, is left alone: a killed run goes on, and
    folds share what they have in common, also where their jobs run at once. `fold<n>.json` is written last. InputError
    where less disk is free, and for frames that whole pixels cannot turn.
    """
    if threads:
        torch.set_num_threads(threads)
    clips = read_clips(files, settings.clips, settings.stride)
    seen = {video for part in ("train", "validation") for video in files.splits[fold][part]}
    clips = clips[clips.video.isin(seen)]
    turns = cached_turns(settings)
    _check_turns(files, clips, settings)
    of_all = {
        "weights": sha256(settings.weights) if Path(settings.weights).is_file() else settings.seed,
        "model": TypeAdapter(ModelSettings).dump_python(model_settings, mode="json"),
        "turns": [asdict(turn) for turn in turns],
    }
    wanted = {str(video): {**of_all, **_frames(files, of_video)} for video, of_video in clips.groupby("video")}
    folder.parent.mkdir(parents=True, exist_ok=True)
    with Path(folder.parent, f".{folder.name}.lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)  # folds share videos: of two jobs at once, one computes and the other waits
        missing = {video: made_of for video, made_of in wanted.items() if not _is_there(folder / video, made_of)}
        _check_space(folder, missing, len(wanted), model_settings, len(turns))
        model = start_model(model_settings, settings).eval().to(Accelerator(cpu=device == "cpu").device)
        with progress(sum(len(made_of["frames"]) for made_of in missing.values()), "frames") as bar:
            for video, made_of in missing.items():
                with whole_folder(folder / video) as unfinished:
                    _write_video(unfinished, made_of, turns, model, partial(files.picture, video), bar.update)
                    write_json(unfinished / _MADE_OF, made_of)
    write_json(folder / f"fold{fold}.json", {"videos": sorted(wanted), **of_all})


def _check_turns(files: ClipFiles, clips: pd.DataFrame, settings: TrainSettings) -> None:
    (_, width), (_, map_width) = files.size(clips)
    n_steps = settings.cached_turns if settings.roll else 1
    if width % n_steps or map_width % n_steps:
        found = f"{n_steps} turns of frames of {width} pixels and maps of {map_width}"
        raise InputError("train.cached_turns", found, "a number that divides both", "Choose another, such as 4.")


def _frames(files: ClipFiles, clips: pd.DataFrame) -> dict[str, Any]:
    video, numbers = clips.video.iloc[0], np.unique(np.concatenate(clips.frames.to_list())).tolist()
    stats = [files.path(video, number).stat() for number in numbers]
    ends = sorted(clips.target_frame.unique().tolist())
    return {"frames": numbers, "ends": ends, "files": [[stat.st_size, int(stat.st_mtime)] for stat in stats]}


def _is_there(folder: Path, made_of: dict[str, Any]) -> bool:
    return (folder / _MADE_OF).is_file() and read_json(folder / _MADE_OF) == made_of


def _check_space(
    folder: Path, missing: dict[str, dict[str, Any]], n_videos: int, model: ModelSettings, n_turns: int
) -> None:
    pooled, maps = (2 * sum(map(prod, shapes)) for shapes in _shapes(model))
    n_frames, n_ends = (sum(len(made_of[kind]) for made_of in missing.values()) for kind in ("frames", "ends"))
    needed = n_turns * (n_frames * pooled + n_ends * maps) / 1e9
    what = f"{n_frames} frames, {n_ends} of them the end of a clip, {n_turns} turns of each"
    print(f"Features of {len(missing)} of {n_videos} videos ({what}) take {needed:.3g} GB in {folder}.", flush=True)
    folder.mkdir(parents=True, exist_ok=True)
    free = shutil.disk_usage(folder).free / 1e9
    if needed > free:
        advice = "Free some, or lower train.cached_turns (0: no cache)."
        raise InputError(folder, f"{free:.3g} GB free", f"{needed:.3g} GB for cached features", advice)


def _write_video(
    folder: Path,
    made_of: dict[str, Any],
    turns: Sequence[Turn],
    model: TSalV360,
    picture: Callable[[int], NDArray[np.uint8]],
    done: Callable[[int], Any],
) -> None:
    """Features of a video's frames, each read once for all turns; tells how many are `done`."""
    frames, ends = made_of["frames"], made_of["ends"]
    pooled, maps = (
        [
            open_memmap(_path(folder, turn, what), "w+", np.float16, (len(rows), sum(map(prod, shapes))))
            for turn in turns
        ]
        for what, rows, shapes in zip(("pooled", "maps"), (frames, ends), _shapes(model.settings), strict=True)
    )
    for start in range(0, len(frames), _AT_ONCE):
        numbers = frames[start : start + _AT_ONCE]
        pictures = [picture(number) for number in numbers]
        for k, turn in enumerate(turns):
            turned = torch.from_numpy(np.stack([turn(one) for one in pictures]))
            with torch.inference_mode():
                encoded = model.encode_frames(turned, [number in ends for number in numbers])
            for row, (number, frame) in enumerate(zip(numbers, encoded, strict=True), start):
                pooled[k][row] = _joined((frame.vectors, *frame.pooled))
                if frame.maps:
                    maps[k][ends.index(number)] = _joined(frame.maps)
        done(len(numbers))


def _path(folder: Path, turn: Turn, what: str) -> Path:
    return folder / f"{'mirrored' if turn.mirrored else 'plain'}-{turn.steps}.{what}.npy"


def _shapes(model: ModelSettings) -> tuple[list[Shape], list[Shape]]:
    """Of what `pooled` holds for a frame, and `maps`."""
    k = model.n_tangents
    maps: list[Shape] = [(k, channels, size, size) for channels, size in zip(model.channels, model.sizes, strict=True)]
    return [(k, model.embedding), *((k, channels) for channels in model.channels)], maps


def _joined(parts: Sequence[Tensor]) -> NDArray[np.float16]:
    return np.concatenate([part.half().cpu().numpy().ravel() for part in parts])


def _split(row: Tensor, shapes: Sequence[Shape]) -> tuple[Tensor, ...]:
    parts = row.split([prod(shape) for shape in shapes])
    return tuple(part.view(shape) for part, shape in zip(parts, shapes, strict=True))


@lru_cache(maxsize=1024)
def _mapped(path: Path) -> NDArray[np.float16]:
    return np.load(path, mmap_mode="r")


@lru_cache(maxsize=1024)
def _rows(folder: Path) -> tuple[dict[int, int], dict[int, int]]:
    """Rows by frame number, of `pooled` and of `maps`."""
    made_of = read_json(folder / _MADE_OF)
    frames, ends = ({number: row for row, number in enumerate(made_of[kind])} for kind in ("frames", "ends"))
    return frames, ends
