"""A small made dataset of two videos, as its stages write it, and its index; and what a page of HTML holds."""

import json
import re
from dataclasses import dataclass, field
from html.parser import HTMLParser
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
from entries import index_entry

from tsalv360.config import load_config
from tsalv360.contracts.layout import clip_row
from tsalv360.contracts.tables import (
    ANNOTATIONS,
    CLIPS,
    DATASET_FIXATIONS,
    DROPPED,
    EVENTS,
    RELIABILITY,
    TRACKS,
    read_table,
    write_rows,
)
from tsalv360.curation.records import read_records
from tsalv360.explorer.index_page import Content, write_index
from tsalv360.explorer.inputs import read_camera_paths, read_captions, read_dataset, read_videos
from tsalv360.job.files import write_json
from tsalv360.sources.recording import Origin

EVIL = "<script>alert('x')</script> & \"a\" https://evil.example"
STAGES = "indexes", "notes", "events", "tracks", "dropped", "reliability"
OF_VIDEOS = (*STAGES[:-1], "truth", "origins")


@dataclass
class Page(HTMLParser):
    """Elements, text, ids and addresses of a page."""

    text: str = ""
    tags: list[tuple[str, dict[str, str | None]]] = field(default_factory=list)

    def __post_init__(self) -> None:
        super().__init__()

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append((tag, dict(attrs)))

    def handle_data(self, data: str) -> None:
        self.text += data

    def all(self, tag: str, kind: str = "") -> list[dict[str, str | None]]:
        """Attributes of all elements of a tag whose class contains `kind`."""
        return [a for t, a in self.tags if t == tag and kind in [*(a.get("class") or "").split(), ""]]

    def words(self) -> str:
        """The text with single plain spaces."""
        return re.sub(r"\s+", " ", self.text)


def parse(path: Path) -> Page:
    page = Page()
    page.feed(path.read_text(encoding="utf-8"))
    return page


def data_of(path: Path) -> Any:
    """The data of a page."""
    (text,) = re.findall(r'<script type="application/json" id="data">(.*?)</script>', path.read_text(encoding="utf-8"))
    return json.loads(text)


def event_rows(
    video: str, k: int, time: np.ndarray[Any, Any], yaw: float, observers: int
) -> tuple[dict[str, Any], Any]:
    """An event and its track at `yaw`, pitch 5, at 16 fps."""
    name = f"{video}_{k}"
    frames = np.rint(time * 16).astype(int)
    track = [
        {"event_id": name, "frame": int(f), "time_s": f / 16, "yaw_deg": yaw, "pitch_deg": 5.0, "spread_deg": 2.0}
        | {"n_observers": observers, "camera_yaw_deg": yaw, "camera_pitch_deg": 5.0, "camera_hfov_deg": 75.0}
        for f in frames
    ]
    event = {"event_id": name, "video": video, "start_frame": int(frames[0]), "end_frame": int(frames[-1])}
    event |= {"start_s": float(time[0]), "end_s": float(time[-1]), "n_segments": 1 + int((np.diff(frames) > 1).sum())}
    event |= {"yaw_deg": yaw, "pitch_deg": 5.0, "n_observers": observers, "share": 0.5}
    return event | {"evidence": 38.7, "by_chance": 1e-3, "confidence": 0.625}, track


def write_video(root: Path, video: str, events: list[Any], dropped: list[dict[str, Any]], notes: list[str]) -> None:
    write_json(root / "indexes" / f"{video}.json", index_entry(video, notes=notes))
    write_json(root / "notes" / f"{video}.json", {"n_observers": 12, "notes": ["7 of 90 gaze samples removed"]})
    for stage in ("events", "tracks", "dropped", "reliability"):
        (root / stage).mkdir(exist_ok=True)
    write_rows(root / "events" / video, [event for event, _ in events], EVENTS)
    write_rows(root / "tracks" / video, [row for _, track in events for row in track], TRACKS)
    write_rows(root / "dropped" / video, dropped, DROPPED)
    write_rows(root / "reliability" / video, trials_of(video, len(events)), RELIABILITY)


def trials_of(video: str, n_events: int) -> list[dict[str, Any]]:
    """A split and a surrogate of a video with events; without any the video could not be measured."""
    trial = {"video": video, "number": 0, "n_observers": 12}
    rows = [trial | {"gaze": "all", "confidence": [0.625] * n_events, "found": []}]
    if n_events:
        rows.append(trial | {"gaze": "half", "confidence": [0.62, 0.13], "found": [True, False]})
        rows.append(trial | {"gaze": "half", "confidence": [0.81], "found": [True]})
        rows.append(trial | {"gaze": "surrogate", "confidence": [0.1], "found": []})
    return rows


def annotation(event: dict[str, Any], caption: str) -> dict[str, Any]:
    frames = {name: event[name] for name in ("start_frame", "end_frame")}
    row = {
        "event_id": event["event_id"],
        "video": event["video"],
        "source": "src-1",
        "gaze": "eye",
        "caption": caption,
        **frames,
    }
    row |= {"caption_machine": caption, "caption_origin": "machine", "model": "facts", "revision": "1"}
    row |= {"candidates": [caption], "n_tokens": None, "verdict": None, "flags": [], "n_curators": 0}
    return row | {f"{name}_before": value for name, value in frames.items()}


