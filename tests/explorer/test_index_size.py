"""The index stays small where the dataset is large."""

from collections.abc import Sequence
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from entries import caption_entry, index_entry
from explorer.made_dataset import annotation, data_of, event_rows

from tsalv360.config import load_config
from tsalv360.contracts.entries import DatasetOutcome, GazeRemark
from tsalv360.contracts.tables import CLIPS, DATASET_FIXATIONS, RELIABILITY, TRACKS, empty
from tsalv360.explorer.comparisons import NamedTrack
from tsalv360.explorer.index_page import Content, write_index
from tsalv360.explorer.inputs import Video
from tsalv360.metrics.events import Track
from tsalv360.sources.recording import Origin

N_VIDEOS, N_EVENTS = 2000, 10  # events of a video
N_COMPARED = 100  # videos with known events, and with trials: more than the index lists
CAPTION = "A woman in a red coat walks slowly to the left, past a row of parked cars and two children."
REMARK = GazeRemark("all gaze lies within 3°", "viewers look around", "Set `angle_unit`.", "directions")


def made_videos() -> Sequence[Video]:
    """Videos whose known events are all missed, whose gaze is doubtful, and which have a caption and flag an event."""
    time = np.arange(0, 2, 1 / 16)
    videos = []
    for k in range(N_VIDEOS):
        name = f"{k:04d}"
        rows = [event_rows(name, n, time[:8] + n / 2, 20.0 * n, 9)[0] for n in range(1, N_EVENTS + 1)]
        tracks = pd.DataFrame(
            [row for n in range(1, 11) for row in event_rows(name, n, time[:2] + n / 2, 20.0 * n, 9)[1]]
        )
        known = [NamedTrack("kite", 0.0, 1.9, Track(time, np.full(32, 150.0), np.full(32, -60.0)))]
        origin = Origin(f"source {k % 9}", "CC BY 4.0")
        tables = pd.DataFrame(rows), tracks[list(TRACKS)], pd.DataFrame({"rule": ["merge_deg"] * 5})
        given = 30, ["a note"], [REMARK], None, *tables, known if k < N_COMPARED else None
        videos.append(Video(index_entry(name), origin, *given))
    return videos


@pytest.fixture(scope="module")
def index(tmp_path_factory: pytest.TempPathFactory) -> Path:
    videos = made_videos()
    events = [row for video in videos for row in video.events.to_dict("records")]
    names = [row["event_id"] for row in events]
    captions = {
        name: caption_entry(CAPTION, flags=["over 77 tokens", f"near-duplicate of {names[0]}"]) for name in names
    }
    flags = {"flags": ["over 77 tokens", f"near-duplicate of {names[0]}"]}
    annotations = pd.DataFrame([annotation(row, f"{CAPTION} {k}") | flags for k, row in enumerate(events[::2])])
    lists = [(name, "a remark on it") for name in names[1::2]]
    outcome = DatasetOutcome(3, lists, [(name, names[0]) for name in names[1::4]], [], lists, lists, lists)
    trials = [
        {"video": video.index.id, "gaze": gaze, "number": 0, "n_observers": 30, "confidence": [0.5], "found": found}
        for video in videos[:N_COMPARED]
        for gaze, found in (("all", []), ("half", [True]))
    ]
    fixations = empty(DATASET_FIXATIONS)
    settings = load_config({"sources": [{"kind": "demo"}], "dataset": {"name": "large"}}).data_settings()
    settings["videos"]["exclude"] = {f"x{k}": "no gaze" for k in range(500)}
    own = {f"setting{k}": "some value" for k in range(40)}
    settings["videos"] |= {video.index.id: dict(own) for video in videos}
    content = Content(
        videos,
        pd.DataFrame(trials)[list(RELIABILITY)],
        {},
        {"annotations": annotations, "clips": empty(CLIPS), "fixations": fixations},
        outcome,
        captions,
        [],
        [{"train": [f"{k:04d}" for k in range(1000)], "validation": [], "test": ["1500"]}] * 4,
        settings,
    )
    path = tmp_path_factory.mktemp("large") / "index.html"
    write_index(path, content)
    return path


@pytest.mark.slow
def test_2000_videos_with_20_000_events_take_less_than_3_mb(index: Path) -> None:
    assert index.stat().st_size < 3e6
    text = index.read_text(encoding="utf-8")
    assert text.count("setting39: some value") == 50 and "more: 2400 more videos are in the card" in text


def test_all_videos_and_events_are_in_its_data(index: Path) -> None:
    data = data_of(index)
    assert len(data["videos"]["id"]) == N_VIDEOS and len(data["events"]["video"]) == N_VIDEOS * N_EVENTS
    assert data["events"]["caption"][2] == f"{CAPTION} 1"
    assert data["flag_names"] == ["over 77 tokens", "near-duplicate of another event", "a remark on it"]
    assert data["reasons"] == ["", "rejected"]
