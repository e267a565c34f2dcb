"""A published folder made by the code of the pipeline from three small videos, one of which may not be shown."""

from collections.abc import Mapping
from pathlib import Path

import numpy as np
import pandas as pd
from entries import index_entry

from tsalv360.config import load_config
from tsalv360.contracts.entries import CaptionEntry, Fold, IndexEntry, LeftOut
from tsalv360.contracts.layout import MAPS as MAPS_FOLDER
from tsalv360.contracts.layout import clip_row
from tsalv360.contracts.shards import write_shard
from tsalv360.contracts.tables import DATASET_FIXATIONS, DROPPED, MAPS, POINTS, RELIABILITY, empty, write_table
from tsalv360.dataset.assemble import annotation_row, write_part
from tsalv360.dataset.build import build_dataset
from tsalv360.frames import extract_frames
from tsalv360.index import checksum_of, size_of
from tsalv360.media.pictures import as_png
from tsalv360.media.video import VideoWriter, probe
from tsalv360.publish.build import Video, publish
from tsalv360.publish.pictures import Extraction, pack_pictures
from tsalv360.publish.settings import PublishSettings
from tsalv360.sources.recording import Origin

ORIGINS = {"001": Origin("ours", "CC BY 4.0"), "002": Origin("ours", "CC BY 4.0"), "003": Origin("theirs", "research")}
FOLDS = [
    Fold(train=["001"], validation=["002"], test=["003"]),
    Fold(train=["003"], validation=[], test=["001", "002"]),
]
SETTINGS = PublishSettings(title="Small set", authors=["Doe, Jane"], pictures={"ours": "recorded by us, CC BY 4.0"})
EXTRACTION = Extraction((64, 128), "jpg", 95, "4:2:0", "refuse", "whole")
N_FRAMES = 16


def saliency(video: str, k: int, frame: int) -> np.ndarray:
    """The map of an event, of which every pixel is known."""
    return np.full((32, 64), 50 * k + 3 * int(video) + frame, dtype=np.uint8)


def make_published(folder: Path, captions: Mapping[str, str] | None = None) -> Path:
    """Write videos, results and the published folder, which is returned.

    Every video has two events of 16 frames, two clips each. Parameters: captions by event, in place of plain ones.
    """
    captions = captions or {}
    videos, indexes = [], []
    for video, origin in ORIGINS.items():
        index = _video(folder, video)
        part = _part(folder, index, captions)
        _pack(folder, index, part, captions, origin)
        indexes.append(index)
        permission = SETTINGS.permission(origin.source, drawn=False)
        file = f"{video}.mp4"
        videos.append(Video(index, part, folder / "packed" / video, origin, permission, file, vars(EXTRACTION)))
    config = load_config({"sources": [{"kind": "demo"}], "dataset": {"name": "small", "folds": 2}}).data_settings()
    parts = [video.part for video in videos]
    build_dataset(folder / "dataset", parts, indexes, ORIGINS, empty(DROPPED), empty(RELIABILITY), FOLDS, config)
    page = folder / "explorer.html"
    page.write_text("<!doctype html>", encoding="utf-8")
    publish(folder / "publish", folder / "dataset", videos, {"index.html": page}, "small", SETTINGS)
    return folder / "publish"


def _video(folder: Path, video: str) -> IndexEntry:
    path = folder / "videos" / f"{video}.mp4"
    path.parent.mkdir(parents=True, exist_ok=True)
    with VideoWriter(path, 16, (64, 128)) as writer:
        for frame in range(N_FRAMES):
            writer.write(np.full((64, 128, 3), (10 * frame, 40 * int(video), 90), dtype=np.uint8))
    info = vars(probe(path))
    index = index_entry(video, **info | {"size_bytes": size_of(path), "sha256": checksum_of(path)})
    extract_frames(path, folder / "frames" / video, skip_first=0, index=index, **vars(EXTRACTION))
    return index


def _part(folder: Path, index: IndexEntry, captions: Mapping[str, str]) -> Path:
    video, part = index.id, folder / "parts" / index.id
    annotations, clips, points, fixations = [], [], [], []
    with write_shard(part / MAPS_FOLDER / f"{video}.parquet", MAPS) as shard:
        for k in (1, 2):
            event = f"{video}_{k}"
            caption = captions.get(event, f"Caption {k} of {video}.")
            for frame in index.kept_frames:
                content, time_s = as_png(saliency(video, k, frame)), frame / index.fps
                row = {"video": video, "event_id": event, "frame": frame, "time_s": time_s, "caption": caption}
                shard.add(content, f"{frame:04d}.png", **row)
                at = {"yaw_deg": 10.0 * k, "pitch_deg": 5.0, "frame": frame, "event_id": event, "weight": 1.0}
                points += [at | {"observer": observer} for observer in ("p01", "p02")[:k]]
                moment = {"video": video, "fixation_id": frame, "time_s": time_s, "duration_s": 1 / 16}
                fixations.append(at | moment | {"observer": "p01"})
            annotations.append(
                annotation_row(video, event, (0, N_FRAMES - 1), CaptionEntry(caption, n_tokens=5), "machine")
            )
            clips += [clip_row(event, video, n, [*range(8 * n, 8 * n + 8)]) for n in range(N_FRAMES // 8)]
    write_table(part / "points" / f"{video}.parquet", pd.DataFrame(points), POINTS)
    table = pd.DataFrame(fixations).astype({"video": "str"})[list(DATASET_FIXATIONS)]
    write_part(part, annotations, clips, table, LeftOut())
    return part


def _pack(folder: Path, index: IndexEntry, part: Path, captions: Mapping[str, str], origin: Origin) -> None:
    events = [f"{index.id}_{k}" for k in (1, 2)]
    views = folder / "viewports" / index.id
    views.mkdir(parents=True)
    for event in events:
        (views / f"{event}.mp4").write_bytes((folder / "videos" / f"{index.id}.mp4").read_bytes())
    texts = {event: captions.get(event, f"Caption of {event}.") for event in events}
    passed_on = bool(SETTINGS.permission(origin.source, drawn=False))
    pack_pictures(folder / "packed" / index.id, index, folder / "frames" / index.id, views, texts, passed_on)
