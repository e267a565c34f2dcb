"""A small dataset of clips in the pipeline's form: two moving discs with their maps and captions."""

from pathlib import Path
from typing import Any

import cv2
import numpy as np
from shards import write_maps

from tsalv360.contracts.entries import CaptionEntry
from tsalv360.contracts.layout import clip_row
from tsalv360.contracts.tables import CLIPS, PART_ANNOTATIONS, write_rows
from tsalv360.dataset.assemble import annotation_row, checksum_lines
from tsalv360.job.files import write_json
from tsalv360.saliency import saliency_map
from tsalv360.sphere.directions import angular_distance, pixel_to_direction

SIZE, MAP_SIZE = (64, 128), (48, 96)
COLOURS = {"red": (220, 30, 30), "blue": (30, 60, 220)}


def direction(colour: str, frame: int) -> tuple[float, float]:
    """Return the direction of a disc, yaw and pitch in degrees."""
    return (40.0 + frame, 10.0) if colour == "red" else (-100.0 + frame, -15.0)


def picture(frame: int, size: tuple[int, int] = SIZE) -> np.ndarray[Any, Any]:
    """Return both discs on grey, RGB."""
    rows, columns = np.mgrid[: size[0], : size[1]]
    yaw, pitch = pixel_to_direction(columns, rows, *size)
    image = np.full((*size, 3), 128, dtype=np.uint8)
    for name, paint in COLOURS.items():
        image[angular_distance(yaw, pitch, *direction(name, frame)) < 14] = paint
    return image


def write_clipset(folder: Path, videos: dict[str, str], n_clips: int = 2, size: tuple[int, int] = SIZE) -> None:
    """Write `dataset/` and `frames/` of videos, each in its part of the only fold, with two events each."""
    annotations, clips, dataset = [], [], folder / "dataset"
    for video in videos:
        (folder / "frames" / video).mkdir(parents=True)
        for frame in range(8 * n_clips):
            cv2.imwrite(str(folder / "frames" / video / f"{frame:04d}.png"), picture(frame, size)[..., ::-1])
        maps: dict[str | None, dict[int, Any]] = {}
        captions: dict[str, str] = {}
        for k, colour in enumerate(COLOURS, 1):
            event = f"{video}_{k}"
            shown = maps[event] = {}
            for frame in range(8 * n_clips):
                saliency = saliency_map(*([angle] for angle in direction(colour, frame)), sigma=12, size=MAP_SIZE)
                shown[frame] = np.rint(255 * saliency).astype(np.uint8)
            text = CaptionEntry(f"a {colour} disc on the left")
            captions[event] = str(text.caption)
            row = annotation_row(video, event, (0, 8 * n_clips - 1), text, "machine")
            annotations.append(row)
            starts = range(0, 8 * n_clips, 8)
            clips += [clip_row(event, video, n, [*range(start, start + 8)]) for n, start in enumerate(starts)]
        write_maps(dataset / "maps" / f"{video}.parquet", maps, captions)
    write_rows(dataset / "annotations.parquet", annotations, PART_ANNOTATIONS)
    write_rows(dataset / "clips.parquet", clips, CLIPS)
    parts = {part: [video for video in videos if videos[video] == part] for part in ("train", "validation", "test")}
    write_json(dataset / "splits.json", {"folds": [parts], "in_no_fold": []})
    files = sorted(path for path in dataset.rglob("*") if path.is_file())
    (dataset / "SHA256SUMS").write_text("".join(checksum_lines(files, dataset)), encoding="utf-8")
