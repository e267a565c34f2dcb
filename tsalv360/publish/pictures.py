"""The pictures of a published video: its frames and viewports in shards, where they may be passed on, and checksums."""

import json
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Literal

import pandas as pd

from tsalv360.contracts.entries import IndexEntry
from tsalv360.contracts.shards import write_shard
from tsalv360.contracts.tables import CHECKSUMS, FRAMES, VIEWPORTS, write_table
from tsalv360.job.files import sha256, whole_folder
from tsalv360.media.panorama import View
from tsalv360.media.pictures import Chroma, Ready, ready_frames

FRAMES_FILE, VIEWPORTS_FILE, CHECKSUMS_FILE = "frames.parquet", "viewports.parquet", "checksums.parquet"


@dataclass(frozen=True)
class Extraction:
    """How the frames of a video are extracted: parameters of `extract_frames`."""

    size: tuple[int, int]
    format: Literal["jpg", "png"]
    jpeg_quality: int
    jpeg_chroma: Chroma
    ready: Ready
    view: View


def pack_pictures(
    directory: str | Path,
    index: IndexEntry,
    frames: str | Path,
    viewports: str | Path | None,
    captions: Mapping[str, str],
    passed_on: bool,
) -> None:
    """Write a folder with the checksums of a video's frames and, if they may be passed on, frames and viewports.

    Parameters: folders of the stages frames and viewports (None for a video that has none), captions by event.
    """
    files = ready_frames(Path(frames))
    with whole_folder(directory) as partial:
        sums = [sha256(file) for file in files.values()]
        rows = pd.DataFrame({"video": index.id, "frame": list(files), "sha256": sums})
        write_table(partial / CHECKSUMS_FILE, rows, CHECKSUMS)
        if passed_on:
            pack_frames(partial / FRAMES_FILE, index, files)
        shown = {event: Path(viewports, f"{event}.mp4") for event in captions} if viewports else {}
        shown = {event: file for event, file in shown.items() if file.exists()}
        if passed_on and shown:
            with write_shard(partial / VIEWPORTS_FILE, VIEWPORTS, "Video") as shard:
                for event, file in shown.items():
                    shard.add(file.read_bytes(), file.name, event_id=event, caption=captions[event])


def pack_frames(path: Path, index: IndexEntry, files: Mapping[int, Path]) -> None:
    """Write frames, files by number, in a shard that keeps the index entry of their video."""
    with write_shard(path, FRAMES, note=json.dumps(asdict(index))) as shard:
        for frame, file in files.items():
            shard.add(file.read_bytes(), file.name, video=index.id, frame=frame, time_s=frame / index.fps)