def write_dataset(folder: Path, annotations: list[dict[str, Any]]) -> None:
    folder.mkdir()
    write_rows(folder / "annotations.parquet", annotations, ANNOTATIONS)
    clip = clip_row("100_1", "100", 0, list(range(8))) | {"n_looks": 11, "n_observers": 6}
    write_rows(folder / "clips.parquet", [clip], CLIPS)
    fixation = {"observer": "a", "fixation_id": 0, "time_s": 1.0, "duration_s": 0.1, "frame": 16, "yaw_deg": 0.0}
    fixation |= {"pitch_deg": 0.0, "weight": 1.0}
    owners = ["100_1", "100_1", "100_1", None]
    rows = [{"video": "100", **fixation, "event_id": owner} for owner in owners] + [
        {"video": "200", **fixation, "event_id": None}
    ]
    write_rows(folder / "fixations.parquet", rows, DATASET_FIXATIONS)


def write_captions(path: Path) -> Path:
    """Video 100: of two events one has a caption, and a model failed on the other."""
    by = {"backend": "endpoint", "prompt": "what?", "model": f"a model {EVIL}", "revision": "7", "score": None}
    texts = ["A dog runs.", "A cat sleeps on a mat. It is red."]
    shown = {"caption": texts[0], "candidates": [by | {"text": text} for text in texts], "failures": []}
    failure = {"backend": "endpoint", "prompt": "what?", "reason": f"HTTP 400 {EVIL}"}
    none = {"caption": None, "candidates": [], "failures": [failure], "n_tokens": None, "flags": []}
    shown |= {"n_tokens": 21, "flags": ["near-duplicate of 100_3"]}
    write_json(path, {"200": {}, "100": {"100_2": none | {"notes": []}, "100_1": shown | {"notes": []}}})
    return path


def write_truth(folder: Path) -> list[Path]:
    """Video 100: one event that is found 1° off and a quarter second late, and one that is not found."""
    time = np.arange(16, 64) / 16
    events = []
    for name, yaw in ((f"ball {EVIL}", 31.0), ("kite", 90.0)):
        track = {"time_s": time.tolist(), "yaw_deg": [yaw] * len(time), "pitch_deg": [5.0] * len(time)}
        events.append({"object": name, "start_s": time[0], "end_s": time[-1], **track})
    write_json(folder / "100.json", {"video": "100", "events": events})
    write_json(folder / "200.json", {"video": "200", "events": []})
    return [folder / "200.json", folder / "100.json"]


def make_dataset(root: Path) -> dict[str, Any]:
    """What `make_index` needs: video 100 with two events, and 200 without any."""
    whole = np.arange(20, 64) / 16
    broken = np.concatenate([np.arange(32, 64), np.arange(80, 112)]) / 16
    events = [event_rows("100", 1, whole, 30.0, 9), event_rows("100", 2, broken, -100.0, 5)]
    drop = {
        "video": "100",
        "start_s": 0.0,
        "end_s": 1.5,
        "yaw_deg": 1.0,
        "pitch_deg": 2.0,
        "n_observers": 4,
        "share": 0.25,
    }
    drops = [
        drop | {"rule": "min_duration_s", "reason": "lasts 1.56 s, less than 2 s"},
        drop | {"rule": "merge_deg", "reason": f"stays within 12° {EVIL}"},
        drop | {"rule": "min_duration_s", "reason": "lasts 0.50 s, less than 2 s"},
    ]
    write_video(root, "100", events, drops, ["header says 0 frames, decoding gives 160"])
    write_video(root, "200", [], [], [])
    write_dataset(root / "dataset", [annotation(events[0][0], EVIL), annotation(events[1][0], "a plain caption")])
    config = load_config({"sources": [{"kind": "demo"}], "dataset": {"name": "small"}}).data_settings()
    config["videos"]["exclude"] = {"127": f"no gaze {EVIL}"}
    paths = {stage: [root / stage / video for video in ("100", "200")] for stage in STAGES}
    for stage in ("indexes", "notes"):
        paths[stage] = [root / stage / f"{video}.json" for video in ("100", "200")]
    truth = write_truth(root / "truth")
    captions = write_captions(root / "captions.json")
    others = {"truth": truth, "camera_paths": [], "captions": [captions], "records": [], "config": config}
    others["origins"] = {video: Origin(f"src-{video[0]}", f"licence {EVIL}") for video in ("100", "200")}
    return {"dataset": root / "dataset", **paths, **others}


def make_index(path: Path, made: dict[str, Any]) -> None:
    """Write the index as its rule does."""
    videos = read_videos(**{name: made[name] for name in OF_VIDEOS})
    tables, curation = read_dataset(made["dataset"])
    content = Content(
        videos,
        pd.concat([read_table(path, RELIABILITY) for path in made["reliability"]], ignore_index=True),
        read_camera_paths(made["camera_paths"], videos),
        tables,
        curation,
        read_captions(made["captions"]),
        [record for file in made["records"] for record in read_records(file, file.stem)],
        [{"train": ["200"], "validation": [], "test": ["100"]}],
        made["config"],
    )
    write_index(path, content)
