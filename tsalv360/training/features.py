"""The model that training starts from, and the cached features of its frozen encoders.

Features are computed once and read in every fold and epoch. Each video has a folder with two arrays of float16, mapped
into memory: `pooled` [augmentations, frames of its clips] and `maps` [augmentations, frames that a clip ends with].
"""

import fcntl
import shutil
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from functools import lru_cache
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
from tsalv360.model.architectures import architecture_of
from tsalv360.model.checkpoint import load_weights, read_clip
from tsalv360.model.network import encoder_shape
from tsalv360.training.clips import Augmentation, ClipFiles, read_clips
from tsalv360.training.settings import TrainSettings, check_weights, weights_file

_FRAMES_AT_ONCE = 8  # in memory
_SOURCE = "made_of.json"


def start_model(model_settings: ModelSettings, settings: TrainSettings) -> TSalV360:
    """Return a model with random weights by the seed, then those of `train.weights`; InputError if they do not fit."""
    check_weights(model_settings, settings)
    torch.manual_seed(settings.seed)
    path, architecture = weights_file(model_settings, settings), architecture_of(model_settings.encoder)
    if path and architecture:
        expected = f"weights of {architecture.name}, or a checkpoint of TSalV360"
        encoder_weights = read_clip(path, expected, sign="visual.")
    else:
        encoder_weights = read_clip(path) if path else None
    model = TSalV360(model_settings) if encoder_weights or not path else load_checkpoint(path)
    if path and encoder_weights:
        load_weights(model.clip, model.clip.renamed(encoder_weights) if architecture else encoder_weights, path)
    if path and model.settings.encoder != model_settings.encoder:
        found, expected = (
            f"a model with the encoder {model.settings.encoder}",
            f"{model_settings.encoder}, as under `model`",
        )
        raise InputError(path, found, expected, "Correct model.encoder, or name other weights.")
    if model.settings != model_settings:
        raise InputError(path, "a model of other settings", "those under `model`", "Make them agree.")
    if settings.clip_batch_norm == "published" and model_settings.encoder == "clip":
        model.clip.adapts = True
    return model


class CachedFrames(NamedTuple):
    """Features of N frames, M of which end a clip, in float16."""

    pooled: tuple[Tensor, ...]  # vectors [N, K, E] and the pooled features [N, K, C] of each level
    maps: tuple[Tensor, ...]  # [M, K, C, h, w] of each level

    def unpacked(self, ends: Sequence[bool], model: TSalV360) -> list[FrameFeatures]:
        """Return the features as `encode_frames` does, with maps for the frames that are `ends`."""
        pooled, maps = ([part.to(model.device, model.dtype) for part in parts] for parts in self)
        of_ends = zip(*maps, strict=True)
        return [
            FrameFeatures(vectors, tuple(levels), next(of_ends) if is_end else None)
            for is_end, vectors, *levels in zip(ends, *pooled, strict=True)
        ]


def read_features(folder: Path, frames: Sequence[tuple[str, int, Augmentation]], ends: Sequence[bool]) -> CachedFrames:
    """Return the features that `write_features` wrote of frames: video, native number and augmentation of each."""
    pooled, maps = [], []
    for (video, number, augmentation), is_end in zip(frames, ends, strict=True):
        source, pooled_of_video, maps_of_video = _open(folder / video)
        k = [(one.roll, one.mirrored) for one in source.augmentations].index((augmentation.roll, augmentation.mirrored))
        pooled.append(pooled_of_video[k, source.frames.index(number)])
        if is_end:
            maps.append(maps_of_video[k, source.ends.index(number)])
    return CachedFrames(_stacked(pooled), _stacked(maps))


def write_features(
    folder: Path,
    files: ClipFiles,
    fold: int,
    model_settings: ModelSettings,
    settings: TrainSettings,
    device: str = "auto",
    threads: int | None = None,
) -> None:
    """Write the features of all frames that a fold trains and validates with; first print how much disk they take.

    A video whose features of the same source exist is left alone: a killed job resumes, and folds share videos, even
    when their jobs run at the same time. `fold<n>.json` is written last. Raises InputError if less disk is free, and
    for frames that cannot be rolled by whole pixels.
    """
    if threads:
        torch.set_num_threads(threads)
    clips = read_clips(files, settings.clips, settings.stride)
    videos = {video for part in ("train", "validation") for video in files.splits[fold][part]}
    clips = clips[clips.video.isin(videos)]
    n_rolls, widths = settings.cached_rolls if settings.roll else 1, files.widths(clips)
    if any(width % n_rolls for width in widths):
        found = f"{n_rolls} rolls of frames of {widths[0]} pixels and maps of {widths[1]}"
        raise InputError("train.cached_rolls", found, "a number that divides both", "Choose another, such as 4.")
    path = weights_file(model_settings, settings)
    weights = sha256(path) if path and path.is_file() else settings.seed
    augmentations = cached_augmentations(settings)
    common = weights, TypeAdapter(ModelSettings).dump_python(model_settings, mode="json"), augmentations
    sources = {str(video): _Source(*common, *_frames(files, of_video)) for video, of_video in clips.groupby("video")}
    folder.mkdir(parents=True, exist_ok=True)
    with Path(folder.parent, f".{folder.name}.lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)  # folds share videos: of two jobs at once, one computes and the other waits
        missing = {video: source for video, source in sources.items() if _kept(folder / video) != asdict(source)}
        _check_space(folder, missing, len(sources), model_settings, len(augmentations))
        model = start_model(model_settings, settings).eval().to(Accelerator(cpu=device == "cpu").device)
        with progress(sum(len(source.frames) for source in missing.values()), "frames") as bar:
            for video, source in missing.items():
                with whole_folder(folder / video) as unfinished:
                    _write_video(unfinished, files, video, source, model, bar)
                    write_json(unfinished / _SOURCE, source)
    write_json(folder / f"fold{fold}.json", {"videos": sorted(sources)})


def cached_augmentations(settings: TrainSettings) -> list[Augmentation]:
    """Return the augmentations that training draws from when features are cached; the first changes nothing."""
    rolls = range(settings.cached_rolls if settings.roll else 1)
    mirrored = (False,) if settings.flip == "never" else (False, True)
    return [Augmentation(roll, settings.cached_rolls, mirror) for mirror in mirrored for roll in rolls]


@dataclass(frozen=True)
class _Source:
    """What the cached features of a video follow from: when it changes, they are computed again."""

    weights: str | int  # checksum of the file, or seed of random weights
    model: dict[str, Any]  # settings
    augmentations: list[Augmentation]
    frames: list[int]
    ends: list[int]  # frames that a clip ends with
    files: list[list[int]]  # size and time of each frame's file


@lru_cache(maxsize=1024)
def _open(folder: Path) -> tuple[_Source, NDArray[Any], NDArray[Any]]:
    """Return the source of a video's cached features, `pooled` and `maps`."""
    source = TypeAdapter(_Source).validate_python(read_json(folder / _SOURCE))
    return source, *(np.load(folder / f"{name}.npy", mmap_mode="r") for name in ("pooled", "maps"))


def _frames(files: ClipFiles, clips: pd.DataFrame) -> tuple[list[int], list[int], list[list[int]]]:
    """Return the frames of a video's clips, those that a clip ends with, and the stamps of their files."""
    frames = np.unique(np.concatenate(clips.frames.to_list())).tolist()
    stats = [files.path(clips.video.iloc[0], number).stat() for number in frames]
    return frames, sorted(clips.target_frame.unique().tolist()), [[s.st_size, int(s.st_mtime)] for s in stats]


def _kept(folder: Path) -> Any:
    return read_json(folder / _SOURCE) if (folder / _SOURCE).is_file() else None


def _check_space(folder: Path, missing: dict[str, _Source], n_videos: int, model: ModelSettings, n_each: int) -> None:
    pooled, maps = (row_type.itemsize for row_type in row_types(model))
    n_frames, n_ends = (sum(len(getattr(s, kind)) for s in missing.values()) for kind in ("frames", "ends"))
    needed, free = n_each * (n_frames * pooled + n_ends * maps) / 1e9, shutil.disk_usage(folder).free / 1e9
    what = f"{n_frames} frames, {n_ends} of them the end of a clip, {n_each} augmentations of each"
    print(f"Features of {len(missing)} of {n_videos} videos ({what}) take {needed:.3g} GB in {folder}.", flush=True)
    if needed > free:
        advice = "Free some, or lower train.cached_rolls (0: no cache)."
        raise InputError(folder, f"{free:.3g} GB free", f"{needed:.3g} GB for cached features", advice)


def _write_video(folder: Path, files: ClipFiles, video: str, source: _Source, model: TSalV360, bar: Any) -> None:
    """Write the features of a video's frames, each read once for all augmentations."""
    rows = {"pooled": source.frames, "maps": source.ends}
    pooled, maps = (
        open_memmap(folder / f"{name}.npy", "w+", row_type, (len(source.augmentations), len(rows[name])))
        for name, row_type in zip(rows, row_types(model.settings), strict=True)
    )
    for start in range(0, len(source.frames), _FRAMES_AT_ONCE):
        numbers = source.frames[start : start + _FRAMES_AT_ONCE]
        pictures = [files.picture(video, number) for number in numbers]
        for k, augmentation in enumerate(source.augmentations):
            augmented = torch.from_numpy(np.stack([augmentation(one) for one in pictures]))
            with torch.inference_mode():
                encoded = model.encode_frames(augmented, [number in source.ends for number in numbers])
            for row, (number, frame) in enumerate(zip(numbers, encoded, strict=True), start):
                pooled[k, row] = _halves((frame.vectors, *frame.pooled))
                if frame.maps:
                    maps[k, source.ends.index(number)] = _halves(frame.maps)
        bar.update(len(numbers))


def row_types(model: ModelSettings) -> tuple[np.dtype[Any], np.dtype[Any]]:
    """Return the types of an element of `pooled` and of `maps`: one array for each part of the features."""
    k, shape = model.n_tangents, encoder_shape(model)
    pooled = [(k, shape.embedding), *((k, channels) for channels in shape.channels)]
    maps = [(k, channels, size, size) for channels, size in zip(shape.channels, shape.sizes, strict=True)]
    return np.dtype([("", "f2", shape) for shape in pooled]), np.dtype([("", "f2", shape) for shape in maps])


def _halves(parts: Sequence[Tensor]) -> tuple[NDArray[np.float16], ...]:
    return tuple(part.half().cpu().numpy() for part in parts)


def _stacked(rows: Sequence[NDArray[Any]]) -> tuple[Tensor, ...]:
    return tuple(torch.from_numpy(np.stack([row[name] for row in rows])) for name in rows[0].dtype.names or ())
